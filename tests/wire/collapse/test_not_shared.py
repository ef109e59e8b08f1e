"""Requests that wait for another one's fetch get what it brings only where it could be reused for them (RFC 9111 section 4)."""
import re

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until
from harness.reuse import At

MUST_BE_VALIDATED = {
    "5.2.2.4: no-cache": dict(cache_control="no-cache"),
    "5.2.2.4: no-cache with max-age": dict(cache_control="no-cache, max-age=60"),
    "4.2: nothing said": {},
    "5.2.2.1: max-age=0": dict(cache_control="public, max-age=0"),
    "5.2.2.2: max-age=0, must-revalidate": dict(cache_control="max-age=0, must-revalidate"),
    "4.2.3: stale on arrival": dict(cache_control="max-age=60", age=60),
    "5.3: Expires in the past": dict(expires=At(-60)),
    "9213: no-cache for caches": dict(cdn_cache_control="no-cache", cache_control="max-age=60"),
}


def active(proxy, count):
    """So many requests are under way, besides the question itself."""
    poll_until(lambda: proxy.counter("requests_active") > count, f"{count} requests")


def wait(proxy, count, **fields):
    """Further clients that wait for /a behind the first one."""
    clients = [proxy.client().get("/a", **fields) for _ in range(count)]
    active(proxy, count + 1)
    return clients


@pytest.mark.parametrize("fields", MUST_BE_VALIDATED.values(), ids=MUST_BE_VALIDATED.keys())
def test_what_must_be_validated_is_for_one_request(origin, proxy, fields):
    """As an app gives it that makes a page for each user and sends a tag, and nothing else, with it."""
    first = proxy.client().get("/a", cookie="user=1")
    request = origin.receive()
    others = wait(proxy, 3, cookie="user=2")
    origin.silent()
    request.reply(content="of one", etag='"1"', **fields)
    first.expect(200, content="of one")
    requests = [origin.receive().expect("GET /a", cookie="user=2") for _ in others]
    for request in requests:
        request.reply(content="of two", etag='"2"', **fields)
    for client in others:
        client.expect(200, content="of two")
    origin.silent()


@pytest.mark.parametrize("fields", MUST_BE_VALIDATED.values(), ids=MUST_BE_VALIDATED.keys())
def test_validation_is_for_one_request(origin, proxy, fields):
    """RFC 9111 section 5.2.2.4: the next ones do not wait for each other, they are all validated."""
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", etag='"1"', **fields)
    client.expect(200)
    stale_on_arrival = "age" in fields
    first = proxy.client().get("/a", cookie="user=1")
    request = origin.receive().expect(if_none_match='"1"', cookie="user=1")
    others = wait(proxy, 2, cookie="user=2")
    if stale_on_arrival:
        request.reply(304, etag='"1"', **fields)
        first.expect(200, content="one")
    for _ in others:
        origin.receive().expect(if_none_match='"1"', cookie="user=2").reply(304, etag='"1"', **fields)
    for other in others:
        other.expect(200, content="one")
    if not stale_on_arrival:
        request.reply(content="two", etag='"2"', **fields)
        first.expect(200, content="two")
    origin.silent()


SHARED = {
    "max-age": dict(cache_control="max-age=60"),
    "stale-while-revalidate": dict(cache_control="max-age=0, stale-while-revalidate=60"),
    "X-Accel-Expires": dict(cache_control="no-cache", x_accel_expires="60"),
    "heuristic": dict(last_modified="Thu, 01 Jan 2015 00:00:00 GMT"),
}


@pytest.mark.parametrize("asked", [{}, dict(cache_control="no-cache"), dict(cache_control="max-age=0")], ids=["plain", "no-cache", "max-age=0"])
@pytest.mark.parametrize("fields", SHARED.values(), ids=SHARED.keys())
def test_what_may_be_reused_is_for_all_who_wait(origin, proxy, fields, asked):
    """It was made after they had asked, so that those who reload have what they want, too."""
    first = proxy.client().get("/a", **asked)
    request = origin.receive()
    others = wait(proxy, 3, **asked)
    request.reply(content="one", **fields)
    for client in [first, *others]:
        client.expect(200, content="one")
    origin.silent()


