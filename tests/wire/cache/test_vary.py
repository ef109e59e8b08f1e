import time

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until


def fill(origin, client, content, vary, **fields):
    client.get("/a", **fields)
    origin.receive().reply(content=content, cache_control="max-age=60", vary=vary)
    client.expect(200, content=content, vary=vary)


def test_variants_live_side_by_side(origin, client):
    fill(origin, client, "one", "Foo", foo="1")
    fill(origin, client, "two", "Foo", foo="2")
    fill(origin, client, "none", "Foo")
    client.get("/a", foo="1").expect(200, content="one", cache_status=hit())
    client.get("/a", foo="2").expect(200, content="two", cache_status=hit())
    client.get("/a").expect(200, content="none", cache_status=hit())
    origin.silent()


def test_other_fields_do_not_count(origin, client):
    fill(origin, client, "one", "Foo", foo="1", bar="1")
    client.get("/a", foo="1", bar="2").expect(200, content="one", cache_status=hit())


def test_several_fields_must_all_match(origin, client):
    fill(origin, client, "one", "Foo, Bar", foo="1", bar="1")
    fill(origin, client, "two", "Foo, Bar", foo="1", bar="2")
    fill(origin, client, "three", "Foo, Bar", foo="1")
    client.get("/a", fields=[("bar", "1"), ("foo", "1")]).expect(200, content="one")
    client.get("/a", foo="1", bar="2").expect(200, content="two")
    client.get("/a", foo="1").expect(200, content="three")
    origin.silent()


def test_absent_and_empty_differ_or_are_asked(origin, client):
    fill(origin, client, "none", "Foo")
    fill(origin, client, "empty", "Foo", foo="")


def test_values_do_not_flow_together(origin, client):
    fill(origin, client, "one", "Foo, Bar", foo="x", bar="yz")
    fill(origin, client, "two", "Foo, Bar", foo="xy", bar="z")


def test_white_space_and_lines_of_lists_do_not_matter(origin, client):
    fill(origin, client, "one", "Foo", foo="1,2")
    client.get("/a", foo=" 1,  2 ").expect(200, content="one", cache_status=hit())
    client.get("/a", foo=["1", "2"]).expect(200, content="one", cache_status=hit())
    origin.silent()


def test_name_in_any_case(origin, client):
    fill(origin, client, "one", "fOO", foo="1")
    client.get("/a", FOO="1").expect(200, content="one", cache_status=hit())


def test_accept_encoding_is_reduced_to_what_it_accepts(origin, client):
    fill(origin, client, "zipped", "Accept-Encoding", accept_encoding="gzip, br")
    client.get("/a", accept_encoding="br,gzip").expect(200, content="zipped", cache_status=hit())
    fill(origin, client, "plain", "Accept-Encoding")


@pytest.mark.parametrize("vary", ["*", "*, *", ", *", "*, Foo", "Foo, *", ["", "*"], ["Foo", "*"]], ids=str)
def test_asterisk_is_never_reused(origin, client, vary):
    for content in ("one", "two"):
        client.get("/a", foo="1")
        origin.receive().reply(content=content, cache_control="max-age=60", vary=vary)
        client.expect(200, content=content)


def test_origin_that_varies_on_more_later(origin, client):
    fill(origin, client, "one", "Foo", foo="1", bar="1")
    fill(origin, client, "two", "Foo, Bar", foo="2", bar="1")
    fill(origin, client, "three", "Foo, Bar", foo="2", bar="2")
    client.get("/a", foo="2", bar="1").expect(200, content="two", cache_status=hit())
    client.get("/a", foo="2", bar="2").expect(200, content="three", cache_status=hit())


def test_head_uses_the_variant(origin, client):
    fill(origin, client, "one", "Foo", foo="1")
    fill(origin, client, "three", "Foo", foo="2")
    client.head("/a", foo="2").expect(200, content_length=5, cache_status=hit())


def test_more_fields_than_allowed_are_not_stored(origin, client):
    vary = ", ".join(f"X-{i}" for i in range(12))
    for content in ("one", "two"):
        client.get("/a")
        origin.receive().reply(content=content, cache_control="max-age=60", vary=vary)
        client.expect(200, content=content)


def test_variants_of_one_target_are_bounded(origin, client):
    origin.serve(lambda request: dict(content=request.fields.get("foo"), cache_control="max-age=60", vary="Foo"))
    for i in range(100):
        client.get("/a", foo=i).expect(200, content=str(i))
    client.get("/a", foo=99).expect(200, content="99", cache_status=hit())


@pytest.mark.config("proxy_cache_max_variants: 2")
def test_least_recently_used_variant_makes_room(origin, client):
    fill(origin, client, "one", "Foo", foo="1")
    fill(origin, client, "two", "Foo", foo="2")
    time.sleep(0.002)   # the use is noted by the millisecond
    client.get("/a", foo="1").expect(200, content="one", cache_status=hit())
    fill(origin, client, "three", "Foo", foo="3")
    client.get("/a", foo="1").expect(200, content="one", cache_status=hit())
    client.get("/a", foo="3").expect(200, content="three", cache_status=hit())
    fill(origin, client, "two again", "Foo", foo="2")
    origin.silent()


@pytest.mark.config('proxy_cache_max_variants: 3\ncaches: {default: {memory: 0}}\nmemcached: ["{memcached}"]')
def test_variants_are_bounded_in_the_pool(origin, client, memcached):
    origin.serve(lambda request: dict(content=request.fields.get("foo"), cache_control="max-age=60", vary="Foo"))
    for i in range(20):
        client.get("/a", foo=i).expect(200, content=str(i))
    poll_until(lambda: len(memcached.keys()) == 4, "the index and three variants")
    for i in (17, 18, 19):
        client.get("/a", foo=i).expect(200, content=str(i), cache_status=hit())
    client.get("/b", foo=0).expect(200, content="0")    # of another URL


def test_values_that_are_too_long_to_be_listed_are_not_stored(origin, client):
    for content in ("one", "two"):
        fill(origin, client, content, "Foo", foo="x" * 5000)


def test_accept_language_counts_without_case_and_white_space(origin, client):
    """RFC 9111 section 4.1."""
    fill(origin, client, "one", "Accept-Language", accept_language="en, de")
    client.get("/a", accept_language="eN,De").expect(200, content="one", cache_status=hit())
    fill(origin, client, "two", "Accept-Language", accept_language="de, en")
    origin.silent()


@pytest.mark.config("proxy_cache_sort_languages: on")
def test_accept_language_can_count_without_order(origin, client):
    fill(origin, client, "one", "Accept-Language", accept_language="en, de;q=0.5")
    client.get("/a", accept_language="de ; q=0.5, EN").expect(200, content="one", cache_status=hit())
    origin.silent()
