import re

import pytest


def test_fields_that_the_origin_sees(origin, client):
    client.get("/a?b=c", user_agent="me", accept="x/y", fields=[("X-Twice", "1"), ("X-Twice", "2")])
    request = origin.receive().expect("GET /a?b=c", host="example.test", user_agent="me", accept="x/y", x_forwarded_for="127.0.0.1",
                                      x_forwarded_proto="http", x_forwarded_host="example.test", via=re.compile(r"^1\.1 mcproxy"))
    assert request.fields.all("x-twice") in (["1", "2"], ["1, 2"])
    request.reply()
    client.expect(200)


def test_forwarded_for_is_appended_to(origin, client):
    client.get("/a", fields=[("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "10.0.0.2")])
    origin.receive().expect(x_forwarded_for="10.0.0.1, 10.0.0.2, 127.0.0.1").reply()
    client.expect(200)


def test_via_is_appended_to(origin, client):
    client.get("/a", version="HTTP/1.0", via="1.0 fred")
    origin.receive().expect(via=re.compile(r"^1\.0 fred, 1\.0 mcproxy")).reply()
    client.expect(200)


def test_via_of_the_response(origin, client):
    client.get("/a")
    origin.receive().reply(via="1.1 inner")
    client.expect(200, via=re.compile(r"^1\.1 inner, 1\.1 mcproxy"))


def test_fields_of_the_origin_arrive_in_order(origin, client):
    client.get("/a")
    pairs = [("X-A", "1"), ("Set-Cookie", "a=1"), ("X-B", "2"), ("Set-Cookie", "b=2"), ("Server", "mine"), ("Date", "Thu, 01 Jan 2026 00:00:00 GMT")]
    origin.receive().reply(fields=pairs)
    response = client.expect(200, set_cookie=["a=1", "b=2"])
    assert [p for p in response.fields if p[0] in ("X-A", "X-B")] == [("X-A", "1"), ("X-B", "2")]


def test_hop_by_hop_fields_of_the_origin_stay_behind(origin, client):
    client.get("/a")
    origin.receive().reply(connection="X-Hop", x_hop="1", keep_alive="timeout=5", proxy_connection="x", x_end="2")
    client.expect(200, x_hop=None, keep_alive=None, proxy_connection=None, x_end="2", connection=lambda v: v is None or "X-Hop" not in v)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 299, 300, 301, 302, 303, 307, 400, 401, 403, 404, 410, 418, 451, 500, 503, 599])
def test_status_passes(origin, client, status):
    client.get("/a")
    origin.receive().reply(status, content="one", x_mine="1")
    client.expect(status, content="one", x_mine="1")


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_content_passes(origin, client, status):
    client.get("/a", if_none_match='"x"')
    origin.receive().reply(status, etag='"x"')
    client.expect(status, content="", etag='"x"')
    client.get("/b")
    origin.receive().reply(content="two")
    client.expect(200, content="two")


def test_304_with_a_content_length_has_no_content(origin, client):
    client.get("/a", if_none_match='"x"')
    origin.receive().reply(raw='HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: "x"\r\n\r\n')
    client.expect(304, content="")
    client.get("/b")
    origin.receive().reply(content="two")
    client.expect(200, content="two")


def test_reason_phrase_may_be_anything(origin, client):
    client.get("/a")
    origin.receive().reply(reason="Very Fine (really)", content="one")
    client.expect(200, content="one")


def test_answer_in_many_packets(origin, client):
    client.get("/a")
    request = origin.receive()
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: z\r\n\r\nhello":
        request.send(bytes([byte]))
    client.expect(200, content="hello", x_y="z")


def test_chunked_answer_in_many_packets(origin, client):
    client.get("/a")
    request = origin.receive().reply_head(chunked=True)
    for byte in b"5;x=y\r\nhello\r\n0006\r\n world\r\n0\r\nX-T: 1\r\n\r\n":
        request.send(bytes([byte]))
    client.expect(200, content="hello world")
    client.get("/b")
    origin.receive().reply()
    client.expect(200)


def test_content_reaches_the_client_as_it_comes(origin, client):
    client.get("/a")
    request = origin.receive().reply_head(chunked=True)
    client.expect_head(200)
    for piece in ("one", "two", "three"):
        request.chunk(piece)
        client.expect_content(piece)
    request.last_chunk()
    client.expect_rest("")


def test_content_of_known_length_keeps_it(origin, client):
    client.get("/a")
    request = origin.receive().reply_head(length=6)
    client.expect_head(200, content_length=6)
    request.send("one")
    client.expect_content("one")
    request.send("two")
    client.expect_rest("two")


@pytest.mark.parametrize("lifetime", ["no-store", "max-age=60"])
def test_content_in_an_unknown_coding_ends_with_the_connection(origin, proxy, lifetime):
    """RFC 9112 section 6.3; the field was for this connection alone."""
    client = proxy.client().get("/a")
    origin.receive().reply(raw=f"HTTP/1.1 200 OK\r\nCache-Control: {lifetime}\r\nTransfer-Encoding: foo\r\n\r\n5\r\nhello", close=True)
    client.expect(200, content="5\r\nhello")      # with chunks of its own, or until close: the harness knows no other coding
    origin.serve(lambda request: dict(content="5\r\nhello"))
    proxy.client().get("/a").expect(200, content="5\r\nhello", transfer_encoding=None, content_length=8)


def test_end_is_not_waited_for_behind_a_content_length(origin, client):
    client.get("/a")
    origin.receive().reply_head(length=3, connection="close").send("one")
    client.expect(200, content="one")


@pytest.mark.parametrize("how", ["length", "chunked"])
def test_bytes_behind_the_answer_are_not_another(origin, client, how):
    client.get("/a")
    first = origin.receive()
    framing = "Content-Length: 3\r\n\r\none" if how == "length" else "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"
    first.reply(raw=f"HTTP/1.1 200 OK\r\n{framing}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    client.expect(200, content="one")
    first.connection.wait_ended()
    client.get("/b")
    origin.receive().expect("GET /b").reply(content="two")
    client.expect(200, content="two")


def test_unexpected_bytes_on_an_idle_connection_close_it(origin, client):
    client.get("/a")
    first = origin.receive().reply(content="one")
    client.expect(200, content="one")
    first.connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    client.get("/b")
    second = origin.receive().expect("GET /b")
    assert second.connection is not first.connection
    second.reply(content="two")
    client.expect(200, content="two")


def test_http_1_0_origin(origin, client):
    client.get("/a")
    origin.receive().reply(version="HTTP/1.0", content="one", close=True)
    client.expect(200, content="one")
    client.get("/b")
    origin.receive().reply(version="HTTP/1.0", content="two", length=False)
    client.expect(200, content="two")


def test_unix_origin(make_origin, proxy):
    unix = make_origin(unix=str(proxy.dir / "app.sock"))
    proxy.start("proxy_pass: http://unix:{dir}/app.sock")
    client = proxy.client().get("/a")
    unix.receive().expect("GET /a", host="example.test").reply(content="one")
    client.expect(200, content="one")


def test_unix_origin_with_a_uri_part(make_origin, proxy):
    unix = make_origin(unix=str(proxy.dir / "app.sock"))
    proxy.start("""
servers:
  - listen: "{listen}"
    locations:
      /app/: {proxy_pass: "http://unix:{dir}/app.sock:/base/"}
""")
    client = proxy.client().get("/app/x?y=z")
    unix.receive().expect("GET /base/x?y=z").reply()
    client.expect(200)


def test_origin_by_name(origin, proxy):
    proxy.start(f"proxy_pass: http://localhost:{origin.port}")
    client = proxy.client().get("/a")
    origin.receive().expect("GET /a").reply()
    client.expect(200)


URI_PARTS = {
    "none": ("/app/", "", "/app/x?y=z", "/app/x?y=z"),
    "slash": ("/app/", "/", "/app/x?y=z", "/x?y=z"),
    "path": ("/app/", "/base/", "/app/x?y=z", "/base/x?y=z"),
    "path without a slash": ("/app", "/base", "/app/x", "/base/x"),
    "exact prefix only": ("/app/", "/base/", "/app/", "/base/"),
    "encoded rest": ("/app/", "/base/", "/app/a%2Fb%20c", "/base/a%2Fb%20c"),
}


@pytest.mark.parametrize("location, part, target, forwarded", URI_PARTS.values(), ids=URI_PARTS.keys())
def test_uri_part_replaces_the_matched_prefix(proxy, origin, client, location, part, target, forwarded):
    proxy.start(f"""
servers:
  - listen: "{{listen}}"
    locations:
      {location}: {{proxy_pass: "http://{{origin}}{part}"}}
""")
    client.get(target)
    origin.receive().expect(f"GET {forwarded}").reply()
    client.expect(200)
