"""Requests of clients that hold a copy, and validation of stale ones (RFC 9111 section 4.3)."""
import re
import time
from email.utils import formatdate

import pytest

from harness.cache_status import forwarded, hit

DAY = 86400
MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"


def fill(origin, client, **fields):
    client.get("/a")
    origin.receive().reply(content="one", **{"cache_control": "max-age=60", "etag": '"1"', "last_modified": MODIFIED, **fields})
    client.expect(200, content="one")


HELD = {
    "its tag": {"if_none_match": '"1"'},
    "weak form of its tag": {"if_none_match": 'W/"1"'},
    "any tag": {"if_none_match": "*"},
    "weak form first of a list": {"if_none_match": 'W/"1", "2"'},
    "weak form in the middle of a list": {"if_none_match": '"0", W/"1" , "2"'},
    "weak form last of a list": {"if_none_match": '"0",W/"1"'},
    "first of a list": {"if_none_match": '"1", "2"'},
    "middle of a list": {"if_none_match": '"0", "1", "2"'},
    "last of a list": {"if_none_match": '"0","1"'},
    "tag goes before date": {"if_none_match": '"1"', "if_modified_since": "Thu, 01 Jan 2015 00:00:00 GMT"},
    "its date": {"if_modified_since": MODIFIED},
    "later date": {"if_modified_since": "Fri, 02 Jan 2026 00:00:00 GMT"},
    "date in the form of RFC 850": {"if_modified_since": "Thursday, 01-Jan-26 00:00:00 GMT"},
    "date in the form of asctime": {"if_modified_since": "Thu Jan  1 00:00:00 2026"},
}
STORED = {"cache_control": "max-age=60", "etag": '"1"', "last_modified": MODIFIED}


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"'])
@pytest.mark.parametrize("fields", HELD.values(), ids=HELD.keys())
def test_client_that_holds_it_gets_304(tier, fields, tag):
    tier.fill(**{**STORED, "etag": tag})
    tier.get(**fields).expect(304, content="", etag=tag, cache_status=hit(), content_type=None)
    tier.get().expect(200, content="one")
    tier.origin.silent()


NOT_HELD = {
    "other tag": {"if_none_match": '"2"'},
    "tag without quotes": {"if_none_match": "1"},
    "other tag goes before its date": {"if_none_match": '"2"', "if_modified_since": MODIFIED},
    "earlier date": {"if_modified_since": "Wed, 31 Dec 2025 23:59:59 GMT"},
    "date that is none": {"if_modified_since": "yesterday"},
    "precondition that holds": {"if_match": '"1"'},
    "precondition of a date that holds": {"if_unmodified_since": MODIFIED},
}


@pytest.mark.parametrize("fields", NOT_HELD.values(), ids=NOT_HELD.keys())
def test_client_that_holds_another_gets_200(tier, fields):
    tier.fill(**STORED)
    tier.get(**fields).expect(200, content="one", cache_status=hit())
    tier.origin.silent()


@pytest.mark.parametrize("fields", [{"if_match": '"2"'}, {"if_match": 'W/"1"'}, {"if_unmodified_since": "Wed, 31 Dec 2025 23:59:59 GMT"}], ids=str)
def test_precondition_that_fails_is_told_out_of_the_cache(tier, fields):
    """RFC 9110 sections 13.1.1 and 13.1.4; a hit in the sense of RFC 9211 section 2.1."""
    tier.fill(**STORED)
    tier.get(**fields).expect(412, cache_status=hit())
    tier.origin.silent()


ODD_TAGS = ['w/"x"', 'W\\"x"', 'W"x"', "abc", '"x', 'x"', '"\xe4\xf6"', '"a b"', '""', '"a,b"', '"\\"', "'x'"]


@pytest.mark.parametrize("tag", ODD_TAGS)
def test_tag_counts_byte_for_byte(tier, tag):
    """RFC 9110 section 8.8.3; RFC 9111 sections 4.3.1 and 4.3.2."""
    tier.fill(cache_control="max-age=60", etag=tag)
    tier.get(if_none_match=tag).expect(304, etag=tag, cache_status=hit())
    tier.get(if_none_match='"other"').expect(200, content="one", etag=tag, cache_status=hit())
    tier.fetch(tier.asker, asked={"cache_control": "no-cache"}, seen={"if_none_match": tag}, status=304, content="")
    tier.get().expect(200, content="one", etag=tag)


