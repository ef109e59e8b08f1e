"""Purges, fills and leases of a fleet whose pool keeps two copies: a delete wins at both servers."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

POOL = """
memcached_pools: {p: {servers: ["{a}", "{b}"], replicas: 2, connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s, fail_timeout: 100ms}}
caches: {c: {memory: 0, memcached: p}}
proxy_cache: c
"""


@pytest.fixture
def servers(make_memcached):
    return [make_memcached() for _ in range(2)]


@pytest.fixture
def fleet(make_proxy, servers):
    proxies = [make_proxy().start(POOL, a=servers[0].address, b=servers[1].address) for _ in range(2)]
    for proxy in proxies:
        poll_until(lambda: states(proxy) == ["up"] * 2, "connections to both servers")
    return proxies


def states(proxy):
    return [value for name, value in proxy.status().items() if name.startswith("memcached.") and name.endswith(".state")]


def stored(servers):
    """The keys of stored responses at each server; stubs of leases are none."""
    return [{key for key in server.keys() if not server.command(f"mg {key} s").startswith(b"HD s0")} for server in servers]


def serve(origin, client, target, content):
    client.get(target)
    origin.receive().expect(f"GET {target}").reply(content=content, cache_control="max-age=1000")
    client.expect(200, content=content)


def until_written(origin, client, servers):
    """What was stored before has arrived: what follows it on each way has."""
    before = stored(servers)
    for i in range(8):
        serve(origin, client, f"/marker{i}", "x")
    poll_until(lambda: [len(now - then) for now, then in zip(stored(servers), before)] == [8, 8], "the markers at both servers")
    return before


def purge(origin, client, target):
    client.post(target)
    origin.receive().expect(f"POST {target}").reply()
    client.expect(200)


@pytest.mark.parametrize("target", [f"/{i}" for i in range(4)])     # of which some have their first copy at the one server
def test_purge_during_a_fill_wins_at_both(fleet, origin, servers, target):
    filling, purging = (proxy.client() for proxy in fleet)
    filling.get(target)
    held = origin.receive()
    purge(origin, purging, target)
    poll_until(lambda: not any(server.keys() for server in servers), "the lease to be gone")
    held.reply(content="old", cache_control="max-age=1000")
    filling.expect(200, content="old")
    assert until_written(origin, filling, servers) == [set(), set()]
    serve(origin, purging, target, "new")
    filling.get(target).expect(200, content="new", cache_status=hit())


@pytest.mark.parametrize("down", [0, 1])
def test_purge_and_newer_content_are_seen_when_a_server_fails(fleet, origin, servers, down):
    """Neither the old content nor what was purged comes back from the other server."""
    here, there = (proxy.client() for proxy in fleet)
    targets = [f"/{i}" for i in range(8)]
    for target in targets:
        serve(origin, here, target, "old")
    poll_until(lambda: [len(keys) for keys in stored(servers)] == [8] * 2, "two copies of what is old")
    for target in targets:
        purge(origin, there, target)
    for target in targets[:4]:
        serve(origin, there, target, "new")
    poll_until(lambda: [len(keys) for keys in stored(servers)] == [4] * 2, "two copies of what is new")
    servers[down].kill()
    for target in targets[:4]:
        here.get(target).expect(200, content="new", cache_status=hit())
    for target in targets[4:]:
        serve(origin, here, target, "newest")


def test_second_copies_are_gone_after_replica_ttl(make_proxy, origin, servers):
    """So long, and no longer, a delete can be undone that the second server has not heard of."""
    proxy = make_proxy().start(POOL.replace("replicas: 2", "replicas: 2, replica_ttl: 2s"), a=servers[0].address, b=servers[1].address)
    poll_until(lambda: states(proxy) == ["up"] * 2, "connections to both servers")
    client = proxy.client()
    for i in range(8):
        serve(origin, client, f"/{i}", "old")
    firsts = poll_until(lambda: sum(map(len, stored(servers))) == 8 and stored(servers), "the second copies to end")
    assert len(set.union(*firsts)) == 8
