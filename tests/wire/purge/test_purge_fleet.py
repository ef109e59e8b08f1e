"""Proxies that share a pool: a purge at one of them is known to all within memory_revalidate and one memcached timeout."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

FLEET = """
memcached_pools: {default: {servers: [%s], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s, fail_timeout: 50ms}}
caches: {default: {memory_revalidate: 50ms}}
proxy_cache_purge: on
"""
FRESH = dict(cache_control="max-age=600")


class Fleet:
    def __init__(self, make_proxy, servers):
        self.make_proxy, self.servers = make_proxy, servers
        self.proxies = [self.start() for _ in range(3)]

    def start(self, more=""):
        return self.make_proxy().start(FLEET % ", ".join(f'"{s.address}"' for s in self.servers) + more)

    def ask(self, number, target="/a", **fields):
        return self.proxies[number].client().get(target, **fields).expect(200)

    def seen(self, content, target="/a", of=None):
        """All answer with it, sooner or later."""
        for proxy in of or self.proxies:
            client = proxy.client()
            poll_until(lambda: client.get(target).expect(200).content == content, f"{content} everywhere")

    def logs(self):
        """Where the copies of the log stand: (server, key)."""
        return [(server, key) for server in self.servers for key in server.logs()]


@pytest.fixture
def servers(make_memcached):
    return [make_memcached() for _ in range(2)]


@pytest.fixture
def fleet(make_proxy, servers):
    return Fleet(make_proxy, servers)


@pytest.fixture
def app(origin):
    """Answers every request with the current content, and counts."""
    class App:
        content, fields = "one", {}
    origin.serve(lambda request: dict(content=App.content, **{**FRESH, **App.fields}))
    return App


def fill(fleet, origin, target="/a"):
    """In the pool, and in the memory of each proxy."""
    first = fleet.ask(0, target).content
    poll_until(lambda: sum(server.items() for server in fleet.servers) > 0, "an item in memcached")
    for number in (1, 2):
        assert fleet.ask(number, target).content == first
    return first


KINDS = {
    "url": dict(mcproxy_purge="hard"),
    "tag": dict(mcproxy_purge="hard", surrogate_key="red"),
    "prefix": dict(mcproxy_purge="hard prefix"),
    "host": dict(mcproxy_purge="hard host"),
    "all": dict(mcproxy_purge="hard all"),
    "soft": dict(),
    "soft tag": dict(surrogate_key="red"),
    "soft all": dict(mcproxy_purge="all"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_purge_reaches_every_proxy(fleet, origin, app, purgers, kind):
    app.fields = dict(surrogate_key="red")
    fill(fleet, origin)
    app.content = "two"
    answer = purgers(fleet.proxies)[0].purge(**KINDS[kind])
    assert b'"servers": 2, "failed": []' in answer.content
    fleet.seen(b"two")
    assert origin.count <= 4      # each proxy may have been served by its own fetch once


@pytest.mark.parametrize("kind", ["url", "tag"])
def test_purge_is_seen_at_once_where_it_was_asked_for(fleet, origin, app, purgers, kind):
    app.fields = dict(surrogate_key="red")
    fill(fleet, origin)
    app.content = "two"
    purgers(fleet.proxies)[1].purge(**KINDS[kind])
    assert fleet.ask(1).content == b"two"


def test_idle_proxies_learn_too(fleet, origin, app, purgers):
    fill(fleet, origin)
    app.content = "two"
    purgers(fleet.proxies)[0].purge(mcproxy_purge="hard host")
    before = [server.stats()["cmd_get"] for server in fleet.servers]
    poll_until(lambda: all(int(s.stats()["cmd_get"]) > int(b) + 20 for s, b in zip(fleet.servers, before)), "several reads")
    for number in range(3):
        assert fleet.ask(number).content == b"two"


def test_unchanged_log_is_not_read_again(fleet, purgers):
    for start in range(0, 4000, 1000):
        purgers(fleet.proxies)[0].post({"tags": [f"tag-{number}" for number in range(start, start + 1000)]})
    logs = poll_until(fleet.logs, "the log")
    size = max(int(server.command(f"mg {key} s").split()[1][1:]) for server, key in logs)
    assert size > 60000
    server = fleet.servers[0]
    before = server.stats()
    poll_until(lambda: int(server.stats()["cmd_get"]) > int(before["cmd_get"]) + 40, "reads of the log")
    assert int(server.stats()["bytes_written"]) - int(before["bytes_written"]) < 15 * size


def test_purge_during_a_fill_elsewhere_wins(fleet, origin, purgers):
    client = fleet.proxies[0].client().get("/a")
    held = origin.receive()
    purgers(fleet.proxies)[1].purge(mcproxy_purge="hard, host")
    held.reply(content="one", **FRESH)
    client.expect(200, content="one")
    origin.serve(lambda request: dict(content="two", **FRESH))
    fleet.seen(b"two")


def test_purge_has_all_variants_everywhere(fleet, origin, purgers):
    origin.serve(lambda request: dict(content=str(origin.count), vary="Accept-Language", **FRESH))
    for number in range(3):
        for language in ("de", "en"):
            fleet.ask(number, accept_language=language)
    count = origin.count
    purgers(fleet.proxies)[0].purge(mcproxy_purge="hard")
    for proxy in fleet.proxies:
        for language in ("de", "en"):
            client = proxy.client()
            poll_until(lambda: int(client.get("/a", accept_language=language).expect(200).content) > count, "new content")


def test_many_purges_at_once_all_count(fleet, origin, app, purgers):
    for number in range(12):
        app.fields = dict(surrogate_key=f"tag-{number}")
        fill(fleet, origin, f"/{number}")
    app.content = "two"
    clients = [proxy.client() for proxy in fleet.proxies for _ in range(4)]
    for number, client in enumerate(clients):
        client.request("PURGE", "/x", mcproxy_purge="hard", surrogate_key=f"tag-{number}")
    for client in clients:
        client.expect(200)
    for number in range(12):
        fleet.seen(b"two", f"/{number}")


# ---- what is lost costs misses, and brings nothing back

def test_lost_log_is_written_again_by_who_knows_it(fleet, origin, app, purgers):
    fill(fleet, origin)
    app.content = "two"
    purgers(fleet.proxies)[0].purge(mcproxy_purge="hard host")
    poll_until(lambda: len(fleet.logs()) == 2, "two copies of the log")
    for server, key in fleet.logs():
        server.command(f"md {key}")
    poll_until(lambda: len(fleet.logs()) == 2, "the log")
    fleet.seen(b"two")


def test_log_that_nobody_knows_any_more_purges_everything(fleet, origin, app, purgers, make_proxy):
    app.fields = dict(surrogate_key="red")
    fill(fleet, origin)
    purgers(fleet.proxies)[0].purge("/x", mcproxy_purge="hard", surrogate_key="red")
    for proxy in fleet.proxies:
        proxy.stop()
    for server, key in fleet.logs():
        server.command(f"md {key}")
    app.content = "two"
    fleet.proxies = [fleet.start()]
    assert fleet.ask(0).content == b"two"


def test_purged_content_stays_purged_for_a_proxy_that_starts_later(fleet, origin, app, purgers):
    fill(fleet, origin)
    fill(fleet, origin, "/b")
    purgers(fleet.proxies)[0].purge("/a", mcproxy_purge="hard prefix")
    for proxy in fleet.proxies:
        proxy.stop()
    app.content = "two"
    fleet.proxies = [fleet.start()]
    assert fleet.ask(0).content == b"two"
    assert fleet.ask(0, "/b").content == b"one"


@pytest.mark.parametrize("which", [0, 1])
def test_one_server_that_comes_back_empty_loses_no_purge(fleet, origin, app, purgers, which):
    fill(fleet, origin)
    purgers(fleet.proxies)[0].purge(mcproxy_purge="hard host")
    server = fleet.servers[which]
    server.restart()
    poll_until(lambda: len(fleet.logs()) == 2, "the second copy")
    for proxy in fleet.proxies:
        proxy.stop()
    app.content = "two"
    fleet.proxies = [fleet.start()]
    assert fleet.ask(0).content == b"two"


@pytest.mark.parametrize("which", [0, 1])
def test_purge_without_one_server(fleet, origin, app, purgers, which):
    fill(fleet, origin)
    fleet.servers[which].kill()
    app.content = "two"
    answer = purgers(fleet.proxies)[0].purge(mcproxy_purge="hard host")
    assert f'"failed": ["{fleet.servers[which].address}"]'.encode() in answer.content
    fleet.seen(b"two")
    fleet.servers[which].start()
    poll_until(lambda: len(fleet.logs()) == 2, "the second copy")


def test_purge_without_any_server_counts_here_and_is_sent_later(fleet, origin, app, purgers):
    fill(fleet, origin)
    for server in fleet.servers:
        server.kill()
    app.content = "two"
    answer = purgers(fleet.proxies)[0].purge(status=503, mcproxy_purge="hard host")
    for server in fleet.servers:
        assert server.address.encode() in answer.content
    assert fleet.ask(0).content == b"two"
    assert fleet.ask(1).content == b"one"
    for server in fleet.servers:
        server.start()
    fleet.seen(b"two")


def test_proxy_that_starts_without_the_pool_serves_nothing_out_of_it_that_was_purged(fleet, origin, app, purgers):
    fill(fleet, origin)
    purgers(fleet.proxies)[0].purge(mcproxy_purge="hard host")
    for proxy in fleet.proxies:
        proxy.stop()
    for server in fleet.servers:
        server.stop()
    app.content = "two"
    fleet.proxies = [fleet.start()]
    for server in fleet.servers:
        server.cont()
    for _ in range(5):
        assert fleet.ask(0).content == b"two"


def test_garbage_in_place_of_the_log_is_replaced(fleet, origin, app, purgers):
    fill(fleet, origin)
    for server, key in fleet.logs():
        server.command(f"ms {key} 7", b"garbage")
    app.content = "two"
    answer = purgers(fleet.proxies)[0].purge(mcproxy_purge="hard host")
    assert b'"servers": 2, "failed": []' in answer.content
    fleet.seen(b"two")


def test_classic_protocol_shares_purges_too(make_proxy, servers, origin, app, purgers):
    text = FLEET.replace("fail_timeout", "protocol: classic, fail_timeout") % ", ".join(f'"{s.address}"' for s in servers)
    proxies = [make_proxy().start(text) for _ in range(2)]
    for proxy in proxies:
        proxy.client().get("/a").expect(200, content="one")
    app.content = "two"
    purgers(proxies)[0].purge(mcproxy_purge="hard host")
    for proxy in proxies:
        client = proxy.client()
        poll_until(lambda: client.get("/a").expect(200).content == b"two", "the new content")


def test_one_server_keeps_one_copy(make_proxy, memcached, origin, app, purgers):
    proxy = make_proxy().start(FLEET % f'"{memcached.address}"')
    assert b'"servers": 1, "failed": []' in purgers([proxy])[0].purge().content
