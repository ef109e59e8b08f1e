"""Servers that SRV records name: the pool follows the answers."""
import json

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until
from harness.dns import NameServer

CONFIG = """
resolver: "{dns}"
resolver_timeout: 200ms
memcached_pools: {default: {servers: [%s], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s, fail_timeout: 50ms}}
caches: {default: {memory: 0}}
"""
SERVICE = "{address: cache.test, service: memcached}"
NAME = "_memcached._tcp.cache.test"
KEYS = [f"/{i}" for i in range(40)]


@pytest.fixture
def dns():
    server = NameServer()
    server.names = {name: (["127.0.0.1"], 60) for name in ("a.test", "b.test", "c.test")}
    yield server
    server.close()


@pytest.fixture
def start(make_proxy, dns):
    return lambda servers=SERVICE: make_proxy().start(CONFIG % servers, dns=dns.address)


def record(server, name, priority=1, weight=1):
    return priority, weight, server.port, name


def set_records(dns, *records, ttl=1, name=NAME):
    dns.services[name] = (list(records), ttl)


def wait_servers(proxy, count):
    proxy.wait_error_log(f"{NAME} has {count} servers now", timeout=20)
    poll_until(lambda: sum(v for k, v in proxy.status().items() if k.startswith("memcached.") and k.endswith(".connections")) == count,
               f"{count} connections")


def fill(proxy, origin, servers):
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=600"))
    poll_until(lambda: any(s.logs() for s in servers), "the log of purges")      # nothing is stored before
    client = proxy.client()
    for key in KEYS:
        client.get(key).expect(200, content=key)
    poll_until(lambda: sum(s.items() for s in servers) == len(KEYS), "all keys stored")
    for key in KEYS:
        client.get(key).expect(200, content=key, cache_status=hit())


def hits(proxy, origin):
    """How many of the keys are found; the others are filled again."""
    before = origin.count
    client = proxy.client()
    for key in KEYS:
        client.get(key).expect(200, content=key)
    return len(KEYS) - (origin.count - before)


def test_servers_of_the_records_are_used(start, dns, make_memcached, origin):
    servers = make_memcached(), make_memcached()
    set_records(dns, record(servers[0], "a.test"), record(servers[1], "b.test"), ttl=60)
    proxy = start()
    wait_servers(proxy, 2)
    fill(proxy, origin, servers)
    assert all(s.items() > 5 for s in servers)


@pytest.mark.parametrize("servers, name", [
    ('"cache.test service=memcached"', NAME),
    ("{address: cache.test, service: _mc._udp}", "_mc._udp.cache.test"),
])
def test_name_is_made_as_by_nginx(start, dns, memcached, servers, name):
    set_records(dns, record(memcached, "a.test"), name=name)
    start(servers).wait_error_log(f"{name} has 1 servers now")


def test_new_server_takes_its_keys_and_the_others_stay(start, dns, make_memcached, origin):
    servers = [make_memcached() for _ in range(3)]
    set_records(dns, record(servers[0], "a.test"), record(servers[1], "b.test"))
    proxy = start()
    wait_servers(proxy, 2)
    fill(proxy, origin, servers[:2])
    set_records(dns, record(servers[2], "c.test"), record(servers[1], "b.test"), record(servers[0], "a.test"))
    wait_servers(proxy, 3)
    found = hits(proxy, origin)
    assert 10 < found < len(KEYS)
    poll_until(lambda: servers[2].items() >= len(KEYS) - found, "the moved keys")
    assert hits(proxy, origin) == len(KEYS)


def test_server_that_goes_is_left_without_an_error(start, dns, make_memcached, origin):
    servers = make_memcached(), make_memcached()
    set_records(dns, record(servers[0], "a.test"), record(servers[1], "b.test"))
    proxy = start()
    wait_servers(proxy, 2)
    fill(proxy, origin, servers)
    kept = servers[0].items()
    set_records(dns, record(servers[0], "a.test"))
    wait_servers(proxy, 1)
    assert hits(proxy, origin) == kept
    poll_until(lambda: int(servers[1].stats()["curr_connections"]) <= 2, "the connection to end")     # of stats, and the listener
    assert "is down" not in proxy.error_log()


@pytest.mark.parametrize("trouble", ["silent", "fail", "empty", "gone", "no service"])
def test_servers_stay_while_the_name_cannot_be_found(start, dns, memcached, origin, trouble):
    set_records(dns, record(memcached, "a.test"))
    proxy = start()
    wait_servers(proxy, 1)
    fill(proxy, origin, [memcached])
    if trouble == "empty":
        set_records(dns)
    elif trouble == "gone":
        dns.services = {}
    elif trouble == "no service":
        set_records(dns, (0, 0, 0, ""))
    else:
        dns.mode = trouble
    proxy.wait_error_log("it keeps the 1 servers that it had", timeout=20)
    assert hits(proxy, origin) == len(KEYS)
    dns.mode = "answer"


