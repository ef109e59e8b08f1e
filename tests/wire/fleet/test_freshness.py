"""What one proxy has stored another one reuses, with the age that it has by then, and within the same limits (RFC 9111 section 4.2)."""
import re

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until
from harness.reuse import NOW, At, fill

POOL = 'memcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}\n'
LONG_AGO = "Thu, 01 Jan 2015 00:00:00 GMT"


@pytest.fixture
def fleet(make_proxy, memcached):
    """Three proxies with one pool: who stores, who reuses, and one more."""
    return [make_proxy().start(POOL, memcached=memcached.address) for _ in range(3)]


@pytest.fixture
def stored(fleet, origin, memcached):
    """stored(fields): by the first proxy, in the pool; a client of the second."""
    def store(fields, status=200):
        fill(origin, fleet[0].client(), fields, status)
        memcached.wait_records(1)
        return fleet[1].client()
    return store


def control(value, **more):
    return [("Cache-Control", value)] + [(name.replace("_", "-"), value) for name, value in more.items()]


def about(seconds):
    return lambda value: value is not None and seconds <= int(value) <= seconds + 3


AGED = {
    "no age": (control("max-age=600"), 0, 600),
    "Age": (control("max-age=600", Age=30), 30, 570),
    "Date": (control("max-age=600", Date=At(-100)), 100, 500),
    "the larger of both": (control("max-age=600", Date=At(-100), Age=200), 200, 400),
    "Expires": ([("Expires", At(600)), ("Date", NOW), ("Age", 30)], 30, 570),
    "heuristic": ([("Last-Modified", LONG_AGO), ("Date", NOW), ("Age", 30)], 30, 86370),
    "X-Accel-Expires counts from receipt": ([("X-Accel-Expires", 60), ("Age", 30)], 30, 60),
    "CDN-Cache-Control": (control("no-store", CDN_Cache_Control="max-age=600", Age=30), 30, 570),
    "saturated": (control("max-age=99999999999", Age=30), 30, 2147483618),
    "stale-while-revalidate does not make it fresher": (control("max-age=600, stale-while-revalidate=600", Age=30), 30, 570),
}


@pytest.mark.parametrize("fields, age, ttl", AGED.values(), ids=AGED.keys())
def test_age_and_lifetime_are_those_of_the_proxy_that_stored_it(origin, stored, fields, age, ttl):
    """RFC 9111 section 4.2.3."""
    client = stored(fields)
    for _ in range(2):      # out of the pool, then out of memory
        client.get("/a").expect(200, content="one", age=about(age), cache_status=hit(ttl=ttl))
    origin.silent()


@pytest.mark.parametrize("status", [204, 301, 404, 410, 503, 599])
def test_status_is_reused_out_of_the_pool(origin, stored, status):
    client = stored(control("max-age=600", Age=30), status)
    client.get("/a").expect(status, content="" if status == 204 else "one", age=about(30), cache_status=hit(ttl=570))
    origin.silent()


@pytest.mark.slow
def test_age_grows_in_the_pool(origin, fleet, stored):
    """The time that it lay there is age, although this process did not see it pass."""
    client = stored(control("max-age=600", Age=30))
    first, ages = fleet[0].client(), []

    def grown():
        ages.append(int(first.get("/a").expect(200, cache_status=hit()).fields.get("age")))
        return ages[-1] >= 32
    poll_until(grown, "two seconds of age")
    client.get("/a").expect(200, content="one", age=about(ages[-1]), cache_status=hit())


def test_age_adds_up_along_a_chain(make_proxy, origin):
    """RFC 9111 section 5.1: a cache behind a cache."""
    inner, outer = make_proxy(), make_proxy()
    inner.start()
    outer.start(f"proxy_pass: http://127.0.0.1:{inner.port}")
    fill(origin, inner.client(), control("max-age=600", Age=30, Date=At(-100)))
    client = outer.client()
    client.get("/a").expect(200, content="one", age=about(100))
    client.get("/a").expect(200, content="one", age=about(100), cache_status=re.compile("mcproxy; hit; ttl=(500|49[789])$"))
    origin.silent()


def test_stale_of_a_chain_is_stale_everywhere(make_proxy, origin):
    inner, outer = make_proxy(), make_proxy()
    inner.start()
    outer.start(f"proxy_pass: http://127.0.0.1:{inner.port}")
    fill(origin, inner.client(), control("max-age=60, stale-while-revalidate=600", Age=61, ETag='"1"'))
    outer.client().get("/a").expect(200, content="one", age=about(61))
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=60", age=0)
    poll_until(lambda: int(inner.client().get("/a").expect(200).fields.get("age")) < 60, "the renewed one")
    outer.client().get("/a").expect(200, content="one")
    poll_until(lambda: int(outer.client().get("/a").expect(200).fields.get("age")) < 60, "the renewed one behind it")
    origin.silent()


NOT_REUSED = {
    "no-cache": control("no-cache"),
    "no-cache with max-age": control("no-cache, max-age=600"),
    "max-age=0": control("max-age=0"),
    "Age beyond its lifetime": control("max-age=600", Age=601),
    "Expires in the past": [("Expires", At(-1)), ("Date", At(-100))],
    "must-revalidate, stale": control("max-age=60, must-revalidate", Age=61),
    "s-maxage, stale": control("s-maxage=60, stale-while-revalidate=600", Age=61),
    "beyond stale-while-revalidate": control("max-age=60, stale-while-revalidate=10", Age=71),
}


