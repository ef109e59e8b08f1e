"""POST /purge on the admin listener: what it takes, what it answers."""
import json

import pytest

from harness.cache_status import hit

FRESH = dict(cache_control="max-age=600")


def fill(client, origin, target="/a", content="one", **fields):
    client.get(target)
    origin.receive().reply(content=content, **{**FRESH, **fields})
    client.expect(200, content=content)


def is_there(client, target="/a", content="one"):
    client.get(target).expect(200, content=content, cache_status=hit())


def is_fetched(client, origin, target="/a", content="two"):
    client.get(target)
    origin.receive().reply(content=content, **FRESH)
    client.expect(200, content=content)


WAYS = {
    "JSON": lambda p: p.post({"url": "http://example.test/a", "hard": True}),
    "JSON with its type": lambda p: p.post({"urls": ["example.test/a"], "hard": True}, content_type="application/json"),
    "form": lambda p: p.post("url=http%3A%2F%2Fexample.test%2Fa&hard=1"),
    "query": lambda p: p.post(query="?url=http://example.test/a&hard"),
    "query and form": lambda p: p.post("hard=true", query="?url=example.test/a"),
    "host in capitals": lambda p: p.post({"url": "HTTP://Example.TEST/a", "hard": True}),
    "tag": lambda p: p.post({"tag": "red", "hard": True}),
    "tags": lambda p: p.post({"tags": ["blue", "red"], "hard": True}),
    "prefix": lambda p: p.post({"prefix": "example.test/a", "hard": True}),
    "host": lambda p: p.post({"host": "Example.test", "hard": True}),
    "all": lambda p: p.post({"all": True, "hard": True}),
    "not soft": lambda p: p.post({"all": True, "soft": False, "hard": True}),
    "its cache": lambda p: p.post({"all": True, "hard": True, "cache": "default"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_purge(origin, client, purger, way):
    fill(client, origin, surrogate_key="red")
    fill(client, origin, "/b", content="other", surrogate_key="green")
    answer = WAYS[way](purger)
    assert answer["purged"] is True and answer["soft"] is False
    assert [c["cache"] for c in answer["caches"]] == ["default"] and answer["caches"][0]["seq"] > 0
    is_fetched(client, origin)
    if way not in ("host", "all", "not soft", "its cache"):
        is_there(client, "/b", "other")


def test_scheme_in_a_query_is_none_of_the_url(origin, client, purger):
    target = "/a?to=http://elsewhere.test/b"
    fill(client, origin, target)
    purger.post({"url": "example.test" + target, "hard": True})
    is_fetched(client, origin, target)


def test_purge_is_soft_by_default(origin, client, purger):
    fill(client, origin)
    assert purger.post({"url": "http://example.test/a"})["soft"] is True
    is_there(client)
    origin.receive().expect("GET /a").reply(content="two", **FRESH)


def test_several_urls_and_tags_at_once(origin, client, purger):
    for target in ("/a", "/b", "/c", "/d"):
        fill(client, origin, target, surrogate_key="tag-" + target[1:])
    purger.post({"urls": ["http://example.test/a", "http://example.test/b"], "tags": ["tag-c"], "hard": True})
    for target in ("/a", "/b", "/c"):
        is_fetched(client, origin, target)
    is_there(client, "/d")


@pytest.mark.config("proxy_cache_key: $host$uri\n")
def test_url_has_the_key_of_its_location(origin, client, purger):
    fill(client, origin, "/a?x=1")
    purger.post({"url": "http://example.test/a?x=2", "hard": True})
    is_fetched(client, origin, "/a?x=3")


@pytest.mark.config("proxy_cache_key: $host$request_uri$http_x_kind\n")
def test_url_has_whatever_was_fetched_for_it(origin, client, purger):
    client.get("/a", x_kind="1")
    origin.receive().reply(content="one", **FRESH)
    client.expect(200)
    purger.post({"url": "http://example.test/a", "hard": True})
    client.get("/a", x_kind="1")
    origin.receive().reply(content="two", **FRESH)
    client.expect(200, content="two")


TWO = """
caches: {first: {memory: 8m}, second: {memory: 8m}}
servers:
  - {listen: "{listen}", locations: {"/": {proxy_pass: "http://{origin}", proxy_cache: first},
                                     "/b": {proxy_pass: "http://{origin}", proxy_cache: second}}}
"""


@pytest.mark.config(TWO)
def test_one_cache_of_several(origin, client, purger):
    fill(client, origin, "/a")
    fill(client, origin, "/b")
    answer = purger.post({"all": True, "hard": True, "cache": "second"})
    assert [c["cache"] for c in answer["caches"]] == ["second"]
    is_there(client, "/a")
    is_fetched(client, origin, "/b")
    wrong = purger.post({"all": True, "cache": "third"}, status=400)
    assert "first" in wrong["error"] and "second" in wrong["error"]


BAD = {
    "nothing": ("", "nothing to purge: name a url, tag, prefix or host, or all"),
    "empty object": ({}, "nothing to purge"),
    "unknown name": ({"uri": "/a"}, "there are url, tag, prefix, host, all, soft, hard and cache, but no"),
    "no JSON": ("{all: true}", "a name or a string in double quotes"),
    "nested": ('{"tag": {"a": 1}}', "a value is a string, true, false, or a list of strings"),
    "rest": ('{"all": true} x', "something stands behind the object"),
    "both": ({"all": True, "soft": True, "hard": True}, "soft or hard, not both"),
    "no flag": ({"all": "yes"}, "all is true or false"),
    "no URL": ({"url": "http://example.test:99999/a"}, "this is no URL"),
    "another scheme": ({"url": "ftp://example.test/a"}, "this is no URL"),
    "no host in it": ({"url": "/a"}, "this is no URL"),
    "tag with a space": ({"tag": "a b"}, "a tag holds no white space and no comma"),
    "empty tag": ({"tag": ""}, "a tag holds no white space and no comma"),
    "host with a path": ({"host": "example.test/a"}, "a host is a name"),
    "long prefix": ({"prefix": "example.test/" + "a" * 300}, "255 bytes at most"),
    "too many": ({"tags": [str(i) for i in range(1025)]}, "more than 1024 at once"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_orders_are_refused(origin, client, purger, what):
    content, error = BAD[what]
    fill(client, origin)
    answer = purger.post(content, status=400)
    assert answer["purged"] is False and error in answer["error"], answer
    is_there(client)


def test_content_in_pieces(origin, client, proxy, purger):
    fill(client, origin)
    admin = proxy.client(address=("127.0.0.1", proxy.admin_port), host="127.0.0.1")
    admin.request("POST", "/purge", content=["{", '"all": tr', 'ue, "hard": true}'], chunked=True)
    assert json.loads(admin.expect(200).content)["purged"] is True
    admin.get("/healthz").expect(200)
    is_fetched(client, origin)


def test_content_that_is_too_long(proxy, purger):
    proxy.ensure_started()
    admin = proxy.client(address=("127.0.0.1", proxy.admin_port), host="127.0.0.1")
    admin.post("/purge", b"tag=" + b"a" * (300 * 1024))
    admin.expect(413)


def test_expect_continue(origin, client, proxy, purger):
    fill(client, origin)
    admin = proxy.client(address=("127.0.0.1", proxy.admin_port), host="127.0.0.1")
    admin.send_request("POST /purge HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n", "POST")
    admin.expect_head(100)
    admin.send("all=1&hard")
    assert json.loads(admin.expect(200).content)["purged"] is True


@pytest.mark.parametrize("fields", [dict(origin="http://evil.test"), dict(origin="null")])
def test_no_web_page_may_purge(origin, client, proxy, fields):
    fill(client, origin)
    admin = proxy.client(address=("127.0.0.1", proxy.admin_port), host="127.0.0.1")
    admin.post("/purge", b"all=1&hard=1", **fields)
    admin.expect(403)
    is_there(client)


def test_foreign_host_may_not_purge(origin, client, proxy):
    fill(client, origin)
    admin = proxy.client(address=("127.0.0.1", proxy.admin_port), host="evil.test")
    admin.post("/purge", b"all=1&hard=1")
    admin.expect(403)
    is_there(client)


@pytest.mark.parametrize("method, target, allow", [("GET", "/purge", "POST"), ("PUT", "/purge", "POST"),
                                                   ("POST", "/status", "GET, HEAD")])
def test_other_methods(proxy, method, target, allow):
    proxy.ensure_started()
    admin = proxy.client(address=("127.0.0.1", proxy.admin_port), host="127.0.0.1")
    admin.request(method, target)
    admin.expect(405, allow=allow)


def test_list_of_pages_names_it(proxy):
    proxy.ensure_started()
    assert "/purge" in proxy.admin("/")[2]
