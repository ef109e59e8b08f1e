"""A scripted client on one connection. Requests are sent when they are asked for; expect() reads the next response."""
import re
import select
import socket
import struct
from collections import deque

from .deadline import WAIT_S, Deadline, send_all, wait_readable
from .message import (BadMessage, Truncated, check_content, check_fields, field_lines, framing_of, keyword_pairs, parse_head,
                      to_bytes)

STATUS_LINE = re.compile(r"HTTP/1\.1 ([1-9][0-9][0-9]) ([^\r\n]*)\Z")


class Response:
    def __init__(self, head, status, fields, body):
        self.head, self.status, self.fields, self.body = head, status, fields, body

    @property
    def content(self):
        return bytes(self.body.data)

    @property
    def trailers(self):
        return self.body.trailers

    def __repr__(self):
        return f"{self.head.decode('latin-1')!r} + {self.body.total} bytes"


class Client:
    def __init__(self, connect, host="example.test"):
        """connect() gives the connected socket; it is called at the first use."""
        self._connect, self.host = connect, host
        self._sock = None
        self._in = bytearray()
        self._methods = deque()     # of requests without their response yet
        self._current = None        # response whose content is being read

    # ---- the connection

    @property
    def sock(self):
        if self._sock is None:
            self._sock = self._connect()
            self._sock.setblocking(False)
        return self._sock

    def connect(self):
        assert self.sock
        return self

    def close(self, reset=False):
        if self._sock is not None:
            if reset:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.close()
            self._sock = None
        self._in.clear()
        self._methods.clear()
        self._current = None

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def expect_closed(self, timeout=None):
        """No byte comes any more, and the proxy ends the connection."""
        assert not self._in, f"bytes behind the last response: {bytes(self._in[:200])!r}"
        deadline = Deadline(timeout)
        try:
            data = self._receive(deadline)
        except ConnectionResetError:
            return
        assert data == b"", f"bytes instead of the end of the connection: {data[:200]!r}"

    def expect_open(self, grace=0.05):
        """The connection stays, and nothing comes in a short while."""
        if wait_readable(self.sock, Deadline(grace)):
            data = self.sock.recv(65536)
            raise AssertionError(f"the connection {'brought ' + repr(data) if data else 'was closed'}")

    # ---- sending

    def send(self, data, timeout=None):
        """Raw bytes."""
        send_all(self.sock, to_bytes(data), timeout)
        return self

    def send_request(self, raw, method="GET"):
        """Raw bytes of a request whose response has the framing that answers `method`."""
        self._methods.append(method)
        return self.send(raw)

    def get(self, target, **named):
        return self.request("GET", target, **named)

    def head(self, target, **named):
        return self.request("HEAD", target, **named)

    def post(self, target, content=b"", **named):
        return self.request("POST", target, content=content, **named)

    def request(self, method, target, **named):
        """Sends a request; see render()."""
        data = self.render(method, target, **named)
        self._methods.append(method)
        return self.send(data, 60)

    def pipeline(self, *requests):
        """Sends all at once; each is a (method, target) or (method, target, keywords)."""
        out = b""
        for method, target, *named in requests:
            out += self.render(method, target, **(named[0] if named else {}))
            self._methods.append(method)
        return self.send(out)

    def render(self, method, target, *, content=None, chunked=False, version="HTTP/1.1", host=True, fields=(), **named):
        """Bytes of a request. `content` gets a Content-Length, or one chunk for each member of a list when chunked."""
        pairs = [("Host", self.host if host is True else host)] if host else []
        pairs += list(keyword_pairs(named)) + list(fields)
        parts = [to_bytes(c) for c in content] if isinstance(content, list) else [to_bytes(content or b"")]
        if chunked:
            pairs.append(("Transfer-Encoding", "chunked"))
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts if p) + b"0\r\n\r\n"
        else:
            body = b"".join(parts)
            if content is not None:
                pairs.append(("Content-Length", len(body)))
        return to_bytes(f"{method} {target} {version}\r\n") + field_lines(pairs) + b"\r\n" + body

    # ---- receiving

    def _receive(self, deadline):
        while True:
            try:
                return self.sock.recv(262144)
            except BlockingIOError:
                if not wait_readable(self.sock, deadline):
                    raise AssertionError("nothing came from the proxy within the deadline") from None

    def expect_head(self, status=None, timeout=None, **fields):
        """Reads the next response's head; its content is read by expect_content, expect_rest, expect_truncated."""
        response = self._read_head(Deadline(timeout))
        self._current = response
        if status is not None:
            assert response.status == status, f"status {response.status}, expected {status}: {response.head.decode('latin-1')}"
        check_fields(response.fields, fields, response.head.decode("latin-1"))
        return response

    def _read_head(self, deadline):
        if self._current is not None:
            assert self._current.body.done, "the response before has not been read to its end"
        while b"\r\n\r\n" not in self._in:
            data = self._receive(deadline)
            if not data:
                raise Truncated(f"the connection ended before a response's head was complete: {bytes(self._in)!r}")
            self._in += data
        end = self._in.index(b"\r\n\r\n") + 4
        head = bytes(self._in[:end])
        del self._in[:end]
        start, fields = parse_head(head[:-4])
        match = STATUS_LINE.match(start)
        if not match:
            raise BadMessage(f"not a status line: {start!r}")
        return self._response(head, int(match[1]), fields)

    def _response(self, head, status, fields):
        interim = 100 <= status < 200
        method = (self._methods[0] if interim else self._methods.popleft()) if self._methods else "GET"
        if status == 101 and self._methods:
            self._methods.popleft()
        none = interim or method == "HEAD" or status in (204, 304)
        response = Response(head, status, fields, framing_of(fields, none, until_close=True))
        self._feed(response)
        return response

    def _feed(self, response):
        data = bytes(self._in)
        self._in.clear()
        self._in += response.body.feed(data)

    def _read_more(self, response, deadline):
        try:
            data = self._receive(deadline)
        except ConnectionResetError:
            raise Truncated(f"reset in the middle of {response}", response) from None
        if not data:
            if not response.body.end():
                raise Truncated(f"end in the middle of {response}", response)
            return
        self._in += data
        self._feed(response)

    def expect_content(self, data, timeout=None):
        """The content of the response under way continues with these bytes; they are taken off."""
        response, data, deadline = self._current, to_bytes(data), Deadline(timeout)
        while len(response.body.data) < len(data) and not response.body.done:
            self._read_more(response, deadline)
        check_content(response.body.data[:len(data)], data, repr(response))
        del response.body.data[:len(data)]
        return self

    def expect_rest(self, content=None, timeout=None):
        """Reads the response under way to its end."""
        response, deadline = self._current, Deadline(timeout)
        while not response.body.done:
            self._read_more(response, deadline)
        if content is not None:
            check_content(response.body.data, content, repr(response))
        return response

    def expect(self, status=None, content=None, timeout=None, **fields):
        """Reads a whole response and checks what is named; returns it."""
        self.expect_head(status, timeout, **fields)
        return self.expect_rest(content, timeout)

    def expect_truncated(self, status=None, content=None, timeout=None):
        """A response begins and its connection ends before it is complete: the client can tell."""
        try:
            under_way = self._current is not None and not self._current.body.done
            response = self.expect_rest(timeout=timeout) if under_way else self.expect(status, timeout=timeout)
        except Truncated as e:
            if content is not None and e.partial is not None:
                check_content(e.partial.body.data, content, repr(e.partial))
            return e.partial
        raise AssertionError(f"the response looks complete: {response}")

    def read_raw(self, count, timeout=None):
        """Bytes behind a 101, or of an answer that is not HTTP/1.1."""
        deadline = Deadline(timeout)
        while len(self._in) < count:
            data = self._receive(deadline)
            if not data:
                raise Truncated(f"the connection ended after {bytes(self._in)!r}")
            self._in += data
        data = bytes(self._in[:count])
        del self._in[:count]
        return data

    def drain(self, timeout=None):
        """All bytes until the proxy ends the connection, and whether it did so by a reset."""
        deadline = Deadline(timeout)
        while True:
            try:
                data = self._receive(deadline)
            except ConnectionResetError:
                return bytes(self._in), True
            if not data:
                return bytes(self._in), False
            self._in += data

    def has_answer(self, timeout=WAIT_S):
        """True as soon as bytes can be read; False after the timeout."""
        if self._in:
            return True
        return bool(select.select([self.sock], [], [], timeout)[0])
