"""What an origin may not answer: 502 for the client, nothing stored, the connection not used again."""
import pytest

OK = b"HTTP/1.1 200 OK\r\n"
L = b"Content-Length: 3\r\n"

CASES = {
    "not HTTP": b"hello world, this is not HTTP\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\n" + L + b"\r\nabc",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\n" + L + b"\r\nabc",
    "status of one digit": b"HTTP/1.1 2 OK\r\n" + L + b"\r\nabc",
    "status of two digits": b"HTTP/1.1 20 OK\r\n" + L + b"\r\nabc",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n" + L + b"\r\nabc",
    "status 099": b"HTTP/1.1 099 OK\r\n" + L + b"\r\nabc",
    "letters for a status": b"HTTP/1.1 abc OK\r\n" + L + b"\r\nabc",
    "folded line": OK + L + b"X: a\r\n b\r\n\r\nabc",
    "empty name": OK + L + b": a\r\n\r\nabc",
    "space before the colon": OK + b"Content-Length : 3\r\n\r\nabc",
    "line without a colon": OK + L + b"X\r\n\r\nabc",
    "CR in a value": OK + L + b"X: a\rb\r\n\r\nabc",
    "LF as line end": b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
    "NUL in a value": OK + L + b"X: a\0b\r\n\r\nabc",
    "two Content-Lengths": OK + L + b"Content-Length: 4\r\n\r\nabcd",
    "list as Content-Length": OK + b"Content-Length: 3, 3\r\n\r\nabc",
    "negative Content-Length": OK + b"Content-Length: -3\r\n\r\nabc",
    "letters in Content-Length": OK + b"Content-Length: 3a\r\n\r\nabc",
    "Content-Length beyond 64 bits": OK + b"Content-Length: 18446744073709551619\r\n\r\nabc",
    "Content-Length and chunked": OK + L + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "Content-Length and unknown coding": OK + L + b"Transfer-Encoding: foo\r\n\r\nabc",
    "101 that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "head larger than the limit": OK + b"".join(b"X-%d: %s\r\n" % (i, b"v" * 1000) for i in range(70)) + b"\r\n",
    "endless interim answers": b"HTTP/1.1 102 Processing\r\n\r\n" * 40 + OK + L + b"\r\nabc",
}


@pytest.mark.parametrize("raw", CASES.values(), ids=CASES.keys())
def test_bad_answer_is_a_bad_gateway(origin, client, raw):
    client.get("/a")
    first = origin.receive()
    first.reply(raw=raw)
    response = client.expect_head()
    while 100 <= response.status < 200:
        response = client.expect_head()
    client.expect_rest()
    assert response.status == 502, response
    first.connection.wait_ended()
    client.get("/a")
    origin.receive().reply(content="good")
    client.expect(200, content="good")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1", b"HTTP/1.1 200 OK\r\n", OK + L], ids=["nothing", "version", "line", "fields"])
def test_answer_cut_in_its_head_is_a_bad_gateway(origin, client, sent):
    client.get("/a")
    origin.receive().reply(raw=sent, close=True)
    client.expect(502)
    client.get("/b")
    origin.receive().expect("GET /b").reply()
    client.expect(200)


BAD_CHUNKS = {
    "any two bytes after the data": b"5\r\nhelloXX0\r\n\r\n",
    "CR X in the size line": b"5\rXhello\r\n0\r\n\r\n",
    "no number": b"5\r\nhello\r\nxyz\r\n",
    "negative size": b"5\r\nhello\r\n-1\r\n\r\n",
    "size beyond 64 bits": b"5\r\nhello\r\n10000000000000000\r\n",
}


@pytest.mark.parametrize("chunks", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_malformed_chunks_are_a_visible_truncation_and_not_stored(origin, client, proxy, chunks):
    client.get("/a")
    request = origin.receive().reply_head(chunked=True, cache_control="max-age=60")
    client.expect_head(200)
    request.send(chunks)
    client.expect_truncated()
    request.connection.wait_ended()
    other = proxy.client().get("/a")
    origin.receive().reply(content="good")
    other.expect(200, content="good")
