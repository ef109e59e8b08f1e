"""proxy_cache_use_stale, proxy_cache_background_update and proxy_cache_revalidate: what a stale response stands in for where it says
nothing itself, and for how long."""
import re

import pytest

from harness.cache_status import hit


def stale(origin, client, control="max-age=60", age=61, **fields):
    client.get("/a")
    origin.receive().reply(content="one", cache_control=control, age=age, etag='"1"', connection="close", **fields)
    client.expect(200, content="one")


def fail(request, failure):
    """The origin's next answer: None closes without one."""
    if failure is None:
        request.connection.close()
    elif failure == "garbage":
        request.send("no HTTP at all\r\n\r\n").close()
    else:
        request.reply(failure, content="down")


def test_origin_that_answers_again_ends_it(origin, client):
    stale(origin, client)
    client.get("/a")
    fail(origin.receive(), None)
    client.expect(200, content="one")
    client.get("/a")
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="two", cache_status=hit())


@pytest.mark.config("proxy_read_timeout: 50ms")
def test_origin_that_is_silent_leaves_the_stale_response(origin, client):
    stale(origin, client)
    client.get("/a")
    origin.receive()
    client.expect(200, content="one")


@pytest.mark.config("proxy_cache_use_stale: http_500 http_502 http_503 http_504 http_403 http_404 http_429")
@pytest.mark.parametrize("status", [500, 502, 503, 504, 403, 404, 429])
def test_listed_status_leaves_the_stale_response(origin, client, status):
    stale(origin, client)
    client.get("/a")
    fail(origin.receive(), status)
    client.expect(200, content="one")


@pytest.mark.config("proxy_cache_use_stale: http_500")
@pytest.mark.parametrize("failure, status", [(None, 502), ("garbage", 502), (503, 503)])
def test_failure_that_is_not_listed_is_told(origin, client, failure, status):
    stale(origin, client)
    client.get("/a")
    fail(origin.receive(), failure)
    client.expect(status)


@pytest.mark.config("proxy_cache_use_stale: invalid_header")
def test_invalid_header_can_be_listed(origin, client):
    stale(origin, client)
    client.get("/a")
    fail(origin.receive(), "garbage")
    client.expect(200, content="one")


@pytest.mark.config("proxy_cache_use_stale: off")
@pytest.mark.parametrize("control, status", [("max-age=60", 502), ("max-age=60, stale-if-error=600", 200)])
def test_off_leaves_only_what_the_response_allows(origin, client, control, status):
    stale(origin, client, control)
    client.get("/a")
    fail(origin.receive(), None)
    client.expect(status)


@pytest.mark.parametrize("control", ["max-age=60, must-revalidate", "max-age=60, proxy-revalidate", "s-maxage=60", "no-cache, max-age=60"])
@pytest.mark.config("proxy_cache_use_stale: error timeout updating http_503\nproxy_cache_stale_while_revalidate: 1h")
def test_no_setting_serves_stale_where_the_response_forbids_it(origin, client, control):
    stale(origin, client, control)
    for failure, status in ((None, 502), (503, 503)):
        client.get("/a")
        fail(origin.receive().expect(if_none_match='"1"'), failure)
        client.expect(status)


@pytest.mark.config("proxy_cache_stale_if_error: 30s")
def test_window_for_errors_ends(origin, client):
    stale(origin, client, age=60 + 29 - 5)
    client.get("/a")
    fail(origin.receive(), None)
    client.expect(200, content="one")


@pytest.mark.config("proxy_cache_stale_if_error: 30s")
@pytest.mark.parametrize("control, age", [("max-age=60", 90), ("max-age=60, stale-if-error=10", 70), ("max-age=60, stale-if-error=0", 61)])
def test_behind_its_window_the_error_is_told(origin, client, control, age):
    stale(origin, client, control, age=age)
    client.get("/a")
    fail(origin.receive(), None)
    client.expect(502)


@pytest.mark.config("proxy_cache_stale_while_revalidate: 1h")
def test_configured_window_serves_stale_while_it_is_updated(origin, client):
    stale(origin, client)
    client.get("/a").expect(200, content="one", cache_status=re.compile("^mcproxy; hit; ttl=-"))
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=60")
    origin.silent()


@pytest.mark.config("proxy_cache_stale_while_revalidate: 1h\nproxy_cache_use_stale: error")
def test_without_updating_only_the_response_can_allow_it(origin, client):
    stale(origin, client)
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(content="two", cache_control="max-age=60, stale-while-revalidate=60", age=61)
    client.expect(200, content="two")
    client.get("/a").expect(200, content="two")


@pytest.mark.config("proxy_cache_background_update: off")
def test_without_background_update_one_request_waits(proxy, origin, client):
    stale(origin, client, "max-age=60, stale-while-revalidate=600")
    client.get("/a")
    request = origin.receive().expect(if_none_match='"1"')
    proxy.client().get("/a").expect(200, content="one", cache_status=re.compile("^mcproxy; hit; ttl=-"))
    request.reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    origin.silent()


def test_counters_tell_who_found_it_being_updated(proxy, origin, client):
    stale(origin, client, "max-age=60, stale-while-revalidate=600")
    client.get("/a").expect(200, content="one")
    request = origin.receive()
    client.get("/a").expect(200, content="one")
    proxy.counted(cache_stale=1, cache_updating=1)
    request.reply(304)


@pytest.mark.config("proxy_cache_revalidate: off")
def test_without_revalidate_the_whole_is_asked_for(origin, client):
    stale(origin, client, last_modified="Thu, 01 Jan 2026 00:00:00 GMT")
    client.get("/a")
    origin.receive().expect("GET /a", if_none_match=None, if_modified_since=None).reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")


def test_stored_404_is_not_validated(origin, client):
    client.get("/a")
    origin.receive().reply(404, content="no", cache_control="max-age=60", age=61, etag='"1"')
    client.expect(404)
    client.get("/a")
    origin.receive().expect("GET /a", if_none_match=None).reply(content="one", cache_control="max-age=60", etag='"1"')
    client.expect(200, content="one")
