"""Serving stale within the windows that a response declares (RFC 5861); never where it forbids it."""
import re

import pytest

from harness.cache_status import hit


def stale(origin, client, control, age=61):
    client.get("/a")
    origin.receive().reply(content="one", cache_control=control, age=age, etag='"1"')
    client.expect(200, content="one")


def test_stale_while_revalidate_serves_at_once_and_refreshes_behind(origin, client):
    stale(origin, client, "max-age=60, stale-while-revalidate=600")
    client.get("/a").expect(200, content="one", cache_status=re.compile("^mcproxy; hit; ttl=-"))
    request = origin.receive().expect("GET /a", if_none_match='"1"')
    client.get("/a").expect(200, content="one")
    origin.silent()
    request.reply(content="two", cache_control="max-age=60", etag='"2"')
    for _ in range(200):
        if client.get("/a").expect(200).content == b"two":
            break
    client.get("/a").expect(200, content="two", cache_status=hit())
    origin.silent()


def test_beyond_the_window_the_origin_is_asked_first(origin, client):
    stale(origin, client, "max-age=60, stale-while-revalidate=10", age=100)
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")


@pytest.mark.parametrize("failure", ["close", "503"])
def test_stale_if_error_serves_when_the_origin_fails(origin, client, failure):
    stale(origin, client, "max-age=60, stale-if-error=600")
    origin.serve(lambda request: dict(status=503, content="down") if failure == "503" else request.connection.close())
    client.get("/a").expect(200, content="one")


@pytest.mark.parametrize("control", ["max-age=60, must-revalidate", "max-age=60, proxy-revalidate", "s-maxage=60", "no-cache, max-age=60"])
def test_never_stale_where_it_is_forbidden(origin, client, control):
    stale(origin, client, control + ", stale-while-revalidate=600, stale-if-error=600")
    origin.serve(lambda request: request.connection.close())
    client.get("/a").expect(502)
