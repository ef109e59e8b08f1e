"""Trailers of chunked responses as they arrive (RFC 9110 section 6.5, RFC 9112 section 7.1.2): proxy_pass_trailers."""
import pytest

ON = pytest.mark.config("proxy_pass_trailers: on")
TRAILERS = [("Server-Timing", "db;dur=5"), ("X-Sum", "abc"), ("X-Sum", "def")]


def reply(request, trailers=TRAILERS, pieces=("hello ", "world"), **fields):
    """In pieces, so that none of it waits for the whole."""
    request.reply_head(chunked=True, **fields)
    for piece in pieces:
        request.chunk(piece)
    request.last_chunk(trailers)


@ON
def test_client_gets_the_trailers_behind_the_content(origin, client):
    client.get("/a")
    reply(origin.receive(), trailer="Server-Timing, X-Sum")
    response = client.expect(200, content="hello world", transfer_encoding="chunked", content_length=None, server_timing=None,
                             trailer="Server-Timing, X-Sum")
    assert response.trailers == TRAILERS


@ON
def test_trailers_that_come_long_after_the_content(origin, client):
    client.get("/a")
    request = origin.receive()
    request.reply_head(chunked=True).chunk("hello")
    client.expect_head(200)
    client.expect_content("hello")
    request.send("0\r\nX-Sum: a")
    client.expect_open()
    request.send("bc\r\n\r\n")
    assert client.expect_rest("").trailers == [("X-Sum", "abc")]


@ON
def test_keep_alive_goes_on_behind_trailers(origin, client):
    for _ in range(2):
        client.get("/a")
        reply(origin.receive())
        assert client.expect(200, content="hello world").trailers == TRAILERS
    assert len(origin.connections) == 1


@ON
def test_trailers_without_content(origin, client):
    client.get("/a")
    reply(origin.receive(), pieces=())
    assert client.expect(200, content="", transfer_encoding="chunked").trailers == TRAILERS


def test_by_default_there_are_none_and_nobody_is_asked_for_them(origin, client):
    client.get("/a", te="trailers", connection="TE")
    reply(origin.receive().expect("GET /a", te=None, connection=None))
    assert client.expect(200, content="hello world").trailers == []


# ---- who has none

@ON
def test_http_1_0_has_none(origin, client):
    client.get("/a", version="HTTP/1.0", te="trailers")
    reply(origin.receive())
    client.expect(200, content="hello world", transfer_encoding=None)


@pytest.mark.config("proxy_pass_trailers: on\nproxy_cache: off")
def test_head_has_none(origin, client):
    client.head("/a", te="trailers")
    origin.receive().expect("HEAD /a", te=None).reply_head(chunked=True, trailer="X-Sum")
    client.expect(200, content="")
    client.get("/b")
    origin.receive().reply(content="next")
    client.expect(200, content="next")


@ON
def test_head_that_the_origin_is_asked_as_get_has_none(origin, client):
    client.head("/a", te="trailers")
    reply(origin.receive().expect("GET /a", te="trailers"), cache_control="max-age=60")
    client.expect(200, content="")
    assert client.get("/a", te="trailers").expect(200, content="hello world").trailers == TRAILERS


@ON
def test_content_with_a_length_has_none(origin, client):
    client.get("/a", te="trailers")
    origin.receive().reply(content="one")
    client.expect(200, content="one", content_length="3", transfer_encoding=None)


@pytest.mark.config("proxy_pass_trailers: on\ngzip: on\ngzip_min_length: 0\ngzip_types: ['*']")
@pytest.mark.parametrize("coding, want", [("gzip", []), ("identity", TRAILERS)])
def test_coded_content_has_none(origin, client, coding, want):
    client.get("/a", te="trailers", accept_encoding=coding)
    reply(origin.receive(), content_type="text/plain")
    response = client.expect(200, content_encoding=None if want else coding)
    assert response.trailers == want


@ON
def test_range_of_what_passes_by_has_none(origin, client):
    client.get("/a", range="bytes=0-4", te="trailers")
    request = origin.receive()
    reply(request, cache_control="max-age=60", trailer="X-Sum")
    response = client.expect()
    assert (response.status, response.content, response.trailers) in [(206, b"hello", []), (200, b"hello world", TRAILERS)]


# ---- which fields

