"""Cache-Control of responses: what may be reused, and for how long (RFC 9111 sections 4.2.1, 5.2 and 5.2.2). Age comes from the Age
field, so that no test waits."""
import time

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until
from harness.reuse import NOW, At, expect_asked, expect_reused, fill


def control(*lines, **more):
    """Field lines: several of Cache-Control, others by keyword."""
    return [("Cache-Control", line) for line in lines] + list(more.items())


REUSED = {
    "5.2.2.1: max-age": control("max-age=3600"),
    "5.2.2.1: max-age with Date": control("max-age=3600", Date=NOW),
    "5.2.2.1: Age below it": control("max-age=3600", Age="1800"),
    "1.2.2: 2147483647 seconds": control("max-age=2147483647"),
    "1.2.2: 2147483648 seconds": control("max-age=2147483648"),
    "1.2.2: 2147483649 seconds": control("max-age=2147483649"),
    "1.2.2: 99999999999 seconds": control("max-age=99999999999"),
    "1.2.2: beyond 64 bits": control("max-age=99999999999999999999999"),
    "1.2.2: leading zeros": control("max-age=003600"),
    "5.2.2.10: s-maxage alone": control("s-maxage=3600"),
    "5.2.2.10: long s-maxage beats max-age": control("max-age=1, s-maxage=3600", Age="10"),
    "5.2.2.10: long s-maxage in front": control("s-maxage=3600, max-age=1", Age="10"),
    "5.2.2.10: long s-maxage on a second line": control("max-age=1", "s-maxage=3600", Age="10"),
    "5.2.2.10: s-maxage beats max-age=0 and a past Expires": control("max-age=0, s-maxage=3600", Expires=At(-3600)),
    "5.3: max-age beats a past Expires": control("max-age=3600", Expires=At(-3600)),
    "5.3: max-age beats Expires 0": control("max-age=3600", Expires="0"),
    "5.2: names in any case": control("MaX-aGe=3600"),
    "5.2: quoted argument": control('max-age="3600"'),
    "5.2: on a second line": control("public", "max-age=3600"),
    "5.2: empty members": control(", ,max-age=3600,,"),
    "5.2: tabs and spaces between members": control("public\t ,\t max-age=3600 \t"),
    "5.2: no space between members": control("public,max-age=3600"),
    "5.2.3: unknown directive in front": control("foobar, max-age=3600"),
    "5.2.3: unknown directive behind": control("max-age=3600, foobar=x"),
    "5.2.3: unknown directive on its own line": control("foobar", "max-age=3600"),
    "5.2.3: unknown directive with words that would count": control('max-age=3600, foobar="no-store, private"'),
    "4.2.1: the first of two": control("max-age=3600, max-age=1", Age="3"),
    "4.2.1: the first of two lines": control("max-age=3600", "max-age=1", Age="3"),
    "5.2.2.2: must-revalidate while fresh": control("max-age=3600, must-revalidate"),
    "5.2.2.8: proxy-revalidate while fresh": control("max-age=3600, proxy-revalidate"),
    "5.2.2.9: public": control("public, max-age=3600"),
    "RFC 6266: an attachment": control("max-age=3600") + [("Content-Disposition", "attachment; filename=x")],
    "8246: immutable": control("max-age=3600, immutable"),
    "5.2.1.2: directives of requests mean nothing": control("max-age=3600, min-fresh=9999, only-if-cached"),
    "nginx: X-Accel-Expires": [("X-Accel-Expires", "60")],
    "nginx: X-Accel-Expires beats max-age=0": control("max-age=0") + [("X-Accel-Expires", "60")],
    "nginx: X-Accel-Expires beats no-store": control("no-store") + [("X-Accel-Expires", "60")],
    "nginx: X-Accel-Expires as a date": [("X-Accel-Expires", f"@{int(time.time()) + 3600}")],
    "nginx: X-Accel-Expires counts from receipt": [("X-Accel-Expires", "60"), ("Age", "7200")],
}


@pytest.mark.parametrize("fields", REUSED.values(), ids=REUSED.keys())
def test_response_is_reused(origin, client, fields):
    fill(origin, client, fields)
    expect_reused(origin, client)


