import socket

import pytest

from harness.process import free_port


def test_connection_refused_is_a_bad_gateway(proxy):
    proxy.start(f"proxy_pass: http://127.0.0.1:{free_port()}")
    client = proxy.client()
    client.get("/a").expect(502)
    client.get("/a").expect(502)


def test_missing_unix_socket_is_a_bad_gateway(proxy):
    proxy.start("proxy_pass: http://unix:{dir}/none.sock")
    proxy.client().get("/a").expect(502)


@pytest.fixture
def deaf_port():
    """A port whose listen queue is full: connections to it hang."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(address)
            fillers.append(s)
        yield address[1]
        for s in fillers:
            s.close()


def test_connect_timeout_is_a_gateway_timeout(proxy, deaf_port):
    proxy.start(f"proxy_pass: http://127.0.0.1:{deaf_port}\nproxy_connect_timeout: 200ms")
    proxy.client().get("/a").expect(504)


@pytest.mark.config("proxy_read_timeout: 200ms")
def test_answer_that_does_not_come_is_a_gateway_timeout(origin, client):
    client.get("/a")
    request = origin.receive()
    client.expect(504)
    request.connection.wait_ended()
    client.get("/b")
    origin.receive().expect("GET /b").reply()
    client.expect(200)


@pytest.mark.config("proxy_read_timeout: 200ms")
def test_head_that_stalls_is_a_gateway_timeout(origin, client):
    client.get("/a")
    origin.receive().send("HTTP/1.1 200 OK\r\nX: ")
    client.expect(504)


@pytest.mark.config("proxy_read_timeout: 400ms")
def test_read_timeout_is_between_two_reads(origin, client):
    client.get("/a")
    request = origin.receive().reply_head(length=5)
    client.expect_head(200)
    for byte in b"hello":
        client.expect_open(0.15)
        request.send(bytes([byte]))
        client.expect_content(bytes([byte]))
    client.expect_rest("")


@pytest.mark.config("proxy_read_timeout: 200ms")
def test_content_that_stalls_is_a_visible_truncation(origin, client):
    client.get("/a")
    request = origin.receive().reply_head(length=10).send("hello")
    client.expect_truncated(200, content="hello")
    request.connection.wait_ended()


@pytest.mark.config("proxy_send_timeout: 300ms\nclient_max_body_size: 0")
def test_origin_that_stops_reading_is_a_gateway_timeout(make_origin, proxy):
    stuck = make_origin(read_content=False, rcvbuf=4096)
    proxy.config += f"\nproxy_pass: http://{stuck.address}"
    client = proxy.client()
    client.send(client.render("POST", "/a", fields=[("Content-Length", "100000000")]))
    stuck.receive_head()
    block = b"x" * 65536
    for _ in range(1500):
        try:
            client.send(block, timeout=1)
        except (OSError, TimeoutError):
            break
        if client.has_answer(0):
            break
    client.expect(504)
