"""Methods that change something make the cache forget (RFC 9111 section 4.4)."""
import pytest

from harness.cache_status import hit
from harness.memcached import POOL

UNSAFE = ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH"]


def fill(origin, client, target="/a", content="old", asked={}, **fields):
    client.get(target, **asked)
    origin.receive().expect(f"GET {target}").reply(content=content, **{"cache_control": "max-age=60", **fields})
    client.expect(200, content=content)


def change(origin, client, target="/a", method="POST", status=200, **fields):
    client.request(method, target, content="x")
    origin.receive().expect(f"{method} {target}").reply(status, content="" if status == 204 else "done", **fields)
    client.expect(status)


def forgotten(origin, client, target="/a", **asked):
    fill(origin, client, target, "new", asked)


def kept(client, target="/a", content="old", **asked):
    client.get(target, **asked).expect(200, content=content, cache_status=hit())


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("status", [200, 204, 303])
def test_unsafe_method_that_succeeds_invalidates(origin, client, method, status):
    fill(origin, client)
    fill(origin, client, "/a?b")
    change(origin, client, method=method, status=status)
    forgotten(origin, client)
    kept(client, "/a?b")


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("status", [404, 500])
def test_unsafe_method_that_fails_does_not(origin, client, method, status):
    fill(origin, client)
    change(origin, client, method=method, status=status)
    kept(client)


@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND"])
def test_safe_method_does_not(origin, client, method):
    fill(origin, client)
    client.request(method, "/a")
    origin.receive().expect(f"{method} /a").reply(200)
    client.expect(200)
    kept(client)


SAME_ORIGIN = {
    "absolute path": "/x/b?c=1",
    "with dots": "/x/../x/./b?c=1",
    "absolute URI": "http://example.test/x/b?c=1",
    "absolute URI with port": "http://EXAMPLE.test:80/x/b?c=1",
    "without scheme": "//example.test/x/b?c=1",
    "relative to the URI": "b?c=1",
    "relative with dots": "../x/b?c=1",
    "with a fragment": "/x/b?c=1#there",
}


@pytest.mark.parametrize("field", ["location", "content_location"])
@pytest.mark.parametrize("reference", SAME_ORIGIN.values(), ids=SAME_ORIGIN.keys())
def test_location_of_the_same_origin_is_invalidated(origin, client, field, reference):
    fill(origin, client, "/x/b?c=1")
    fill(origin, client, "/x/b")
    change(origin, client, "/x/a", status=201, **{field: reference})
    forgotten(origin, client, "/x/b?c=1")
    kept(client, "/x/b")


def test_query_alone_is_a_reference(origin, client):
    fill(origin, client, "/x/a?c=1")
    change(origin, client, "/x/a", location="?c=1")
    forgotten(origin, client, "/x/a?c=1")


OTHER_ORIGIN = ["http://other.test/b", "//other.test/b", "http://example.test:81/b", "https://example.test/b", "ftp://example.test/b",
                "http:///b", "http://example.test@other.test/b", "//:80/b", "b\x80", "/../../b", "%zz", ""]


@pytest.mark.parametrize("reference", OTHER_ORIGIN)
def test_location_of_another_origin_is_not(origin, client, reference):
    fill(origin, client, "/b")
    change(origin, client, "/a", status=201, location=reference)
    kept(client, "/b")


def test_location_of_an_error_is_not_invalidated(origin, client):
    fill(origin, client, "/b")
    change(origin, client, "/a", status=500, location="/b")
    kept(client, "/b")


def test_all_variants_go(origin, client):
    for foo in ("1", "2"):
        fill(origin, client, asked={"foo": foo}, vary="Foo")
    change(origin, client)
    fill(origin, client, content="new 1", asked={"foo": "1"}, vary="Foo")
    fill(origin, client, content="new 2", asked={"foo": "2"}, vary="Foo")
    for foo in ("1", "2"):
        kept(client, content=f"new {foo}", foo=foo)


@pytest.mark.config("caches: {default: {memory: 0}}\nmemcached: [\"{memcached}\"]")
def test_all_variants_go_out_of_the_pool(origin, client, memcached):
    def settle():
        client.get("/none", cache_control="only-if-cached").expect(504)    # behind the writes on the same connection
    for foo in ("1", "2"):
        fill(origin, client, asked={"foo": foo}, vary="Foo")
        settle()
    for foo in ("1", "2"):
        kept(client, foo=foo)
    change(origin, client)
    fill(origin, client, content="new 1", asked={"foo": "1"}, vary="Foo")
    settle()
    fill(origin, client, content="new 2", asked={"foo": "2"}, vary="Foo")
    settle()
    for foo in ("1", "2"):
        kept(client, content=f"new {foo}", foo=foo)


def test_it_is_gone_from_the_pool(make_proxy, origin, memcached):
    def start():
        return make_proxy().start(POOL, memcached=memcached.address).client()
    first = start()
    fill(origin, first)
    memcached.wait_items(1)
    change(origin, first)
    forgotten(origin, start())


@pytest.mark.config("proxy_cache_key: $request_method$request_uri")
def test_key_is_that_of_a_get(origin, client):
    fill(origin, client, "/a?b")
    fill(origin, client, "/c")
    change(origin, client, "/a?b", location="/c")
    forgotten(origin, client, "/a?b")
    forgotten(origin, client, "/c")


