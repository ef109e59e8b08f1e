"""Several proxies and one memcached pool: one fetch per key among all of them."""
import os
import signal
import time

import pytest

from harness.deadline import WAIT_S, poll_until

POOL = "memcached_pools: {default: {servers: [%s], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}\n"


@pytest.fixture
def servers(make_memcached):
    return [make_memcached() for _ in range(2)]


@pytest.fixture
def fleet(make_proxy, servers):
    """Starts three proxies with one pool of two servers."""
    def start(more=""):
        text = POOL % ", ".join(f'"{s.address}"' for s in servers) + more
        return [make_proxy().start(text) for _ in range(3)]
    return start


def ask_all(proxies, each, target="/a", **fields):
    return [proxy.client().get(target, **fields) for proxy in proxies for _ in range(each)]


def wait_active(proxies, count):
    poll_until(lambda: all(proxy.counter("requests_active") >= count for proxy in proxies), f"{count} requests under way in each")


def stubs(servers):
    """Items without a value."""
    return [key for server in servers for key in server.keys() if server.command(f"mg {key} s").split()[1:2] == [b"s0"]]


def expire(origin, client, target="/a", control="max-age=1", **fields):
    """What stands in the cache has just become stale."""
    client.get(target)
    origin.receive().reply(content="old", cache_control=control, etag='"1"', **fields)
    client.expect(200)
    time.sleep(1.1)     # lifetimes are whole seconds of a real clock, here and in memcached


def test_cold_key_is_fetched_once(fleet, origin):
    proxies = fleet()
    clients = ask_all(proxies, 334)
    request = origin.receive()
    wait_active(proxies, 334)
    request.reply(content="one", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="one")
    origin.silent()
    assert origin.count == 1


@pytest.mark.parametrize("status", [200, 304])
def test_expired_entry_is_fetched_once(fleet, origin, status):
    proxies = fleet()
    expire(origin, proxies[0].client())
    clients = ask_all(proxies, 334)
    request = origin.receive().expect(if_none_match='"1"')
    wait_active(proxies, 334)
    request.reply(status, content="new" if status == 200 else b"", cache_control="max-age=60", etag='"1"')
    for client in clients:
        client.expect(200, content="new" if status == 200 else "old")
    origin.silent()
    assert origin.count == 2


def test_stale_is_served_while_one_of_the_fleet_refreshes(fleet, origin):
    proxies = fleet()
    expire(origin, proxies[0].client(), control="max-age=1, stale-while-revalidate=600")
    for client in ask_all(proxies, 20):
        client.expect(200, content="old")
    request = origin.receive().expect(if_none_match='"1"')
    for client in ask_all(proxies, 20):
        client.expect(200, content="old")
    origin.silent()
    request.reply(content="new", cache_control="max-age=60", etag='"2"')
    for proxy in proxies:
        poll_until(lambda: proxy.client().get("/a").expect(200).content == b"new", "the new content")
    origin.silent()


def test_those_who_wait_are_answered_soon_after_the_fetch(fleet, origin):
    proxies = fleet()
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=60"))
    begin = time.monotonic()
    for i in range(20):
        for client in ask_all(proxies, 2, f"/{i}"):
            client.expect(200, content=f"/{i}")
    assert origin.count == 20
    assert time.monotonic() - begin < WAIT_S


def test_fetching_process_that_dies_is_replaced_within_the_lease_age(fleet, origin):
    proxies = fleet("proxy_cache_lock_age: 1s\n")
    dead, others = proxies[0], proxies[1:]
    dead.client().get("/a")
    origin.receive()
    clients = ask_all(others, 50)
    wait_active(others, 50)
    dead.allow_exit = True
    for pid in [dead.pid, *dead.serving_pids()]:
        os.kill(pid, signal.SIGKILL)
    begin = time.monotonic()
    origin.receive().reply(content="one", cache_control="max-age=60")
    assert time.monotonic() - begin < 2.5
    for client in clients:
        client.expect(200, content="one")
    origin.silent()
    assert origin.count == 2


