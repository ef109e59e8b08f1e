import pytest

from harness.cache_status import forwarded, hit


def fill(origin, client, content="one", **fields):
    client.get("/a")
    origin.receive().reply(content=content, cache_control="max-age=60", **fields)
    client.expect(200, content=content)


def test_head_is_answered_from_gets_response(origin, client):
    fill(origin, client, "hello", etag='"1"')
    client.head("/a").expect(200, content="", content_length=5, etag='"1"', cache_status=hit(ttl=60))
    origin.silent()


def test_head_never_replaces_gets_response(origin, client):
    origin.serve(lambda request: dict(content="hello", cache_control="max-age=60"))
    for _ in range(2):
        client.head("/a").expect(200, content="", content_length=5)
        client.get("/a").expect(200, content="hello")
    client.get("/a").expect(200, content="hello", cache_status=hit())


def test_head_fills_the_cache_for_get(origin, client):
    """As with nginx's proxy_cache_convert_head: a HEAD that misses is asked as GET."""
    client.head("/a")
    origin.receive().expect("GET /a").reply(content="hello", cache_control="max-age=60")
    client.expect(200, content="", content_length=5)
    client.get("/a").expect(200, content="hello", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("config", ["", "proxy_cache_convert_head: off"], ids=["asked as GET", "asked as HEAD"])
def test_head_that_is_not_stored_leaves_the_connections(make_proxy, origin, config):
    client = make_proxy().start(config).client()
    for _ in range(2):
        client.head("/a")
        origin.receive().reply(content="x" * 100_000, cache_control="no-store")
        client.expect(200, content="", content_length=100_000)
    client.get("/b")
    origin.receive().reply(content="b")
    client.expect(200, content="b")
    assert len(origin.connections) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_other_methods_are_forwarded_and_not_stored(origin, client, method):
    for answer in ("one", "two"):
        client.request(method, "/a", content="")
        origin.receive().expect(f"{method} /a").reply(content=answer, cache_control="max-age=60")
        client.expect(200, content=answer, cache_status=forwarded("method"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_unsafe_method_is_not_answered_from_the_cache(origin, client, method):
    fill(origin, client)
    client.request(method, "/a", content="x")
    origin.receive().expect(f"{method} /a").reply(204)
    client.expect(204)


@pytest.mark.config("proxy_cache_methods: [POST]")
def test_configured_method_is_cached(origin, client):
    client.post("/a", "")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200, content="one")
    client.post("/a", "").expect(200, content="one", cache_status=hit())


def test_get_with_content_is_not_answered_from_the_cache(origin, client):
    fill(origin, client)
    client.request("GET", "/a", content="what")
    origin.receive().expect("GET /a", content="what").reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="one", cache_status=hit())
