"""Large content beside what else the cache does: variants, stale responses, several workers, reloads, old servers, compression."""
import re

import pytest

from harness.cache_status import STORED, hit
from harness.deadline import poll_until

from .conftest import MB, Large, digest_rest

SIZE = 3 * MB
STORED_AGAIN = re.compile(r"^mcproxy; fwd=.*; stored")


def test_variants(origin, proxy, pool):
    kinds = {"one": Large(SIZE, etag='"one"', vary="X-Kind"), "two": Large(SIZE, etag='"two"', salt=99, vary="X-Kind")}
    origin.serve(lambda request: kinds[request.fields.get("x-kind")].answer(request))
    for status in (None, hit()):
        for kind, large in kinds.items():
            proxy.client().get("/a", x_kind=kind).expect(200, content=large.content, **({"cache_status": status} if status else {}))
        poll_until(lambda: len(pool.chunks()) > 0 and proxy.counter("cache_stored") == 2, "both variants")
    assert origin.count == 2


def test_stale_content_is_served_while_it_is_validated(origin, stored, proxy):
    large = stored(Large(SIZE, cache_control="max-age=0, stale-while-revalidate=600"))
    origin.answer = None
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    origin.receive().expect("GET /a", if_none_match=large.etag).reply(304, etag=large.etag, cache_control="max-age=600")
    poll_until(lambda: proxy.counter("cache_stored") == 2, "the renewed manifest")
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    origin.silent()


def test_stale_content_stands_in_for_a_failure(origin, stored, proxy):
    large = stored(Large(SIZE, cache_control="max-age=0, stale-if-error=600"))
    origin.serve(lambda request: {"status": 503, "content": "busy"})
    proxy.client().get("/a").expect(200, content=large.content)


def test_head_renews_it(origin, stored, proxy):
    large = stored(Large(SIZE, cache_control="max-age=0"))
    origin.answer = None
    client = proxy.client().head("/a")
    origin.receive().expect("HEAD /a").reply_head(200, length=SIZE, **{**large.fields, "cache_control": "max-age=600"})
    client.expect(200, content_length=str(SIZE))
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    origin.silent()


def test_head_of_another_length_does_not(origin, stored, proxy):
    large = stored(Large(SIZE, cache_control="max-age=0"))
    origin.answer = None
    client = proxy.client().head("/a")
    origin.receive().reply_head(200, length=SIZE + 1, **{**large.fields, "cache_control": "max-age=600"})
    client.expect(200, content_length=str(SIZE + 1))
    client = proxy.client().get("/a")
    origin.receive().expect("GET /a").reply(content="new", cache_control="max-age=60")
    client.expect(200, content="new")


def test_reload_without_the_pool_makes_it_a_miss(origin, stored, proxy):
    stored(Large(SIZE))
    origin.answer = None
    proxy.reload("caches: {default: {memory: 16m, memcached: off}}\n")
    client = proxy.client().get("/a")
    origin.receive().reply(content="small", cache_control="max-age=60")
    client.expect(200, content="small", cache_status=STORED)


def test_post_forgets_it(origin, stored, proxy, pool):
    stored(Large(SIZE))
    origin.answer = None
    client = proxy.client().post("/a")
    origin.receive().reply(content="done")
    client.expect(200)
    poll_until(lambda: not pool.manifests(), "the end of the manifest")
    client = proxy.client().get("/a")
    origin.receive().reply(content="new", cache_control="max-age=60")
    client.expect(200, content="new")


@pytest.mark.workers
def test_many_readers_of_several_workers(origin, make_large_proxy, pool):
    proxy = make_large_proxy("workers: 2")
    large = Large(8 * MB)
    origin.serve(large.answer)
    client = proxy.client().get("/a")
    client.expect_head(200)
    assert digest_rest(client) == (large.size, large.digest())
    pool.wait_manifest()
    clients = [proxy.client().get("/a") for _ in range(16)]
    ranged = [proxy.client().get("/a", range=f"bytes={i * 500_000}-{i * 500_000 + 600_000}") for i in range(16)]
    for client in clients:
        client.expect_head(200, cache_status=hit())
        assert digest_rest(client) == (large.size, large.digest())
    for i, client in enumerate(ranged):
        client.expect(206, content=large.part(i * 500_000, 600_001))
    assert origin.count == 1


@pytest.mark.parametrize("option", ["protocol: classic", "replicas: 2"])
def test_other_pools(origin, make_proxy, pool, option):
    a, b = (server.address for server in pool)
    config = """
memcached_pools: {default: {servers: ["{a}", "{b}"], connect_timeout: 2s, send_timeout: 2s, read_timeout: 2s, max_item: 512k, %s}}
caches: {default: {memory: 16m, memory_max_object: 64k, max_object: 1g}}
""" % option
    first, second = (make_proxy().start(config, a=a, b=b) for _ in range(2))
    large = Large(SIZE)
    origin.serve(large.answer)
    first.client().get("/a").expect(200, content=large.content)
    pool.wait_manifest()
    for proxy in (first, second):
        proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
        proxy.client().get("/a", range="bytes=-10").expect(206, content=large.part(SIZE - 10, 10))
    assert origin.count == 1


def test_one_of_two_copies_is_enough(origin, make_proxy, pool):
    a, b = (server.address for server in pool)
    config = """
memcached_pools: {default: {servers: ["{a}", "{b}"], connect_timeout: 2s, send_timeout: 2s, read_timeout: 2s, replicas: 2}}
caches: {default: {memory: 16m, memory_max_object: 64k, max_object: 1g}}
"""
    proxy = make_proxy().start(config, a=a, b=b)
    large = Large(SIZE)
    origin.serve(large.answer)
    proxy.client().get("/a").expect(200, content=large.content)
    pool.wait_manifest()
    poll_until(lambda: sum(s.items() for s in pool) == 2 * 8, "second copies")
    pool.servers[0].kill()
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    proxy.counted(cache_chunks_lost=0)
    assert origin.count == 1


def test_only_if_cached(stored, proxy):
    large = stored(Large(SIZE))
    proxy.client().get("/a", cache_control="only-if-cached").expect(200, content=large.content, cache_status=hit())


def test_reload_forwards(origin, stored, proxy):
    large = stored(Large(SIZE))
    proxy.client().get("/a", cache_control="no-cache").expect(200, content=large.content, cache_status=STORED_AGAIN)
    assert origin.count == 2
