"""A changed list of servers moves only its share of the keys, and these are also looked for where they were."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

KEYS = 40


def pool(names, more=""):
    servers = ", ".join('"{%s}"' % name for name in names)
    return """
memcached_pools: {p: {servers: [%s], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s, %s}}
caches: {c: {memory: 0, memcached: p}}
proxy_cache: c
""" % (servers, more)


def targets():
    return [f"/{i}" for i in range(KEYS)]


def ask(proxy, cache_status=None):
    client = proxy.client()
    for target in targets():
        client.get(target).expect(200, content=target * 20, **({"cache_status": cache_status} if cache_status else {}))
    client.close()


def items(servers, names="abcd"):
    return sum(servers[name].items() for name in names)


@pytest.fixture
def servers(make_memcached):
    return {name: make_memcached() for name in "abcd"}


@pytest.fixture
def app(origin):
    origin.serve(lambda r: dict(content=r.target * 20, cache_control="max-age=1000"))
    return origin


@pytest.fixture
def filled(proxy, app, servers):
    def fill(names="abc", more=""):
        proxy.start(pool(names, more), **{name: server.address for name, server in servers.items()})
        ask(proxy)
        poll_until(lambda: items(servers) == KEYS, "an item for each")
        return proxy
    return fill


@pytest.mark.parametrize("lock", ["host", "fleet"])
@pytest.mark.parametrize("protocol", ["auto", "classic"])
def test_added_server_costs_no_fetch(filled, servers, app, protocol, lock):
    more = f"protocol: {protocol}"
    proxy = filled(more=more)
    proxy.reload(pool("abcd", more) + f"proxy_cache_lock: {lock}\n")
    ask(proxy, hit())
    assert app.count == KEYS


def test_found_values_are_stored_at_their_new_place(filled, servers):
    proxy = filled()
    proxy.reload(pool("abcd"))
    ask(proxy, hit())
    poll_until(lambda: items(servers, "d") > 0, "items at the new server")
    assert items(servers, "d") < KEYS / 2, "more than the new server's share has moved"
    moved = servers["d"].keys()
    assert all(int(servers["d"].command(f"mg {key} t").split(b"t")[1]) > 300 for key in moved), "not for the rest of its time"
    for name in "abc":
        servers[name].command("flush_all")
    client = proxy.client()
    found = [hit().search(client.get(target).expect(200).fields.get("cache-status")) for target in targets()]
    assert sum(map(bool, found)) >= len(moved)


def test_removed_server_is_asked_while_it_is_there(filled, servers, app):
    proxy = filled("abcd")
    proxy.reload(pool("abc"))
    ask(proxy, hit())
    servers["d"].kill()
    ask(proxy, hit())
    assert app.count == KEYS


def test_changed_weights_and_distribution_cost_no_fetch(filled, servers, app):
    proxy = filled("abc")
    proxy.reload(pool("abc", "distribution: nginx"))
    ask(proxy, hit())
    proxy.reload(pool("abc", "distribution: nginx").replace('"{a}"', '{address: "{a}", weight: 5}'))
    ask(proxy, hit())
    assert app.count == KEYS


def test_back_again_costs_no_fetch(filled, servers, app):
    """The pool that is used again follows the one that it was followed by."""
    proxy = filled("abc")
    for _ in range(3):
        proxy.reload(pool("abcd"))
        ask(proxy, hit())
        proxy.reload(pool("abc"))
        ask(proxy, hit())
    assert app.count == KEYS


def test_zero_does_not_look_there(filled, servers, app):
    proxy = filled()
    proxy.reload(pool("abcd", "old_places: 0s"))
    ask(proxy)
    assert app.count > KEYS


def test_it_ends(filled, servers, app):
    proxy = filled()

    def connections():
        return [servers[name].stats()["curr_connections"] for name in "abc"]
    before = connections()
    proxy.reload(pool("abcd", "old_places: 10ms"))
    poll_until(lambda: connections() == before, "the connections of the old pool to end")
    ask(proxy)
    assert app.count > KEYS


def test_delete_reaches_the_old_place(filled, servers, app):
    proxy = filled()
    proxy.reload(pool("abcd"))
    client = proxy.client()
    for target in targets():
        client.post(target).expect(200)
    poll_until(lambda: items(servers) == 0, "nothing left at any place")


def test_store_removes_what_is_at_the_old_place(filled, servers, app):
    """Nobody finds there what is older than what was stored since."""
    proxy = filled()
    proxy.reload(pool("abcd") + "proxy_cache_bypass: $http_x_new\n")
    client = proxy.client()
    for target in targets():
        client.get(target, x_new="1").expect(200)
    poll_until(lambda: items(servers, "d") > 0 and items(servers) == KEYS, "one item for each, at its new place")


def test_purge_mark_at_the_old_place_is_heeded(filled, servers, app):
    proxy = filled()
    for name in "abc":
        for key in servers[name].keys():
            servers[name].command(f"md {key} I T60")
    proxy.reload(pool("abcd"))
    ask(proxy)
    assert app.count > KEYS
    poll_until(lambda: items(servers, "d") > 0, "items at the new server")
    assert all(b" X" not in servers["d"].command(f"mg {key} t") for key in servers["d"].keys())


@pytest.mark.parametrize("name", "abc")
def test_hung_old_server_is_a_miss(filled, servers, app, name):
    proxy = filled(more="")
    servers[name].stop()
    proxy.reload(pool("d").replace("1s", "100ms"))
    ask(proxy)
    servers[name].cont()
    assert app.count > KEYS


@pytest.mark.slow
@pytest.mark.workers
def test_changes_under_load_fail_nothing(proxy, app, servers, load):
    proxy.start("workers: 2\n" + pool("abc"), **{name: server.address for name, server in servers.items()})

    def check(target, response):
        assert response.status == 200 and response.content == (target * 20).encode(), (target, response)
    with load(lambda i: f"/{i * 31 % KEYS}", check) as running:
        running.run_requests(200)
        for names in ("abcd", "bcd", "abc", "d", "abcd", "a"):
            proxy.reload("workers: 2\n" + pool(names, "old_places: 50ms" if names == "d" else ""))
            running.run_requests(100)
    running.expect_no_failure()
