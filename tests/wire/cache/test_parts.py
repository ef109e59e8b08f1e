"""Parts of responses: stored, reused, completed (RFC 9111 sections 3.3 and 3.4)."""
import pytest

from harness.cache_status import STORED, hit

TEN = "0123456789"
PASS = "proxy_cache_max_range_offset: 0"
FRESH = {"cache_control": "max-age=60", "etag": '"1"'}


def part(origin, client, asked, first, last, total=10, content=None, **fields):
    """A 206 of the origin to a range that is passed on."""
    client.get("/a", range=asked)
    content = TEN[first:last + 1] if content is None else content
    origin.receive().expect(range=asked).reply(206, content=content, **{**FRESH, "content_range": f"bytes {first}-{last}/{total}", **fields})
    return client.expect(206, content=content)


def reused(origin, client, asked, first, last):
    client.get("/a", range=asked).expect(206, content=TEN[first:last + 1], content_range=f"bytes {first}-{last}/10",
                                         content_length=last - first + 1, etag='"1"', cache_status=hit())


def passed(origin, client, asked):
    client.get("/a", range=asked)
    origin.receive().expect(range=asked).reply(200, content="other")
    client.expect(200, content="other")


@pytest.mark.parametrize("asked, first, last", [
    ("bytes=-5", 5, 9), ("bytes=5-9", 5, 9), ("bytes=6-7", 6, 7), ("bytes=5-", 5, 9), ("bytes=8-", 8, 9), ("bytes=-2", 8, 9), ("bytes=7-99", 7, 9)])
@pytest.mark.config(PASS)
def test_stored_suffix_answers_what_lies_within(origin, client, asked, first, last):
    """RFC 9111 section 3.3."""
    part(origin, client, "bytes=-5", 5, 9, x_test="kept")
    reused(origin, client, asked, first, last)
    origin.silent()


@pytest.mark.parametrize("asked", ["bytes=4-6", "bytes=0-", "bytes=-6", "bytes=5-6,8-9", "bytes=10-"])
@pytest.mark.config(PASS)
def test_what_lies_beyond_goes_to_the_origin(origin, client, asked):
    part(origin, client, "bytes=-5", 5, 9)
    passed(origin, client, asked)


@pytest.mark.config(PASS)
@pytest.mark.parametrize("fields", [
    {"cache_control": "no-store"}, {"cache_control": "private"}, {"vary": "Foo"}, {"content_range": "bytes 5-8/10"},
    {"content_range": "bytes 5-9/*"}, {"content_range": "bytes 5-9/9"}, {"content_range": "bytes 9-5/10"}, {"content_range": "items 5-9/10"},
    {"content_range": None}, {"cache_control": "max-age=0"}], ids=str)
def test_part_that_is_not_stored_or_not_fresh(origin, client, fields):
    part(origin, client, "bytes=-5", 5, 9, **fields)
    passed(origin, client, "bytes=-5")


@pytest.mark.config(PASS)
@pytest.mark.parametrize("tag", [None, 'W/"1"'])
def test_part_without_a_strong_validator_answers_and_is_never_completed(origin, client, tag):
    """RFC 9111 sections 3.3 and 3.4."""
    part(origin, client, "bytes=0-4", 0, 4, etag=tag)
    client.get("/a", range="bytes=1-2").expect(206, content="12", etag=tag, cache_status=hit())
    client.get("/a")
    origin.receive().expect(range=None, if_range=None).reply(content=TEN, **FRESH)
    client.expect(200, content=TEN)


@pytest.mark.config(PASS)
@pytest.mark.parametrize("asked, status", [({"if_none_match": '"1"'}, 304), ({"if_match": '"2"'}, 412), ({"if_none_match": '"2"'}, 206)], ids=str)
def test_conditions_are_answered_by_a_part(origin, client, asked, status):
    """RFC 9111 section 4.3.2."""
    part(origin, client, "bytes=0-4", 0, 4)
    client.get("/a", range="bytes=0-1", **asked).expect(status, content="01" if status == 206 else None, cache_status=hit())
    origin.silent()


