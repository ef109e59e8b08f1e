"""memcached_store: what the app answers is written as a raw value, and a real nginx serves it."""
import gzip
import re
from urllib.parse import unquote

import pytest

from harness.cache_status import NOT_STORED, STORED, hit
from harness.deadline import poll_until

CONFIG = """
memcached_pass: "{memcached}"
memcached_key: $uri$is_args$args
memcached_gzip_flag: 2
memcached_store: on
default_type: text/html
"""
pytestmark = pytest.mark.config(CONFIG)


def keys(memcached):
    return sorted(unquote(key) for key in memcached.keys())


def fetch(client, origin, target="/a", answer=None, asked=None):
    client.get(target, **(asked or {}))
    origin.receive().expect(f"GET {target}").reply(**(answer or {}))
    return client.expect()


@pytest.mark.parametrize("target", ["/a", "/a?b=1&c=%2F", "/a%20b", "/%C3%A4", "/percent%25", "/" + "x" * 249])
def test_nginx_serves_what_was_stored(proxy, origin, client, memcached, nginx, target):
    response = fetch(client, origin, target, {"content": "from the app", "cache_control": "max-age=60", "content_type": "text/html"})
    assert STORED.search(response.fields.get("cache-status"))
    memcached.wait_items(1)
    nginx.client().get(target).expect(200, content="from the app", content_type="text/html", content_encoding=None)
    client.get(target).expect(200, content="from the app", cache_status=hit())
    origin.silent()


def test_gzip_is_told_by_the_flag(proxy, origin, client, memcached, nginx):
    content = gzip.compress(b"from the app")
    fetch(client, origin, "/a", {"content": content, "cache_control": "max-age=60", "content_encoding": "gzip"},
          {"accept_encoding": "gzip"})
    memcached.wait_items(1)
    for reader in nginx.client(), client:
        reader.get("/a").expect(200, content=content, content_encoding="gzip")


def test_big_content(proxy, origin, client, memcached, nginx):
    content = b"0123456789" * 100_000
    fetch(client, origin, "/a", {"content": content, "cache_control": "max-age=60", "chunked": True})
    memcached.wait_items(1)
    nginx.client().get("/a").expect(200, content=content)


def test_it_lives_as_long_as_it_is_fresh(proxy, origin, client, memcached):
    fetch(client, origin, "/a", {"content": "x", "cache_control": "max-age=100", "age": "40"})
    memcached.wait_items(1)
    reply = memcached.command("mg /a t f")
    ttl = int(re.search(rb" t(\d+)", reply)[1])
    assert 55 <= ttl <= 60 and b" f0" in reply, reply


FRESH = {"content": "x", "cache_control": "max-age=60"}
REFUSED = {
    "no freshness": {"content": "x"},
    "no-store": {**FRESH, "cache_control": "no-store, max-age=60"},
    "private": {**FRESH, "cache_control": "private, max-age=60"},
    "no-cache": {**FRESH, "cache_control": "no-cache, max-age=60"},
    "old already": {**FRESH, "age": "60"},
    "cookie": {**FRESH, "set_cookie": "a=b"},
    "not 200": {**FRESH, "status": 404},
    "another type": {**FRESH, "content_type": "application/json"},
    "another charset": {**FRESH, "content_type": "text/html; charset=latin1"},
    "another coding": {**FRESH, "content_encoding": "br"},
    "two codings": {**FRESH, "content_encoding": "gzip, gzip"},
    "varies": {**FRESH, "vary": "Accept-Language"},
    "varies by anything": {**FRESH, "vary": "*"},
    "a coding that varies": {**FRESH, "content_encoding": "gzip", "vary": "Accept-Encoding"},
    "too long": {**FRESH, "content": b"x" * (1024 * 1024 - 10)},
    "much too long": {**FRESH, "content": b"x" * (2 * 1024 * 1024)},
    "empty": {**FRESH, "content": ""},
}


@pytest.mark.parametrize("what", REFUSED)
def test_not_stored(proxy, origin, client, memcached, what):
    for _ in range(2):
        response = fetch(client, origin, "/a", dict(REFUSED[what]))
        if what not in ("too long", "empty", "much too long"):
            assert NOT_STORED.search(response.fields.get("cache-status"))
    fetch(client, origin, "/b", FRESH)     # on the same connection to memcached, behind it
    memcached.wait_items(1)
    assert keys(memcached) == ["/b"]


