import json

import pytest

from harness.proxy import run_mcproxy


class Tool:
    """`mcproxy cache …` and `mcproxy explain …` with the configuration of a proxy, which runs."""

    def __init__(self, proxy):
        self.proxy = proxy

    def url(self, target):
        self.proxy.ensure_started()
        return f"http://example.test:{self.proxy.port}{target}"

    def run(self, *args, status=0):
        self.proxy.ensure_started()
        done = run_mcproxy(*args, "-c", self.proxy.config_path)
        assert status in (None, done.returncode), f"{done.returncode}: {done.stdout}{done.stderr}"
        return done

    def json(self, *args, status=0):
        return json.loads(self.run(*args, "--json", status=status).stdout)

    def get(self, target, *args, **options):
        return self.json("cache", "get", self.url(target), *args, **options)

    def explain(self, target, *args, **options):
        return Explained(self.json("explain", self.url(target), *args, **options))


class Explained:
    def __init__(self, told):
        self.told = told
        self.verdict = told["verdict"]
        self.change = told["what_would_change_it"]

    def says(self, about):
        """All sentences about it."""
        return " | ".join(step["says"] for step in self.told["steps"] if step["about"] == about)


@pytest.fixture
def tool(proxy):
    return Tool(proxy)


@pytest.fixture
def store(origin, client, memcached):
    """Has one response stored, and returns the keys of all records once there are so many in the pool."""
    def stored(target="/a", items=1, fields=None, **reply):
        client.get(target, **(fields or {}))
        origin.receive().reply(content="one", **reply)
        client.expect(200)
        return memcached.wait_records(items)
    return stored
