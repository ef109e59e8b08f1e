"""Every malformed or ambiguous request is refused, the connection closed, and the origin sees nothing of it."""
import pytest

H = b"Host: example.test\r\n"
G = b"GET /a HTTP/1.1\r\n"
P = b"POST /a HTTP/1.1\r\n" + H
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + H + b"\r\n"

# name: (status, bytes)
CASES = {
    # line ends and white space
    "head ended by CRLF CR X": (400, G + H + b"\r" + SMUGGLED),
    "CR as a field's end": (400, G + H + b"X: a\rY: b\r\n\r\n"),
    "CR hides a field": (400, P + b"X:\rxTransfer-Encoding: chunked\r\n\r\n"),
    "LF as a field's end": (400, G + H + b"X: a\nY: b\r\n\r\n"),
    "LF after the request line": (400, b"GET /a HTTP/1.1\n" + H + b"\r\n"),
    "LF everywhere": (400, b"GET /a HTTP/1.1\nHost: example.test\n\n"),
    "empty line of LF": (400, G + H + b"\n"),
    "space before the colon": (400, G + b"Host : example.test\r\n\r\n"),
    "space before the colon of Content-Length": (400, P + b"Content-Length : 3\r\n\r\nabc"),
    "space inside a name": (400, G + H + b"X Y: a\r\n\r\n"),
    "folded line": (400, G + H + b"X: a\r\n b\r\n\r\n"),
    "folded line with a tab": (400, G + H + b"X: a\r\n\tb\r\n\r\n"),
    "colon folded into Host": (400, G + H + b" : x\r\n\r\n"),
    "first field line begins with a space": (400, G + b" X: a\r\n" + H + b"\r\n"),
    "folded Content-Length": (400, P + b"Content-Length:\r\n 3\r\n\r\nabc"),
    "folded Transfer-Encoding": (400, P + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    # field names and values
    "empty name": (400, G + H + b": x\r\n\r\n"),
    "line without a colon": (400, G + H + b"X\r\n\r\n"),
    "8-bit byte in a name": (400, G + H + b"X\xe9: a\r\n\r\n"),
    "parenthesis in a name": (400, G + H + b"X(y): a\r\n\r\n"),
    "NUL in a value": (400, G + H + b"X: a\0b\r\n\r\n"),
    "NUL in a name": (400, G + H + b"X\0: b\r\n\r\n"),
    "control byte in a value": (400, G + H + b"X: a\x01b\r\n\r\n"),
    "DEL in a value": (400, G + H + b"X: a\x7fb\r\n\r\n"),
    # request line
    "no version": (400, b"GET /a\r\n" + H + b"\r\n"),
    "HTTP/0.9": (505, b"GET /a HTTP/0.9\r\n" + H + b"\r\n"),
    "HTTP/2.0": (505, b"GET /a HTTP/2.0\r\n" + H + b"\r\n"),
    "HTTP/1.2": (505, b"GET /a HTTP/1.2\r\n" + H + b"\r\n"),
    "lower case http": (400, b"GET /a http/1.1\r\n" + H + b"\r\n"),
    "RTSP": (400, b"DESCRIBE /a RTSP/1.0\r\n" + H + b"\r\n"),
    "ICE": (400, b"SOURCE /a ICE/1.0\r\n" + H + b"\r\n"),
    "several spaces": (400, b"GET  /a HTTP/1.1\r\n" + H + b"\r\n"),
    "space at the end of the line": (400, b"GET /a HTTP/1.1 \r\n" + H + b"\r\n"),
    "tab between parts": (400, b"GET\t/a HTTP/1.1\r\n" + H + b"\r\n"),
    "space in the target": (400, b"GET /a b HTTP/1.1\r\n" + H + b"\r\n"),
    "8-bit byte in the target": (400, b"GET /\xe9 HTTP/1.1\r\n" + H + b"\r\n"),
    "tab in the target": (400, b"GET /\ta HTTP/1.1\r\n" + H + b"\r\n"),
    "form feed in the target": (400, b"GET /\x0ca HTTP/1.1\r\n" + H + b"\r\n"),
    "NUL in the target": (400, b"GET /\0a HTTP/1.1\r\n" + H + b"\r\n"),
    "fragment in the target": (400, b"GET /a#b HTTP/1.1\r\n" + H + b"\r\n"),
    "encoded NUL": (400, b"GET /a%00b HTTP/1.1\r\n" + H + b"\r\n"),
    "bad percent encoding": (400, b"GET /a%zz HTTP/1.1\r\n" + H + b"\r\n"),
    "cut percent encoding": (400, b"GET /a%2 HTTP/1.1\r\n" + H + b"\r\n"),
    "path above the root": (400, b"GET /../a HTTP/1.1\r\n" + H + b"\r\n"),
    "encoded path above the root": (400, b"GET /%2e%2e/a HTTP/1.1\r\n" + H + b"\r\n"),
    "target without a slash": (400, b"GET a HTTP/1.1\r\n" + H + b"\r\n"),
    "asterisk for GET": (400, b"GET * HTTP/1.1\r\n" + H + b"\r\n"),
    "HTTP/2 preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS hello": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40 + b"\r\n\r\n"),
    # methods
    "CONNECT": (405, b"CONNECT example.test:443 HTTP/1.1\r\n" + H + b"\r\n"),
    "TRACE": (405, b"TRACE /a HTTP/1.1\r\n" + H + b"\r\n"),
    # Host
    "no Host": (400, G + b"\r\n"),
    "two Hosts": (400, G + H + H + b"\r\n"),
    "two different Hosts": (400, G + H + b"Host: other.test\r\n\r\n"),
    "space in Host": (400, G + b"Host: a b\r\n\r\n"),
    "slash in Host": (400, G + b"Host: a/b\r\n\r\n"),
    "user in Host": (400, G + b"Host: u@a\r\n\r\n"),
    "list in Host": (400, G + b"Host: a, b\r\n\r\n"),
    "port that is none": (400, G + b"Host: a:b\r\n\r\n"),
    "port too large": (400, G + b"Host: a:70000\r\n\r\n"),
    "open bracket in Host": (400, G + b"Host: [::1\r\n\r\n"),
    "user in an absolute target": (400, b"GET http://u@a/ HTTP/1.1\r\n" + H + b"\r\n"),
    # framing
    "Content-Length and Transfer-Encoding": (400, P + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "Transfer-Encoding and Content-Length": (400, P + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "two Content-Lengths": (400, P + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    "two different Content-Lengths": (400, P + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    "list as Content-Length": (400, P + b"Content-Length: 3, 3\r\n\r\nabc"),
    "signed Content-Length": (400, P + b"Content-Length: +3\r\n\r\nabc"),
    "negative Content-Length": (400, P + b"Content-Length: -3\r\n\r\nabc"),
    "empty Content-Length": (400, P + b"Content-Length:\r\n\r\nabc"),
    "letters in Content-Length": (400, P + b"Content-Length: 3a\r\n\r\nabc"),
    "hexadecimal Content-Length": (400, P + b"Content-Length: 0x3\r\n\r\nabc"),
    "fraction as Content-Length": (400, P + b"Content-Length: 3.0\r\n\r\nabc"),
    "Content-Length beyond 64 bits": (400, P + b"Content-Length: 18446744073709551619\r\n\r\nabc"),
    "empty Transfer-Encoding": ((400, 501), P + b"Transfer-Encoding:\r\n\r\n" + SMUGGLED),
    "gzip, chunked": (501, P + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "gzip": (501, P + b"Transfer-Encoding: gzip\r\n\r\n" + SMUGGLED),
    "identity": ((400, 501), P + b"Transfer-Encoding: identity\r\n\r\n" + SMUGGLED),
    "chunked, gzip": ((400, 501), P + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    "chunked twice": ((400, 501), P + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "comma before chunked": ((400, 501), P + b"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
    "coding on two lines": ((400, 501), P + b"Transfer-Encoding: foo\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunked with a vertical tab": ((400, 501), P + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "quoted chunked": ((400, 501), P + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    "Transfer-Encoding in HTTP/1.0": (400, b"POST /a HTTP/1.0\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    # expectations
    "unknown expectation": (417, P + b"Expect: 200-ok\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("status, raw", CASES.values(), ids=CASES.keys())
def test_malformed_head_is_refused(origin, client, status, raw):
    client.send(raw)
    response = client.expect()
    assert response.status in (status if isinstance(status, tuple) else (status,)), response
    client.expect_closed()
    origin.silent()
    assert origin.count == 0


CHUNKED = P + b"Transfer-Encoding: chunked\r\n\r\n"
BAD_CHUNKS = {
    "any two bytes after the data": b"5\r\nhelloXX0\r\n\r\n",
    "LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "CR X in the size line": b"5\rXhello\r\n0\r\n\r\n",
    "LF ends the size line": b"5\nhello\r\n0\r\n\r\n",
    "LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "signed size": b"+5\r\nhello\r\n0\r\n\r\n",
    "negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "prefixed size": b"0x5\r\nhello\r\n0\r\n\r\n",
    "space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "letters in the size": b"5g\r\nhello\r\n0\r\n\r\n",
    "size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "data longer than the size": b"3\r\nhello\r\n0\r\n\r\n",
    "last chunk without its end": b"0\r\nX\r\n\r\n",
    "trailer with a space before the colon": b"0\r\nX : y\r\n\r\n",
    "folded trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "NUL in a trailer": b"0\r\nX: y\0z\r\n\r\n",
}


@pytest.mark.parametrize("chunks", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_malformed_chunks_are_refused(origin, client, chunks):
    client.send(CHUNKED + chunks + SMUGGLED)
    client.expect(400)
    client.expect_closed()
    if origin.count:
        origin.receive_head().expect("POST /a").wait_broken()
    origin.silent()