def test_refreshing_process_that_dies_is_replaced_within_the_lease_age(fleet, origin):
    proxies = fleet("proxy_cache_lock_age: 1s\n")
    dead, others = proxies[0], proxies[1:]
    expire(origin, dead.client())
    dead.client().get("/a")
    origin.receive()
    clients = ask_all(others, 50)
    wait_active(others, 50)
    dead.allow_exit = True
    for pid in [dead.pid, *dead.serving_pids()]:
        os.kill(pid, signal.SIGKILL)
    origin.receive().reply(content="new", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="new")
    origin.silent()
    assert origin.count == 3


def test_pool_killed_while_the_fleet_waits_costs_nobody_an_answer(fleet, origin, servers):
    proxies = fleet()
    clients = ask_all(proxies, 30)
    request = origin.receive()
    wait_active(proxies, 30)
    origin.serve(lambda r: dict(content="one", cache_control="max-age=60"))
    for server in servers:
        server.kill()
    request.reply(content="one", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="one")
    assert origin.count <= len(proxies)     # each process on its own from then on


def test_slow_content_keeps_the_lease(fleet, origin):
    proxies = fleet("proxy_cache_lock_age: 1s\nproxy_cache_lock_timeout: 10s\n")
    clients = ask_all(proxies, 5)
    request = origin.receive()
    request.reply_head(200, cache_control="max-age=60", length=3)
    for piece in ("o", "n", "e"):
        time.sleep(0.9)     # longer than the lease, all in all
        request.send(piece)
    for client in clients:
        client.expect(200, content="one")
    origin.silent()
    assert origin.count == 1


@pytest.mark.parametrize("answer", ["close", "no-store", "404", "too large"])
def test_nothing_stored_leaves_no_stub(fleet, origin, servers, answer):
    proxies = fleet("proxy_cache_hit_for_miss: 0s\n")
    client = proxies[0].client().get("/a")
    request = origin.receive()
    poll_until(lambda: stubs(servers), "the stub of the lease")
    if answer == "close":
        request.close()
    elif answer == "too large":     # for max_object
        request.reply(content=[b"x" * 9_000_000], chunked=True, cache_control="max-age=60")
    else:
        request.reply(200 if answer == "no-store" else 502, content="x", cache_control="no-store")
    client.expect(502 if answer in ("close", "404") else 200)
    poll_until(lambda: not stubs(servers), "no stub")
    client = proxies[1].client().get("/a")      # does not wait
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200, content="one")


def test_unshared_response_leaves_a_mark_in_place_of_the_stub(fleet, origin, servers):
    proxies = fleet()
    waiting = ask_all(proxies, 1)
    first = origin.receive()
    wait_active(proxies, 1)
    first.reply(content="mine", cache_control="private")
    origin.receive().reply(content="mine", cache_control="private")
    origin.receive().reply(content="mine", cache_control="private")
    for client in waiting:
        client.expect(200, content="mine")
    assert not stubs(servers)


def test_purge_during_a_fetch_wins(fleet, origin, servers):
    proxies = fleet()
    client = proxies[0].client().get("/a")
    request = origin.receive()
    for key in poll_until(lambda: stubs(servers), "the stub of the lease"):
        for server in servers:
            server.command(f"md {key}")
    request.reply(content="purged", cache_control="max-age=60")
    client.expect(200, content="purged")
    client = proxies[1].client().get("/a")
    origin.receive().reply(content="new", cache_control="max-age=60")
    client.expect(200, content="new")


def test_varying_response_is_fetched_once_for_each_variant(fleet, origin):
    proxies = fleet()
    warm = proxies[0].client().get("/a", foo="0")
    origin.receive().reply(content="0", cache_control="max-age=60", vary="Foo")
    warm.expect(200)
    clients = ask_all(proxies, 20, foo="1")
    request = origin.receive()
    wait_active(proxies, 20)
    request.reply(content="1", cache_control="max-age=60", vary="Foo")
    for client in clients:
        client.expect(200, content="1")
    origin.silent()