@pytest.mark.config(PASS)
def test_if_range_decides_over_a_part(origin, client):
    part(origin, client, "bytes=-5", 5, 9)
    client.get("/a", range="bytes=-5", if_range='"1"').expect(206, content="56789", cache_status=hit())
    client.get("/a", range="bytes=-5", if_range='"2"')
    origin.receive().expect(range="bytes=-5", if_range='"2"').reply(200, content=TEN)
    client.expect(200, content=TEN)


@pytest.mark.config(PASS)
def test_a_get_asks_for_the_rest_only(origin, client):
    """RFC 9111 section 3.4."""
    part(origin, client, "bytes=0-4", 0, 4, x_old="old", x_both="old")
    client.get("/a")
    origin.receive().expect(range="bytes=5-", if_range='"1"').reply(206, content="56789", content_range="bytes 5-9/10", x_both="new", **FRESH)
    client.expect(200, content=TEN, content_length=10, content_range=None, x_old="old", x_both="new", cache_status=STORED)
    client.get("/a").expect(200, content=TEN, content_range=None, etag='"1"', x_old="old", cache_status=hit())
    origin.silent()


@pytest.mark.config(PASS)
def test_who_waits_for_the_rest_gets_the_whole(origin, proxy, client):
    part(origin, client, "bytes=0-4", 0, 4)
    clients = [proxy.client().get("/a") for _ in range(3)]
    origin.receive().expect(range="bytes=5-").reply(206, content="56789", content_range="bytes 5-9/10", **FRESH)
    for one in clients:
        one.expect(200, content=TEN)


@pytest.mark.config(PASS)
def test_another_200_replaces_the_part(origin, client):
    part(origin, client, "bytes=0-4", 0, 4)
    client.get("/a")
    origin.receive().expect(range="bytes=5-", if_range='"1"').reply(content="changed", cache_control="max-age=60", etag='"2"')
    client.expect(200, content="changed")
    client.get("/a").expect(200, content="changed", cache_status=hit())


@pytest.mark.config(PASS)
@pytest.mark.parametrize("status, fields", [
    (206, {"content_range": "bytes 5-9/10", "etag": '"2"'}), (206, {"content_range": "bytes 4-8/10"}), (206, {"content_range": "bytes 5-9/11"}),
    (206, {"content_range": None}), (206, {"content_range": "bytes 5-9/10", "etag": None}), (416, {"content_range": "bytes */4"})], ids=str)
def test_rest_that_does_not_fit_is_asked_for_whole(origin, client, status, fields):
    part(origin, client, "bytes=0-4", 0, 4)
    client.get("/a")
    origin.receive().expect(range="bytes=5-").reply(status, content="56789", **{**FRESH, **fields})
    origin.receive().expect(range=None, if_range=None).reply(content=TEN, **FRESH)
    client.expect(200, content=TEN)
    client.get("/a").expect(200, content=TEN, cache_status=hit())


@pytest.mark.config(PASS)
def test_error_instead_of_the_rest_is_the_answer(origin, client):
    part(origin, client, "bytes=0-4", 0, 4)
    client.get("/a")
    origin.receive().expect(range="bytes=5-").reply(404, content="gone")
    client.expect(404, content="gone")


@pytest.mark.config(PASS)
def test_rest_that_breaks_off_shows(origin, client):
    part(origin, client, "bytes=0-4", 0, 4)
    client.get("/a")
    request = origin.receive()
    request.reply_head(206, content_range="bytes 5-9/10", length=5, **FRESH)
    request.send("56")
    request.close()
    client.expect_truncated(200, content="0123456")


def test_fill_that_breaks_off_is_completed(origin, proxy, client):
    client.get("/a")
    request = origin.receive()
    request.reply_head(200, length=10, **FRESH)
    request.send("012")
    request.close()
    client.expect_truncated(200, content="012")
    again = proxy.client().get("/a")
    origin.receive().expect(range="bytes=3-", if_range='"1"').reply(206, content="3456789", content_range="bytes 3-9/10", **FRESH)
    again.expect(200, content=TEN)
    proxy.client().get("/a").expect(200, content=TEN, cache_status=hit())