@pytest.mark.parametrize("fields", NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_stored_response_is_validated_by_another_and_renewed_for_all(origin, fleet, stored, fields):
    """RFC 9111 sections 4.3.1 and 4.3.4."""
    client = stored(fields + [("ETag", '"1"')])
    client.get("/a")
    origin.receive().expect("GET /a", if_none_match='"1"').reply(304, etag='"1"', cache_control="max-age=600", date=NOW, age=5)
    client.expect(200, content="one")
    client.get("/a").expect(200, content="one", age=about(5), cache_status=hit(ttl=595))
    fleet[2].client().get("/a").expect(200, content="one", age=about(5), cache_status=hit(ttl=595))
    origin.silent()


def test_no_cache_is_validated_by_everyone(origin, fleet, stored):
    stored(control("no-cache", ETag='"1"'))
    for proxy in fleet:
        client = proxy.client().get("/a")
        origin.receive().expect(if_none_match='"1"').reply(304, etag='"1"')
        client.expect(200, content="one")
    origin.silent()


def test_window_of_stale_while_revalidate_is_kept_in_the_pool(origin, fleet, stored):
    """RFC 5861 section 3: one of all that find it stale refreshes it."""
    client = stored(control("max-age=60, stale-while-revalidate=600", Age=61, ETag='"1"'))
    client.get("/a").expect(200, content="one", age=about(61))
    request = origin.receive().expect(if_none_match='"1"')
    fleet[2].client().get("/a").expect(200, content="one", age=about(61))
    origin.silent()
    request.reply(content="two", cache_control="max-age=60")
    for proxy in fleet:
        poll_until(lambda: proxy.client().get("/a").expect(200).content == b"two", "the new response")
    origin.silent()


@pytest.mark.parametrize("failure", [None, 503])
def test_window_of_stale_if_error_is_kept_in_the_pool(origin, stored, failure):
    """RFC 5861 section 4."""
    client = stored(control("max-age=60, stale-if-error=600", Age=61, Connection="close"))
    client.get("/a")
    request = origin.receive()
    if failure:
        request.reply(failure, content="down")
    else:
        request.close()
    client.expect(200, content="one", age=about(61))


@pytest.mark.parametrize("more", ["", ", must-revalidate"])
def test_stale_of_the_pool_stands_in_for_an_origin_that_is_down(origin, stored, more):
    """RFC 9111 section 4.2.4."""
    client = stored(control("max-age=60" + more, Age=61, ETag='"1"', Connection="close"))
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').close()
    client.expect(502 if more else 200)


ASKED = {
    "max-age": (control("max-age=600", Age=30), "max-age=20"),
    "min-fresh": (control("max-age=600", Age=30), "min-fresh=571"),
    "no-cache": (control("max-age=600", Age=30), "no-cache"),
    "max-stale of too little": (control("max-age=600", Age=700), "max-stale=50"),
}


@pytest.mark.parametrize("fields, asked", ASKED.values(), ids=ASKED.keys())
def test_request_that_wants_it_fresher_validates_what_is_in_the_pool(origin, stored, fields, asked):
    """RFC 9111 section 5.2.1."""
    client = stored(fields + [("ETag", '"1"')])
    client.get("/a", cache_control=asked)
    origin.receive().expect("GET /a", if_none_match='"1"').reply(304, cache_control="max-age=600")
    client.expect(200, content="one")


TAKEN = {
    "max-age": (control("max-age=600", Age=30), "max-age=100"),
    "min-fresh": (control("max-age=600", Age=30), "min-fresh=500"),
    "max-stale": (control("max-age=600", Age=700), "max-stale=1000"),
    "stale on arrival, without a validator": (control("max-age=1500", Age=2000), "max-stale=1000"),
    "only-if-cached": (control("max-age=600"), "only-if-cached"),
    "no-store": (control("max-age=600"), "no-store"),
}


@pytest.mark.parametrize("fields, asked", TAKEN.values(), ids=TAKEN.keys())
def test_request_is_content_with_what_is_in_the_pool(origin, stored, fields, asked):
    client = stored(fields)
    client.get("/a", cache_control=asked).expect(200, content="one", cache_status=hit())
    origin.silent()


def test_only_if_cached_of_what_the_pool_has_not(fleet, origin):
    fleet[0].client().get("/a", cache_control="only-if-cached").expect(504)
    origin.silent()


@pytest.mark.parametrize("fields", [[], control("max-age=600", Age=601, ETag='"1"')], ids=["nothing", "something stale"])
def test_no_proxy_waits_for_a_request_that_says_no_store(origin, fleet, memcached, stored, fields):
    """RFC 9111 section 5.2.1.5."""
    client = stored(fields) if fields else fleet[1].client()
    client.get("/a", cache_control="no-store")
    alone = origin.receive()
    other = fleet[2].client().get("/a")
    origin.receive().reply(content="two", cache_control="max-age=600")
    other.expect(200, content="two", cache_status=re.compile("; stored"))
    alone.reply(content="three", cache_control="max-age=600")
    client.expect(200, content="three")
    for proxy in fleet:
        poll_until(lambda: proxy.client().get("/a").expect(200).content == b"two", "what may be stored")
    origin.silent()
