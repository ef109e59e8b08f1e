"""Serving stale (RFC 9111 section 4.2.4): within the windows that a response declares (RFC 5861), where the origin cannot be reached,
and never where the response forbids it."""
import re

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until
from harness.reuse import NOW, At


def stale(origin, client, *control, age=61, **fields):
    client.get("/a")
    origin.receive().reply(content="one", cache_control=list(control), age=age, connection="close", **{"etag": '"1"', **fields})
    client.expect(200, content="one")


def close(origin, client):
    """The next request, which the origin does not answer."""
    client.get("/a")
    origin.receive().expect("GET /a").close()
    return client


def test_stale_while_revalidate_serves_at_once_and_refreshes_behind(origin, client):
    stale(origin, client, "max-age=60, stale-while-revalidate=600")
    client.get("/a").expect(200, content="one", age=re.compile("^6[1-4]$"), cache_status=re.compile("^mcproxy; hit; ttl=-"))
    request = origin.receive().expect("GET /a", if_none_match='"1"')
    client.get("/a").expect(200, content="one")
    origin.silent()
    request.reply(content="two", cache_control="max-age=60", etag='"2"')
    poll_until(lambda: client.get("/a").expect(200).content == b"two", "the new response")
    client.get("/a").expect(200, content="two", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("control", [["max-age=1, stale-while-revalidate=4"], ["stale-while-revalidate=4", "max-age=1"],
                                     ['max-age=1, stale-while-revalidate="4"']])
def test_window_of_stale_while_revalidate(origin, client, control):
    """RFC 5861 section 3: at 3 s it is served stale; the answer behind it replaces it, and then needs the origin's word."""
    stale(origin, client, *control, age=3)
    tags = []

    def answer(request):
        tags.append(request.fields.get("if-none-match"))
        return dict(content="two", cache_control="no-cache", etag='"2"') if len(tags) == 1 else dict(status=304)
    origin.serve(answer)
    client.get("/a").expect(200, content="one")
    poll_until(lambda: client.get("/a").expect(200).content == b"two", "the new response")
    client.get("/a").expect(200, content="two", etag='"2"')
    assert tags == ['"1"', '"2"', '"2"'], tags


@pytest.mark.parametrize("control, age", [("max-age=1, stale-while-revalidate=4", 6), ("max-age=60, stale-while-revalidate=10", 100),
                                          ("max-age=60, stale-while-revalidate=0", 61), ("max-age=60, stale-while-revalidate", 61),
                                          ("max-age=60, stale-while-revalidate=x", 61), ("max-age=60, stale-while-revalidate=-5", 61)])
def test_beyond_the_window_the_origin_is_asked_first(origin, client, control, age):
    stale(origin, client, control, age=age)
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="two", cache_status=hit())


@pytest.mark.parametrize("etag", ['"1"', None])
def test_window_without_a_lifetime_begins_at_once(origin, client, etag):
    stale(origin, client, "max-age=0, stale-while-revalidate=600", age=0, etag=etag)
    client.get("/a").expect(200, content="one")
    origin.receive().expect(if_none_match=etag).reply(content="two", cache_control="max-age=60")
    poll_until(lambda: client.get("/a").expect(200).content == b"two", "the new response")


def test_window_begins_where_expires_ends(origin, client):
    stale(origin, client, "stale-while-revalidate=600", age=0, expires=At(-60), date=At(-120))
    client.get("/a").expect(200, content="one")
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=60")


UNREACHABLE = {
    "nothing said": ["max-age=60"],
    "public": ["public, max-age=60"],
    "immutable": ["max-age=60, immutable"],
    "stale-if-error": ["max-age=60, stale-if-error=60"],
    "stale-if-error on a line of its own": ["max-age=60", "stale-if-error=60"],
    "within stale-while-revalidate, which has no other use here": ["max-age=60, stale-while-revalidate=60"],
}


@pytest.mark.parametrize("control", UNREACHABLE.values(), ids=UNREACHABLE.keys())
def test_stale_is_better_than_an_origin_that_does_not_answer(origin, client, control):
    """RFC 9111 section 4.2.4: disconnected; without a Warning (section 5.5)."""
    stale(origin, client, *control)
    origin.serve(lambda request: request.connection.close())
    for _ in range(2):
        client.get("/a").expect(200, content="one", age=re.compile("^6[1-9]$"), warning=None)


