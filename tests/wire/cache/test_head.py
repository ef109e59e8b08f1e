"""HEAD beside a stored response that has to be validated, and where nothing is stored."""
import re

import pytest

from harness.cache_status import STORED, forwarded, hit
from harness.deadline import poll_until
from harness.memcached import POOL

MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"


def fill_stale(origin, client, content="hello", **fields):
    client.get("/a")
    origin.receive().reply(content=content, **{"cache_control": "max-age=60", "age": 100, "etag": '"1"', "last_modified": MODIFIED,
                                               "x_test": "old", "x_kept": "kept", **fields})
    client.expect(200, content=content)


def answer_head(origin, client, status=200, **fields):
    client.head("/a")
    origin.receive().expect("HEAD /a").reply_head(status, **fields)


def test_head_for_a_stale_response_is_sent_as_head(origin, client):
    fill_stale(origin, client)
    client.head("/a")
    origin.receive().expect("HEAD /a", if_none_match='"1"').reply(304, cache_control="max-age=60")
    client.expect(200, content="", content_length=5, etag='"1"', cache_status=forwarded("stale"))
    client.get("/a").expect(200, content="hello", cache_status=hit(ttl=60))
    origin.silent()


AGREES = {
    "tag, date and length": dict(etag='"1"', last_modified=MODIFIED, length=5),
    "tag": dict(etag='"1"'),
    "length": dict(length=5),
    "nothing to compare": {},
}


@pytest.mark.parametrize("fields", AGREES.values(), ids=AGREES.keys())
def test_200_to_head_renews_the_stored_response(origin, client, fields):
    """RFC 9111 section 4.3.5."""
    fill_stale(origin, client)
    answer_head(origin, client, cache_control="max-age=60", x_test="new", **fields)
    client.expect(200, content="", content_length=5, x_test="new", x_kept="kept",
                  cache_status=re.compile("^mcproxy; fwd=stale; fwd-status=200; stored"))
    client.get("/a").expect(200, content="hello", x_test="new", x_kept="kept", etag='"1"', cache_status=hit(ttl=60))
    origin.silent()


def test_200_to_head_renews_a_response_without_validators(origin, client):
    client.get("/a")
    origin.receive().reply(content="hello", cache_control="max-age=60", age=60)
    client.expect(200)
    answer_head(origin, client, cache_control="max-age=60", length=5)
    client.expect(200, content="", content_length=5)
    client.get("/a").expect(200, content="hello", cache_status=hit(ttl=60))


DIFFERS = {
    "tag": dict(etag='"2"', length=5),
    "date": dict(last_modified="Fri, 02 Jan 2026 00:00:00 GMT", length=5),
    "length": dict(etag='"1"', length=6),
}


@pytest.mark.parametrize("fields", DIFFERS.values(), ids=DIFFERS.keys())
def test_200_to_head_of_another_response_renews_nothing(origin, client, fields):
    fill_stale(origin, client)
    answer_head(origin, client, cache_control="max-age=60", x_test="new", **fields)
    client.expect(200, content="", content_length=fields["length"], x_test="new", x_kept=None)
    client.get("/a")
    origin.receive().expect("GET /a", if_none_match='"1"').reply(content="other", cache_control="max-age=60")
    client.expect(200, content="other")


@pytest.mark.parametrize("status", [404, 410])
def test_other_status_to_head_renews_nothing(origin, client, status):
    fill_stale(origin, client)
    answer_head(origin, client, status, cache_control="max-age=60", length=5)
    client.expect(status, content="")
    client.get("/a")
    origin.receive().expect("GET /a", if_none_match='"1"').reply(304, cache_control="max-age=60")
    client.expect(200, content="hello", x_test="old")


def test_renewal_that_forbids_storing_is_not_stored(origin, client):
    fill_stale(origin, client)
    answer_head(origin, client, cache_control="no-store", etag='"1"', length=5)
    client.expect(200, content="", content_length=5)
    client.get("/a")
    origin.receive().expect("GET /a", if_none_match='"1"').reply(304, cache_control="max-age=60")
    client.expect(200, content="hello")


