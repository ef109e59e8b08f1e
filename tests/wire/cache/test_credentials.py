"""Responses to requests with Authorization (RFC 9111 section 3.5) and responses with Set-Cookie."""
import pytest

from harness.cache_status import NOT_STORED, hit


@pytest.mark.parametrize("control", ["max-age=60", "max-age=60, immutable"])
def test_response_to_authorization_is_not_reused(origin, client, control):
    client.get("/a", authorization="Basic x")
    origin.receive().expect(authorization="Basic x").reply(content="secret", cache_control=control)
    client.expect(200, content="secret", cache_status=NOT_STORED)
    client.get("/a")
    origin.receive().expect(authorization=None).reply(content="open")
    client.expect(200, content="open")


@pytest.mark.parametrize("control", ["public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"])
def test_response_to_authorization_is_reused_when_it_says_so(origin, client, control):
    client.get("/a", authorization="Basic x")
    origin.receive().reply(content="one", cache_control=control)
    client.expect(200, content="one")
    client.get("/a").expect(200, content="one", cache_status=hit())
    client.get("/a", authorization="Basic y").expect(200, content="one", cache_status=hit())
    origin.silent()


def test_set_cookie_is_not_stored_by_default(origin, client):
    for content in ("one", "two"):
        client.get("/a")
        origin.receive().reply(content=content, cache_control="max-age=60", set_cookie=f"id={content}")
        client.expect(200, content=content, set_cookie=f"id={content}", cache_status=NOT_STORED)


@pytest.mark.config("proxy_cache_set_cookie: on")
def test_set_cookie_is_stored_when_asked(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", set_cookie="id=1")
    client.expect(200)
    client.get("/a").expect(200, content="one", set_cookie="id=1", cache_status=hit())


def test_two_clients_with_credentials_never_share(origin, proxy):
    first = proxy.client().get("/a", authorization="Basic x")
    second = proxy.client().get("/a", authorization="Basic y")
    answers = {}
    for _ in range(2):
        request = origin.receive()
        answers[request.fields.get("authorization")] = request
    answers["Basic x"].reply(content="of x", cache_control="max-age=60")
    answers["Basic y"].reply(content="of y", cache_control="max-age=60")
    first.expect(200, content="of x")
    second.expect(200, content="of y")