def test_requests_are_served_before_the_first_answer(start, dns, memcached, origin):
    dns.mode = "silent"
    origin.serve(lambda r: dict(content="one", cache_control="max-age=600"))
    proxy = start()
    proxy.client().get("/a").expect(200, content="one")
    proxy.wait_error_log("it keeps the 0 servers that it had")
    dns.mode = "answer"
    set_records(dns, record(memcached, "a.test"))
    wait_servers(proxy, 1)
    fill(proxy, origin, [memcached])


def test_only_the_lowest_priority_counts(start, dns, make_memcached, origin):
    servers = make_memcached(), make_memcached()
    set_records(dns, record(servers[0], "a.test", priority=20), record(servers[1], "b.test", priority=10))
    proxy = start()
    wait_servers(proxy, 1)
    fill(proxy, origin, servers[1:])
    set_records(dns, record(servers[0], "a.test", priority=20))
    poll_until(lambda: hits(proxy, origin) == len(KEYS) and servers[0].items() == len(KEYS), "the others in its place")


def test_weights_are_those_of_the_records(start, dns, make_memcached, origin):
    servers = make_memcached(), make_memcached()
    set_records(dns, record(servers[0], "a.test", weight=9000), record(servers[1], "b.test", weight=1000))
    proxy = start()
    wait_servers(proxy, 2)
    fill(proxy, origin, servers)
    assert servers[0].items() > 2 * servers[1].items()


@pytest.mark.parametrize("distribution", ["ketama", "nginx", "modulo"])
def test_order_of_the_records_does_not_matter(make_proxy, dns, make_memcached, origin, distribution):
    servers = make_memcached(), make_memcached()
    records = record(servers[0], "a.test", weight=50), record(servers[1], "b.test", weight=50)
    config = CONFIG % SERVICE + "proxy_cache_lock: off\n"
    config = config.replace("fail_timeout", f"distribution: {distribution}, fail_timeout")
    set_records(dns, *records)
    first = make_proxy().start(config, dns=dns.address)
    wait_servers(first, 2)
    fill(first, origin, servers)
    set_records(dns, *reversed([(p, 33, port, name.upper()) for p, _, port, name in records]))
    second = make_proxy().start(config, dns=dns.address)
    wait_servers(second, 2)
    poll_until(lambda: second.counter("memory.default.purges_known") == 1, "the log of purges")
    assert hits(second, origin) == len(KEYS)


def test_services_and_servers_in_one_pool(start, dns, make_memcached, origin):
    servers = make_memcached(), make_memcached()
    set_records(dns, record(servers[1], "b.test"))
    proxy = start(f'"{servers[0].address}", {SERVICE}')
    proxy.wait_error_log(f"{NAME} has 1 servers now")
    fill(proxy, origin, servers)
    assert all(s.items() > 5 for s in servers)


def test_changes_under_load_fail_nothing(start, dns, make_memcached, origin):
    servers = [make_memcached() for _ in range(3)]
    records = [record(s, name) for s, name in zip(servers, ("a.test", "b.test", "c.test"))]
    set_records(dns, *records)
    proxy = start()
    wait_servers(proxy, 3)
    fill(proxy, origin, servers)
    for n in (1, 3, 2, 3):
        before = dns.queries
        set_records(dns, *records[:n])
        while dns.queries < before + 2:
            hits(proxy, origin)
    hits(proxy, origin)
    assert hits(proxy, origin) == len(KEYS)


@pytest.mark.parametrize("servers, problem", [
    ("{address: 10.0.0.1, service: memcached}", "service: a name without a port is needed"),
    ('{address: "cache.test:1", service: memcached}', "service: a name without a port is needed"),
    ("{address: 'unix:/run/m', service: memcached}", "service: a name without a port is needed"),
    (f"{SERVICE}, {SERVICE}", f'"{NAME}" is in the pool twice'),
])
def test_what_cannot_be_a_service_is_an_error(mcproxy, directory, servers, problem):
    (directory / "p.yaml").write_text("listen: 1\nproxy_pass: http://a\n" + CONFIG.replace("{dns}", "127.0.0.1") % servers)
    result = mcproxy("-t", "-c", directory / "p.yaml")
    assert result.returncode != 0 and problem in result.stderr


def test_tools_ask_for_the_records(start, dns, make_memcached, origin, mcproxy):
    servers = make_memcached(), make_memcached()
    set_records(dns, record(servers[0], "a.test"), record(servers[1], "b.test"), ttl=60)
    proxy = start()
    wait_servers(proxy, 2)
    fill(proxy, origin, servers)

    def told(*args):
        return json.loads(mcproxy(*args, "--json", "-c", proxy.config_path).stdout)
    assert {s["server"] for s in told("cache", "ping")["servers"]} == {f"a.test:{servers[0].port}", f"b.test:{servers[1].port}"}
    for key in KEYS[:5]:
        record_of = told("cache", "get", f"http://example.test:{proxy.port}{key}")["record"]
        assert record_of["kind"] == "response" and record_of["server"][0] in "ab"
