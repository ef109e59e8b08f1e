"""Where a response is stored and found again: in the memory of one proxy, or in the pool by another one."""
import pytest

POOL = """
caches: {default: {memory: 0}}
memcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 2s, send_timeout: 2s, read_timeout: 2s}}
"""


class Tier:
    def __init__(self, origin, filler, asker):
        self.origin, self.filler, self.asker = origin, filler, asker

    def settle(self):
        """What was stored has arrived: a lookup comes behind it on the same connection."""
        for client in (self.filler, self.asker):
            client.get("/none", cache_control="only-if-cached").expect(504)

    def fetch(self, client, target="/a", content="one", status=200, asked={}, seen={}, method="GET", **fields):
        """A request of `client` that the origin sees, with its fields `seen`, and answers by `fields`."""
        client.request(method, target, **asked)
        self.origin.receive().expect(f"{method} {target}", **seen).reply(status, content=content, **fields)
        response = client.expect(status if status != 304 else None)
        self.settle()
        return response

    def fill(self, target="/a", **how):
        return self.fetch(self.filler, target, **how)

    def get(self, target="/a", **asked):
        """Asks the one who has not stored it."""
        return self.asker.get(target, **asked)


@pytest.fixture(params=["memory", "pool"])
def tier(request, make_proxy, origin):
    marker = request.node.get_closest_marker("config")
    config = marker.args[0] + "\n" if marker else ""
    if request.param == "memory":
        client = make_proxy().start(config).client()
        return Tier(origin, client, client)
    memcached = request.getfixturevalue("memcached").address
    return Tier(origin, *(make_proxy().start(config + POOL, memcached=memcached).client() for _ in range(2)))