def test_cold_key_that_varies_is_fetched_once_for_each_variant(fleet, origin):
    proxies = fleet()
    clients = [(foo, c) for foo in ("1", "2") for c in ask_all(proxies, 10, foo=foo)]
    first = origin.receive()
    wait_active(proxies, 20)
    first.reply_head(200, cache_control="max-age=60", vary="Foo", length=1)
    second = origin.receive()   # the other variant: nobody can know before the head that there is one
    origin.silent()
    for request in (first, second):
        assert request.fields.get("foo") in ("1", "2")
    assert first.fields.get("foo") != second.fields.get("foo")
    first.send(first.fields.get("foo"))
    second.reply(content=second.fields.get("foo"), cache_control="max-age=60", vary="Foo")
    for foo, client in clients:
        client.expect(200, content=foo)
    assert origin.count == 2


@pytest.mark.parametrize("lock", ["fleet", "host", "off"])
def test_proxies_that_list_variants_at_once_agree(fleet, origin, lock):
    proxies = fleet(f"proxy_cache_lock: {lock}\ncaches: {{default: {{memory_revalidate: 1s}}}}\n")
    origin.serve(lambda r: dict(content=r.fields.get("foo"), cache_control="max-age=60", vary="Foo"))
    clients = [(foo, p.client().get("/a", foo=foo)) for foo in range(8) for p in proxies]
    for foo, client in clients:
        client.expect(200, content=str(foo))
    def all_hit():
        before = origin.count
        for proxy in proxies:
            for foo in range(8):
                proxy.client().get("/a", foo=foo).expect(200, content=str(foo))
        return origin.count == before
    poll_until(all_hit, "every variant found by every proxy")


def test_response_that_is_validated_each_time_makes_nobody_wait(fleet, origin):
    proxies = fleet()
    client = proxies[0].client().get("/a")
    origin.receive().reply(content="one", cache_control="no-cache", etag='"1"')
    client.expect(200)
    clients = [proxy.client().get("/a") for proxy in proxies]
    for request in [origin.receive() for _ in proxies]:     # all of them at once
        request.reply(304, etag='"1"', cache_control="no-cache")
    for client in clients:
        client.expect(200, content="one")


def test_lock_of_the_host_alone(fleet, origin):
    proxies = fleet("proxy_cache_lock: host\n")
    clients = ask_all(proxies, 10)
    for request in [origin.receive() for _ in proxies]:
        request.reply(content="one", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="one")
    origin.silent()


def test_wait_ends_with_the_lock_timeout(fleet, origin):
    proxies = fleet("proxy_cache_lock_timeout: 100ms\n")
    first = proxies[0].client().get("/a")
    held = origin.receive()
    client = proxies[1].client().get("/a")
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    held.reply(content="one", cache_control="max-age=60")
    first.expect(200, content="one")
    poll_until(lambda: proxies[2].client().get("/a").expect(200, content="one"), "the one that held the lease has stored")


def test_servers_without_the_meta_protocol_have_no_leases(make_proxy, origin, memcached):
    text = 'memcached_pools: {default: {servers: ["%s"], protocol: classic}}\n' % memcached.address
    proxies = [make_proxy().start(text) for _ in range(2)]
    clients = ask_all(proxies, 10)
    for request in [origin.receive() for _ in proxies]:
        request.reply(content="one", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="one")
    assert not stubs([memcached])


def test_lease_that_was_won_too_late_is_given_back(make_proxy, memcached, lying_memcached, origin):
    def late(reply):
        if b" W" in reply.split(b"\r\n")[0]:
            time.sleep(0.5)
        return reply
    lying_memcached.bend = late
    proxy = make_proxy().start('memcached_pools: {default: {servers: ["%s"], read_timeout: 200ms}}\n' % lying_memcached.address)
    client = proxy.client()
    client.get("/a")
    request = origin.receive()
    poll_until(lambda: lying_memcached.values > 0 and not stubs([memcached]), "no stub")
    request.reply(content="one", cache_control="no-store")
    client.expect(200, content="one")