@pytest.mark.slow
def test_lifetime_that_ends_while_the_content_arrives_ends_it_for_who_comes_later(origin, proxy):
    """RFC 9111 section 4.2."""
    first = proxy.client().get("/a")
    request = origin.receive().reply_head(length=6, cache_control="max-age=60", age=58, etag='"1"')
    first.expect_head(200)
    request.send("one")
    first.expect_content("one")
    second = []

    def asked_again():
        second.append(proxy.client().get("/a"))
        return second[-1].expect_head(200) is None if second[-1].has_answer(0.3) else origin.count == 2
    poll_until(asked_again, "a request of its own")
    origin.receive().reply(content="second", cache_control="max-age=60")
    second[-1].expect(200, content="second")
    request.send("two")
    first.expect_rest("two")


POOL = 'memcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 10s, send_timeout: 10s, read_timeout: 10s}}\n'


@pytest.fixture
def held(make_proxy, memcached, origin):
    """held(control, age): a proxy with that response in its pool, and memcached held, so that lookups wait for each other."""
    def hold(control, age):
        client = make_proxy().start(POOL, memcached=memcached.address).client().get("/a")
        origin.receive().reply(content="one", cache_control=control, age=age, etag='"1"')
        client.expect(200)
        memcached.wait_records(1)
        proxy = make_proxy().start(POOL, memcached=memcached.address)
        proxy.client().get("/b", cache_control="only-if-cached").expect(504)     # its connection stands
        memcached.stop()
        return proxy
    return hold


def test_stale_that_one_takes_out_of_the_pool_is_not_for_those_who_do_not(held, origin, memcached):
    """RFC 9111 section 5.2.1.2."""
    proxy = held("max-age=60", 61)
    taker = proxy.client().get("/a", cache_control="max-stale=1000")
    active(proxy, 1)
    other = wait(proxy, 1)[0]
    memcached.cont()
    taker.expect(200, content="one")
    origin.receive().expect(if_none_match='"1"').reply(content="two", cache_control="max-age=60")
    other.expect(200, content="two")


@pytest.mark.parametrize("control", ["no-cache", "max-age=10", "min-fresh=50"])
def test_fresh_that_one_takes_out_of_the_pool_is_not_for_those_who_want_more(held, origin, memcached, control):
    """RFC 9111 section 5.2.1."""
    proxy = held("max-age=60", 20)
    taker = proxy.client().get("/a")
    active(proxy, 1)
    other = wait(proxy, 1, cache_control=control)[0]
    memcached.cont()
    taker.expect(200, content="one", cache_status=hit())
    origin.receive().expect(if_none_match='"1"').reply(content="two", cache_control="max-age=60")
    other.expect(200, content="two")


def test_what_must_be_validated_is_for_one_request_of_all_processes(make_proxy, memcached, origin):
    """The others wait for what the first one brings, and ask the origin about it."""
    proxies = [make_proxy().start(POOL, memcached=memcached.address) for _ in range(2)]
    first = proxies[0].client().get("/a", cookie="user=1")
    request = origin.receive()
    other = proxies[1].client().get("/a", cookie="user=2")
    active(proxies[1], 1)
    origin.silent()
    request.reply(content="of one", etag='"1"')
    first.expect(200, content="of one")
    origin.receive().expect(cookie="user=2", if_none_match='"1"').reply(content="of two", etag='"2"')
    other.expect(200, content="of two")


def test_each_of_those_who_find_it_in_the_pool_validates_it(held, origin, memcached):
    proxy = held("no-cache, max-age=60", 0)
    clients = [proxy.client().get("/a", cookie=f"user={i}") for i in range(3)]
    active(proxy, 3)
    memcached.cont()
    origin.serve(lambda request: dict(content=request.fields.get("cookie"), cache_control="no-cache", etag='"2"'))
    for i, client in enumerate(clients):
        client.expect(200, content=f"user={i}")
    assert origin.count == 4
