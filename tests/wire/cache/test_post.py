"""The response to a POST that is reused for a later GET (RFC 9110 section 9.3.3)."""
import pytest

from harness.cache_status import hit

FRESH = {"cache_control": "max-age=60", "content_location": "/a"}


def post(origin, client, content="posted", target="/a", status=200, **fields):
    client.post(target, "x", foo="1")
    origin.receive().expect(f"POST {target}").reply(status, content=content, **fields)
    client.expect(status, content=content)


def asked(origin, client, target="/a"):
    client.get(target, foo="1")
    origin.receive().expect(f"GET {target}").reply(content="got", cache_control="no-store")
    client.expect(200, content="got")


@pytest.mark.parametrize("fields", [
    FRESH, {**FRESH, "cache_control": "s-maxage=60"}, {**FRESH, "content_location": "http://example.test/a"},
    {**FRESH, "content_location": "a"}, {**FRESH, "vary": "Foo"}, {"content_location": "/a", "x_accel_expires": "60"}], ids=str)
def test_it_is_reused_for_a_get(origin, client, fields):
    post(origin, client, **fields)
    client.get("/a", foo="1").expect(200, content="posted", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("fields", [
    {"cache_control": "max-age=60"}, {"content_location": "/a"}, {**FRESH, "cache_control": "no-store"},
    {**FRESH, "cache_control": "private, max-age=60"}, {**FRESH, "content_location": "/b"}, {**FRESH, "content_location": "/a?"},
    {**FRESH, "content_location": "http://other.test/a"}, {**FRESH, "status": 201}, {**FRESH, "vary": "*"},
    {"content_location": "/a", "last_modified": "Mon, 01 Jan 2024 00:00:00 GMT"}], ids=str)
def test_it_is_not_reused_without_saying_so(origin, client, fields):
    post(origin, client, **fields)
    asked(origin, client)


@pytest.mark.config("proxy_cache_valid: 1m")
def test_the_configuration_does_not_say_so(origin, client):
    post(origin, client, content_location="/a")
    asked(origin, client)


def test_it_replaces_what_a_get_has_brought(origin, client):
    client.get("/a")
    origin.receive().reply(content="old", cache_control="max-age=60")
    client.expect(200, content="old")
    post(origin, client, **FRESH)
    client.get("/a").expect(200, content="posted", cache_status=hit())
    client.head("/a").expect(200, content_length=6, cache_status=hit())


def test_each_post_is_forwarded(origin, client):
    post(origin, client, "one", **FRESH)
    post(origin, client, "two", **FRESH)
    client.get("/a").expect(200, content="two", cache_status=hit())
    client.request("PUT", "/a", content="x")
    origin.receive().reply(204)
    client.expect(204)
    asked(origin, client)


def test_it_is_not_stored_when_it_breaks_off(origin, client, proxy):
    poster = proxy.client()
    poster.post("/a", "x")
    request = origin.receive()
    request.reply_head(200, length=10, **FRESH)
    request.send("half")
    request.close()
    poster.expect_truncated(200)
    asked(origin, client)


def test_it_is_there_for_other_proxies(tier):
    for content in ("one", "two"):
        tier.fetch(tier.filler, method="POST", asked={"content": "x"}, content=content, **FRESH)
        tier.get("/a").expect(200, content=content, cache_status=hit())
        tier.filler.get("/a").expect(200, content=content, cache_status=hit())
