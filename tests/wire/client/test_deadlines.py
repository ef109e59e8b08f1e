import pytest


@pytest.mark.config("client_header_timeout: 200ms")
def test_head_that_does_not_end_is_answered_408(origin, client):
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n")
    client.expect(408)
    client.expect_closed()
    origin.silent()


@pytest.mark.config("client_header_timeout: 300ms")
def test_head_deadline_is_for_the_whole_not_for_each_byte(client):
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n")
    for _ in range(100):
        client.send("X: y\r\n")
        if client.has_answer(0.05):
            break
    client.expect(408)


@pytest.mark.config("client_header_timeout: 200ms")
def test_connection_without_any_byte_is_closed(client):
    client.connect()
    raw, _ = client.drain()
    assert raw == b"" or raw.startswith(b"HTTP/1.1 408"), raw


@pytest.mark.config("client_body_timeout: 200ms")
def test_content_that_stalls_is_answered_408(origin, client):
    client.send_request(client.render("POST", "/a", fields=[("Content-Length", "10")]) + b"12345", "POST")
    client.expect(408)
    client.expect_closed()
    if origin.count:
        origin.receive_head().wait_broken()


@pytest.mark.config("client_body_timeout: 300ms\nclient_body_min_rate: 1000")
def test_content_that_drips_is_answered_408(origin, client):
    client.send_request(client.render("POST", "/a", fields=[("Content-Length", "100")]), "POST")
    for _ in range(100):
        client.send(b"x")
        if client.has_answer(0.05):
            break
    client.expect(408)
    client.expect_closed()


@pytest.mark.config("client_body_timeout: 400ms\nclient_body_min_rate: 0")
def test_content_deadline_is_between_two_reads(origin, client):
    client.send_request(client.render("POST", "/a", fields=[("Content-Length", "5")]), "POST")
    for byte in b"12345":
        client.expect_open(0.15)
        client.send(bytes([byte]))
    origin.receive().expect(content="12345").reply()
    client.expect(200)


@pytest.mark.config("send_timeout: 300ms")
def test_client_that_stops_reading_is_disconnected(origin, proxy):
    client = proxy.client(rcvbuf=4096).get("/a")
    origin.receive().reply(content=b"x" * 30_000_000)
    client.expect_head(200)
    origin.connections[0].wait_ended(timeout=10)
    client.expect_truncated()


@pytest.mark.config("keepalive_timeout: 10s\nclient_header_timeout: 200ms")
def test_idle_time_is_not_head_time(origin, client):
    client.get("/a")
    origin.receive().reply()
    client.expect(200)
    client.expect_open(0.4)
    client.get("/b")
    origin.receive().reply()
    client.expect(200)
