"""Responses to requests with Authorization (RFC 9111 section 3.5) and responses with Set-Cookie."""
import pytest

from harness.cache_status import NOT_STORED, hit
from harness.memcached import POOL


CREDENTIALS = {"authorization": "Basic x"}


@pytest.mark.parametrize("control", ["max-age=60", "max-age=60, immutable", "max-age=60, proxy-revalidate", "max-age=60, private"])
def test_response_to_authorization_is_not_reused(tier, control):
    response = tier.fill(asked=CREDENTIALS, seen=CREDENTIALS, content="secret", cache_control=control, etag='"1"')
    assert NOT_STORED.search(response.fields.get("cache-status"))
    tier.fetch(tier.asker, asked=CREDENTIALS, seen={**CREDENTIALS, "if_none_match": None}, content="secret", cache_control=control)
    tier.fetch(tier.asker, seen={"authorization": None, "if_none_match": None}, content="open")


@pytest.mark.parametrize("control", ["public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"])
def test_response_to_authorization_is_reused_when_it_says_so(tier, control):
    tier.fill(asked=CREDENTIALS, seen=CREDENTIALS, cache_control=control)
    tier.get().expect(200, content="one", cache_status=hit())
    tier.get(authorization="Basic y").expect(200, content="one", cache_status=hit())
    tier.filler.get("/a", **CREDENTIALS).expect(200, content="one", cache_status=hit())
    tier.origin.silent()


@pytest.mark.parametrize("asked", [CREDENTIALS, {}], ids=["with", "without"])
def test_response_for_all_is_reused_with_and_without_credentials(tier, asked):
    tier.fill(cache_control="max-age=60")
    tier.get(**asked).expect(200, content="one", cache_status=hit())
    tier.origin.silent()


def test_renewal_that_is_for_one_alone_leaves_the_stored_response(tier):
    tier.fill(cache_control="public, max-age=60", age=61, etag='"1"', x_whose="of all")
    tier.get(**CREDENTIALS)
    tier.origin.receive().expect(if_none_match='"1"', **CREDENTIALS).reply(304, cache_control="max-age=60", x_whose="mine")
    tier.asker.expect(200, content="one", x_whose="mine")
    tier.settle()
    tier.fetch(tier.filler, seen={"if_none_match": '"1"'}, status=304, content="", cache_control="public, max-age=60")
    tier.get().expect(200, content="one", x_whose="of all", cache_status=hit())


def test_those_with_credentials_do_not_wait_for_each_other(make_proxy, origin, memcached):
    """Neither in one proxy nor by a lease of the pool."""
    proxies = [make_proxy().start(POOL, memcached=memcached.address) for _ in range(2)]
    clients = [proxy.client().get("/a", **CREDENTIALS) for proxy in proxies for _ in range(2)]
    for request in [origin.receive() for _ in clients]:
        request.reply(content="mine", cache_control="private")
    for client in clients:
        client.expect(200, content="mine")


@pytest.mark.config("proxy_cache_min_uses: 2")
def test_uses_with_credentials_count(tier):
    for seen in ({}, {}):
        tier.fetch(tier.filler, asked=CREDENTIALS, seen=seen, cache_control="public, max-age=60")
    tier.get().expect(200, content="one", cache_status=hit())


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
