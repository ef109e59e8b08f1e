"""Two requests share a stored response exactly when the key says so; no two different ones ever do by accident."""
import pytest

from harness.cache_status import hit, refused


def fill(origin, client, target, content, **named):
    client.get(target, **named)
    origin.receive().reply(content=content, cache_control="max-age=60")
    client.expect(200, content=content)


DIFFERENT = {
    "query": ("/a?x=1", "/a?x=2"),
    "query and none": ("/a", "/a?x=1"),
    "path before the same query": ("/a?x=1", "/b?x=1"),
    "encoded question mark": ("/a%3Fx=1", "/a?x=1"),
    "encoded slash": ("/a%2Fb", "/a/b"),
    "encoded hash": ("/a%23b", "/a"),
    "encoded percent": ("/a%2541", "/aA"),
    "encoded space and plus": ("/a?x=%20", "/a?x=+"),
    "query order": ("/a?x=1&y=2", "/a?y=2&x=1"),
    "empty query": ("/a", "/a?"),
    "trailing slash": ("/a", "/a/"),
    "two slashes": ("/a//b", "/a/b"),
    "case of the path": ("/a", "/A"),
    "question mark in the query": ("/a?b?c", "/a?b%3Fc"),
}


@pytest.mark.parametrize("one, other", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_different_targets_have_different_keys(origin, client, one, other):
    fill(origin, client, one, "one")
    fill(origin, client, other, "other")
    client.get(one).expect(200, content="one", cache_status=hit())
    client.get(other).expect(200, content="other", cache_status=hit())


SAME = {
    "the same": ("/a?x=1", "/a?x=1"),
    "unreserved encodings": ("/%61%2db", "/a-b"),
    "case of an encoding": ("/a%2fb", "/a%2Fb"),
    "dot segments": ("/x/../a/./b", "/a/b"),
    "absolute target": ("http://example.test/a", "/a"),
}


@pytest.mark.parametrize("one, other", SAME.values(), ids=SAME.keys())
def test_equivalent_targets_share_the_key(origin, client, one, other):
    fill(origin, client, one, "one")
    client.get(other).expect(200, content="one", cache_status=hit())
    origin.silent()


def test_host_is_in_the_key(origin, client):
    fill(origin, client, "/a", "one", host="one.test")
    fill(origin, client, "/a", "two", host="two.test")
    client.get("/a", host="ONE.test").expect(200, content="one")
    client.get("/a", host="one.test").expect(200, content="one")


def test_cookie_is_not_in_the_key(origin, client):
    fill(origin, client, "/a", "one", cookie="a=1")
    client.get("/a", cookie="b=2").expect(200, content="one", cache_status=hit())


@pytest.mark.config("proxy_cache_key: $arg_a$arg_b")
def test_values_beside_each_other_do_not_flow_together(origin, client):
    fill(origin, client, "/?a=x&b=yz", "one")
    fill(origin, client, "/?a=xy&b=z", "two")
    client.get("/?a=x&b=yz").expect(200, content="one")


@pytest.mark.config('proxy_cache_key: "$http_x_site-$uri"')
def test_key_of_ones_own(origin, client):
    fill(origin, client, "/a?x=1", "one", x_site="s")
    client.get("/a?x=2", x_site="s").expect(200, content="one", cache_status=hit())
    fill(origin, client, "/a", "two", x_site="t")


def test_very_long_target_is_cached(origin, client):
    target = "/" + "a" * 6000
    fill(origin, client, target, "one")
    client.get(target).expect(200, content="one", cache_status=hit())
    fill(origin, client, target + "b", "two")


def same(origin, client, target):
    client.get(target).expect(200, cache_status=hit())
    origin.silent()


def other(origin, client, target):
    client.get(target)
    origin.receive().expect(f"GET {target}").reply(content="x", cache_control="max-age=60")
    client.expect(200)


@pytest.mark.parametrize("key", ["", 'proxy_cache_key: "$scheme$host$request_uri"\n'], ids=["default", "request_uri"])
def test_arguments_that_are_not_in_the_key(make_proxy, origin, key):
    client = make_proxy().start(key + "proxy_cache_key_args: {except: [utm_*, fbclid]}").client()
    other(origin, client, "/a?b=1&utm_source=x")    # the origin gets all of it
    same(origin, client, "/a?b=1")
    same(origin, client, "/a?utm_campaign=1&b=1&fbclid=2")
    other(origin, client, "/a?b=2&utm_source=x")
    other(origin, client, "/a?b=1&c=1")
    other(origin, client, "/a?utm_source=x")
    same(origin, client, "/a?fbclid=2")
    same(origin, client, "/a")


@pytest.mark.config("proxy_cache_key_args: {only: [a, b], sort: on}")
def test_arguments_that_alone_are_in_the_key(origin, client):
    other(origin, client, "/?c=3&b=2&a=1")
    same(origin, client, "/?a=1&b=2")
    other(origin, client, "/?a=2&b=1")
    other(origin, client, "/?a=1&a=2")
    other(origin, client, "/?a=2&a=1")
    client.get("/?%61=1")   # means a=1, for the origin too
    origin.receive().expect("GET /?a=1").reply(content="x", cache_control="max-age=60")
    client.expect(200)
    other(origin, client, "/?x=1")
    same(origin, client, "/")


@pytest.mark.config("proxy_cache_key_args: {only: [a]}")
def test_change_of_the_uri_finds_the_key_of_its_arguments(origin, client):
    other(origin, client, "/?a=1")
    client.post("/?a=1&c=3", "x")
    origin.receive().reply(200)
    client.expect(200)
    other(origin, client, "/?a=1")


@pytest.mark.config("proxy_cache_key: $http_x_key")
def test_without_a_key_nothing_is_stored(origin, client):
    for content in ("one", "two"):
        client.get("/a")
        origin.receive().reply(content=content, cache_control="max-age=60")
        client.expect(200, content=content, cache_status=refused("key"))
    client.get("/a", cache_control="only-if-cached").expect(504)
    client.post("/b", "x")
    origin.receive().reply(content="posted", cache_control="max-age=60", content_location="/b")
    client.expect(200)
    fill(origin, client, "/b", "three", x_key="")
    fill(origin, client, "/a", "four", x_key="k")
    client.get("/c", x_key="k").expect(200, content="four", cache_status=hit())
