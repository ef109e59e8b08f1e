"""The memory tier before the pool holds nothing for longer than memory_revalidate that the pool has no more."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

POOL = """
memcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}
caches: {default: {memory_revalidate: %s}}
"""


@pytest.fixture
def pair(make_proxy, memcached, request):
    """Two proxies with one pool; both have /a in memory."""
    every = getattr(request, "param", "50ms")
    return [make_proxy().start(POOL % every, memcached=memcached.address) for _ in range(2)]


def fill(pair, origin, memcached, content="one", **fields):
    client = pair[0].client().get("/a")
    origin.receive().reply(content=content, **{"cache_control": "max-age=600", **fields})
    client.expect(200)
    memcached.wait_items(1)
    pair[1].client().get("/a").expect(200, content=content, cache_status=hit())


def purge(memcached):
    for key in memcached.keys():
        memcached.command(f"md {key}")


def test_purge_is_seen_by_every_process(pair, origin, memcached):
    fill(pair, origin, memcached)
    purge(memcached)
    origin.serve(lambda r: dict(content="two", cache_control="max-age=600"))
    for proxy in pair:
        client = proxy.client()
        poll_until(lambda: client.get("/a").expect(200).content == b"two", "the new content")
    assert origin.count == 2


def test_newer_content_of_another_process_is_seen(pair, origin, memcached):
    fill(pair, origin, memcached)
    client = pair[0].client().get("/a", cache_control="no-cache")
    origin.receive().reply(content="two", cache_control="max-age=600")
    client.expect(200, content="two")
    other = pair[1].client()
    poll_until(lambda: other.get("/a").expect(200, cache_status=hit()).content == b"two", "the new content")
    origin.silent()


def reads(memcached):
    return int(memcached.stats()["cmd_get"])


def wait_idle(pair, memcached):
    """Longer than memory_revalidate: each proxy has looked for purges several times."""
    before = reads(memcached)
    poll_until(lambda: reads(memcached) >= before + 4 * len(pair), "several looks at the log of purges")


def test_idle_content_is_compared_before_it_answers(pair, origin, memcached):
    fill(pair, origin, memcached)
    client = pair[0].client().get("/a", cache_control="no-cache")
    origin.receive().reply(content="two", cache_control="max-age=600")
    client.expect(200, content="two")
    wait_idle(pair, memcached)
    pair[1].client().get("/a").expect(200, content="two", cache_status=hit())
    origin.silent()


def test_idle_content_that_the_pool_has_no_more_is_not_used(pair, origin, memcached):
    fill(pair, origin, memcached)
    purge(memcached)
    wait_idle(pair, memcached)
    client = pair[1].client().get("/a")
    origin.receive().reply(content="two", cache_control="max-age=600")
    client.expect(200, content="two")


def test_idle_content_that_is_the_same_is_not_read_again(pair, origin, memcached):
    fill(pair, origin, memcached, content="x" * 100000)
    pair[1].client().get("/a").expect(200)
    wait_idle(pair, memcached)
    pair[1].client().get("/a").expect(200, content="x" * 100000, cache_status=hit())
    server = "memcached.default." + memcached.address
    wait_idle(pair, memcached)
    before = pair[1].counter(server + ".bytes_in")
    pair[1].client().get("/a").expect(200, content="x" * 100000, cache_status=hit())
    assert pair[1].counter(server + ".bytes_in") - before < 50000


@pytest.mark.parametrize("kind", ["range", "conditional", "authorization"])
def test_idle_content_answers_what_a_miss_would_pass_on(pair, origin, memcached, kind):
    fields = {"range": dict(range="bytes=1-1"), "conditional": dict(if_none_match='"1"'), "authorization": dict(authorization="x")}
    fill(pair, origin, memcached, content="one", etag='"1"', cache_control="public, max-age=600")
    wait_idle(pair, memcached)
    pair[1].client().get("/a", **fields[kind]).expect({"range": 206, "conditional": 304}.get(kind, 200), cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("pair", ["2s"], indirect=True)
def test_hits_do_not_wait_for_the_check(pair, origin, memcached):
    fill(pair, origin, memcached)
    memcached.stop()
    client = pair[1].client()
    asked = "memcached.default." + memcached.address + ".gets"
    before = pair[1].counter(asked)

    def check_is_under_way():
        client.get("/a").expect(200, content="one", timeout=0.5)
        return pair[1].counter(asked) > before
    poll_until(check_is_under_way, "a check")
    for _ in range(30):
        client.get("/a").expect(200, content="one", timeout=0.5)
    memcached.cont()


def test_memory_goes_on_alone_without_the_pool(pair, origin, memcached):
    fill(pair, origin, memcached)
    memcached.kill()
    client = pair[1].client()
    client.get("/a").expect(200, content="one")     # starts a check that nobody answers
    for _ in range(20):
        client.get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("pair", ["10s"], indirect=True)
def test_unchanged_content_is_checked_at_most_once_in_that_time(pair, origin, memcached):
    fill(pair, origin, memcached)
    before = int(memcached.stats()["cmd_get"])
    client = pair[1].client()
    for _ in range(100):
        client.get("/a").expect(200, content="one")
    assert int(memcached.stats()["cmd_get"]) == before


@pytest.mark.parametrize("pair", ["0s"], indirect=True)
def test_zero_never_checks(pair, origin, memcached):
    fill(pair, origin, memcached)
    purge(memcached)
    before = int(memcached.stats()["cmd_get"])
    client = pair[1].client()
    for _ in range(100):
        client.get("/a").expect(200, content="one")
    assert int(memcached.stats()["cmd_get"]) == before


def test_content_longer_than_an_item_stays_in_memory(pair, origin, memcached):
    client = pair[0].client().get("/big")
    origin.receive().reply(content=b"x" * 2_000_000, cache_control="max-age=600")
    client.expect(200)
    for _ in range(20):
        client.get("/big").expect(200, content=b"x" * 2_000_000, cache_status=hit())
    origin.silent()


def test_idle_content_that_was_marked_stale_is_refreshed_at_once(make_proxy, memcached, origin):
    """The comparison is the first to look at it and wins the lease, which then is there for the fetch."""
    pair = [make_proxy().start(POOL % "50ms" + "proxy_cache_lock_timeout: 60s\nproxy_cache_lock_age: 60s\n", memcached=memcached.address) for _ in range(2)]
    fill(pair, origin, memcached)
    wait_idle(pair, memcached)
    for key in memcached.keys():
        memcached.command(f"md {key} I")
    client = pair[1].client()
    client.get("/a").expect(200, content="one")
    origin.receive().reply(content="two", cache_control="max-age=600")
    poll_until(lambda: client.get("/a").expect(200).content == b"two", "the new content")