def test_get_does_not_wait_for_a_head(origin, proxy):
    first, second = proxy.client(), proxy.client()
    fill_stale(origin, first)
    first.head("/a")
    head = origin.receive().expect("HEAD /a")
    second.get("/a")
    origin.receive().expect("GET /a").reply(content="hello", cache_control="max-age=60", etag='"2"')
    second.expect(200, content="hello")
    head.reply(304)
    first.expect(200, content="")


@pytest.mark.config("proxy_cache_convert_head: off")
def test_head_that_is_not_converted_is_forwarded_and_not_stored(origin, client):
    for _ in range(2):
        answer_head(origin, client, cache_control="max-age=60", length=5)
        client.expect(200, content="", content_length=5, cache_status=re.compile("^mcproxy; fwd=uri-miss(?!.*stored)"))
    client.get("/a")
    origin.receive().expect("GET /a").reply(content="hello", cache_control="max-age=60")
    client.expect(200, content="hello", cache_status=STORED)
    client.head("/a").expect(200, content="", content_length=5, cache_status=hit())
    origin.silent()


def test_head_that_is_not_converted_looks_into_the_pool(make_proxy, origin, memcached):
    def start():
        return make_proxy().start('proxy_cache_convert_head: off\n' + POOL, memcached=memcached.address).client()
    client = start().get("/a")
    origin.receive().reply(content="hello", cache_control="max-age=60")
    client.expect(200)
    memcached.wait_items(1)
    start().head("/a").expect(200, content="", content_length=5, cache_status=hit())
    origin.silent()


def test_validation_behind_a_head_gets_the_whole(origin, client):
    fill_stale(origin, client, cache_control="max-age=60, stale-while-revalidate=600")
    client.head("/a").expect(200, content="", content_length=5)
    origin.receive().expect("GET /a", if_none_match='"1"').reply(content="other", cache_control="max-age=60")
    poll_until(lambda: client.get("/a").expect(200, cache_status=hit()).content == b"other", "the new response")
    origin.silent()


# ---- found by another proxy, in the pool

OLD = {"content": "hello", "cache_control": "max-age=60", "age": 100, "etag": '"1"', "x_test": "old", "x_kept": "kept"}


def head(tier, status, **fields):
    tier.asker.head("/a")
    tier.origin.receive().expect("HEAD /a", if_none_match='"1"').reply_head(status, cache_control="max-age=60", **fields)
    response = tier.asker.expect(content="")
    tier.settle()
    return response


@pytest.mark.parametrize("status, fields", [(200, {"etag": '"1"', "length": 5}), (200, {}), (304, {})], ids=str)
def test_what_a_head_renews_is_renewed_for_all(tier, status, fields):
    """RFC 9111 section 4.3.5."""
    tier.fill(**OLD)
    response = head(tier, status, x_test="new", **fields)
    assert (response.status, response.fields.get("x-test"), response.fields.get("x-kept")) == (200, "new", "kept")
    tier.filler.get("/a").expect(200, content="hello", x_test="new", x_kept="kept", cache_status=hit())
    tier.origin.silent()


@pytest.mark.parametrize("status, fields", [(410, {"length": 5}), (200, {"etag": '"2"', "length": 5}), (200, {"length": 6})], ids=str)
def test_what_a_head_does_not_agree_with_stays(tier, status, fields):
    tier.fill(**OLD)
    assert head(tier, status, x_test="new", **fields).status == status
    tier.fetch(tier.filler, seen={"if_none_match": '"1"'}, status=304, content="", cache_control="max-age=60")
    tier.get().expect(200, content="hello", x_test="old", cache_status=hit())


@pytest.mark.parametrize("status", [404, 304])
def test_get_that_waits_for_such_a_head_is_answered(make_proxy, memcached, origin, status):
    """Both have found the stale response in the pool."""
    pooled = 'caches: {default: {memory: 0}}\nmemcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 2s, read_timeout: 2s}}'
    proxy = make_proxy().start(pooled, memcached=memcached.address)
    fill_stale(origin, proxy.client())
    first = proxy.client().head("/a")
    request = origin.receive().expect("HEAD /a")
    second = proxy.client().get("/a")
    origin.silent()
    request.reply_head(status, cache_control="max-age=60")
    first.expect(200 if status == 304 else 404, content="")
    if status == 404:
        origin.receive().expect("GET /a", if_none_match='"1"').reply(304, cache_control="max-age=60")
    second.expect(200, content="hello")
    origin.silent()