@ON
@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Content-Type", "Content-Language", "Host", "Connection", "Trailer", "TE", "Authorization",
                                  "Set-Cookie", "Cache-Control", "Age", "Vary", "Location", "Proxy-Foo", "X-Accel-Redirect", "Max-Forwards"])
def test_field_that_may_not_be_a_trailer_is_dropped(origin, client, name):
    """RFC 9110 section 6.5.1"""
    client.get("/a")
    reply(origin.receive(), [(name, "5"), ("X-Sum", "abc")])
    response = client.expect(200, content="hello world")
    assert response.trailers == [("X-Sum", "abc")]
    assert response.fields.get(name) != "5"


@ON
def test_trailer_that_connection_names_ends_here(origin, client):
    """RFC 9110 section 7.6.1"""
    client.get("/a")
    reply(origin.receive(), connection="X-Sum")
    assert client.expect(200).trailers == TRAILERS[:1]


@pytest.mark.config("proxy_pass_trailers: on\nproxy_hide_header: [X-Sum]\nproxy_cache_tags: [X-Tags]")
def test_trailer_that_is_hidden_as_a_field_is_hidden(origin, client):
    client.get("/a")
    reply(origin.receive(), TRAILERS + [("X-Tags", "a"), ("X-Accel-Foo", "b")])
    assert client.expect(200).trailers == TRAILERS[:1]


# ---- what is wrong

@ON
@pytest.mark.parametrize("section", ["X-Sum abc\r\n\r\n", "X-Sum : abc\r\n\r\n", ": abc\r\n\r\n", "X-Sum: a\rb\r\n\r\n", "X-Sum: a\nb\r\n\r\n", "A: b\r\n c\r\n\r\n",
                                     "X-Sum: " + 8192 * "a" + "\r\n\r\n", 101 * "A: b\r\n" + "\r\n", "X-Sum: abc\r\n"],
                         ids=["no colon", "space", "no name", "CR", "LF", "folded", "too long", "too many", "cut"])
def test_response_with_broken_trailers_is_cut_and_not_stored(origin, proxy, client, section):
    client.get("/a")
    request = origin.receive()
    request.reply_head(chunked=True, cache_control="max-age=60").chunk("hello")
    client.expect_head(200)
    request.send("0\r\n" + section)
    request.close()
    client.expect_truncated()
    client = proxy.client().get("/a")
    origin.receive().reply(content="again")
    client.expect(200, content="again")


@ON
def test_endless_trailers_are_not_read(origin, client):
    client.get("/a")
    request = origin.receive()
    request.reply_head(chunked=True).send("0\r\n")
    client.expect_head(200)
    for _ in range(101):
        request.send("A: b\r\n")
    client.expect_truncated()
    request.connection.wait_ended()


# ---- what the origin is asked

@ON
def test_origin_is_asked_for_trailers_of_what_may_be_stored(origin, client):
    """RFC 9110 section 10.1.4"""
    client.get("/a")
    reply(origin.receive().expect("GET /a", te="trailers", connection="TE"))
    client.expect(200)


@pytest.mark.config("proxy_pass_trailers: on\nproxy_cache: off")
@pytest.mark.parametrize("te, asked", [("trailers", "trailers"), ("gzip, trailers", "trailers"), ("gzip", None), (None, None)])
def test_without_a_cache_the_client_decides(origin, client, te, asked):
    client.get("/a", te=te, connection="TE" if te else None)
    reply(origin.receive().expect("GET /a", te=asked, connection="TE" if asked else None))
    assert client.expect(200).trailers == TRAILERS


# ---- requests

@pytest.mark.parametrize("config", ["", "proxy_pass_trailers: on"])
def test_trailers_of_a_request_are_dropped(origin, proxy, config):
    proxy.config = config
    client = proxy.client()
    client.send_request("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: abc\r\nHost: b\r\n\r\n",
                        "POST")
    request = origin.receive().expect("POST /a", content="hello", x_sum=None, host="a")
    assert request.body.trailers == []
    request.reply(content="one")
    client.expect(200, content="one")


@pytest.mark.parametrize("section", ["X-Sum abc\r\n\r\n", "X-Sum: " + 8192 * "a" + "\r\n\r\n", 101 * "A: b\r\n" + "\r\n"], ids=["malformed", "too long", "too many"])
def test_request_with_broken_trailers_is_refused(origin, client, section):
    client.send_request("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + section, "POST")
    client.expect(400)
    client.expect_closed()
