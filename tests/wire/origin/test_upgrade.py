import pytest

ASK = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_key": "x"}


def open_tunnel(origin, client, early=b""):
    client.send_request(client.render("GET", "/ws", **ASK) + early)
    request = origin.receive().expect("GET /ws", upgrade="websocket", connection=lambda v: "upgrade" in v.lower(), sec_websocket_key="x")
    request.reply_head(101, upgrade="websocket", connection="Upgrade", sec_websocket_accept="y")
    client.expect(101, upgrade="websocket", connection=lambda v: "upgrade" in v.lower(), sec_websocket_accept="y")
    return request.connection


def test_tunnel_carries_both_ways(origin, client):
    connection = open_tunnel(origin, client)
    client.send("ping")
    connection.expect_tunnel(b"ping")
    connection.send(b"pong\0\r\n\r\n")
    assert client.read_raw(8) == b"pong\0\r\n\r\n"[:8]


def test_large_frames(origin, client):
    connection = open_tunnel(origin, client)
    block = bytes(range(256)) * 4000
    connection.send_in_background(block)
    assert client.read_raw(len(block)) == block
    client.send(block, timeout=20)
    connection.expect_tunnel(block)


def test_bytes_right_behind_the_head_are_passed(origin, client):
    connection = open_tunnel(origin, client, early=b"early")
    connection.expect_tunnel(b"early")


def test_end_of_one_side_is_passed_on(origin, client):
    connection = open_tunnel(origin, client)
    connection.send(b"last")
    connection.shutdown()
    assert client.read_raw(4) == b"last"
    client.expect_closed()


def test_end_of_the_client_is_passed_on(origin, client):
    connection = open_tunnel(origin, client)
    client.send("last")
    client.half_close()
    connection.expect_tunnel(b"last")
    connection.wait_ended()


def test_refused_upgrade_is_an_ordinary_answer(origin, client):
    client.get("/ws", **ASK)
    origin.receive().reply(200, content="no")
    client.expect(200, content="no")
    client.get("/b")
    origin.receive().expect("GET /b").reply()
    client.expect(200)


def test_426_passes(origin, client):
    client.get("/a")
    origin.receive().reply(426, upgrade="websocket", connection="Upgrade")
    client.expect(426)


def test_upgraded_connection_is_not_pooled(origin, proxy):
    client = proxy.client()
    first = open_tunnel(origin, client)
    client.close()
    first.wait_ended()
    other = proxy.client().get("/b")
    assert origin.receive().reply().connection is not first
    other.expect(200)


@pytest.mark.config("proxy_read_timeout: 300ms")
def test_silent_tunnel_is_closed(origin, client):
    connection = open_tunnel(origin, client)
    client.expect_closed()
    connection.wait_ended()


def test_upgrade_is_never_answered_from_the_cache(origin, client):
    client.get("/ws")
    origin.receive().reply(content="page", cache_control="max-age=60")
    client.expect(200, content="page")
    open_tunnel(origin, client)


def test_h2c_is_not_passed(origin, client):
    client.get("/a", connection="Upgrade, HTTP2-Settings", upgrade="h2c", http2_settings="AAMAAABkAAQ")
    origin.receive().expect(upgrade=None, http2_settings=None).reply()
    client.expect(200)