@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_fill_that_breaks_off_without_a_strong_validator_is_asked_for_whole(origin, proxy, client, etag):
    client.get("/a")
    request = origin.receive()
    request.reply_head(200, length=10, **{**FRESH, "etag": etag})
    request.send("012")
    request.close()
    client.expect_truncated(200, content="012")
    again = proxy.client().get("/a")
    origin.receive().expect(range=None).reply(content=TEN)
    again.expect(200, content=TEN)


@pytest.mark.config(PASS)
def test_change_of_the_uri_forgets_its_part(origin, client):
    part(origin, client, "bytes=0-4", 0, 4)
    client.post("/a", "x")
    origin.receive().reply(200)
    client.expect(200)
    passed(origin, client, "bytes=0-4")


# ---- without a directive

def stored_part(tier, asked, content, place):
    tier.fill(asked={"range": asked}, status=206, content=content, content_range=f"bytes {place}/10", x_test="kept", **FRESH)


@pytest.mark.parametrize("asked, content, place, again, part", [
    ("bytes=-5", "56789", "5-9", "bytes=-5", "56789"), ("bytes=-5", "56789", "5-9", "bytes=6-8", "678"), ("bytes=-5", "56789", "5-9", "bytes=6-", "6789"),
    ("bytes=-5", "56789", "5-9", "bytes=-1", "9"), ("bytes=0-4", "01234", "0-4", "bytes=0-4", "01234"), ("bytes=0-4", "01234", "0-4", "bytes=1-2", "12")])
def test_part_that_came_unasked_answers_as_well(origin, client, asked, content, place, again, part):
    """RFC 9111 section 3.3: also of an origin that was asked for the whole."""
    client.get("/a", range=asked)
    origin.receive().reply(206, content=content, content_range=f"bytes {place}/10", x_test="kept", **FRESH)
    client.expect(206, content=content, content_range=f"bytes {place}/10")
    client.get("/a", range=again).expect(206, content=part, x_test="kept", cache_status=hit())
    origin.silent()


def test_part_that_came_unasked_is_completed(origin, client):
    """RFC 9111 section 3.4."""
    client.get("/a", range="bytes=0-4")
    origin.receive().reply(206, content=TEN[:5], content_range="bytes 0-4/10", x_test="kept", **FRESH)
    client.expect(206, content=TEN[:5])
    client.get("/a")
    origin.receive().expect(range="bytes=5-", if_range='"1"').reply(206, content=TEN[5:], content_range="bytes 5-9/10", **FRESH)
    client.expect(200, content=TEN, x_test="kept", content_range=None)
    client.get("/a").expect(200, content=TEN, cache_status=hit())


def test_part_that_came_unasked_is_for_who_asked_alone(origin, proxy):
    first, second = proxy.client().get("/a", range="bytes=0-4"), proxy.client()
    request = origin.receive()
    second.get("/a")
    origin.silent()
    request.reply(206, content=TEN[:5], content_range="bytes 0-4/10", **FRESH)
    first.expect(206, content=TEN[:5])
    origin.receive().expect("GET /a").reply(content=TEN, **FRESH)
    second.expect(200, content=TEN)


# ---- in the pool

@pytest.mark.parametrize("again, part", [("bytes=-5", "56789"), ("bytes=6-8", "678"), ("bytes=6-", "6789"), ("bytes=-1", "9")])
@pytest.mark.config(PASS)
def test_part_of_another_proxy_answers_a_range_that_would_be_passed_on(tier, again, part):
    stored_part(tier, "bytes=-5", "56789", "5-9")
    tier.get(range=again).expect(206, content=part, x_test="kept", cache_status=hit())
    tier.fetch(tier.asker, asked={"range": "bytes=3-8"}, seen={"range": "bytes=3-8"}, content=TEN, **FRESH)
    tier.filler.get("/a", range=again).expect(206, content=part)


@pytest.mark.config(PASS)
def test_change_at_another_proxy_forgets_the_part(tier):
    """RFC 9111 section 4.4."""
    stored_part(tier, "bytes=-5", "56789", "5-9")
    tier.fetch(tier.asker, method="POST", content="done")
    tier.fetch(tier.filler, asked={"range": "bytes=-5"}, seen={"range": "bytes=-5"}, status=206, content="new", content_range="bytes 0-2/3")
