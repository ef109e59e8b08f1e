import time

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until
from harness.memcached import POOL


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


@pytest.mark.parametrize("name, values", [("foo", ["1,2", " 1,  2 ", "1 ,2", ["1", "2"]]),
                                          ("accept_language", ["en, de", "en,de", "eN, De", "en ,\tde", ["en", "de"]])])
def test_white_space_and_lines_of_lists_do_not_matter(tier, name, values):
    """RFC 9111 section 4.1; the ranges of languages have no case, either."""
    tier.fill(asked={name: values[0]}, cache_control="max-age=60", vary=name.replace("_", "-"))
    for value in values:
        tier.get(**{name: value}).expect(200, content="one", cache_status=hit())
    tier.origin.silent()


def test_name_in_any_case(origin, client):
    fill(origin, client, "one", "fOO", foo="1")
    client.get("/a", FOO="1").expect(200, content="one", cache_status=hit())


def test_accept_encoding_is_reduced_to_what_it_accepts(origin, client):
    fill(origin, client, "zipped", "Accept-Encoding", accept_encoding="gzip, br")
    client.get("/a", accept_encoding="br,gzip").expect(200, content="zipped", cache_status=hit())
    fill(origin, client, "plain", "Accept-Encoding")


@pytest.mark.parametrize("vary", ["*", "*, *", ", *", "*, Foo", "Foo, *", ["", "*"], ["Foo", "*"], ["*", "*"], ["*", "Foo"]], ids=str)
def test_asterisk_is_never_reused(tier, vary):
    for who in (tier.filler, tier.filler, tier.asker):
        tier.fetch(who, asked={"foo": "1"}, cache_control="max-age=60", vary=vary)


@pytest.mark.parametrize("stored, asked", [("1", "2"), (None, "1"), ("1", None), ("a", "A")], ids=str)
def test_other_value_has_a_response_of_its_own(tier, stored, asked):
    """RFC 9111 section 4.1: absent is a value, too."""
    tier.fill(asked={"foo": stored}, cache_control="max-age=60", vary="Foo")
    tier.fetch(tier.asker, asked={"foo": asked}, content="two", cache_control="max-age=60", vary="Foo")
    tier.get(foo=stored).expect(200, content="one", cache_status=hit())
    tier.filler.get("/a", foo=asked).expect(200, content="two", cache_status=hit())


@pytest.mark.parametrize("value", ["1", None, ""], ids=str)
def test_same_value_is_reused_by_others(tier, value):
    tier.fill(asked={"foo": value, "bar": "1"}, cache_control="max-age=60", vary="Foo")
    tier.get(foo=value, bar="2").expect(200, content="one", cache_status=hit())


THREE = {"foo": "1", "bar": "abc", "baz": "789"}


@pytest.mark.parametrize("vary", ["Foo, Bar, Baz", ["Foo", "Bar, Baz"], "Baz,FOO ,,Bar"], ids=str)
@pytest.mark.parametrize("name", THREE)
def test_each_of_three_fields_counts(tier, vary, name):
    tier.fill(asked=THREE, cache_control="max-age=60", vary=vary)
    tier.get(baz="789", foo="1", bar="abc", other="x").expect(200, content="one", cache_status=hit())
    for value in ("other", None):
        tier.fetch(tier.asker, asked={**THREE, name: value}, content="two", cache_control="max-age=60", vary=vary)
    tier.filler.get("/a", **THREE).expect(200, content="one", cache_status=hit())


def test_three_fields_that_are_absent_match(tier):
    tier.fill(cache_control="max-age=60", vary="Foo, Bar, Baz")
    tier.get().expect(200, content="one", cache_status=hit())


def test_variants_expire_each_by_itself(tier):
    tier.fill(asked={"foo": "1"}, cache_control="max-age=60", age=61, vary="Foo", etag='"1"')
    tier.fill(asked={"foo": "2"}, content="two", cache_control="max-age=60", vary="Foo", etag='"2"')
    tier.get(foo="2").expect(200, content="two", cache_status=hit())
    tier.fetch(tier.asker, asked={"foo": "1"}, seen={"if_none_match": '"1"'}, content="new", cache_control="max-age=60", vary="Foo", etag='"3"')
    tier.filler.get("/a", foo="2").expect(200, content="two", cache_status=hit())
    tier.filler.get("/a", foo="1").expect(200, content="new", cache_status=hit())


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


POOLED = 'caches: {default: {memory: 0}}\nmemcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 1s, read_timeout: 1s}}'


