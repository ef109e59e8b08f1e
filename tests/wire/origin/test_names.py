"""Origins by name: resolved at the start and again by TTL; the last good addresses are kept."""
import time

import pytest

from harness.deadline import SLOW, poll_until
from harness.dns import NameServer


@pytest.fixture
def names():
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def pair(make_origin):
    """Two origins on one port of two addresses, each answering with its address."""
    first = make_origin(host="127.0.0.1")
    second = make_origin(host="127.0.0.2", port=first.port)
    first.serve(lambda request: {"content": "127.0.0.1"})
    second.serve(lambda request: {"content": "127.0.0.2"})
    return first, second


def start(proxy, names, port, more=""):
    proxy.start(f'resolver: "{names.address}"\nproxy_pass: "http://app.test:{port}"\n{more}')


def test_name_is_asked_of_the_configured_resolver(proxy, names, pair):
    names.names["app.test"] = (["127.0.0.2"], 60)
    start(proxy, names, pair[0].port)
    poll_until(lambda: proxy.client().get("/a").expect().status == 200, "the name's address")
    proxy.client().get("/a").expect(200, content="127.0.0.2")


def test_all_addresses_are_peers(proxy, names, pair):
    names.names["app.test"] = (["127.0.0.1", "127.0.0.2"], 60)
    start(proxy, names, pair[0].port)
    poll_until(lambda: proxy.client().get("/a").expect().status == 200, "the name's address")
    answers = {proxy.client().get(f"/{i}").expect(200).content for i in range(6)}
    assert answers == {b"127.0.0.1", b"127.0.0.2"}


def test_changed_address_is_used_after_its_ttl(proxy, names, pair):
    names.names["app.test"] = (["127.0.0.1"], 1)
    start(proxy, names, pair[0].port)
    poll_until(lambda: proxy.client().get("/a").expect().status == 200, "the name's address")
    proxy.client().get("/a").expect(200, content="127.0.0.1")
    names.names["app.test"] = (["127.0.0.2"], 1)
    poll_until(lambda: proxy.client().get("/a").expect(200).content == b"127.0.0.2", "the new address", timeout=6)


@pytest.mark.slow
@pytest.mark.parametrize("failure", ["silent", "fail", "gone"])
def test_last_good_address_is_kept(proxy, names, pair, failure):
    names.names["app.test"] = (["127.0.0.1"], 1)
    start(proxy, names, pair[0].port, "resolver_timeout: 500ms")
    poll_until(lambda: proxy.client().get("/a").expect().status == 200, "the name's address")
    asked = names.queries
    if failure == "gone":
        del names.names["app.test"]
    else:
        names.mode = failure

    def check():
        proxy.client().get("/a").expect(200, content="127.0.0.1")
        return names.queries > asked
    poll_until(check, "another query", timeout=6)
    for _ in range(20):
        proxy.client().get("/a").expect(200, content="127.0.0.1")


def test_name_that_does_not_exist_is_a_bad_gateway_until_it_does(proxy, names, pair):
    start(proxy, names, pair[0].port, "resolver_timeout: 500ms")
    proxy.client().get("/a").expect(502)
    names.names["app.test"] = (["127.0.0.1"], 1)
    poll_until(lambda: proxy.client().get("/a").expect().status == 200, "the name", timeout=15)


def test_silent_resolver_is_a_bad_gateway_in_time(proxy, names, pair):
    names.mode = "silent"
    start(proxy, names, pair[0].port, "resolver_timeout: 500ms")
    begin = time.monotonic()
    proxy.client().get("/a").expect(502)
    assert time.monotonic() - begin < 2 * SLOW
