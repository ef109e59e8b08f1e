"""What may be reused, and for how long (RFC 9111 section 4.2). Age comes from the Age field, so that no test waits."""
import re
import time
from email.utils import formatdate

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

FUTURE, PAST = formatdate(time.time() + 3600, usegmt=True), formatdate(time.time() - 3600, usegmt=True)
LONG_AGO = formatdate(time.time() - 1e6, usegmt=True)
NOW = object()


def fill(origin, client, fields):
    client.get("/a")
    pairs = [(n, formatdate(usegmt=True) if v is NOW else v) for n, v in fields]
    origin.receive().reply(content="one", fields=pairs)
    client.expect(200, content="one")


REUSED = {
    "max-age": [("Cache-Control", "max-age=3600")],
    "max-age with Date": [("Cache-Control", "max-age=3600"), ("Date", NOW)],
    "s-maxage": [("Cache-Control", "s-maxage=3600")],
    "s-maxage beats max-age": [("Cache-Control", "max-age=1, s-maxage=3600"), ("Age", "10")],
    "s-maxage beats a past Expires": [("Cache-Control", "max-age=0, s-maxage=3600"), ("Expires", PAST)],
    "max-age beats a past Expires": [("Cache-Control", "max-age=3600"), ("Expires", PAST)],
    "max-age beats Expires 0": [("Cache-Control", "max-age=3600"), ("Expires", "0")],
    "directives in any case": [("Cache-Control", "MaX-aGe=3600")],
    "unknown directives": [("Cache-Control", "foobar, max-age=3600, x=y")],
    "quoted argument": [("Cache-Control", 'max-age="3600"')],
    "leading zeros": [("Cache-Control", "max-age=003600")],
    "2147483648 seconds": [("Cache-Control", "max-age=2147483648")],
    "99999999999 seconds": [("Cache-Control", "max-age=99999999999")],
    "directive on a second line": [("Cache-Control", "public"), ("Cache-Control", "max-age=3600")],
    "Expires": [("Expires", FUTURE), ("Date", NOW)],
    "Expires with an unusable Date": [("Expires", FUTURE), ("Date", "foo")],
    "Expires beyond 2038": [("Expires", "Tue, 19 Jan 2038 14:14:08 GMT"), ("Date", NOW)],
    "Expires in the form of RFC 850": [("Expires", "Thursday, 18-Aug-50 02:01:18 GMT"), ("Date", NOW)],
    "Expires in the form of asctime": [("Expires", "Thu Aug  8 02:01:18 2050"), ("Date", NOW)],
    "Age below max-age": [("Cache-Control", "max-age=3600"), ("Age", "1800")],
    "Age that is no number": [("Cache-Control", "max-age=3600"), ("Age", "7200.0")],
    "negative Age": [("Cache-Control", "max-age=3600"), ("Age", "-7200")],
    "first member of Age": [("Cache-Control", "max-age=3600"), ("Age", "0, 7200")],
    "must-revalidate while fresh": [("Cache-Control", "max-age=3600, must-revalidate")],
    "public": [("Cache-Control", "public, max-age=3600")],
    "immutable": [("Cache-Control", "max-age=3600, immutable")],
    "Pragma in a response means nothing": [("Cache-Control", "max-age=3600"), ("Pragma", "no-cache")],
    "a tenth of the time since it was modified": [("Last-Modified", LONG_AGO), ("Date", NOW)],
    "X-Accel-Expires": [("X-Accel-Expires", "60")],
    "X-Accel-Expires beats max-age=0": [("X-Accel-Expires", "60"), ("Cache-Control", "max-age=0")],
    "X-Accel-Expires beats no-store": [("X-Accel-Expires", "60"), ("Cache-Control", "no-store")],
    "X-Accel-Expires as a date": [("X-Accel-Expires", f"@{int(time.time()) + 3600}")],
}


@pytest.mark.parametrize("fields", REUSED.values(), ids=REUSED.keys())
def test_response_is_reused(origin, client, fields):
    fill(origin, client, fields)
    client.get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


