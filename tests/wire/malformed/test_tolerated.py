"""Unusual but valid: served, and forwarded in canonical form."""
import pytest

H = b"Host: example.test\r\n"

CASES = {
    "no white space after the colon": b"GET /a HTTP/1.1\r\nHost:example.test\r\n\r\n",
    "white space around a value": b"GET /a HTTP/1.1\r\nHost: \t example.test \t \r\n\r\n",
    "empty value": b"GET /a HTTP/1.1\r\n" + H + b"X-Empty:\r\n\r\n",
    "8-bit bytes in a value": b"GET /a HTTP/1.1\r\n" + H + b"X: caf\xc3\xa9\r\n\r\n",
    "tab in a value": b"GET /a HTTP/1.1\r\n" + H + b"X: a\tb\r\n\r\n",
    "Host in any case": b"GET /a HTTP/1.1\r\nhOST: example.test\r\n\r\n",
    "absolute target": b"GET http://example.test/a HTTP/1.1\r\n" + H + b"\r\n",
    "absolute target wins over Host": b"GET http://example.test/a HTTP/1.1\r\nHost: other.test\r\n\r\n",
    "HTTP/1.0 with Host": b"GET /a HTTP/1.0\r\n" + H + b"\r\n",
    "unreserved encoding": b"GET /%61 HTTP/1.1\r\n" + H + b"\r\n",
    "dot segments": b"GET /x/../a HTTP/1.1\r\n" + H + b"\r\n",
    "encoded dot segments": b"GET /x/%2E%2e/./a HTTP/1.1\r\n" + H + b"\r\n",
}


@pytest.mark.parametrize("raw", CASES.values(), ids=CASES.keys())
def test_unusual_request_is_served(origin, client, raw):
    client.send(raw)
    origin.receive().expect("GET /a", host="example.test").reply(content="one")
    client.expect(200, content="one")


def test_http_1_0_without_host_is_served(origin, client):
    client.get("/a", version="HTTP/1.0", host=None)
    origin.receive().expect("GET /a").reply(content="one")
    client.expect(200, content="one")


@pytest.mark.parametrize("raw, content", {
    "chunk extension": (b"5;name=value\r\nhello\r\n0\r\n\r\n", "hello"),
    "leading zeros": (b"0005\r\nhello\r\n0000\r\n\r\n", "hello"),
    "upper and lower hexadecimal": (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
    "trailers": (b"5\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n", "hello"),
}.values(), ids=["chunk extension", "leading zeros", "hexadecimal", "trailers"])
def test_unusual_chunks_are_decoded(origin, client, raw, content):
    client.send_request(client.render("POST", "/a", fields=[("Transfer-Encoding", "chunked")]) + raw)
    origin.receive().expect("POST /a", content=content).reply(content="one")
    client.expect(200, content="one")
    client.get("/b")
    origin.receive().expect("GET /b").reply()
    client.expect(200)


def test_trailers_are_not_merged_into_the_fields(origin, client):
    client.send_request(client.render("POST", "/a", fields=[("Transfer-Encoding", "chunked")]) + b"1\r\na\r\n0\r\nX-Late: y\r\nHost: evil\r\n\r\n")
    request = origin.receive().expect(x_late=None, host="example.test")
    assert "host" not in request.body.trailers
    request.reply()
    client.expect(200)


@pytest.mark.parametrize("target", ["/a%2Fb", "/a%3Fx=1", "/a%23b", "/a%25b", "//a", "/a//b", "/a?b=c%2Fd", "/a?", "/a?x=../..", "/a;b=c",
                                    "/a%20b", "/caf%C3%A9", "/%E4"])
def test_target_is_forwarded_as_it_means(origin, client, target):
    client.get(target)
    origin.receive().expect(f"GET {target}").reply()
    client.expect(200)


def test_lower_case_encoding_is_forwarded_in_canonical_form(origin, client):
    client.get("/a%2fb%c3%a9")
    origin.receive().expect("GET /a%2Fb%C3%A9").reply()
    client.expect(200)


def test_invalid_looking_connection_options_do_not_remove_what_matters(origin, client):
    client.get("/a", connection="close, Host, Content-Length, X-Hop", x_hop="gone", x_stays="here")
    origin.receive().expect("GET /a", host="example.test", x_hop=None, x_stays="here").reply()
    client.expect(200)


def test_hop_by_hop_fields_are_not_forwarded(origin, client):
    client.get("/a", fields=[("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("TE", "trailers"), ("Upgrade", "h2c"),
                             ("HTTP2-Settings", "AAMAAABkAAQ"), ("Connection", "Upgrade, HTTP2-Settings"), ("Proxy-Authorization", "x")])
    origin.receive().expect("GET /a", keep_alive=None, proxy_connection=None, te=None, upgrade=None, http2_settings=None).reply()
    client.expect(200)


def test_field_with_an_underscore_is_dropped(origin, client):
    client.get("/a", fields=[("X_Forwarded_For", "1.2.3.4"), ("X-Good", "1")])
    request = origin.receive().expect(x_good="1")
    assert not [name for name, _ in request.fields if "_" in name]
    request.reply()
    client.expect(200)


@pytest.mark.config("underscores_in_headers: on")
def test_field_with_an_underscore_passes_when_allowed(origin, client):
    client.get("/a", fields=[("X_Custom", "1")])
    request = origin.receive()
    assert request.fields.all("X_Custom") == ["1"]
    request.reply()
    client.expect(200)


@pytest.mark.config("merge_slashes: on")
def test_slashes_are_merged_when_asked(origin, client):
    client.get("//a///b?c=//d")
    origin.receive().expect("GET /a/b?c=//d").reply()
    client.expect(200)
