"""The memcached pool behind the memory tier: several proxies, one cache."""
import re

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

# Timeouts that a busy machine does not reach.
PATIENT = "connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s"
POOL = 'memcached_pools: {default: {servers: ["{memcached}"], %s}}\n' % PATIENT


def pool_of(servers):
    return "memcached_pools: {default: {servers: [%s], %s}}\n" % (", ".join(f'"{s.address}"' for s in servers), PATIENT)


@pytest.fixture
def pair(make_proxy, memcached):
    """Two proxies with one pool."""
    return [make_proxy().start(POOL, memcached=memcached.address) for _ in range(2)]


def test_one_line_is_enough(make_proxy, origin, memcached):
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=60"))
    first, second = (make_proxy().start('memcached: ["{memcached}"]', memcached=memcached.address) for _ in range(2))
    poll_until(lambda: first.client().get(f"/{origin.count}").expect(200) and memcached.items() >= 3, "items in memcached")
    hits = [second.client().get(f"/{i}").expect(200, content=f"/{i}") for i in range(origin.count)]
    assert any(hit().search(response.fields.get("cache-status")) for response in hits)


def test_two_proxies_serve_each_others_entries(pair, origin, memcached):
    first, second = pair
    client = first.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", etag='"1"', content_type="text/x")
    client.expect(200)
    memcached.wait_items(1)
    second.client().get("/a").expect(200, content="one", etag='"1"', content_type="text/x", cache_status=hit(ttl=60))
    origin.silent()


def test_entry_out_of_the_pool_is_then_in_memory(pair, origin, memcached):
    first, second = pair
    client = first.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    memcached.wait_items(1)
    client = second.client()
    client.get("/a").expect(200, content="one")
    gets = int(memcached.stats()["get_hits"])
    for _ in range(5):
        client.get("/a").expect(200, content="one", cache_status=hit())
    assert int(memcached.stats()["get_hits"]) == gets


@pytest.mark.config(POOL)
def test_restarted_proxy_is_warm(proxy, origin, memcached):
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    memcached.wait_items(1)
    proxy.stop()
    proxy.start()
    proxy.client().get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


# Requests that nobody waits for, and that wait for nobody; the range begins behind proxy_cache_max_range_offset.
ASIDE = [pytest.param(dict(range="bytes=-2"), 206, "ne", id="range"), pytest.param(dict(authorization="Basic eDp5"), 200, "one", id="Authorization")]


@pytest.mark.parametrize("fields, status, content", ASIDE)
@pytest.mark.parametrize("vary", [{}, {"vary": "Foo"}], ids=["alone", "varies"])
def test_request_that_is_fetched_for_itself_is_answered_by_the_pool(pair, origin, fields, status, content, vary):
    first, second = pair
    client = first.client().get("/a")
    origin.receive().reply(content="one", cache_control="public, max-age=60", **vary)
    client.expect(200)
    first.stop()    # write-back is done
    second.client().get("/a", **fields).expect(status, content=content, cache_status=hit(ttl=60))
    origin.silent()


@pytest.mark.parametrize("fields, status, content", ASIDE)
def test_stale_response_of_the_pool_is_validated_for_it(pair, origin, fields, status, content):
    first, second = pair
    client = first.client().get("/a")
    origin.receive().reply(content="one", cache_control="public, max-age=60", etag='"1"', age=70)
    client.expect(200)
    first.stop()    # write-back is done
    client = second.client().get("/a", **fields)
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="public, max-age=60")
    client.expect(status, content=content)


@pytest.mark.parametrize("fields, status, content", ASIDE)
def test_request_that_is_fetched_for_itself_waits_for_nobody(pair, origin, fields, status, content):
    first, second = pair
    slow = first.client().get("/a")
    held = origin.receive()
    client = second.client().get("/a", **fields)
    origin.receive().expect(**fields).reply(200, content="own", cache_control="no-store")
    client.expect(200, content="own")
    held.reply(content="one", cache_control="max-age=60")
    slow.expect(200, content="one")


def test_age_counts_over_the_pool(pair, origin, memcached):
    first, second = pair
    client = first.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", age=20)
    client.expect(200)
    memcached.wait_items(1)
    age = second.client().get("/a").expect(200, content="one", cache_status=hit(ttl=40)).fields.get("age")
    assert 20 <= int(age) <= 23


def test_variants_are_in_the_pool(pair, origin, memcached):
    first, second = pair
    client = first.client()
    for foo in ("1", "2"):
        client.get("/a", foo=foo)
        origin.receive().reply(content=foo, cache_control="max-age=60", vary="Foo")
        client.expect(200)
    memcached.wait_items(3)
    client = second.client()
    for foo in ("2", "1"):
        client.get("/a", foo=foo).expect(200, content=foo, cache_status=hit())
    origin.silent()


def test_head_and_304_out_of_the_pool(pair, origin, memcached):
    first, second = pair
    client = first.client().get("/a")
    origin.receive().reply(content="hello", cache_control="max-age=60", etag='"1"')
    client.expect(200)
    memcached.wait_items(1)
    second.client().head("/a").expect(200, content="", content_length=5, cache_status=hit())
    second.client().get("/a", if_none_match='"1"').expect(304)
    origin.silent()


