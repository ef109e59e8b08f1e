"""Keys are where the clients of other languages and nginx look for them: with the real ones, against real memcacheds.

The proxy stores some hundred responses and the other client finds each of the keys by its own placement; then the other client stores
the same values anew by its own placement, and the proxy finds each of them."""
import os
import urllib.parse

import pylibmc
import pytest

from harness.cache_status import hit
from harness.deadline import WAIT_S, poll_until
from harness.nginx import Nginx

KEYS = 300
WEIGHTS = {"equal": (1, 1, 1), "weighted": (1, 2, 5)}


def pool(addresses, weights, distribution):
    servers = ", ".join('{address: "%s", weight: %d}' % pair for pair in zip(addresses, weights))
    return """
memcached_pools: {p: {servers: [%s], distribution: %s, connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}
caches: {c: {memory: 0, memcached: p, key_prefix: "page-"}}
proxy_cache: c
""" % (servers, distribution)


def ask(proxy, **expected):
    client = proxy.client()
    client.pipeline(*[("GET", f"/{i}") for i in range(KEYS)])
    for i in range(KEYS):
        client.expect(200, content=f"/{i}", **expected)


def fill(proxy, origin, servers, config):
    """Stores all responses; what each server has got: [{key: value}]."""
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=1000"))
    proxy.start(config)
    ask(proxy)
    poll_until(lambda: sum(s.items() for s in servers) == KEYS, "an item for each key")
    stored = [{key: value_of(server, key) for key in keys_of(server)} for server in servers]
    assert all(stored), "a server has got no key"
    return stored


def keys_of(server):
    return [urllib.parse.unquote(key) for key in server.keys()]


def value_of(server, key):
    line, rest = server.command(f"mg {key} v").split(b"\r\n", 1)
    length = int(line.split()[1])
    assert line.startswith(b"VA ") and len(rest) == length + 2
    return rest[:length]


def refill(proxy, origin, servers, stored, store):
    """Empties the servers, lets `store(key, value)` store all, and asks the proxy for them."""
    for server in servers:
        server.command("flush_all")
    poll_until(lambda: not any(server.keys() for server in servers), "empty servers")
    for key, value in [item for items in stored for item in items.items()]:
        store(key, value)
    assert [sorted(keys_of(server)) for server in servers] == [sorted(items) for items in stored]
    before = origin.count
    ask(proxy, cache_status=hit())
    assert origin.count == before


# ---- libmemcached

class Plain(pylibmc.Client):
    """Values as they are, whatever their flags."""

    def deserialize(self, value, flags):
        return value


def libmemcached(addresses, weights):
    servers = [f"{address}:{weight}" for address, weight in zip(addresses, weights)]
    return Plain(servers, behaviors={"ketama_weighted": True, "connect_timeout": int(WAIT_S * 1000)})


def store_with(client):
    def store(key, value):
        assert client.set(key.encode(), value, time=1000)
    return store


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS.keys())
def test_ketama_is_libmemcached(proxy, origin, make_memcached, weights):
    servers = [make_memcached() for _ in weights]
    addresses = [server.address for server in servers]
    stored = fill(proxy, origin, servers, pool(addresses, weights, "ketama"))
    client = libmemcached(addresses, weights)
    for items in stored:
        assert set(client.get_multi([key.encode() for key in items])) == {key.encode() for key in items}
    refill(proxy, origin, servers, stored, store_with(client))


def own_hosts(n):
    """Addresses of this test alone, for servers that all need one port."""
    pid = os.getpid()
    return [f"127.{64 + pid // 65536 % 64}.{pid // 256 % 256}.{pid % 256 // 8 * 8 + i + 1}" for i in range(n)]


@pytest.mark.parametrize("spelled", ["with the port", "without"])
def test_ketama_leaves_the_default_port_out_of_the_name(proxy, origin, make_memcached, spelled):
    """libmemcached's points of a server are made of host-i, not of host:port-i, where the port is 11211."""
    hosts = own_hosts(3)
    servers = [make_memcached(host=host, port=11211) for host in hosts]
    addresses = [f"{host}:11211" for host in hosts]
    stored = fill(proxy, origin, servers, pool(addresses if spelled == "with the port" else hosts, (1, 1, 2), "ketama"))
    client = libmemcached(addresses, (1, 1, 2))
    for items in stored:
        assert set(client.get_multi([key.encode() for key in items])) == {key.encode() for key in items}
    refill(proxy, origin, servers, stored, store_with(client))


# ---- nginx

HTTP = """
    upstream pool {{ {line}; {servers} }}
"""
SERVER = """
    client_body_buffer_size 1m;
    location /get { set $memcached_key $arg_k; set $memc_key $arg_k; memcached_pass pool; }
    location /set { set $memcached_key $arg_k; set $memc_key $arg_k; set $memc_exptime 1000; memc_pass pool; }
"""


@pytest.fixture
def nginx(directory):
    """nginx(addresses, weights, line): one with this line in its group of memcacheds."""
    started = []

    def make(addresses, weights, line):
        servers = "".join(f"server {address} weight={weight} max_fails=0;" for address, weight in zip(addresses, weights))
        started.append(Nginx(directory, SERVER, HTTP.format(line=line, servers=servers),
                             main="load_module /usr/lib/nginx/modules/ngx_http_memc_module.so;"))
        return started[-1]
    yield make
    for server in started:
        server.close()


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS.keys())
@pytest.mark.parametrize("distribution, line", [("nginx", "hash $memcached_key consistent"), ("modulo", "hash $memcached_key")],
                         ids=["consistent", "modulo"])
def test_nginx_is_nginx(proxy, origin, make_memcached, nginx, distribution, line, weights):
    servers = [make_memcached() for _ in weights]
    addresses = [server.address for server in servers]
    stored = fill(proxy, origin, servers, pool(addresses, weights, distribution))
    other = nginx(addresses, weights, line).client()
    for items in stored:
        for key, value in items.items():
            other.get(f"/get?k={key}").expect(200, content=value)
    refill(proxy, origin, servers, stored, lambda key, value: other.request("PUT", f"/set?k={key}", content=value).expect(201))


# ---- and that these tests can fail

def test_another_distribution_is_not_found(proxy, origin, make_memcached):
    servers = [make_memcached() for _ in range(3)]
    addresses = [server.address for server in servers]
    stored = fill(proxy, origin, servers, pool(addresses, (1, 1, 1), "nginx"))
    client = libmemcached(addresses, (1, 1, 1))
    found = sum(len(client.get_multi([key.encode() for key in items])) for items in stored)
    assert found < KEYS * 2 / 3
