import socket

import pytest

from harness.process import free_port


def test_unix_socket(proxy, origin):
    proxy.start('listen: ["{listen}", "unix:{unix}"]')
    client = proxy.client(unix=proxy.dir / "proxy.sock").get("/a")
    origin.receive().expect("GET /a").reply(content="one")
    client.expect(200, content="one")


def test_unix_socket_is_removed_at_the_end(proxy):
    proxy.start('listen: ["{listen}", "unix:{unix}"]')
    proxy.stop()
    assert not (proxy.dir / "proxy.sock").exists()


def test_stale_unix_socket_is_replaced(proxy, origin):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(proxy.dir / "proxy.sock"))
    proxy.start('listen: ["{listen}", "unix:{unix}"]')
    client = proxy.client(unix=proxy.dir / "proxy.sock").get("/a")
    origin.receive().reply()
    client.expect(200)


def test_several_addresses(proxy, origin):
    second = free_port()
    proxy.start(f'listen: ["{{listen}}", "127.0.0.1:{second}"]')
    for address in (("127.0.0.1", proxy.port), ("127.0.0.1", second)):
        client = proxy.client(address=address).get("/a")
        origin.receive().reply()
        client.expect(200)


def test_ipv6(proxy, origin):
    try:
        port = free_port(socket.AF_INET6, "::1")
    except (OSError, AssertionError):
        pytest.skip("no IPv6 here")
    proxy.start(f'listen: ["{{listen}}", "[::1]:{port}"]')
    client = proxy.client(address=("::1", port)).get("/a")
    origin.receive().expect(x_forwarded_for="::1").reply()
    client.expect(200)


def test_bare_port_listens_everywhere(proxy, origin):
    proxy.start("listen: {port}")
    client = proxy.client().get("/a")
    origin.receive().reply()
    client.expect(200)


def test_servers_on_their_own_addresses(proxy):
    second = free_port()
    proxy.start(f"""
servers:
  - {{listen: "{{listen}}", return: "200 first"}}
  - {{listen: "127.0.0.1:{second}", return: "200 second"}}
""")
    proxy.client().get("/").expect(200, content="first")
    proxy.client(address=("127.0.0.1", second)).get("/").expect(200, content="second")
