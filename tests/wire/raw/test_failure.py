"""A memcached that is dead, hung, lying, or gone in the middle: 502 or 504 as from nginx, or the app's answer, never a part of a value
shown as the whole."""
import pytest

from harness.deadline import poll_until
from harness.process import free_port

ALONE = """
memcached_pools:
  p: {servers: ["{lying}"], connect_timeout: 500ms, send_timeout: 500ms, read_timeout: 500ms, fail_timeout: 100ms}
servers: [{listen: "{listen}", memcached_pass: p, memcached_key: $uri}]
"""
BEFORE_THE_APP = ALONE.replace("memcached_pass: p,", 'memcached_pass: p, proxy_pass: "http://{origin}",')
VALUE = b"0123456789" * 1000


@pytest.fixture
def lie(proxy, lying_memcached, app):
    """A proxy before a memcached that lies, once a value was found there."""
    def start(config, bend=None):
        proxy.start(config, lying=lying_memcached.address)
        app.set("/a", VALUE, noreply=False)
        poll_until(lambda: proxy.client().get("/a").expect().content == VALUE, "the value")
        lying_memcached.bend = bend or lying_memcached.bend
        return lying_memcached
    return start


def is_value(reply):
    return reply.startswith(b"VA ")


def of_values(bend):
    return lambda reply: bend(reply) if is_value(reply) else reply


LIES = {
    "closed": of_values(lambda r: None),
    "closed in the middle": of_values(lambda r: r[:5000]),
    "shorter than it says": of_values(lambda r: r[:5000] + b"\r\n"),
    "no end of line": of_values(lambda r: r[:-2] + b"xx"),
    "a huge length": of_values(lambda r: b"VA 99999999999 f0 O1\r\n"),
    "another's opaque": of_values(lambda r: r.replace(b" O", b" O9", 1)),
    "no number for flags": of_values(lambda r: r.replace(b" f0", b" fx", 1)),
    "client error": of_values(lambda r: b"CLIENT_ERROR bad key\r\n"),
    "server error": of_values(lambda r: b"SERVER_ERROR out of memory\r\n"),
    "error": of_values(lambda r: b"ERROR\r\n"),
    "HTTP": of_values(lambda r: b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}


@pytest.mark.parametrize("what", LIES)
def test_a_lie_is_502_or_504(proxy, lie, what):
    lie(ALONE, LIES[what])
    for _ in range(3):
        response = proxy.client().get("/a").expect()
        assert response.status in (502, 504) and b"0123" not in response.content, response


@pytest.mark.parametrize("what", LIES)
def test_a_lie_leads_to_the_app(proxy, origin, lie, what):
    lie(BEFORE_THE_APP, LIES[what])
    for _ in range(3):
        client = proxy.client().get("/a")
        origin.receive().reply(content="from the app")
        client.expect(200, content="from the app")


def test_server_error_keeps_the_connection(proxy, lie):
    lying = lie(ALONE, LIES["server error"])
    before = lying.connections
    assert proxy.client().get("/a").expect().status == 502
    lying.bend = lambda reply: reply
    proxy.client().get("/a").expect(200, content=VALUE)
    assert lying.connections == before


BEHIND = {
    "meta": of_values(lambda r: r + b"VA 1 O0\r\nx\r\n"),
    "classic": lambda r: r + b"END\r\n" if r == b"END\r\n" else r,
}


@pytest.mark.parametrize("protocol", BEHIND)
def test_bytes_behind_a_value_end_the_connection(proxy, lie, protocol):
    lying = lie(ALONE.replace("servers:", f"protocol: {protocol}, servers:", 1), BEHIND[protocol])
    before = lying.connections
    proxy.client().get("/a").expect(200, content=VALUE)
    lying.bend = lambda reply: reply
    poll_until(lambda: proxy.client().get("/a").expect().content == VALUE and lying.connections > before, "the value again")


@pytest.mark.parametrize("protocol", BEHIND)
def test_a_reply_in_single_bytes(proxy, lie, protocol):
    lie(ALONE.replace("servers:", f"protocol: {protocol}, servers:", 1)).split = True
    proxy.client().get("/a").expect(200, content=VALUE)
    proxy.client().get("/none").expect(404)


def test_no_answer_is_504(proxy, lie):
    lie(ALONE).hang = True
    client = proxy.client()
    client.get("/a").expect(504, proxy_status="mcproxy; error=connection_read_timeout")


def test_nobody_listens_is_502(proxy):
    proxy.start(ALONE, lying=f"127.0.0.1:{free_port()}")
    client = proxy.client()
    for _ in range(3):
        client.get("/a").expect(502, proxy_status="mcproxy; error=destination_unavailable")


def test_a_server_that_was_restarted_is_asked_again(proxy, memcached, app):
    proxy.start(ALONE, lying=memcached.address)
    app.set("/a", VALUE, noreply=False)
    client = proxy.client()
    client.get("/a").expect(200, content=VALUE)
    memcached.restart()
    poll_until(lambda: client.get("/a").expect().status == 404, "a miss after the restart")
    app.close()
    app.set("/a", b"new", noreply=False)
    client.get("/a").expect(200, content="new")


def test_a_client_that_leaves_while_memcached_is_asked(proxy, lie):
    lying = lie(ALONE)
    lying.hang = True
    for _ in range(5):
        client = proxy.client().get("/a")
        client.close(reset=True)
    lying.hang = False
    poll_until(lambda: proxy.client().get("/a").expect().status == 200, "the value again")