@pytest.mark.parametrize("tag, asked", [('"x"', "x"), ("x", '"x"'), ('"x"', '"X"')])
def test_tags_of_other_bytes_differ(tier, tag, asked):
    tier.fill(cache_control="max-age=60", etag=tag)
    tier.get(if_none_match=asked).expect(200, content="one", etag=tag, cache_status=hit())


def test_date_stands_in_for_last_modified(tier):
    """RFC 9111 section 4.3.2."""
    tier.fill(cache_control="max-age=2000000000", date=MODIFIED)
    tier.get(if_modified_since=MODIFIED).expect(304, cache_status=hit())
    tier.get(if_modified_since="Wed, 31 Dec 2025 23:59:59 GMT").expect(200, cache_status=hit())


def test_head_gets_304_too(origin, client):
    fill(origin, client)
    client.head("/a", if_none_match='"1"').expect(304, etag='"1"')


def test_weak_stored_tag_matches(origin, client):
    fill(origin, client, etag='W/"1"')
    client.get("/a", if_none_match='"1"').expect(304, etag='W/"1"')


def test_304_has_the_fields_that_a_200_would_have(origin, client):
    fill(origin, client, vary="Foo", content_location="/a.html", expires="Thu, 18 Aug 2050 02:01:18 GMT")
    client.get("/a", if_none_match='"1"').expect(304, vary="Foo", content_location="/a.html", cache_control="max-age=60",
                                                 expires="Thu, 18 Aug 2050 02:01:18 GMT", date=re.compile("GMT"), transfer_encoding=None)


PASSED = {
    "tag": {"if_none_match": '"1"'},
    "weak tag in a list": {"if_none_match": 'W/"0" ,"1"'},
    "tag without quotes": {"if_none_match": "1"},
    "date": {"if_modified_since": MODIFIED},
    "both": {"if_none_match": '"1"', "if_modified_since": MODIFIED},
}


@pytest.mark.parametrize("fields", PASSED.values(), ids=PASSED.keys())
def test_condition_is_passed_on_when_nothing_is_stored(origin, client, fields):
    """RFC 9111 section 4.3.2."""
    for _ in range(2):
        client.get("/a", **fields)
        origin.receive().expect("GET /a", **fields).reply(304, etag='"1"', cache_control="max-age=60")
        client.expect(304, etag='"1"', cache_status=forwarded("uri-miss"))
    origin.silent()


def test_whole_answer_to_a_passed_condition_is_stored(origin, client):
    client.get("/a", if_none_match='"0"')
    origin.receive().expect(if_none_match='"0"').reply(content="one", cache_control="max-age=60", etag='"1"')
    client.expect(200, content="one", etag='"1"')
    client.get("/a").expect(200, content="one", cache_status=hit())
    client.get("/a", if_none_match='"1"').expect(304)
    origin.silent()


def test_passed_condition_does_not_keep_others_from_waiting_for_each_other(proxy, origin, client):
    client.get("/a", if_none_match='"1"')
    origin.receive().reply(304, etag='"1"')
    client.expect(304)
    first, second = proxy.client().get("/a"), None
    request = origin.receive().expect(if_none_match=None)
    second = proxy.client().get("/a", if_none_match='"1"')
    origin.silent()
    request.reply(content="one", cache_control="max-age=60", etag='"1"')
    first.expect(200, content="one")
    second.expect(304, etag='"1"')


def test_precondition_that_fails_at_the_origin_is_told(origin, client):
    client.get("/a", if_match='"0"')
    origin.receive().expect(if_match='"0"').reply(412, content="no")
    client.expect(412, content="no")


def stale(origin, client, **fields):
    """A stored response that is stale at once."""
    fill(origin, client, **{"cache_control": "max-age=60", "age": 60, **fields})


def test_stale_response_is_validated_and_renewed_by_a_304(origin, client):
    stale(origin, client)
    client.get("/a")
    origin.receive().expect("GET /a", if_none_match='"1"', if_modified_since=MODIFIED).reply(304, etag='"1"', cache_control="max-age=60",
                                                                                               x_new="2")
    client.expect(200, content="one", x_new="2", cache_status=re.compile("^mcproxy; fwd=stale"))
    client.get("/a").expect(200, content="one", x_new="2", cache_status=hit())
    origin.silent()


