"""Ranges of stored responses, and of what is fetched whole for the store (RFC 9110 section 14)."""
import re
import time
from email.utils import formatdate

import pytest

from harness.cache_status import STORED, hit

TEN = "0123456789"
MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"


def fill(origin, client, content=TEN, **fields):
    client.get("/a")
    origin.receive().reply(content=content, **{"cache_control": "max-age=60", "etag": '"1"', "last_modified": MODIFIED,
                                               "content_type": "text/x", **fields})
    client.expect(200, content=content)


SINGLE = {
    "first two": ("bytes=0-1", "01", "0-1"),
    "in the middle": ("bytes=3-5", "345", "3-5"),
    "open": ("bytes=7-", "789", "7-9"),
    "suffix": ("bytes=-4", "6789", "6-9"),
    "suffix longer than all": ("bytes=-40", TEN, "0-9"),
    "end beyond the last": ("bytes=8-99999999999999999999999", "89", "8-9"),
    "all of it": ("bytes=0-", TEN, "0-9"),
    "unit in capitals": ("BYTES=0-0", "0", "0-0"),
    "one of two lies beyond the end": ("bytes=50-60, 1-2", "12", "1-2"),
}


@pytest.mark.parametrize("asked, content, place", SINGLE.values(), ids=SINGLE.keys())
def test_range_of_a_stored_response(origin, client, asked, content, place):
    fill(origin, client, x_test="kept", content_location="/b")
    client.get("/a", range=asked).expect(206, content=content, content_range=f"bytes {place}/10", content_length=len(content),
                                         x_test="kept", etag='"1"', last_modified=MODIFIED, content_location="/b",
                                         content_type="text/x", cache_control="max-age=60", age=re.compile("^[0-2]$"),
                                         date=re.compile("GMT"), cache_status=hit(ttl=60))
    client.get("/a").expect(200, content=TEN)
    origin.silent()


IGNORED = {
    "other unit": "items=0-1",
    "no number": "bytes=a-b",
    "no dash": "bytes=1",
    "last before first": "bytes=5-3",
    "one of two is not valid": "bytes=0-1, x",
    "no range": "bytes=",
    "overlapping": "bytes=0-5, 3-8",
    "too many": "bytes=" + ",".join(f"{i}-{i}" for i in range(0, 34, 2)),
}