NOT_REUSED = {
    "nothing said": [],
    "only a validator": [("ETag", '"1"')],
    "modified just now": [("Last-Modified", NOW), ("Date", NOW)],
    "no-store": [("Cache-Control", "no-store")],
    "no-store with max-age": [("Cache-Control", "max-age=3600, no-store")],
    "No-StOrE": [("Cache-Control", "No-StOrE"), ("Expires", FUTURE)],
    "no-store on a second line": [("Cache-Control", "max-age=3600"), ("Cache-Control", "no-store")],
    "private": [("Cache-Control", "private, max-age=3600")],
    "private with Expires": [("Cache-Control", "private"), ("Expires", FUTURE)],
    "no-cache": [("Cache-Control", "no-cache, max-age=3600")],
    "max-age=0": [("Cache-Control", "max-age=0")],
    "max-age=0 beats Expires": [("Cache-Control", "max-age=0"), ("Expires", FUTURE)],
    "s-maxage=0 beats max-age": [("Cache-Control", "max-age=3600, s-maxage=0")],
    "negative max-age": [("Cache-Control", "max-age=-3600")],
    "fraction as max-age": [("Cache-Control", "max-age=3600.5")],
    "letters in max-age": [("Cache-Control", "max-age=3600a")],
    "letters before max-age's number": [("Cache-Control", "max-age=a3600")],
    "single quotes": [("Cache-Control", "max-age='3600'")],
    "white space before the equals sign": [("Cache-Control", "max-age =3600")],
    "max-age inside a quoted string": [("Cache-Control", 'extension="max-age=3600", max-age=0')],
    "Age at max-age": [("Cache-Control", "max-age=3600"), ("Age", "3600")],
    "Age beyond max-age": [("Cache-Control", "max-age=3600"), ("Age", "7200")],
    "Age beyond all numbers": [("Cache-Control", "max-age=3600"), ("Age", "99999999999999999999")],
    "Date in the past": [("Cache-Control", "max-age=1800"), ("Date", PAST)],
    "Expires in the past": [("Expires", PAST), ("Date", NOW)],
    "Expires equal to Date": [("Expires", FUTURE), ("Date", FUTURE)],
    "Expires 0": [("Expires", "0"), ("Date", NOW)],
    "Expires that is no date": [("Expires", "tomorrow"), ("Date", NOW)],
    "Expires in a zone": [("Expires", "Thu, 18 Aug 2050 02:01:18 AEST"), ("Date", NOW)],
    "X-Accel-Expires 0": [("X-Accel-Expires", "0"), ("Cache-Control", "max-age=3600")],
    "X-Accel-Expires in the past": [("X-Accel-Expires", "@1000"), ("Cache-Control", "max-age=3600")],
}