NOT_REUSED = {
    "4.2: nothing said": [],
    "4.2: only a validator": [("ETag", '"1"')],
    "5.2.3: only unknown directives": control("foobar, x=y"),
    "5.2.2.9: public without a lifetime": control("public"),
    "5.2.2.1: older than max-age": control("max-age=2", Age="3"),
    "5.2.2.1: max-age=0": control("max-age=0"),
    "5.3: max-age=0 beats a future Expires": control("max-age=0", Expires=At(3600)),
    "4.2.1: negative max-age": control("max-age=-3600"),
    "4.2.1: max-age=3600.0": control("max-age=3600.0"),
    "4.2.1: max-age=3600.5": control("max-age=3600.5"),
    "4.2.1: max-age=a3600": control("max-age=a3600"),
    "4.2.1: max-age=3600a": control("max-age=3600a"),
    "4.2.1: max-age without a number": control("max-age="),
    "4.2.1: a semicolon for a comma": control("max-age=3600; public"),
    "4.2.1: the first of two": control("max-age=1, max-age=3600", Age="3"),
    "4.2.1: the first of two lines": control("max-age=1", "max-age=3600", Age="3"),
    "4.2.1: unusable s-maxage": control("max-age=3600, s-maxage=x"),
    "5.2: single quotes": control("max-age='3600'"),
    "5.2: white space before the equals sign": control("max-age =3600"),
    "5.2: white space behind the equals sign": control("max-age= 3600"),
    "5.6.4: in a quoted string in front": control('extension="max-age=3600", max-age=1', Age="3"),
    "5.6.4: in a quoted string behind": control('max-age=1, extension="max-age=3600"', Age="3"),
    "5.6.4: in a quoted string alone": control('extension="a, max-age=3600"'),
    "5.2.2.10: short s-maxage beats max-age": control("max-age=3600, s-maxage=1", Age="3"),
    "5.2.2.10: short s-maxage in front": control("s-maxage=1, max-age=3600", Age="3"),
    "5.2.2.10: short s-maxage on a second line": control("max-age=3600", "s-maxage=1", Age="3"),
    "5.2.2.10: short s-maxage on a first line": control("s-maxage=1", "max-age=3600", Age="3"),
    "5.2.2.10: s-maxage=0": control("max-age=3600, s-maxage=0"),
    "5.2.2.5: no-store": control("no-store"),
    "5.2.2.5: No-StOrE": control("No-StOrE", Expires=At(3600)),
    "5.2.2.5: no-store with max-age": control("max-age=3600, no-store"),
    "5.2.2.5: no-store with max-age and Expires": control("no-store, max-age=3600", Expires=At(3600)),
    "5.2.2.5: no-store on a second line": control("max-age=3600", "no-store"),
    "5.2.2.7: private": control("private, max-age=3600"),
    "5.2.2.7: private with Expires": control("private", Expires=At(3600)),
    "5.2.2.7: private with s-maxage": control("private, s-maxage=3600"),
    "5.2.2.7: private with a list of fields": control('private="x-mine", max-age=3600'),
    "5.2.2.4: no-cache": control("no-cache"),
    "5.2.2.4: no-cache with max-age": control("no-cache, max-age=3600"),
    "5.2.2.4: No-CaChE with max-age": control("No-CaChE, max-age=3600"),
    "5.2.2.4: no-cache with Expires": control("no-cache", Expires=At(3600)),
    "5.2.2.4: no-cache with max-age and Expires": control("max-age=3600, no-cache", Expires=At(3600)),
    "nginx: X-Accel-Expires 0": control("max-age=3600") + [("X-Accel-Expires", "0")],
    "nginx: X-Accel-Expires in the past": control("max-age=3600") + [("X-Accel-Expires", "@1000")],
}


