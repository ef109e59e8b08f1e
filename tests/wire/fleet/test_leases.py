"""Several proxies and one pool: one fetch per key among all of them."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

POOL = """
memcached_pools: {default: {servers: [%s], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}
"""


@pytest.fixture
def servers(make_memcached):
    return [make_memcached() for _ in range(2)]


@pytest.fixture
def fleet(make_proxy, servers):
    """Starts three proxies with one pool of two servers."""
    def start(more="", count=3):
        text = POOL % ", ".join(f'"{s.address}"' for s in servers) + more
        return [make_proxy().start(text) for _ in range(count)]
    return start


def ask_all(proxies, each, target="/a", **fields):
    return [proxy.client().get(target, **fields) for proxy in proxies for _ in range(each)]


def waiting(proxies):
    """How many requests are under way."""
    return sum(proxy.counter("requests_active") for proxy in proxies)


def stubs(servers):
    """Items without a value."""
    return [key for s in servers for key in s.keys() if s.command(f"mg {key} s").split()[1:2] == [b"s0"]]


def test_cold_key_is_fetched_once_by_the_whole_fleet(fleet, origin):
    proxies = fleet()
    clients = ask_all(proxies, 100)
    request = origin.receive()
    poll_until(lambda: waiting(proxies) >= 300, lambda: f"300 requests under way ({waiting(proxies)})")
    request.reply(content="one", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="one")
    origin.silent()
    assert origin.count == 1


def test_expired_entry_is_fetched_once_by_the_whole_fleet(fleet, origin):
    proxies = fleet()
    first = proxies[0].client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", age=59, etag='"1"')
    first.expect(200)
    poll_until(lambda: proxies[1].client().get("/a").expect(200, content="one") and origin.waiting(), "the entry to expire")