@pytest.mark.parametrize("fields", NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_response_is_not_reused(origin, client, fields):
    fill(origin, client, fields)
    client.get("/a")
    origin.receive().expect("GET /a").reply(content="two")
    client.expect(200, content="two", cache_status=re.compile("^mcproxy; fwd="))


@pytest.mark.parametrize("status", [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 451, 500, 503])
def test_any_final_status_is_reused_with_explicit_freshness(origin, client, status):
    client.get("/a")
    origin.receive().reply(status, content="" if status == 204 else "one", cache_control="max-age=3600", location="/b")
    client.expect(status)
    client.get("/a").expect(status, cache_status=hit(), location="/b")
    origin.silent()


@pytest.mark.parametrize("status", [200, 299, 418, 499, 599, 600, 700, 999])
def test_any_status_passes_unchanged(origin, client, status):
    client.get("/a")
    origin.receive().reply(status, content="one")
    client.expect(status, content="one")


@pytest.mark.parametrize("status", [499, 502, 504, 599, 600, 999])
def test_unusual_status_is_reused_while_fresh_and_asked_for_when_stale(origin, client, status):
    for age, content in ((3600, "one"), (0, "two")):
        client.get("/a")
        origin.receive().reply(status, content=content, cache_control="max-age=3600", age=age)
        client.expect(status, content=content)
    client.get("/a").expect(status, content="two", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("status, control, reused", [(200, "max-age=60, no-store, must-understand", True),
                                                     (599, "max-age=60, no-store, must-understand", False)])
def test_must_understand(origin, client, status, control, reused):
    """RFC 9111 section 5.2.2.3."""
    client.get("/a")
    origin.receive().reply(status, content="one", cache_control=control)
    client.expect(status, content="one")
    client.get("/a")
    if not reused:
        origin.receive().reply(status, content="two")
    client.expect(status, content="one" if reused else "two")
    origin.silent()


def test_fresh_response_outlives_a_later_one_that_forbids_storing(origin, client):
    """RFC 9111 section 5.2.2.5."""
    fill(origin, client, [("Cache-Control", "max-age=60")])
    client.get("/a", cache_control="no-cache")
    origin.receive().reply(content="two", cache_control="no-store, max-age=0")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


def test_withheld_fields_are_left_out_of_a_reused_response(origin, client):
    """RFC 9111 section 5.2.2.4, the form with a list of fields."""
    fill(origin, client, [("Cache-Control", 'no-cache="a, B"'), ("Cache-Control", "max-age=60"), ("A", "1"), ("b", "2"), ("C", "3")])
    client.get("/a").expect(200, content="one", a=None, b=None, c="3", cache_status=hit())
    origin.silent()


def test_no_transform_leaves_content_and_coding(origin, client):
    """RFC 9111 sections 5.2.1.6 and 5.2.2.6: nothing is changed here anyway."""
    for _ in range(2):
        client.get("/a", cache_control="no-transform", accept_encoding="gzip, br")
        if not _:
            origin.receive().expect(accept_encoding="gzip, br").reply(content="x" * 5000, cache_control="no-transform, max-age=60",
                                                                      content_type="text/html")
        client.expect(200, content="x" * 5000, content_encoding=None, content_length=5000)


STALE_TAKEN = {
    "stale after a while": ("max-age=60", 61),
    "stale on arrival, without a validator": ("max-age=1500", 2000),
}


@pytest.mark.parametrize("control, age", STALE_TAKEN.values(), ids=STALE_TAKEN.keys())
def test_max_stale_of_a_request_takes_a_stale_response(origin, client, control, age):
    """RFC 9111 section 5.2.1.2."""
    fill(origin, client, [("Cache-Control", control), ("Age", str(age))])
    client.get("/a", cache_control="max-stale=1000").expect(200, content="one", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("status, fields", [(206, dict(content_range="bytes 0-2/10")), (304, {})], ids=["206", "304"])
def test_partial_and_not_modified_are_not_stored_as_whole(origin, client, status, fields):
    client.get("/a", range="bytes=0-2", if_none_match='"x"')
    origin.receive().reply(status, content="" if status == 304 else "one", cache_control="max-age=3600", **fields)
    client.expect(status)
    client.get("/a")
    origin.receive().reply(content="whole")
    client.expect(200, content="whole")


def test_age_is_sent_and_counts(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=3600", age=30)
    client.expect(200)
    client.get("/a").expect(200, age=re.compile("^3[0-2]$"), cache_status=hit(ttl=3570))


def test_age_of_a_new_entry_is_zero(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=3600")
    client.expect(200)
    client.get("/a").expect(200, age=re.compile("^[0-2]$"))


def test_age_of_a_forwarded_response_is_kept(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="no-store", age=30)
    client.expect(200, age=30)


def test_age_of_a_forwarded_response_is_what_the_origin_sent(origin, client):
    """RFC 9111 section 5.1: a Date that differs adds nothing to it."""
    client.get("/a")
    origin.receive().reply(content="one", cache_control="no-store", age=30, date=PAST)
    client.expect(200, age=30, date=PAST)
    client.get("/a")
    origin.receive().reply(content="one", cache_control="no-store", date=PAST)
    client.expect(200, age=None)


def test_age_grows(origin, proxy):
    old = formatdate(time.time() - 100, usegmt=True)
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=3600", date=old)
    client.expect(200)
    client.get("/a").expect(200, age=re.compile("^10[0-3]$"), date=old)


@pytest.mark.slow
def test_lifetime_ends(origin, proxy):
    lifetimes = iter(["max-age=1", "max-age=60"])
    origin.serve(lambda request: dict(content=str(origin.count), cache_control=next(lifetimes)))
    begin = time.monotonic()
    proxy.client().get("/a").expect(200, content="1")
    poll_until(lambda: proxy.client().get("/a").expect(200).content == b"2", "the end of the lifetime")
    assert time.monotonic() - begin > 0.5


@pytest.mark.config("proxy_cache_valid: {200: 60s, 404: 60s, any: 0}")
def test_cache_valid_gives_a_lifetime_by_status(origin, client):
    for status, target in ((200, "/a"), (404, "/b")):
        client.get(target)
        origin.receive().reply(status, content="one")
        client.expect(status)
        client.get(target).expect(status, content="one", cache_status=hit(ttl=60))
    client.get("/c")
    origin.receive().reply(500)
    client.expect(500)
    client.get("/c")
    origin.receive().reply(500)
    client.expect(500)


@pytest.mark.config("proxy_cache_valid: 60s")
def test_cache_valid_with_only_a_time_means_200_301_302(origin, client):
    for status in (200, 301, 302):
        client.get(f"/{status}")
        origin.receive().reply(status)
        client.expect(status)
        client.get(f"/{status}").expect(status, cache_status=hit(ttl=60))
    client.get("/404")
    origin.receive().reply(404)
    client.expect(404)
    client.get("/404")
    origin.receive().reply(404)
    client.expect(404)


@pytest.mark.config("proxy_cache_valid: {any: 60s}")
@pytest.mark.parametrize("fields", [dict(cache_control="no-store"), dict(cache_control="max-age=0"), dict(cache_control="private"),
                                    dict(x_accel_expires="0")], ids=["no-store", "max-age=0", "private", "X-Accel-Expires"])
def test_what_the_response_says_wins_over_cache_valid(origin, client, fields):
    for answer in ("one", "two"):
        client.get("/a")
        origin.receive().reply(content=answer, **fields)
        client.expect(200, content=answer)


@pytest.mark.config("proxy_cache: off")
def test_cache_off_forwards_everything(origin, client):
    for answer in ("one", "two"):
        client.get("/a")
        origin.receive().reply(content=answer, cache_control="max-age=60")
        client.expect(200, content=answer)
