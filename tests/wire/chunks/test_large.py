"""Content of every size is kept in the pool: stored and served in chunks, never whole in memory."""
import re

import pytest

from harness.cache_status import NOT_STORED, STORED, hit, refused
from harness.deadline import SLOW, poll_until

from .conftest import MB, Large, digest_rest

# Chunks on their way, buffers of both sides and what the allocator keeps. A sanitizer keeps freed memory in its quarantine.
KEPT = (12 if SLOW <= 1 else 700) * MB


@pytest.mark.slow
def test_200_mb_are_stored_over_the_pool_and_served_from_it(origin, proxy, make_large_proxy, pool):
    large = Large(200 * MB)
    origin.serve(large.answer)
    other = make_large_proxy()
    before = [p.rss_bytes() for p in (proxy, other)]
    want = (large.size, large.digest())
    client = proxy.client().get("/a")
    client.expect_head(200, cache_status=STORED)
    assert digest_rest(client) == want
    pool.wait_manifest()
    for p in (proxy, other):
        client = p.client().get("/a")
        client.expect_head(200, cache_status=hit(), content_length=str(large.size))
        assert digest_rest(client) == want
    assert origin.count == 1
    for p, rss in zip((proxy, other), before):
        assert p.rss_bytes() - rss < KEPT
    for server in pool:     # spread over both
        assert server.items() > 100


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_any_framing(origin, proxy, pool, framing):
    large = Large(3 * MB + 17)
    client = proxy.client().get("/a")
    how = {"length": {}, "chunked": {"chunked": True}, "close": {"length": False}}[framing]
    content = [large.content] if framing == "chunked" else large.content
    origin.receive().reply(content=content, cache_control="max-age=60", **how)
    client.expect(200, content=large.content)
    pool.wait_manifest()
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit(), content_length=str(large.size))
    origin.silent()


def test_keep_alive_goes_on_behind_large_content(stored, proxy):
    large = stored(Large(2 * MB))
    client = proxy.client()
    for _ in range(3):
        client.get("/a").expect(200, content=large.content, cache_status=hit())
    client.pipeline(("GET", "/a"), ("HEAD", "/a"), ("GET", "/a"))
    client.expect(200, content=large.content)
    client.expect(200, content=b"", content_length=str(large.size))
    client.expect(200, content=large.content)


def test_head_and_conditions_need_no_chunk(stored, proxy):
    stored(Large(2 * MB))
    read = proxy.counter("cache_chunks_read")
    client = proxy.client()
    client.head("/a").expect(200, content_length=str(2 * MB), cache_status=hit())
    client.get("/a", if_none_match='"v1"').expect(304, cache_status=hit())
    client.get("/a", if_match='"other"').expect(412)
    client.get("/a", range=f"bytes={2 * MB}-").expect(416, content_range=f"bytes */{2 * MB}")
    proxy.counted(cache_chunks_read=read)


def test_validation_keeps_the_chunks(origin, stored, make_large_proxy, pool):
    large = stored(Large(2 * MB, cache_control="max-age=0"))
    chunks = pool.chunks()
    asked = []

    def not_modified(request):
        asked.append(request.fields.get("if-none-match"))
        request.reply(304, etag=large.etag, cache_control="max-age=600")
    origin.serve(not_modified)
    other = make_large_proxy()
    other.client().get("/a").expect(200, content=large.content)
    other.client().get("/a").expect(200, content=large.content, cache_status=hit())
    assert asked == [large.etag]
    assert pool.chunks() == chunks


def test_content_between_the_limits_is_whole_in_memory_and_in_chunks_in_the_pool(origin, make_large_proxy, pool):
    a, b = (make_large_proxy().client() for _ in range(2))
    large = Large(60 * 1024)
    a.get("/small")
    origin.receive().reply(content=large.content, cache_control="max-age=60")
    a.expect(200, content=large.content)
    poll_until(pool.manifests, "the record")
    assert not pool.chunks()
    b.get("/small").expect(200, content=large.content, cache_status=hit())


def test_record_longer_than_an_item_is_split(origin, make_proxy, pool):
    a, b = (server.address for server in pool)
    config = """
memcached_pools: {default: {servers: ["{a}", "{b}"], connect_timeout: 2s, send_timeout: 2s, read_timeout: 2s}}
caches: {default: {memory_revalidate: 20ms}}
"""
    first, second = (make_proxy().start(config, a=a, b=b) for _ in range(2))
    large = Large(900_000)
    client = first.client().get("/a")
    origin.receive().reply(content=large.content, cache_control="max-age=60")
    client.expect(200, content=large.content)
    pool.wait_manifest()
    second.client().get("/a").expect(200, content=large.content, cache_status=hit())
    assert second.counter("cache_chunks_read") == 2
    for _ in range(30):     # with checks behind them: what memory has whole stays whole
        client.get("/a").expect(200, content=large.content, cache_status=hit())
    first.counted(cache_chunks_read=0)
    origin.silent()


def test_longer_than_max_object_is_not_stored(origin, make_large_proxy, pool):
    proxy = make_large_proxy(max_object="3m")
    large = Large(5 * MB)
    client = proxy.client().get("/a")
    origin.receive().reply(content=[large.content], chunked=True, cache_control="max-age=60")
    client.expect_head(200)
    assert digest_rest(client) == (large.size, large.digest())
    poll_until(pool.empty, "a pool without its chunks")
    client = proxy.client().get("/b")
    origin.receive().reply(content=large.content, cache_control="max-age=60")
    client.expect_head(200, cache_status=NOT_STORED)
    assert digest_rest(client) == (large.size, large.digest())
    assert pool.empty() or not pool.chunks()