def test_stale_response_is_replaced_by_a_200(origin, client):
    stale(origin, client)
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(content="two", cache_control="max-age=60", etag='"2"')
    client.expect(200, content="two", cache_status=forwarded("stale"))
    client.get("/a").expect(200, content="two", etag='"2"', cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("asked", [{"if_none_match": '"1"'}, {"if_none_match": 'W/"1"'}, {"if_modified_since": MODIFIED}], ids=str)
def test_client_gets_304_after_validation(tier, asked):
    tier.fill(age=60, **STORED)
    tier.get(**asked)
    tier.origin.receive().expect(if_none_match='"1"', if_modified_since=MODIFIED).reply(304, etag='"1"', cache_control="max-age=60")
    tier.asker.expect(304, content="", etag='"1"')
    tier.settle()
    tier.filler.get("/a").expect(200, content="one", cache_status=hit())


def test_client_that_holds_the_new_response_gets_304(tier):
    tier.fill(age=60, **STORED)
    tier.get(if_none_match='"2"')
    tier.origin.receive().expect(if_none_match='"1"').reply(content="two", etag='"2"', cache_control="max-age=60")
    tier.asker.expect(304, content="", etag='"2"')


def test_validation_uses_the_stored_tag_not_the_clients(origin, client):
    stale(origin, client)
    client.get("/a", if_none_match='"other"')
    origin.receive().expect(if_none_match='"1"').reply(304, etag='"1"', cache_control="max-age=60")
    client.expect(200, content="one")


def test_weak_tag_is_sent_as_it_came(origin, client):
    stale(origin, client, etag='W/"x"')
    client.get("/a")
    origin.receive().expect(if_none_match='W/"x"').reply(304, cache_control="max-age=60")
    client.expect(200, content="one")


def test_last_modified_is_sent_as_it_came(origin, client):
    stale(origin, client, etag=None, last_modified="Thu Jan  1 00:00:00 2026")
    client.get("/a")
    origin.receive().expect(if_none_match=None, if_modified_since="Thu Jan  1 00:00:00 2026").reply(304, cache_control="max-age=60")
    client.expect(200, content="one")


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', "abc", None])
@pytest.mark.parametrize("modified", [MODIFIED, "Thursday, 01-Jan-26 00:00:00 GMT", None])
def test_two_field_condition_is_made_of_what_was_stored(tier, tag, modified):
    """RFC 9111 section 4.3.1: the request keeps the field that Vary names."""
    how = dict(expires="Thu, 01 Jan 2015 00:00:00 GMT", etag=tag, last_modified=modified, vary="Foo")
    tier.fill(asked={"foo": "1"}, **how)
    seen = {"if_none_match": tag, "if_modified_since": modified, "foo": "1"}
    tier.fetch(tier.asker, asked={"foo": "1"}, seen=seen, content="two", etag='"2"', cache_control="max-age=60")
    tier.get(foo="1").expect(200, content="two")


def test_no_cache_is_stored_and_validated_each_time(origin, client):
    fill(origin, client, cache_control="no-cache, max-age=60")
    for _ in range(2):
        client.get("/a")
        origin.receive().expect(if_none_match='"1"').reply(304)
        client.expect(200, content="one")


def test_304_that_does_not_end_the_staleness_is_asked_again(origin, client):
    stale(origin, client)
    for _ in range(2):
        client.get("/a")
        origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=0")
        client.expect(200, content="one")


def test_error_on_validation_is_passed_when_the_response_forbids_stale(origin, client):
    stale(origin, client, cache_control="max-age=60, must-revalidate")
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(503, content="down")
    client.expect(503, content="down")


def test_range_is_not_forwarded_on_a_fill_or_passed_whole(origin, client):
    client.get("/a", range="bytes=0-1")
    request = origin.receive()
    if request.fields.get("range"):
        request.reply(206, content="he", content_range="bytes 0-1/5", cache_control="max-age=60")
        client.expect(206, content="he", content_range="bytes 0-1/5")
        client.get("/a")
        origin.receive().expect(range=None).reply(content="hello", cache_control="max-age=60")
        client.expect(200, content="hello")
    else:
        request.reply(content="hello", cache_control="max-age=60")
        response = client.expect()
        assert (response.status, response.content) in ((200, b"hello"), (206, b"he")), response
    client.get("/a").expect(200, content="hello", cache_status=hit())


def test_only_if_cached(origin, client):
    client.get("/a", cache_control="only-if-cached").expect(504)
    fill(origin, client)
    client.get("/a", cache_control="only-if-cached").expect(200, content="one", cache_status=hit())
    origin.silent()


def test_date_in_the_past_is_apparent_age(origin, client):
    fill(origin, client, date=formatdate(time.time() - DAY, usegmt=True))
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=60")
    client.expect(200, content="one")