@pytest.mark.parametrize("asked", IGNORED.values(), ids=IGNORED.keys())
def test_range_that_is_not_understood_is_ignored(origin, client, asked):
    fill(origin, client, content=TEN * 10)
    client.get("/a", range=asked).expect(200, content=TEN * 10, content_range=None, cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20, 30-", "bytes=-0"])
def test_range_beyond_the_end_is_refused(origin, client, asked):
    fill(origin, client)
    client.get("/a", range=asked).expect(416, content="", content_range="bytes */10", content_type=None, cache_control=None,
                                         cache_status=hit())
    client.get("/a").expect(200, content=TEN)
    origin.silent()


def parts_of(response):
    boundary = re.fullmatch(r"multipart/byteranges; boundary=([0-9a-f]+)", response.fields.get("content-type")).group(1)
    assert response.fields.get("content-range") is None
    assert int(response.fields.get("content-length")) == len(response.content)
    pieces = (b"\r\n" + response.content).split(b"\r\n--" + boundary.encode())
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n"
    return [tuple(piece.decode().split("\r\n\r\n")) for piece in pieces[1:-1]]


def test_several_ranges_are_sent_as_multipart(origin, client):
    fill(origin, client)
    parts = parts_of(client.get("/a", range="bytes=0-1,-2 , ,4-5").expect(206, etag='"1"', cache_status=hit()))
    assert parts == [(f"\r\nContent-Type: text/x\r\nContent-Range: bytes {place}/10", content)
                     for place, content in (("0-1", "01"), ("8-9", "89"), ("4-5", "45"))]
    client.get("/a").expect(200, content=TEN)


def test_large_parts_arrive_whole(origin, client):
    content = "".join(f"{i:07}\n" for i in range(100000))
    fill(origin, client, content=content)
    asked = [(i * 50000, i * 50000 + 39999) for i in range(16)]
    parts = parts_of(client.get("/a", range="bytes=" + ",".join(f"{a}-{b}" for a, b in asked)).expect(206))
    assert [part for _, part in parts] == [content[a:b + 1] for a, b in asked]
    client.get("/a", range="bytes=100-").expect(206, content=content[100:])


def test_empty_content_has_no_ranges(origin, client):
    fill(origin, client, content="")
    client.get("/a", range="bytes=0-").expect(416, content_range="bytes */0")
    client.get("/a", range="bytes=-5").expect(200, content="")


def test_head_ignores_range(origin, client):
    fill(origin, client)
    client.head("/a", range="bytes=0-1").expect(200, content_length=10, content_range=None)


def test_only_a_200_has_ranges(origin, client):
    client.get("/a")
    origin.receive().reply(404, content=TEN, cache_control="max-age=60")
    client.expect(404)
    client.get("/a", range="bytes=0-1").expect(404, content=TEN, cache_status=hit())


HOLDS = {"its tag": '"1"', "its date": MODIFIED, "its date in the form of RFC 850": "Thursday, 01-Jan-26 00:00:00 GMT"}
FAILS = {"other tag": '"2"', "weak form of its tag": 'W/"1"', "list of tags": '"1", "2"', "tag without quotes": "1",
         "later date": "Fri, 02 Jan 2026 00:00:00 GMT", "earlier date": "Wed, 31 Dec 2025 00:00:00 GMT"}


@pytest.mark.parametrize("condition", HOLDS.values(), ids=HOLDS.keys())
def test_if_range_that_holds_gives_the_range(origin, client, condition):
    fill(origin, client)
    client.get("/a", range="bytes=0-1", if_range=condition).expect(206, content="01")


@pytest.mark.parametrize("condition", FAILS.values(), ids=FAILS.keys())
def test_if_range_that_fails_gives_the_whole(origin, client, condition):
    fill(origin, client)
    client.get("/a", range="bytes=0-1", if_range=condition).expect(200, content=TEN)


def test_if_range_wants_strong_validators(origin, client):
    now = formatdate(time.time(), usegmt=True)
    fill(origin, client, etag='W/"1"', last_modified=now, date=now)
    client.get("/a", range="bytes=0-1", if_range='W/"1"').expect(200, content=TEN)
    client.get("/a", range="bytes=0-1", if_range=now).expect(200, content=TEN)


def test_other_conditions_come_before_the_range(origin, client):
    """RFC 9110 section 13.2.2."""
    fill(origin, client)
    client.get("/a", range="bytes=0-1", if_none_match='"1"').expect(304, content_range=None)
    client.get("/a", range="bytes=0-1", if_match='"2"').expect(412)
    client.get("/a", range="bytes=0-1", if_none_match='"2"', if_range='"1"').expect(206, content="01")


def test_stale_response_is_validated_and_then_ranged(origin, client):
    fill(origin, client, age=100)
    client.get("/a", range="bytes=0-1")
    origin.receive().expect(if_none_match='"1"', range=None).reply(304, cache_control="max-age=60")
    client.expect(206, content="01", content_range="bytes 0-1/10")
    client.get("/a", range="bytes=-1").expect(206, content="9", cache_status=hit())


def test_range_of_a_replaced_response_is_of_the_new_one(origin, client):
    fill(origin, client, age=100)
    client.get("/a", range="bytes=0-1", if_range='"1"')
    origin.receive().expect(if_none_match='"1"', range=None, if_range=None).reply(content="abcdef", cache_control="max-age=60", etag='"2"')
    client.expect(200, content="abcdef")
    client.get("/a", range="bytes=0-1", if_range='"2"').expect(206, content="ab", cache_status=hit())


def ranges_are_answered(tier):
    tier.fill(content=TEN, cache_control="max-age=60", etag='"1"', x_test="kept")
    for asked, content, place in SINGLE.values():
        tier.get(range=asked).expect(206, content=content, content_range=f"bytes {place}/10", x_test="kept", etag='"1"', cache_status=hit())
    tier.origin.silent()


def test_range_out_of_the_pool(tier):
    ranges_are_answered(tier)


@pytest.mark.config("proxy_cache_max_range_offset: 0")
def test_range_that_would_be_passed_on_is_looked_for_in_the_pool(tier):
    ranges_are_answered(tier)


@pytest.mark.config("proxy_cache_max_range_offset: 0")
@pytest.mark.parametrize("status, content, answer", [(304, "", "01"), (206, "ab", "ab")])
def test_range_of_a_stale_response_out_of_the_pool(tier, status, content, answer):
    tier.fill(content=TEN, cache_control="max-age=60", age=61, etag='"1"')
    tier.get(range="bytes=0-1")
    tier.origin.receive().expect(if_none_match='"1"').reply(status, content=content, content_range="bytes 0-1/6" if status == 206 else None)
    tier.asker.expect(206, content=answer)


# ---- nothing stored

def test_range_on_a_miss_is_cut_out_of_the_whole(origin, client):
    client.get("/a", range="bytes=2-5", if_range='"1"')
    origin.receive().expect("GET /a", range=None, if_range=None).reply(content=TEN, cache_control="max-age=60", etag='"1"',
                                                                        content_range="bytes 7-8/9")
    client.expect(206, content="2345", content_range="bytes 2-5/10", content_length=4, etag='"1"', cache_status=STORED)
    client.get("/a").expect(200, content=TEN, cache_status=hit())


def test_range_is_sent_before_the_rest_has_come(origin, client):
    client.get("/a", range="bytes=0-1")
    request = origin.receive()
    request.reply_head(cache_control="max-age=60", content_length=10)
    request.send(b"0123")
    client.expect(206, content="01")
    request.send(b"456789")
    client.get("/a").expect(200, content=TEN)
    origin.silent()


def test_range_beyond_the_end_of_what_arrives_is_refused(origin, client):
    client.get("/a", range="bytes=10-")
    origin.receive().reply(content=TEN, cache_control="max-age=60", content_type="text/x")
    client.expect(416, content="", content_range="bytes */10", content_type=None, cache_control=None)
    client.get("/a").expect(200, content=TEN, cache_status=hit())


def test_waiting_request_gets_its_own_range(proxy, origin):
    first, second = proxy.client().get("/a"), proxy.client()
    request = origin.receive()
    request.reply_head(cache_control="max-age=60", content_length=10)
    first.expect_head(200)
    second.get("/a", range="bytes=7-")
    request.send(TEN.encode())
    second.expect(206, content="789")
    first.expect_rest(content=TEN)


def test_content_of_unknown_length_is_sent_whole(origin, client):
    client.get("/a", range="bytes=0-1")
    request = origin.receive().expect(range=None)
    request.reply_head(chunked=True, cache_control="max-age=60")
    request.chunk(b"01234")
    client.expect_head(200, content_range=None)
    request.chunk(b"56789")
    request.last_chunk()
    client.expect_rest(content=TEN)
    client.get("/a", range="bytes=0-1").expect(206, content="01", cache_status=hit())


@pytest.mark.config("proxy_cache_max_range_offset: 4")
@pytest.mark.parametrize("asked", ["bytes=4-5", "bytes=-2", "bytes=0-1,6-7", "items=1", "bytes=x"])
def test_range_beyond_the_offset_goes_to_the_origin(origin, client, asked):
    client.get("/a", range=asked, if_range='"1"')
    origin.receive().expect(range=asked, if_range='"1"').reply(206, content="45", content_range="bytes 4-5/10", cache_control="max-age=60")
    client.expect(206, content="45", content_range="bytes 4-5/10")
    client.get("/a", range="bytes=3-4")
    origin.receive().expect(range=None).reply(content=TEN, cache_control="max-age=60")
    client.expect(206, content="34")


@pytest.mark.config("proxy_cache_max_range_offset: 0")
def test_offset_of_zero_passes_every_range(origin, client):
    client.get("/a", range="bytes=0-1")
    origin.receive().expect(range="bytes=0-1").reply(206, content="01", content_range="bytes 0-1/10", cache_control="max-age=60")
    client.expect(206, content="01")


@pytest.mark.config("proxy_cache_min_uses: 2")
def test_range_of_what_is_not_to_be_stored_goes_to_the_origin(origin, client):
    client.get("/a", range="bytes=0-1")
    origin.receive().expect(range="bytes=0-1").reply(206, content="01", content_range="bytes 0-1/10")
    client.expect(206, content="01")


# ---- directives

@pytest.mark.config("max_ranges: 2")
def test_max_ranges_bounds_them(origin, client):
    fill(origin, client)
    client.get("/a", range="bytes=0-0,2-2").expect(206)
    client.get("/a", range="bytes=0-0,2-2,4-4").expect(200, content=TEN)


@pytest.mark.config("max_ranges: 0")
def test_max_ranges_of_zero_ignores_ranges(origin, client):
    fill(origin, client)
    client.get("/a", range="bytes=0-0").expect(200, content=TEN)


@pytest.mark.config("proxy_force_ranges: off")
def test_without_force_ranges_the_response_has_to_accept_them(origin, client):
    for i, (accept, status) in enumerate([(None, 200), ("none", 200), ("bytes", 206), ("items, Bytes", 206)]):
        fields = {"accept_ranges": accept} if accept else {}
        client.get(f"/{i}")
        origin.receive().reply(content=TEN, cache_control="max-age=60", **fields)
        client.expect(200)
        client.get(f"/{i}", range="bytes=0-1").expect(status, accept_ranges=accept)