@pytest.mark.config(POOL)
@pytest.mark.parametrize("target", ["/" + "a" * 3000, "/a%20b?x=%0D%0Aset", "/caf%C3%A9?x=%25"])
def test_wire_keys_are_short_and_printable_whatever_the_target(proxy, origin, memcached, target):
    client = proxy.client().get(target)
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    memcached.wait_items(1)
    for key in memcached.keys():
        assert len(key) <= 250 and key.isascii() and key.isprintable() and "aaaaaaaaaa" not in key


@pytest.mark.parametrize("fields", [dict(cache_control="no-store"), dict(cache_control="private"), dict(set_cookie="a=1", cache_control="max-age=60")],
                         ids=["no-store", "private", "Set-Cookie"])
@pytest.mark.config(POOL)
def test_content_that_may_not_be_stored_is_not_in_the_pool(proxy, origin, memcached, fields):
    client = proxy.client().get("/a")
    origin.receive().reply(content="SECRET" * 10, **fields)
    client.expect(200)
    proxy.stop()    # write-back is done
    for key in memcached.keys():
        assert b"SECRET" not in memcached.command(f"get {key}", end=b"END\r\n")


@pytest.mark.config(POOL)
def test_lifetime_beyond_thirty_days_is_no_date(proxy, origin, memcached):
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=31536000")
    client.expect(200)
    memcached.wait_items(1)
    proxy.stop()
    proxy.start()
    proxy.client().get("/a").expect(200, content="one", cache_status=hit())


@pytest.mark.config(POOL)
def test_content_larger_than_an_item_is_served_and_does_not_disturb(proxy, origin, memcached):
    client = proxy.client()
    for size in (2_000_000, 1_048_000, 1_048_576):
        client.get(f"/{size}")
        origin.receive().reply(content=b"x" * size, cache_control="max-age=60")
        client.expect(200, content=b"x" * size)
    client.get("/small")
    origin.receive().reply(content="small", cache_control="max-age=60")
    client.expect(200)
    memcached.wait_items(1)
    client.get("/2000000").expect(200, content=b"x" * 2_000_000)


def test_keys_spread_over_the_servers(make_memcached, proxy, origin):
    servers = [make_memcached() for _ in range(3)]
    proxy.start(pool_of(servers))
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=60"))
    client = proxy.client()
    for i in range(60):
        client.get(f"/{i}").expect(200)
    poll_until(lambda: sum(s.items() for s in servers) >= 60, "60 items")
    assert all(s.items() > 5 for s in servers)


def test_proxies_agree_on_the_placement_whatever_the_order(make_memcached, make_proxy, origin):
    servers = [make_memcached() for _ in range(3)]
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=60"))
    first, second = make_proxy(), make_proxy()
    first.start(pool_of(servers))
    second.start(pool_of(reversed(servers)))
    client = first.client()
    for i in range(30):
        client.get(f"/{i}").expect(200)
    poll_until(lambda: sum(s.items() for s in servers) >= 30, "30 items")
    client = second.client()
    for i in range(30):
        client.get(f"/{i}").expect(200, content=f"/{i}", cache_status=hit())
    assert origin.count == 30


def test_named_pool_and_key_prefix(make_memcached, proxy, origin):
    server = make_memcached()
    proxy.start("""
memcached_pools:
  pages: {servers: ["{server}"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}
caches:
  pages: {memory: 8m, memcached: pages, key_prefix: site1}
proxy_cache: pages
""", server=server.address)
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    server.wait_items(1)
    assert all(key.startswith("site1") for key in server.keys())


@pytest.mark.workers
@pytest.mark.config("workers: 2\n" + POOL)
def test_concurrent_requests_for_a_pool_entry_all_hit(proxy, origin, memcached):
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    memcached.wait_items(1)
    proxy.stop()
    proxy.start()
    clients = [proxy.client().get("/a") for _ in range(30)]
    for client in clients:
        client.expect(200, content="one")
    origin.silent()


@pytest.mark.config(POOL)
def test_lookups_of_one_turn_are_pipelined(proxy, origin, memcached):
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=60"))
    client = proxy.client()
    client.pipeline(*[("GET", f"/{i}") for i in range(100)])
    for i in range(100):
        client.expect(200, content=f"/{i}")
    memcached.wait_items(100)
    assert int(memcached.stats()["total_connections"]) < 20


@pytest.mark.config(POOL + "caches: {default: {memory: 0}}\nproxy_cache_lock_timeout: 1m\nproxy_cache_lock_age: 1m\nproxy_cache_use_stale: http_503\n")
@pytest.mark.parametrize("fields, status", [(dict(cache_control="only-if-cached"), 504), (dict(cache_control="only-if-cached, max-stale"), 200)], ids=str)
def test_who_only_looks_takes_no_right_to_fetch(proxy, origin, memcached, fields, status):
    """memcached gives it to whoever looks first at what is marked stale, as it is after a fetch that failed."""
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", age=70)
    client.expect(200)
    memcached.wait_items(1)
    client.get("/a")
    origin.receive().reply(503, content="")
    client.expect(200, content="one", cache_status=re.compile("stale-if-error"))
    for _ in range(2):
        client.get("/a", **fields).expect(status)
    client.get("/a")
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