def test_vary_accept_encoding_without_a_coding_is_for_all(proxy, origin, client, memcached):
    fetch(client, origin, "/a", {**FRESH, "vary": "Accept-Encoding"})
    memcached.wait_items(1)
    client.get("/a", accept_encoding="gzip").expect(200, content="x")


@pytest.mark.config(CONFIG.replace("$args", "$args-$http_accept_language"))
def test_vary_that_the_key_holds(proxy, origin, client, memcached):
    for language in "en", "de":
        fetch(client, origin, "/a", {**FRESH, "content": language, "vary": "Accept-Language"}, {"accept_language": language})
    memcached.wait_items(2)
    assert keys(memcached) == ["/a-de", "/a-en"]
    client.get("/a", accept_language="en").expect(200, content="en")


def test_what_is_asked_for_with_credentials(proxy, origin, client, memcached):
    fetch(client, origin, "/a", {**FRESH, "cache_control": "public, max-age=60"}, {"authorization": "Basic eA=="})
    fetch(client, origin, "/b", FRESH)
    memcached.wait_items(1)
    assert keys(memcached) == ["/b"]


def test_two_resources_with_one_key_are_not_mixed(proxy, origin, client, memcached):
    for target in "/a%2Fb", "/a%3Fb":
        fetch(client, origin, target, {**FRESH, "content": target})
    fetch(client, origin, "/a/b", {**FRESH, "content": "/a/b"})
    memcached.wait_items(1)
    assert keys(memcached) == ["/a/b"]
    client.get("/a/b").expect(200, content="/a/b")


def test_too_long_a_key(proxy, origin, client, memcached):
    target = "/" + "x" * 250
    for _ in range(2):
        fetch(client, origin, target, FRESH)
    assert memcached.items() == 0


def test_truncated_content_is_not_stored(proxy, origin, client, memcached):
    client.get("/a")
    origin.receive().reply(content="0123", length=10, close=True, cache_control="max-age=60")
    client.expect_truncated()
    fetch(proxy.client(), origin, "/b", FRESH)
    memcached.wait_items(1)
    assert keys(memcached) == ["/b"]


def test_head_stores_what_get_gets(proxy, origin, client, memcached):
    client.head("/a")
    origin.receive().expect("GET /a").reply(content="whole", cache_control="max-age=60")
    client.expect(200, content_length=5)
    memcached.wait_items(1)
    client.get("/a").expect(200, content="whole", cache_status=hit())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_change_deletes(proxy, origin, client, memcached, app, method):
    app.set("/a?b", b"old", noreply=False)
    client.get("/a?b").expect(200, content="old")
    client.request(method, "/a?b", content="new")
    origin.receive().reply(status=200)
    client.expect(200)
    poll_until(lambda: app.get("/a?b") is None, "the value's end")
    fetch(client, origin, "/a?b", FRESH)


def test_a_change_that_failed_deletes_nothing(proxy, origin, client, app):
    app.set("/a", b"old", noreply=False)
    client.post("/a", "new")
    origin.receive().reply(status=500)
    client.expect(500)
    client.get("/a").expect(200, content="old")


@pytest.mark.config("workers: 2\n" + CONFIG)
def test_one_request_of_all_fetches(proxy, origin, memcached):
    clients = [proxy.client().get("/a") for _ in range(10)]
    request = origin.receive()
    poll_until(lambda: int(memcached.stats()["get_misses"]) == 10, "ten lookups")
    request.reply_head(cache_control="max-age=60", length=6).send("123")
    for client in clients:
        client.expect_head(200)
    request.send("456")
    for client in clients:
        client.expect_rest("123456")
    origin.silent()
    memcached.wait_items(1)


@pytest.mark.config(CONFIG + "proxy_cache_lock: off\n")
def test_without_a_lock_each_fetches(proxy, origin, memcached):
    clients = [proxy.client().get("/a") for _ in range(3)]
    for request in [origin.receive() for _ in range(3)]:
        request.reply(content="x", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="x")


@pytest.mark.config("workers: 1\n" + CONFIG)
def test_what_is_not_stored_keeps_nobody_waiting(proxy, origin, memcached):
    first = proxy.client().get("/a")
    request = origin.receive()
    second = proxy.client().get("/a")
    poll_until(lambda: int(memcached.stats()["get_misses"]) == 2, "two lookups")
    request.reply_head(cache_control="private", length=3)
    origin.receive().reply(content="two", cache_control="private")
    second.expect(200, content="two")
    request.send("one")
    first.expect(200, content="one")


def test_memcached_down(proxy, origin, client, memcached):
    memcached.kill()
    for _ in range(3):
        fetch(client, origin, "/a", FRESH)
