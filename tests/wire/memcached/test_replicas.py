"""`replicas: 2`: a value has a second copy at the next server on the ring, for when the first one fails."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

KEYS = 30


def pool(more=""):
    return """
memcached_pools: {p: {servers: ["{a}", "{b}", "{c}"], replicas: 2, connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s,
                      fail_timeout: 200ms, %s}}
caches: {c: {memory: 0, memory_revalidate: 1h, memcached: p}}
proxy_cache: c
""" % more


def targets():
    return [f"/{i}" for i in range(KEYS)]


@pytest.fixture
def servers(make_memcached):
    return {"a": make_memcached("-m", "2", "-M"), "b": make_memcached(), "c": make_memcached()}


@pytest.fixture
def app(origin):
    origin.serve(lambda r: dict(content=r.target * 20, cache_control="max-age=1000"))
    return origin


@pytest.fixture
def filled(proxy, app, servers):
    """A proxy whose pool has two copies of everything; filled("…") with these lines in its configuration."""
    def fill(more="", options=""):
        proxy.start(pool(options) + more, **{name: server.address for name, server in servers.items()})
        connected(proxy)
        ask(proxy)
        poll_until(lambda: sum(s.items() for s in servers.values()) == 2 * KEYS, "two copies of each")
        return proxy
    return fill


def connected(proxy):
    """A store to a server that is not connected yet is dropped."""
    def all_up():
        states = [value for name, value in proxy.status().items() if name.startswith("memcached.") and name.endswith(".state")]
        return states == ["up"] * 3
    poll_until(all_up, "connections to all servers")


def ask(proxy, cache_status=None):
    client = proxy.client()
    for target in targets():
        client.get(target).expect(200, content=target * 20, **({"cache_status": cache_status} if cache_status else {}))


def hits(proxy):
    client = proxy.client()
    return sum(bool(hit().search(client.get(t).expect(200, content=t * 20).fields.get("cache-status"))) for t in targets())


def test_copies_are_at_two_servers(filled, servers):
    filled()
    keys = [key for server in servers.values() for key in server.keys()]
    assert len(set(keys)) == KEYS and all(keys.count(key) == 2 for key in keys)


@pytest.mark.parametrize("victim", "abc")
def test_one_dead_server_loses_nothing(filled, servers, app, victim):
    proxy = filled()
    servers[victim].kill()
    ask(proxy)      # some find the connection gone under them
    ask(proxy, hit())
    assert app.count == KEYS


def test_hung_server_loses_nothing(filled, servers, app):
    proxy = filled()
    servers["a"].stop()
    ask(proxy, hit())
    assert app.count == KEYS


def test_refusing_server_is_read_around_with_invalid_response(proxy, app, servers, lying_memcached):
    """With lies of only some servers, and next_upstream that heeds lies."""
    proxy.start(pool() + "memcached_next_upstream: error timeout invalid_response", a=servers["a"].address, b=servers["b"].address,
                c=lying_memcached.address)
    connected(proxy)
    everyone = [servers["a"], servers["b"], lying_memcached.real]
    ask(proxy)
    poll_until(lambda: sum(s.items() for s in everyone) == 2 * KEYS, "two copies of each")
    lying_memcached.bend = lambda reply: b"SERVER_ERROR out of order\r\n" if reply.startswith(b"VA") else reply
    ask(proxy, hit())
    assert app.count == KEYS


def test_off_asks_nobody_else(filled, servers, app):
    proxy = filled("memcached_next_upstream: off")
    servers["a"].kill()
    assert hits(proxy) < KEYS
    assert app.count > KEYS


def test_a_miss_is_a_miss_without_not_found(filled, servers, app):
    proxy = filled()
    assert servers["a"].command("flush_all") == b"OK\r\n"
    assert hits(proxy) < KEYS


@pytest.mark.parametrize("lock", ["host", "fleet"])
def test_not_found_goes_on_and_restores(filled, servers, app, lock):
    """With leases of the first server, and without."""
    proxy = filled(f"memcached_next_upstream: error timeout not_found\nproxy_cache_lock: {lock}")
    before = servers["a"].items()
    assert servers["a"].command("flush_all") == b"OK\r\n"
    assert before > 0
    ask(proxy, hit())
    assert app.count == KEYS
    poll_until(lambda: servers["a"].items() > 0, "the first copies at their place again")
    ask(proxy, hit())


def test_delete_reaches_both(filled, servers, app):
    proxy = filled()
    client = proxy.client()
    for target in targets():
        client.post(target).expect(200)
    poll_until(lambda: sum(s.items() for s in servers.values()) == 0, "nothing left")


def test_second_copy_ends_by_replica_ttl(filled, servers):
    """Its life is what bounds how long a deletion can be undone that the second server has not heard of."""
    filled(options="replica_ttl: 100s")
    longest = {}
    for server in servers.values():
        for key in server.keys():
            longest.setdefault(key, []).append(int(server.command(f"mg {key} t").split(b"t")[1]))
    for ends in longest.values():
        assert min(ends) <= 100 < max(ends), ends


def test_second_copy_is_not_kept_in_memory(proxy, app, servers):
    proxy.start(pool().replace("memory: 0", "memory: 8m"), **{name: server.address for name, server in servers.items()})
    connected(proxy)
    ask(proxy)
    poll_until(lambda: sum(s.items() for s in servers.values()) == 2 * KEYS, "two copies of each")
    proxy.stop()
    servers["a"].kill()
    proxy.start()
    ask(proxy, hit())
    for server in (servers["b"], servers["c"]):
        server.command("flush_all")
    assert app.count == KEYS
    ask(proxy)
    assert KEYS < app.count < 2 * KEYS, "some second copy has stayed in memory, or all first ones are gone from it"


def test_refused_store_leaves_no_older_copy(filled, servers, app):
    """What the first server cannot take (out of memory) is not at the second either."""
    proxy = filled()
    fill_up(servers["a"], 3300)
    app.serve(lambda r: dict(content=b"x" * 3000, cache_control="max-age=1000"))
    client = proxy.client()
    for target in targets():
        client.get(target, cache_control="no-cache").expect(200, content=b"x" * 3000)
    old = [(target * 20).encode() for target in targets()]
    poll_until(lambda: not any(content in values(servers[name]) for content in old for name in "bc"), "no older copies")
    assert any(b"x" * 3000 in values(servers[name]) for name in "bc")


def fill_up(server, size):
    """Until it has no room for a value of that size."""
    i = 0
    while server.command(f"ms foreign{i} {size} T0", b"f" * size) == b"HD\r\n":
        i += 1


def values(server):
    return b"".join(server.command(f"mg {key} v") for key in server.keys())
