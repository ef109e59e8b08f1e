import pytest

from harness.memcached import POOL, pool
from harness.process import free_port


@pytest.mark.config(POOL)
def test_the_numbers_of_a_server(tool, store, memcached):
    store("/a", cache_control="max-age=60")
    server, = tool.json("cache", "stat")["servers"]
    stats = memcached.stats()
    assert server["server"] == memcached.address and server["state"] == "up"
    assert server["version"] == stats["version"]
    assert server["items"] == int(stats["curr_items"]) and server["used_bytes"] == int(stats["bytes"])
    assert server["limit_bytes"] == 16 << 20 and server["item_max_bytes"] == 1 << 20
    assert "hit_percent" not in server    # memcached counts a lease that is won as a hit
    assert server["stats"]["pid"] == int(stats["pid"])
    assert server["settings"]["maxbytes"] == 16 << 20 and server["settings"]["evictions"] == "on"


@pytest.mark.config(POOL)
def test_a_table_for_people(tool, memcached):
    names, row = tool.run("cache", "stat").stdout.splitlines()
    assert row.index("16.0 MiB") == names.index("limit")
    assert "stats" not in names


@pytest.mark.config(pool("{memcached}", "127.0.0.1:{dead}"))
def test_a_server_that_is_not_there(proxy, tool, memcached):
    proxy.values["dead"] = free_port()
    up, down = tool.json("cache", "stat", status=1)["servers"]
    assert (up["state"], down["state"], down["items"]) == ("up", "down", None)
    assert set(down) <= set(up)
