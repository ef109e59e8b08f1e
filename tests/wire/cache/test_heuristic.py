"""Freshness that nobody said: a tenth of the time since a response was modified (RFC 9111 section 4.2.2)."""
import pytest

from harness.cache_status import hit
from harness.reuse import NOW, At, expect_asked, expect_reused, fill

OLD = [("Last-Modified", At(-1e6)), ("Date", NOW)]


@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
def test_status_has_a_heuristic_lifetime(origin, client, status):
    """RFC 9110 section 15.1."""
    fill(origin, client, OLD, status)
    expect_reused(origin, client, status)


@pytest.mark.parametrize("status", [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599])
def test_status_has_no_heuristic_lifetime(origin, client, status):
    fill(origin, client, OLD, status)
    expect_asked(origin, client)


@pytest.mark.parametrize("status", [201, 302, 403, 503, 599])
def test_public_gives_any_status_one(origin, client, status):
    """RFC 9111 section 5.2.2.9."""
    fill(origin, client, OLD + [("Cache-Control", "public")], status)
    expect_reused(origin, client, status)


@pytest.mark.parametrize("seconds", [60, 300, 600, 1200, 1800, 3600, 43200, 86400])
def test_response_modified_a_while_ago_is_reused(origin, client, seconds):
    """Three seconds later: the ages are in Date, as those of an origin behind another cache."""
    fill(origin, client, [("Last-Modified", At(-seconds - 3)), ("Date", At(-3))])
    client.get("/a").expect(200, content="one", cache_status=hit(ttl=seconds // 10 - 3))
    origin.silent()


@pytest.mark.parametrize("seconds", [0, 5, 10, 30])
def test_response_modified_just_before_is_asked_for(origin, client, seconds):
    fill(origin, client, [("Last-Modified", At(-seconds - 3)), ("Date", At(-3))])
    expect_asked(origin, client)


REUSED = {
    "attachment": [("Content-Disposition", "attachment; filename=x")],
    "Pragma means nothing": [("Pragma", "no-cache")],
    "unknown directives": [("Cache-Control", "foo")],
    "Age below it": [("Age", "1000")],
    "RFC 850 date": [("Last-Modified", "Thursday, 01-Jan-15 00:00:00 GMT")],
}


@pytest.mark.parametrize("fields", REUSED.values(), ids=REUSED.keys())
def test_what_changes_nothing(origin, client, fields):
    fill(origin, client, fields + [p for p in OLD if p[0] not in dict(fields)])
    expect_reused(origin, client)


NOT_REUSED = {
    "only a tag": [("ETag", '"1"'), ("Date", NOW)],
    "Last-Modified that is no date": [("Last-Modified", "yesterday"), ("Date", NOW)],
    "Last-Modified in the future": [("Last-Modified", At(3600)), ("Date", NOW)],
    "Last-Modified after Date": [("Last-Modified", At(-3600)), ("Date", At(-7200))],
    "Age beyond it": OLD + [("Age", "100001")],
    "an explicit lifetime that is over": OLD + [("Cache-Control", "max-age=0")],
    "Expires that is no date": OLD + [("Expires", "0")],
    "no-cache": OLD + [("Cache-Control", "no-cache")],
    "private": OLD + [("Cache-Control", "private")],
}


@pytest.mark.parametrize("fields", NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_what_leaves_no_lifetime(origin, client, fields):
    fill(origin, client, fields)
    expect_asked(origin, client)


def test_lifetime_is_a_day_at_most(origin, client):
    fill(origin, client, [("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT"), ("Date", NOW)])
    client.get("/a").expect(200, content="one", cache_status=hit(ttl=86400))
    origin.silent()


@pytest.mark.config("proxy_cache_heuristic: off")
def test_none_where_it_is_switched_off(origin, client):
    fill(origin, client, OLD)
    expect_asked(origin, client)
