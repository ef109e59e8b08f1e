import pytest


def not_close(connection):
    return connection is None or "close" not in connection.lower()


def test_connection_serves_request_after_request(origin, client):
    for target in ("/a", "/b", "/c"):
        client.get(target)
        origin.receive().expect(f"GET {target}").reply(content=target)
        client.expect(200, content=target, connection=not_close)


def test_connection_close_of_the_client_is_honoured(origin, client):
    client.get("/a", connection="close")
    origin.receive().expect("GET /a").reply(content="one")
    client.expect(200, content="one", connection="close")
    client.expect_closed()


def test_connection_close_is_the_clients_alone(origin, proxy):
    for target in ("/a", "/b"):
        client = proxy.client().get(target, connection="close")
        origin.receive().expect(f"GET {target}").reply()
        client.expect(200)
    assert len(origin.connections) == 1


def test_close_of_the_origin_is_not_the_clients(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", connection="close", close=True)
    client.expect(200, content="one", connection=not_close)
    client.get("/b")
    origin.receive().expect("GET /b").reply()
    client.expect(200)


def test_http_1_0_is_closed_after_its_answer(origin, client):
    client.get("/a", version="HTTP/1.0")
    origin.receive().expect("GET /a").reply(content="one")
    client.expect(200, content="one", transfer_encoding=None)
    client.expect_closed()


def test_http_1_0_may_ask_to_keep_the_connection(origin, client):
    for target in ("/a", "/b"):
        client.get(target, version="HTTP/1.0", connection="keep-alive")
        origin.receive().expect(f"GET {target}").reply(content="one")
        client.expect(200, content="one", connection="keep-alive")


def test_http_1_0_gets_content_of_unknown_length_until_close(origin, client):
    client.get("/a", version="HTTP/1.0", connection="keep-alive")
    request = origin.receive().reply_head(chunked=True)
    client.expect_head(200, transfer_encoding=None, content_length=None)
    request.chunk("one").chunk("two").last_chunk()
    client.expect_rest("onetwo")
    client.expect_closed()


def test_origin_is_asked_in_http_1_1_also_for_a_1_0_client(origin, client):
    client.get("/a", version="HTTP/1.0")
    request = origin.receive()
    assert request.version == "HTTP/1.1"
    request.reply()
    client.expect(200)


@pytest.mark.config("keepalive_requests: 2")
def test_last_allowed_request_is_answered_with_close(origin, client):
    client.get("/a")
    origin.receive().reply()
    client.expect(200, connection=not_close)
    client.get("/b")
    origin.receive().reply()
    client.expect(200, connection="close")
    client.expect_closed()


@pytest.mark.config("keepalive_timeout: 100ms")
def test_idle_connection_is_closed_without_a_word(origin, client):
    client.get("/a")
    origin.receive().reply(content="one")
    client.expect(200, content="one")
    client.expect_closed()


def test_empty_lines_before_a_request_are_skipped(origin, client):
    client.send("\r\n\r\n")
    client.get("/a")
    origin.receive().expect("GET /a").reply()
    client.expect(200)


def test_half_closed_client_still_gets_its_answer(origin, client):
    client.get("/a").half_close()
    origin.receive().reply(content="one")
    client.expect(200, content="one")
    client.expect_closed()


def test_client_that_left_ends_the_uncacheable_fetch(origin, client):
    client.post("/a", "x")
    request = origin.receive()
    client.close(reset=True)
    request.connection.wait_ended()