@pytest.mark.config("proxy_cache_methods: [POST]")
def test_method_that_uses_the_cache_does_not_change_anything(origin, client):
    fill(origin, client)
    change(origin, client)
    kept(client)


@pytest.mark.workers
@pytest.mark.config("workers: 2")
def test_it_is_gone_for_all_workers(origin, proxy):
    origin.serve(lambda request: dict(content=str(origin.count), cache_control="max-age=60"))
    before = proxy.client().get("/a").expect(200).content
    proxy.client().post("/a", "x").expect(200)
    for _ in range(8):
        assert int(proxy.client().get("/a").expect(200).content) > int(before) + 1


def fetch_held(origin, make_client, **asked):
    """A fetch whose response has not come yet."""
    waiting = make_client()
    waiting.get("/a", **asked)
    return waiting, origin.receive().expect("GET /a")


@pytest.mark.parametrize("answered", ["before the head", "after the head"])
@pytest.mark.parametrize("fields", [{}, {"vary": "Foo"}], ids=["plain", "varying"])
def test_response_that_was_asked_for_before_is_not_stored(origin, proxy, client, answered, fields):
    waiting, request = fetch_held(origin, proxy.client)
    if answered == "after the head":
        request.reply_head(200, cache_control="max-age=60", length=3, **fields)
        waiting.expect_head(200)
    change(origin, client)
    if answered == "after the head":
        request.send("old")
    else:
        request.reply(content="old", cache_control="max-age=60", **fields)
        waiting.expect(200, content="old")
    forgotten(origin, client)


def test_variant_that_was_asked_for_before_is_not_stored(origin, proxy, client):
    fill(origin, client, asked={"foo": "1"}, vary="Foo")
    waiting, request = fetch_held(origin, proxy.client, foo="2")
    change(origin, client)
    request.reply(content="old", cache_control="max-age=60", vary="Foo")
    waiting.expect(200, content="old")
    for foo in ("1", "2"):
        fill(origin, client, content="new", asked={"foo": foo}, vary="Foo")


def test_validation_that_was_begun_before_does_not_renew(origin, proxy, client):
    fill(origin, client, cache_control="no-cache", etag='"1"')
    waiting, request = fetch_held(origin, proxy.client)
    change(origin, client)
    request.reply(304, etag='"1"', cache_control="max-age=60")
    waiting.expect(200, content="old")
    forgotten(origin, client)


def test_who_asks_after_the_change_does_not_join_who_asked_before(origin, proxy, client):
    waiting, request = fetch_held(origin, proxy.client)
    change(origin, client)
    after, second = fetch_held(origin, proxy.client)
    request.reply(content="old", cache_control="max-age=60")
    waiting.expect(200, content="old")
    second.reply(content="new", cache_control="max-age=60")
    after.expect(200, content="new")
    kept(client, content="new")


@pytest.mark.parametrize("lock", ["fleet", "host", "off"])
@pytest.mark.parametrize("bypass", [False, True], ids=["miss", "bypass"])
def test_fetch_of_another_process_does_not_store_what_was_changed(make_proxy, origin, memcached, lock, bypass):
    def start():
        pool = 'memcached_pools: {default: {servers: ["%s"], connect_timeout: 2s, send_timeout: 2s, read_timeout: 2s}}\n' % memcached.address
        return make_proxy().start(pool + "caches: {default: {memory: 0}}\nproxy_cache_bypass: $http_pass\n" + f"proxy_cache_lock: {lock}\n")
    first, second = start(), start()
    asked = {"pass": "1"} if bypass else {}
    waiting, request = fetch_held(origin, first.client, **asked)
    change(origin, second.client())
    second.client().get("/none", cache_control="only-if-cached").expect(504)
    request.reply(content="old", cache_control="max-age=60")
    waiting.expect(200, content="old")
    first.client().get("/none", cache_control="only-if-cached").expect(504)    # behind the store, if there is one
    forgotten(origin, second.client())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "M-SEARCH", "UNKNOWN"])
@pytest.mark.parametrize("field", ["location", "content_location"])
def test_uris_that_the_response_names_are_forgotten_everywhere(tier, method, field):
    for target in ("/a", "/b", "/c"):
        tier.fill(target, content="old", cache_control="max-age=60")
    tier.fetch(tier.asker, "/a", method=method, content="done", **{field: "/b"})
    for target in ("/a", "/b"):
        tier.fetch(tier.filler, target, content="new", cache_control="max-age=60")
        tier.get(target).expect(200, content="new", cache_status=hit())
    tier.get("/c").expect(200, content="old", cache_status=hit())


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299, 301, 303, 399, 400, 404, 500, 599])
def test_what_is_no_error_invalidates(tier, status):
    tier.fill(content="old", cache_control="max-age=60")
    tier.fetch(tier.asker, method="POST", status=status, content="")
    if status < 400:
        tier.fetch(tier.filler, content="new", cache_control="max-age=60")
    else:
        tier.filler.get("/a").expect(200, content="old", cache_status=hit())
    tier.origin.silent()