@pytest.mark.parametrize("fields", NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_response_is_not_reused(origin, client, fields):
    fill(origin, client, fields)
    expect_asked(origin, client)


@pytest.mark.parametrize("later", ["no-store", "no-store, max-age=0", "private", "No-Store, max-age=60"])
def test_fresh_response_outlives_a_later_one_that_forbids_storing(origin, client, later):
    """RFC 9111 section 5.2.2.5."""
    fill(origin, client, control("max-age=60"))
    client.get("/a", cache_control="no-cache")
    origin.receive().reply(content="two", cache_control=later)
    client.expect(200, content="two")
    expect_reused(origin, client)


@pytest.mark.parametrize("before", [control("no-store"), control("private, max-age=60"), control("max-age=0"), control("max-age=60", Vary="*"), []],
                         ids=["no-store", "private", "max-age=0", "Vary: *", "nothing"])
def test_response_that_may_be_stored_is_although_the_one_before_was_not(origin, client, before):
    fill(origin, client, before)
    fill(origin, client, control("max-age=60"))
    expect_reused(origin, client)


@pytest.mark.parametrize("fields", [control("no-cache"), control("no-cache, max-age=3600"), control("NO-CACHE", "max-age=3600"),
                                    control("no-cache", Expires=At(3600)), control("max-age=0"), control("max-age=0, must-revalidate")],
                         ids=["no-cache", "with max-age", "in upper case", "with Expires", "max-age=0", "max-age=0, must-revalidate"])
def test_response_is_stored_and_validated_before_each_use(origin, client, fields):
    """RFC 9111 section 5.2.2.4."""
    fill(origin, client, fields + [("ETag", '"1"')])
    for _ in range(2):
        client.get("/a")
        origin.receive().expect("GET /a", if_none_match='"1"').reply(304)
        client.expect(200, content="one", etag='"1"')
    expect_asked(origin, client, if_none_match='"1"')


WITHHELD = {
    "one field": control('no-cache="a"', "max-age=60"),
    "two fields": control('no-cache="a, B"', "max-age=60"),
    "on the same line": control('max-age=60, no-cache="b,a"'),
    "a token": control("no-cache=a, max-age=60"),
    "two lists": control('no-cache="b", max-age=60', 'no-cache="A"'),
}


@pytest.mark.parametrize("fields", WITHHELD.values(), ids=WITHHELD.keys())
def test_withheld_fields_are_left_out_of_a_reused_response(origin, client, fields):
    """RFC 9111 section 5.2.2.4, the form with a list of fields."""
    fill(origin, client, fields + [("A", "1"), ("a", "2"), ("C", "3")])
    expect_reused(origin, client, a=None, c="3")


@pytest.mark.parametrize("control_of", ['no-cache="set-cookie", max-age=60', "max-age=60, no-cache=Set-Cookie"])
def test_cookie_that_is_withheld_does_not_keep_the_rest_from_being_reused(origin, client, control_of):
    """RFC 9111 section 5.2.2.4."""
    fill(origin, client, control(control_of) + [("Set-Cookie", "id=1")])
    expect_reused(origin, client, set_cookie=None)


def test_no_transform_leaves_content_and_coding(origin, client):
    """RFC 9111 sections 5.2.1.6 and 5.2.2.6: nothing is changed here anyway."""
    for _ in range(2):
        client.get("/a", cache_control="no-transform", accept_encoding="gzip, br")
        if not _:
            origin.receive().expect(accept_encoding="gzip, br").reply(content="x" * 5000, cache_control="no-transform, max-age=60",
                                                                      content_type="text/html")
        client.expect(200, content="x" * 5000, content_encoding=None, content_length=5000)


@pytest.mark.parametrize("status, fields", [(206, dict(content_range="bytes 0-2/10")), (304, {})], ids=["206", "304"])
def test_partial_and_not_modified_are_not_stored_as_whole(origin, client, status, fields):
    client.get("/a", range="bytes=0-2", if_none_match='"x"')
    origin.receive().reply(status, content="" if status == 304 else "one", cache_control="max-age=3600", **fields)
    client.expect(status)
    client.get("/a")
    origin.receive().reply(content="whole")
    client.expect(200, content="whole")


@pytest.mark.slow
def test_lifetime_ends(origin, proxy):
    """Until then it is fresh, however near the end is."""
    lifetimes = iter(["max-age=1", "max-age=60"])
    origin.serve(lambda request: dict(content=str(origin.count), cache_control=next(lifetimes)))
    begin = time.monotonic()
    client = proxy.client()
    client.get("/a").expect(200, content="1")
    poll_until(lambda: client.get("/a").expect(200).content == b"2", "the end of the lifetime")
    assert time.monotonic() - begin > 0.5
    proxy.counted(cache_stale=0, cache_expired=1)


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