def test_truncated_content_is_not_stored(origin, proxy, pool):
    large = Large(4 * MB)
    client = proxy.client().get("/a")
    request = origin.receive().reply_head(length=large.size, cache_control="max-age=60")
    request.connection.send_in_background(large.part(0, 3 * MB), request.connection.close)
    client.expect_truncated(200, content=large.part(0, 3 * MB))
    poll_until(pool.empty, "a pool without its chunks")
    client = proxy.client().get("/a")
    origin.receive().reply(content="whole", cache_control="max-age=60")
    client.expect(200, content="whole")


def test_fill_goes_on_when_the_client_leaves(origin, proxy, pool):
    large = Large(4 * MB)
    client = proxy.client().get("/a")
    request = origin.receive().reply_head(length=large.size, cache_control="max-age=60")
    request.connection.send(large.part(0, MB))
    client.expect_head(200)
    client.close(reset=True)
    request.connection.send_in_background(large.part(MB, 3 * MB))
    pool.wait_manifest()
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    origin.silent()


def test_who_comes_late_fetches_for_himself_without_storing(origin, proxy, pool):
    large = Large(4 * MB)
    first = proxy.client().get("/a")
    request = origin.receive().reply_head(length=large.size, cache_control="max-age=60")
    request.connection.send(large.part(0, 2 * MB))
    first.expect_head(200)
    late = proxy.client().get("/a")
    origin.receive().reply(content=large.content, cache_control="max-age=60")
    late.expect(200, content=large.content, cache_status=refused("late"))
    assert not pool.manifests()
    request.connection.send_in_background(large.part(2 * MB, 2 * MB))
    first.expect_rest(large.content)
    pool.wait_manifest()
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())


def test_who_waits_from_the_beginning_reads_along(origin, proxy):
    large = Large(4 * MB)
    clients = [proxy.client().get("/a") for _ in range(3)]
    request = origin.receive()
    proxy.counted(requests_active=4)     # with the one that asks for this
    request.reply(content=large.content, cache_control="max-age=60")
    for client in clients:
        client.expect_head(200)
    for at in range(0, large.size, MB // 4):    # in turns: the slowest one counts
        for client in clients:
            client.expect_content(large.part(at, MB // 4))
    for client in clients:
        client.expect_rest(b"")
    origin.silent()


def test_two_fills_never_mix(origin, make_large_proxy, pool):
    proxies = [make_large_proxy("proxy_cache_lock: off") for _ in range(2)]
    fills = [Large(4 * MB + 5, etag='"one"'), Large(4 * MB + 5, etag='"two"', salt=12345)]
    clients, requests = [], []
    for proxy, large in zip(proxies, fills):
        clients.append(proxy.client().get("/a"))
        requests.append(origin.receive().reply_head(length=large.size, **large.fields))
    for at in range(0, 4 * MB, MB):     # in turns
        for request, client, large in zip(requests, clients, fills):
            request.connection.send_in_background(large.part(at, MB))
            if at == 0:
                client.expect_head(200)
            client.expect_content(large.part(at, MB))
    for request, client, large in zip(requests, clients, fills):
        request.connection.send(large.part(4 * MB, 5))
        client.expect_rest(large.part(4 * MB, 5))
    pool.wait_manifest()
    third = make_large_proxy()
    for _ in range(2):
        got = third.client().get("/a").expect(200, cache_status=hit())
        assert got.content == {f.etag: f for f in fills}[got.fields.get("etag")].content
    origin.silent()


def test_purge_during_the_fill_wins(origin, proxy, pool):
    large = Large(3 * MB)
    client = proxy.client().get("/a")
    request = origin.receive().reply_head(length=large.size, **large.fields)
    request.connection.send(large.part(0, 2 * MB))
    client.expect_head(200)
    client.expect_content(large.part(0, 2 * MB))
    for server in pool:
        for key in pool.keys(server):
            server.command(f"md {key}")
    request.connection.send(large.part(2 * MB, MB))
    client.expect_rest(large.part(2 * MB, MB))
    proxy.counted(cache_stored=1)
    assert not pool.manifests()


def test_reader_that_stops_stops_the_fill_and_holds_little(origin, proxy, pool):
    large = Large(100 * MB)
    warm = proxy.client().get("/warm")
    origin.receive().reply(content=b"x" * 3 * MB, cache_control="max-age=60")
    warm.expect(200)
    before = proxy.rss_bytes()
    client = proxy.client(rcvbuf=65536).get("/a")
    request = origin.receive().reply_head(length=large.size, cache_control="max-age=60")
    sent = 0
    with pytest.raises(TimeoutError):
        for piece in large.pieces(0, large.size):
            request.connection.send(piece, 0.5)
            sent += len(piece)
    client.expect_head(200)
    assert proxy.rss_bytes() - before < KEPT


def test_reader_that_stops_holds_few_chunks(stored, proxy):
    large = stored(Large(60 * MB))
    before = proxy.rss_bytes()
    read = proxy.counter("cache_chunks_read")
    clients = [proxy.client(rcvbuf=65536).get("/a") for _ in range(4)]
    for client in clients:
        client.expect_head(200, cache_status=hit())
    poll_until(lambda: proxy.counter("cache_chunks_read") >= read + 4, "the first chunks")
    assert proxy.counter("cache_chunks_read") - read < 4 * 12   # what sockets of this machine take, and two more
    assert proxy.rss_bytes() - before < KEPT
    for client in clients:
        assert digest_rest(client) == (large.size, large.digest())


def test_settings_of_the_servers_bound_the_chunks(stored, pool):
    stored(Large(3 * MB))
    sizes = [int(size) for server in pool for size in re.findall(r"size=(\d+)", server.command("lru_crawler metadump all", end=b"END\r\n").decode())]
    assert max(sizes) <= 512 * 1024
