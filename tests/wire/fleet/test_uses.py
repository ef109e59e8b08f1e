"""proxy_cache_min_uses, counted over all proxies that share a pool."""
import pytest

from harness.cache_status import hit


@pytest.fixture(params=["meta", "classic"])
def fleet(make_proxy, memcached, request):
    """Starts two proxies; nothing is found in their own memory."""
    def start(uses):
        text = ('memcached_pools: {default: {servers: ["%s"], protocol: %s, connect_timeout: 1s, read_timeout: 1s}}\n'
                "caches: {default: {memory: 0}}\nproxy_cache_min_uses: %d\n")
        return [make_proxy().start(text % (memcached.address, request.param, uses)) for _ in range(2)]
    return start


def ask(origin, proxy, content, **fields):
    client = proxy.client().get("/a", **fields)
    request = origin.receive()
    request.reply(content=content, cache_control="max-age=60")
    client.expect(200, content=content)
    proxy.client().get("/none", cache_control="only-if-cached").expect(504)    # behind the store, if there is one
    return request


def test_uses_count_wherever_they_are(fleet, origin):
    first, second = fleet(3)
    ask(origin, first, "1")
    ask(origin, second, "2")
    ask(origin, first, "3")
    for proxy in (first, second):
        proxy.client().get("/a").expect(200, content="3", cache_status=hit())
    origin.silent()


def test_each_key_has_its_own_count(fleet, origin):
    first, second = fleet(2)
    ask(origin, first, "1")
    client = second.client().get("/b")
    origin.receive().expect("GET /b").reply(content="b", cache_control="max-age=60")
    client.expect(200, content="b")
    ask(origin, second, "2")
    first.client().get("/a").expect(200, content="2", cache_status=hit())


def test_range_passes_until_there_are_enough(fleet, origin):
    first, second = fleet(2)
    assert ask(origin, first, "1234", range="bytes=0-1").fields.get("range") == "bytes=0-1"
    client = second.client().get("/a", range="bytes=0-1")
    origin.receive().expect(range=None).reply(content="1234", cache_control="max-age=60")
    client.expect(206, content="12")


def test_those_who_wait_are_counted(fleet, origin):
    first, second = fleet(4)
    waiting = [first.client().get("/a") for _ in range(2)]
    for request in [origin.receive(), origin.receive()]:
        request.reply(content="1", cache_control="max-age=60")
    for client in waiting:
        client.expect(200, content="1")
    ask(origin, second, "3")
    ask(origin, first, "4")
    second.client().get("/a").expect(200, content="4", cache_status=hit())


def test_pool_that_is_gone_leaves_each_to_its_own(fleet, origin, memcached):
    first, _ = fleet(2)
    memcached.kill()
    for content in ("1", "2", "3"):
        client = first.client().get("/a")
        origin.receive().reply(content=content, cache_control="max-age=60")
        client.expect(200, content=content)
