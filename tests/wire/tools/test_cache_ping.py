import pytest

from harness.memcached import POOL, pool
from harness.process import free_port



@pytest.mark.config(POOL)
def test_a_server_that_is_there(tool, memcached):
    server, = tool.json("cache", "ping")["servers"]
    assert server["pool"] == "default" and server["server"] == memcached.address == server["address"]
    assert (server["state"], server["protocol"], server["trouble"]) == ("up", "meta", None)
    assert server["version"].startswith("1.")
    assert 0 < server["min_us"] <= server["avg_us"]


@pytest.mark.config(POOL)
def test_a_table_for_people(tool, memcached):
    names, row = tool.run("cache", "ping").stdout.splitlines()
    assert names.split() == ["pool", "server", "address", "state", "version", "protocol", "min", "avg", "trouble"]
    assert row.split()[:4] == ["default", memcached.address, memcached.address, "up"]
    assert row.index("up") == names.index("state")


@pytest.mark.config('memcached_pools: {default: {protocol: classic, servers: ["{memcached}"]}}\ncaches: {default: {memcached: default}}')
def test_the_classic_protocol(tool, memcached):
    server, = tool.json("cache", "ping")["servers"]
    assert (server["state"], server["protocol"]) == ("up", "classic")


@pytest.mark.config(pool("{memcached}", "127.0.0.1:{dead}"))
def test_a_server_that_is_not_there(proxy, tool, memcached):
    proxy.values["dead"] = free_port()
    up, down = tool.json("cache", "ping", status=1)["servers"]
    assert (up["state"], down["state"]) == ("up", "down")
    assert "refused" in down["trouble"]
    assert down["min_us"] is None and down["version"] is None


@pytest.mark.config(POOL)
def test_a_server_that_is_silent(tool, memcached):
    memcached.stop()
    server, = tool.json("cache", "ping", "--timeout", "100ms", status=1)["servers"]
    assert server["state"] == "down" and "time" in server["trouble"]


TWO_POOLS = """
memcached_pools: {near: {servers: ["{memcached}"]}, far: {servers: ["{other}"]}}
caches: {one: {memcached: near}, two: {memcached: far}}
proxy_cache: one
"""


def test_one_pool_of_several(proxy, tool, memcached, make_memcached):
    proxy.config, proxy.values["other"] = TWO_POOLS, make_memcached().address
    assert len(tool.json("cache", "ping")["servers"]) == 2
    assert [s["pool"] for s in tool.json("cache", "ping", "--pool", "far")["servers"]] == ["far"]
    assert [s["pool"] for s in tool.json("cache", "ping", "--cache", "one")["servers"]] == ["near"]
    assert 'no pool "fra"' in tool.run("cache", "ping", "--pool", "fra", status=1).stderr
    assert "choose one" in tool.run("cache", "bench", status=1).stderr


def test_without_a_pool(tool):
    assert "no memcached pool" in tool.run("cache", "ping", status=1).stderr
