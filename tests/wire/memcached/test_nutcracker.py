"""The classic protocol through Debian's nutcracker (twemproxy), a router before two memcacheds."""
import json
import socket
import subprocess

import pytest

from harness.cache_status import hit
from harness.deadline import WAIT_S, poll_until
from harness.process import free_port, kill_group, start
from harness.proxy import run_mcproxy

KEYS = 60

POOL = """
memcached_pools: {p: {servers: ["{router}"], protocol: %s, max_item: 1000k, connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}
caches: {c: {memory: 0, memcached: p}}
proxy_cache: c
"""


@pytest.fixture
def servers(make_memcached):
    return [make_memcached() for _ in range(2)]


@pytest.fixture
def router(directory, servers):
    """Its address."""
    address, stats = f"127.0.0.1:{free_port()}", free_port()
    config = directory / "nutcracker.yml"
    listed = "".join(f"    - {server.address}:1\n" for server in servers)
    config.write_text(f"pool:\n  listen: {address}\n  hash: fnv1a_64\n  distribution: ketama\n  auto_eject_hosts: false\n"
                      f"  timeout: {int(WAIT_S * 1000)}\n  servers:\n{listed}")
    process = start(["nutcracker", "-c", str(config), "-a", "127.0.0.1", "-s", str(stats), "-o", str(directory / "nutcracker.log")],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers():
        assert process.poll() is None, "nutcracker has ended"
        try:
            with socket.create_connection(tuple(address.split(":")), WAIT_S) as s:
                s.sendall(b"get nothing\r\n")
                return s.recv(100) == b"END\r\n"
        except OSError:
            return False
    poll_until(answers, "nutcracker")
    yield address
    kill_group(process)


@pytest.fixture(params=["auto", "classic"])
def routed(request, proxy, router):
    proxy.start(POOL % request.param, router=router)
    return proxy


def server_counters(proxy, name):
    return sum(value for key, value in proxy.status().items() if key.startswith("memcached.") and key.endswith("." + name))


def connections(servers):
    return [int(server.stats()["total_connections"]) for server in servers]


def test_stores_hits_and_misses_on_one_connection(routed, origin, servers):
    origin.serve(lambda r: dict(content=r.target * 50, cache_control="max-age=100"))
    client = routed.client()
    for _ in range(2):
        for i in range(KEYS):
            client.get(f"/{i}").expect(200, content=f"/{i}" * 50)
        poll_until(lambda: sum(server.items() for server in servers) == KEYS, "an item for each")
    for i in range(KEYS):
        client.get(f"/{i}").expect(200, content=f"/{i}" * 50, cache_status=hit())
    assert origin.count == KEYS and all(server.items() > 5 for server in servers)
    assert server_counters(routed, "hits") >= 2 * KEYS
    assert server_counters(routed, "bad_replies") == 0


def test_connection_is_kept(routed, origin, servers):
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=100"))
    client = routed.client().get("/a").expect(200)
    poll_until(lambda: sum(server.items() for server in servers) == 1, "an item")
    connects = server_counters(routed, "connects")
    client = routed.client()
    for i in range(KEYS):
        client.get(f"/{i}").expect(200)
        client.get("/a").expect(200, cache_status=hit())
        client.post(f"/{i}").expect(200)
    assert server_counters(routed, "connects") == connects


@pytest.mark.parametrize("size", [1, 4096, 16_384, 100_000, 900_000])
def test_values_of_every_size(routed, origin, servers, size):
    content = bytes(i * 7 % 251 for i in range(size))
    origin.serve(lambda r: dict(content=content, cache_control="max-age=100"))
    client = routed.client()
    client.get("/a").expect(200, content=content)
    poll_until(lambda: sum(server.items() for server in servers) == 1, "an item")
    for _ in range(3):
        client.get("/a").expect(200, content=content, cache_status=hit())


def test_deletes_pass(routed, origin, servers):
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=100"))
    client = routed.client()
    for i in range(KEYS):
        client.get(f"/{i}").expect(200)
    poll_until(lambda: sum(server.items() for server in servers) == KEYS, "an item for each")
    for i in range(KEYS):
        client.post(f"/{i}").expect(200)
    poll_until(lambda: sum(server.items() for server in servers) == 0, "nothing left")
    assert server_counters(routed, "bad_replies") == 0


def test_pipelined_lookups_are_answered_in_order(routed, origin, servers):
    origin.serve(lambda r: dict(content=r.target * 50, cache_control="max-age=100"))
    client = routed.client()
    for status in (None, hit()):
        client.pipeline(*[("GET", f"/{i}") for i in range(KEYS)])
        for i in range(KEYS):
            client.expect(200, content=f"/{i}" * 50, **({"cache_status": status} if status else {}))
        poll_until(lambda: sum(server.items() for server in servers) == KEYS, "an item for each")


def test_dead_server_behind_the_router_is_a_miss(routed, origin, servers):
    origin.serve(lambda r: dict(content=r.target * 50, cache_control="max-age=100"))
    client = routed.client()
    client.get("/a").expect(200)
    servers[0].kill()
    for _ in range(2):
        for i in range(KEYS):
            client.get(f"/{i}").expect(200, content=f"/{i}" * 50)

    def hits():
        client.get("/b").expect(200)
        return any(hit().search(client.get(f"/{i}").expect(200).fields.get("cache-status")) for i in range(KEYS))
    poll_until(hits, "hits of the other server")


def test_tools_ask_a_router_only_what_it_knows(routed, origin, servers, router):
    origin.serve(lambda r: dict(content="one", cache_control="max-age=100"))
    routed.client().get("/a").expect(200)
    poll_until(lambda: sum(server.items() for server in servers) == 1, "the item")

    def told(*args):
        done = run_mcproxy("cache", *args, "--json", "-c", routed.config_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)
    url = f"http://example.test:{routed.port}/a"
    ping, stat = told("ping")["servers"][0], told("stat")["servers"][0]
    assert (ping["state"], ping["protocol"]) == ("up", "classic")
    assert (stat["state"], stat["items"]) == ("tells nothing", None)
    record = told("get", url)["record"]
    assert (record["kind"], record["server"], record["ttl_s"]) == ("response", router, None)
    assert told("purge", url)["purged"][0]["result"] == "deleted"
    assert sum(server.items() for server in servers) == 0
