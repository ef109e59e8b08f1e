"""A server without room: refused stores and evicted values are misses, the connection goes on."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

POOL = """
memcached_pools: {p: {servers: ["{full}"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s, %s}}
caches: {c: {memory: 0, memcached: p}}
proxy_cache: c
"""
SIZE = 20_000


def content_of(target):
    return target.encode() * (SIZE // len(target))


@pytest.fixture
def app(origin):
    origin.serve(lambda r: dict(content=content_of(r.target), cache_control="max-age=1000"))
    return origin


def counters(proxy, name):
    return sum(value for key, value in proxy.status().items() if key.startswith("memcached.") and key.endswith("." + name))


def ask(client, targets):
    for target in targets:
        client.get(target).expect(200, content=content_of(target))


def flood(client, first=0):
    """Three times what the server has room for, in lone requests and pipelined."""
    for i in range(first, first + 150):
        ask(client, [f"/{i}"])
    for i in range(first + 150, first + 300, 15):
        client.pipeline(*[("GET", f"/{i + k}") for k in range(15)])
        for k in range(15):
            client.expect(200, content=content_of(f"/{i + k}"))


@pytest.mark.parametrize("options", ["", "replicas: 2", "protocol: classic"])
@pytest.mark.parametrize("lock", ["fleet", "host"])
def test_server_that_refuses_when_full(proxy, app, make_memcached, options, lock):
    """-M: "SERVER_ERROR out of memory" to stores, and to lookups that would leave a lease."""
    server, other = make_memcached("-m", "2", "-M"), make_memcached("-m", "2", "-M")
    both = options == "replicas: 2"
    config = POOL.replace('"{full}"', '"{full}", "{other}"') if both else POOL
    proxy.start(config % options + f"proxy_cache_lock: {lock}\n", full=server.address, other=other.address)
    client = proxy.client()
    flood(client)
    kept = server.items()
    assert 0 < kept < 300
    ask(client, [f"/{i}" for i in range(100)])
    assert counters(proxy, "bad_replies") == 0 and counters(proxy, "lost_connections") == 0
    assert counters(proxy, "timeouts") == 0
    if options != "protocol: classic":
        assert counters(proxy, "set_errors") > 0


def test_room_again_is_used_again(proxy, app, make_memcached):
    server = make_memcached("-m", "2", "-M")
    proxy.start(POOL % "", full=server.address)
    client = proxy.client()
    flood(client)
    assert server.command("flush_all") == b"OK\r\n"

    def hits():
        ask(client, ["/0"])
        return hit().search(client.get("/0").expect(200, content=content_of("/0")).fields.get("cache-status"))
    poll_until(hits, "hits once there is room")


def test_server_that_evicts_when_full(proxy, app, make_memcached):
    server = make_memcached("-m", "2")
    proxy.start(POOL % "", full=server.address)
    client = proxy.client()
    flood(client)
    assert int(server.stats()["evictions"]) > 0
    ask(client, [f"/{i}" for i in range(300)])
    assert counters(proxy, "bad_replies") == 0 and counters(proxy, "lost_connections") == 0


@pytest.mark.parametrize("protocol", ["meta", "classic"])
def test_value_too_large_for_the_server(proxy, origin, make_memcached, protocol):
    """The proxy has been told of a limit that the server does not have."""
    server = make_memcached("-I", "512k")
    proxy.start(POOL % f"protocol: {protocol}, max_item: 1m", full=server.address)
    origin.serve(lambda r: dict(content=b"x" * int(r.target[1:]), cache_control="max-age=1000"))
    client = proxy.client()
    for _ in range(3):
        for size in (100, 700_000, 300, 524_288, 500):
            client.get(f"/{size}").expect(200, content=b"x" * size)
        client.pipeline(*[("GET", f"/{size}") for size in (100, 700_000, 300, 524_288, 500)])
        for size in (100, 700_000, 300, 524_288, 500):
            client.expect(200, content=b"x" * size)
    client.get("/100").expect(200, cache_status=hit())
    assert counters(proxy, "bad_replies") == 0 and counters(proxy, "timeouts") == 0
    assert counters(proxy, "lost_connections") == 0
