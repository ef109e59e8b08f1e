import pytest

from harness.deadline import poll_until
from harness.memcached import POOL



@pytest.mark.config(POOL)
def test_the_key_is_that_of_the_item(tool, store, memcached):
    keys = store("/a?b=c", cache_control="max-age=60")
    told = tool.json("cache", "key", tool.url("/a?b=c"))
    assert keys == [told["memcached_key"]]
    assert (told["server"], told["cache"], told["pool"]) == (memcached.address, "default", "default")
    assert (told["distribution"], told["servers"]) == ("ketama", 1)
    assert "example.test" in told["cache_key"] and "/a" in told["cache_key"] and "b=c" in told["cache_key"]


@pytest.mark.config(POOL)
def test_the_target_is_normalised_as_the_proxy_does(tool, store, memcached):
    key, = store("/b/%7ea", cache_control="max-age=60")
    assert tool.json("cache", "key", tool.url("/x/../b/~a"))["memcached_key"] == key


@pytest.mark.config(POOL + "\nproxy_cache_key: $scheme$host$uri$http_x$request_method\nproxy_cache_methods: [POST]")
def test_fields_and_method_are_part_of_it(tool, store, memcached):
    key, = store("/a", fields={"X": "one"}, cache_control="max-age=60")
    url = tool.url("/a")
    assert tool.json("cache", "key", url, "-H", "X: one")["memcached_key"] == key
    others = {tool.json("cache", "key", url, *args)["memcached_key"] for args in (
        ["-H", "X: two"], [], ["-H", "X: one", "--method", "POST"])}
    assert len(others) == 3 and key not in others


@pytest.mark.config(POOL)
def test_the_variant_has_its_own_key(tool, store, memcached):
    keys = store("/a", items=2, fields={"Accept-Language": "de"}, cache_control="max-age=60", vary="Accept-Language")
    german = tool.json("cache", "key", tool.url("/a"), "-H", "Accept-Language: de")
    english = tool.json("cache", "key", tool.url("/a"), "-H", "Accept-Language: en")
    assert {german["memcached_key"], german["variant"]["memcached_key"]} == set(keys)
    assert german["memcached_key"] == english["memcached_key"]
    assert german["variant"]["memcached_key"] != english["variant"]["memcached_key"]
    assert german["variant"]["varies_by"] == "accept-language"


@pytest.mark.parametrize("distribution", ["ketama", "nginx", "modulo"])
def test_the_server_is_the_one_that_has_it(proxy, tool, make_memcached, client, origin, distribution):
    servers = [make_memcached() for _ in range(3)]
    proxy.config = "memcached_pools: {default: {distribution: %s, servers: [%s]}}\ncaches: {default: {memcached: default}}" % (
        distribution, ", ".join(f'"{s.address}"' for s in servers))
    told = set()
    for i in range(8):
        client.get(f"/{i}")
        origin.receive().reply(content="one", cache_control="max-age=60")
        client.expect(200)
        answer = tool.json("cache", "key", tool.url(f"/{i}"))
        told.add((answer["server"], answer["memcached_key"]))
    poll_until(lambda: told == {(server.address, key) for server in servers for key in server.keys()}, "the same places")
    assert len({address for address, _ in told}) > 1