@pytest.mark.parametrize("fields", [dict(expires=At(-60), date=At(-120)), dict(expires=At(60), date=NOW, age=100)])
def test_expires_leaves_something_stale_too(origin, client, fields):
    client.get("/a")
    origin.receive().reply(content="one", etag='"1"', connection="close", **fields)
    client.expect(200, content="one")
    close(origin, client).expect(200, content="one")


@pytest.mark.parametrize("warning", [None, '110 inner "stale"'])
def test_warning_is_a_field_like_others(origin, client, warning):
    """RFC 9111 section 5.5: obsolete; none is made or taken away."""
    stale(origin, client, "max-age=60", warning=warning)
    close(origin, client).expect(200, content="one", warning=warning)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 403, 404, 429])
def test_error_of_the_origin_is_passed_where_nothing_is_said(origin, client, status):
    """RFC 9111 section 4.3.3: a server that answers can be reached."""
    stale(origin, client, "max-age=60")
    client.get("/a")
    origin.receive().reply(status, content="down")
    client.expect(status, content="down")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_stale_if_error_covers_an_error(origin, client, status):
    """RFC 5861 section 4."""
    stale(origin, client, "max-age=60, stale-if-error=60")
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(status, content="down")
    client.expect(200, content="one", age=re.compile("^6[1-9]$"), warning=None)


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 501, 505])
def test_stale_if_error_covers_no_other_status(origin, client, status):
    stale(origin, client, "max-age=60, stale-if-error=60")
    client.get("/a")
    origin.receive().reply(status, content="no")
    client.expect(status, content="no")


@pytest.mark.parametrize("failure", [None, 503])
def test_window_of_stale_if_error_ends(origin, client, failure):
    stale(origin, client, "max-age=60, stale-if-error=60", age=121)
    client.get("/a")
    if failure:
        origin.receive().reply(failure, content="down")
    else:
        origin.receive().close()
    client.expect(failure or 502)


FORBIDDEN = {
    "5.2.2.2: must-revalidate": "max-age=60, must-revalidate",
    "5.2.2.8: proxy-revalidate": "max-age=60, proxy-revalidate",
    "5.2.2.10: s-maxage": "s-maxage=60",
    "5.2.2.10: s-maxage beside max-age": "max-age=6000, s-maxage=60",
    "5.2.2.4: no-cache": "no-cache, max-age=60",
    "5.2.2.4: no-cache alone": "no-cache",
}


@pytest.mark.parametrize("windows", ["", ", stale-while-revalidate=600, stale-if-error=600"], ids=["nothing", "windows"])
@pytest.mark.parametrize("control", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_never_stale_where_it_is_forbidden(origin, client, control, windows):
    """RFC 9111 section 4.2.4."""
    stale(origin, client, control + windows)
    close(origin, client).expect(502)
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(503, content="down")
    client.expect(503, content="down")


def test_must_revalidate_is_fresh_then_validated(origin, client):
    """RFC 9111 section 5.2.2.2: stored, reused at once, validated when stale, renewed by the 304."""
    stale(origin, client, "max-age=60, must-revalidate", age=0)
    client.get("/a").expect(200, content="one", cache_status=hit())
    client.get("/a", cache_control="no-cache")
    origin.receive().expect(if_none_match='"1"').reply(304, age=61)
    client.expect(200, content="one")
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(304, age=0)
    client.expect(200, content="one")
    client.get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


BEHIND = {
    "an error": dict(status=503, content="down"),
    "an error with a lifetime": dict(status=503, content="down", cache_control="max-age=60"),
    "garbage": dict(raw="no HTTP at all\r\n\r\n"),
    "no-store": dict(content="two", cache_control="no-store"),
    "private": dict(content="two", cache_control="private, max-age=60"),
    "404": dict(status=404, content="gone"),
}


@pytest.mark.parametrize("answer", BEHIND.values(), ids=BEHIND.keys())
def test_answer_behind_a_stale_response_that_cannot_be_stored_leaves_it(origin, client, answer):
    """RFC 9111 section 5.2.2.5 and RFC 5861 section 3: each request within the window tries again, and is not kept waiting."""
    stale(origin, client, "max-age=60, stale-while-revalidate=600")
    origin.serve(lambda request: dict(answer, close=True))
    poll_until(lambda: client.get("/a").expect(200, content="one") and origin.count >= 4, "three background requests")
    client.get("/a").expect(200, content="one")