@pytest.mark.parametrize("config", ["", POOLED], ids=["memory", "pool"])
def test_response_that_varies_no_more_replaces_all_variants(make_proxy, memcached, origin, config):
    client = make_proxy().start(config, memcached=memcached.address).client()
    fill(origin, client, "one", "Foo", foo="1")
    fill(origin, client, "two", "Foo", foo="2")
    client.get("/a", foo="3")
    origin.receive().reply(content="all", cache_control="max-age=60")
    client.expect(200, content="all")
    client.get("/none", cache_control="only-if-cached").expect(504)     # behind the store
    for foo in ("1", "2", "3", "4"):
        client.get("/a", foo=foo).expect(200, content="all", cache_status=hit())
    origin.silent()


@pytest.mark.config("proxy_ignore_headers: Vary")
@pytest.mark.parametrize("vary", ["Foo", "*"])
def test_vary_that_is_ignored(origin, client, vary):
    fill(origin, client, "one", vary, foo="1")
    client.get("/a", foo="2").expect(200, content="one", cache_status=hit())


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


@pytest.mark.config('proxy_cache_max_variants: 3\ncaches: {default: {memory: 0}}\n' + POOL)
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


def test_order_of_accept_language_counts(origin, client):
    """RFC 9111 section 4.1: what the order means is the origin's matter."""
    fill(origin, client, "one", "Accept-Language", accept_language="en, de")
    fill(origin, client, "two", "Accept-Language", accept_language="de, en")
    origin.silent()


@pytest.mark.config("proxy_cache_sort_languages: on")
def test_accept_language_can_count_without_order(origin, client):
    fill(origin, client, "one", "Accept-Language", accept_language="en, de;q=0.5")
    client.get("/a", accept_language="de ; q=0.5, EN").expect(200, content="one", cache_status=hit())
    origin.silent()


def tagged(origin, client, content, tag, **fields):
    client.get("/a", **fields)
    origin.receive().reply(content=content, cache_control="max-age=60", vary="Foo", etag=tag)
    client.expect(200, content=content)


def test_tags_of_other_variants_go_to_the_origin(origin, client):
    """RFC 9111 section 4.1; section 4.3.3: the 304 says which one is the answer."""
    client.get("/a", foo="1")
    origin.receive().expect(if_none_match=None).reply(content="one", cache_control="max-age=60", vary="Foo", etag='"1"')
    client.expect(200, content="one")
    client.get("/a", foo="2")
    origin.receive().expect(if_none_match='"1"').reply(content="two", cache_control="max-age=60", vary="Foo", etag='W/"2"')
    client.expect(200, content="two")
    client.get("/a", foo="3")
    origin.receive().expect(if_none_match='W/"2", "1"').reply(304, etag='"1"', cache_control="max-age=60", vary="Foo", x_new="n")
    client.expect(200, content="one", x_new="n", etag='"1"')
    client.get("/a", foo="3").expect(200, content="one", x_new="n", cache_status=hit())
    client.get("/a", foo="1").expect(200, content="one", x_new=None, cache_status=hit())
    client.get("/a", foo="2").expect(200, content="two", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("etag", [None, '"unknown"', 'W/"1"'])
def test_304_about_none_of_the_variants_is_asked_again(origin, client, etag):
    tagged(origin, client, "one", '"1"', foo="1")
    client.get("/a", foo="2")
    origin.receive().expect(if_none_match='"1"').reply(304, etag=etag)
    origin.receive().expect(if_none_match=None).reply(content="two", cache_control="max-age=60", vary="Foo")
    client.expect(200, content="two")


def test_tags_are_few(origin, client):
    for i in range(12):
        tagged(origin, client, str(i), f'"{i}"', foo=i)
    client.get("/a", foo="x")
    request = origin.receive()
    assert request.fields.get("if-none-match") == ", ".join(f'"{i}"' for i in range(11, 3, -1))
    request.reply(content="x")
    client.expect(200, content="x")


@pytest.mark.config("proxy_cache_revalidate: off")
def test_tags_stay_here_where_nothing_is_revalidated(origin, client):
    tagged(origin, client, "one", '"1"', foo="1")
    client.get("/a", foo="2")
    origin.receive().expect(if_none_match=None).reply(content="two")
    client.expect(200, content="two")


def test_condition_of_the_client_goes_on_alone(origin, client):
    tagged(origin, client, "one", '"1"', foo="1")
    client.get("/a", foo="2", if_none_match='"1"')
    request = origin.receive()
    request.reply(304, etag='"1"')
    client.expect(304)
