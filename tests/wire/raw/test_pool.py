"""Several memcacheds: keys lie where nginx and libmemcached put them; the next server where memcached_next_upstream says so."""
import pylibmc
import pytest
from pymemcache.client.base import Client as Pymemcache

from harness.deadline import poll_until

KEYS = [f"/key{i}" for i in range(60)] + [f"/with space {i}" for i in range(20)] + [f"/percent%25{i}" for i in range(20)]
CONFIG = """
memcached_pools: {p: {servers: [SERVERS], distribution: DISTRIBUTION}}
servers: [{listen: "{listen}", memcached_pass: p, memcached_key: $uri, memcached_next_upstream: NEXT}]
"""
NGINX = """upstream pool {{ {hash}; {servers} }}"""
LOCATION = "location / { set $memcached_key $uri; memcached_pass pool; }"


@pytest.fixture
def servers(make_memcached):
    return [make_memcached() for _ in range(3)]


def configure(servers, distribution, next_upstream="off", weights=(1, 1, 2)):
    addresses = ", ".join(f'{{address: "{s.address}", weight: {w}}}' for s, w in zip(servers, weights))
    return CONFIG.replace("SERVERS", addresses).replace("DISTRIBUTION", distribution).replace("NEXT", next_upstream)


def target_of(key):
    return key.replace(" ", "%20")


def sent_key(key):
    """As it stands in memcached."""
    return key.replace("%25", "%").replace("%", "%25").replace(" ", "%20")


@pytest.mark.parametrize("distribution, hash", [("nginx", "hash $memcached_key consistent"), ("modulo", "hash $memcached_key")])
def test_nginx_looks_where_mcproxy_looks(proxy, make_nginx, servers, distribution, hash):
    """Each server has its own values of all keys: which one answers tells who was asked."""
    for i, server in enumerate(servers):
        writer = Pymemcache(("127.0.0.1", server.port))
        for key in KEYS:
            writer.set(sent_key(key), f"server {i}", noreply=False)
        writer.close()
    listed = " ".join(f"server {s.address} weight={w};" for s, w in zip(servers, (1, 1, 2)))
    theirs = make_nginx(LOCATION, NGINX.format(hash=hash, servers=listed)).client()
    proxy.start(configure(servers, distribution))
    ours = proxy.client()
    asked = set()
    for key in KEYS:
        content = ours.get(target_of(key)).expect(200).content
        assert content == theirs.get(target_of(key)).expect(200).content, key
        asked.add(content)
    assert len(asked) == 3


def test_what_libmemcached_writes_is_found(proxy, servers):
    # An app escapes as nginx does before it writes; libmemcached hashes what it sends.
    writer = pylibmc.Client([f"{s.address}:{w}" for s, w in zip(servers, (1, 1, 2))], behaviors={"ketama_weighted": True})
    for key in KEYS:
        assert writer.set(sent_key(key), f"value of {key}".encode())
    proxy.start(configure(servers, "ketama"))
    client = proxy.client()
    for key in KEYS:
        client.get(target_of(key)).expect(200, content=f"value of {key}")


@pytest.mark.parametrize("distribution", ["nginx", "modulo"])
def test_nginx_finds_what_is_stored(proxy, origin, make_nginx, servers, distribution):
    hash = "hash $memcached_key consistent" if distribution == "nginx" else "hash $memcached_key"
    listed = " ".join(f"server {s.address} weight={w};" for s, w in zip(servers, (1, 1, 2)))
    theirs = make_nginx(LOCATION, NGINX.format(hash=hash, servers=listed)).client()
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=60"))
    proxy.start(configure(servers, distribution).replace("memcached_pass:", 'memcached_store: on, proxy_pass: "http://{origin}", memcached_pass:'))
    client = proxy.client()
    for key in KEYS:
        client.get(target_of(key)).expect(200)
    poll_until(lambda: sum(s.items() for s in servers) == len(KEYS), "all values")
    for key in KEYS:
        theirs.get(target_of(key)).expect(200, content=target_of(key))


def asked_next(proxy, servers, next_upstream):
    """Values on the third server alone; how many keys of thirty are found."""
    writer = Pymemcache(("127.0.0.1", servers[2].port))
    for key in KEYS[:30]:
        writer.set(key, b"third", noreply=False)
    writer.close()
    proxy.start(configure(servers, "nginx", next_upstream, (1, 1, 1)))
    client = proxy.client()
    return [client.get(key).expect().status for key in KEYS[:30]].count(200)


def test_a_miss_asks_the_next_server_where_configured(proxy, servers):
    assert asked_next(proxy, servers, "not_found") == 30


def test_a_miss_is_a_miss_else(proxy, servers):
    assert 0 < asked_next(proxy, servers, "error timeout") < 30


def test_a_dead_server_hands_over_to_the_next(proxy, servers):
    servers[0].kill()
    servers[1].kill()
    assert asked_next(proxy, servers, "error timeout") == 30


def test_a_dead_server_is_502_when_off(proxy, servers):
    servers[0].kill()
    servers[1].kill()
    assert 0 < asked_next(proxy, servers, "off") < 30


def test_all_tries_are_in_the_log(proxy, servers):
    proxy.start(configure(servers, "nginx", "not_found").replace("memcached_pass:", "access_log: {path: '{dir}/access.log', format: tries}, "
                "memcached_pass:") + 'log_format: {tries: "$upstream_addr|$upstream_status"}\n')
    proxy.client().get("/nothing").expect(404)
    addresses, statuses = proxy.access_log()[0].split("|")
    assert sorted(addresses.split(", ")) == sorted(s.address for s in servers)
    assert statuses == "404, 404, 404"


def test_classic_protocol_tells_flags_and_empty_values(proxy, memcached):
    writer = Pymemcache(("127.0.0.1", memcached.port))
    writer.set("/gzip", b"packed", flags=2, noreply=False)
    writer.set("/empty", b"", noreply=False)
    writer.close()
    proxy.start(CONFIG.replace("SERVERS", f'"{memcached.address}"').replace("DISTRIBUTION", "ketama, protocol: classic")
                .replace("NEXT", "off, memcached_gzip_flag: 2"))
    client = proxy.client()
    client.get("/gzip").expect(200, content="packed", content_encoding="gzip")
    client.get("/empty").expect(200, content="", content_encoding=None)
    client.get("/none").expect(404)
