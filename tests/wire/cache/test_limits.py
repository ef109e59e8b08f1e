"""What the memory tier holds."""
import pytest

from harness.cache_status import NOT_STORED, hit


@pytest.mark.config("""
caches: {small: {memory: 1m, max_object: 10k}}
proxy_cache: small
""")
def test_larger_content_is_delivered_and_not_stored(origin, client):
    for how in (dict(), dict(chunked=True)):
        client.get("/a")
        origin.receive().reply(content=["x" * 8000, "y" * 8000], cache_control="max-age=60", **how)
        client.expect(200, content="x" * 8000 + "y" * 8000)
    client.get("/b")
    origin.receive().reply(content="x" * 8000, cache_control="max-age=60")
    client.expect(200)
    client.get("/b").expect(200, content="x" * 8000, cache_status=hit())


@pytest.mark.config("""
caches: {small: {memory: 1m, max_object: 10k}}
proxy_cache: small
""")
def test_declared_length_beyond_the_limit_is_known_at_the_head(origin, client):
    client.get("/a")
    origin.receive().reply(content="x" * 20_000, cache_control="max-age=60")
    client.expect(200, cache_status=NOT_STORED)


@pytest.mark.config("""
caches: {small: {memory: 2m, max_object: 1m}}
proxy_cache: small
""")
def test_what_is_being_collected_is_bounded(origin, proxy):
    begun = []
    for i in range(4):
        client = proxy.client().get(f"/{i}")
        reply = origin.receive().reply_head(chunked=True, cache_control="max-age=60").chunk("x" * 900_000)
        client.expect_head(200)
        client.expect_content("x" * 900_000)
        begun.append((client, reply))
    for client, reply in begun:
        reply.chunk("y" * 10_000).last_chunk()
        client.expect_rest(content="y" * 10_000)
    proxy.counted(cache_stored=3)


@pytest.mark.config("""
caches: {small: {memory: 2m}}
proxy_cache: small
""")
def test_memory_is_bounded_and_the_popular_stays(origin, proxy, client):
    origin.serve(lambda request: dict(content=request.target.encode() * 2000, cache_control="max-age=600"))
    client.get("/popular").expect(200)
    for i in range(1500):
        client.get(f"/n{i:04}").expect(200, content=f"/n{i:04}" * 2000)
        if i % 10 == 0:
            client.get("/popular").expect(200)
    client.get("/popular").expect(200, cache_status=hit())
    client.get("/n1499").expect(200, content="/n1499" * 2000)
    assert proxy.rss_bytes() < 64 * 1024 * 1024


@pytest.mark.workers
@pytest.mark.config("workers: 2")
def test_memory_is_shared_by_all_workers(origin, proxy):
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    for _ in range(20):
        proxy.client().get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


def test_two_caches_do_not_share(proxy, origin, client):
    proxy.start("""
caches: {one: {memory: 1m}, two: {memory: 1m}}
servers:
  - listen: "{listen}"
    proxy_pass: http://{origin}
    proxy_cache_key: constant
    locations:
      /one: {proxy_cache: one}
      /two: {proxy_cache: two}
      /none: {proxy_cache: off}
""")
    for target in ("/one", "/two"):
        client.get(target)
        origin.receive().reply(content=target, cache_control="max-age=60")
        client.expect(200)
    client.get("/one").expect(200, content="/one", cache_status=hit())
    client.get("/two").expect(200, content="/two", cache_status=hit())
    for _ in range(2):
        client.get("/none")
        origin.receive().reply(content="none", cache_control="max-age=60")
        client.expect(200, content="none")
