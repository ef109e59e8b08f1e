import json

import pytest


class Purger:
    """Purges at one proxy, and looks at what it has of a target."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.client = proxy.client()

    def post(self, content="", query="", status=200, **fields):
        """POST /purge on the admin listener; the answer's JSON."""
        self.proxy.ensure_started()
        admin = self.proxy.client(address=("127.0.0.1", self.proxy.admin_port), host="127.0.0.1")
        if isinstance(content, dict):
            content = json.dumps(content)
        admin.post("/purge" + query, content.encode(), **fields)
        answer = admin.expect(status)
        return json.loads(answer.content)

    def purge(self, target="/a", status=200, **fields):
        """PURGE as a client sends it."""
        client = self.proxy.client()
        client.request("PURGE", target, **fields)
        return client.expect(status)


@pytest.fixture
def purger(proxy):
    return Purger(proxy)


@pytest.fixture
def purgers():
    return lambda proxies: [Purger(proxy) for proxy in proxies]
