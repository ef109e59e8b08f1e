"""A scripted origin: it accepts in the background, keeps the requests in order, and answers when the test says so."""
import os
import queue
import select
import socket
import struct
import threading

from .deadline import GRACE_S, WAIT_S, Deadline, poll_until, send_all
from .message import check_content, check_fields, field_lines, framing_of, keyword_pairs, parse_head, to_bytes

BACKGROUND_BYTES = 32 * 1024  # larger replies are sent by a thread, so that the test can read at the other end


class Origin:
    def __init__(self, unix=None, host="127.0.0.1", port=0, read_content=True, backlog=128, rcvbuf=None):
        """With read_content=False a connection stops reading after a head until request.read_on()."""
        self.read_content = read_content
        self.count = 0          # request heads seen
        self.connections = []   # all that were accepted
        self.answer = None      # set by serve()
        self._requests = queue.Queue()
        self._lock = threading.Lock()
        self._closing = False
        self._listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        if rcvbuf:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(unix if unix else (host, port))
        self._listener.listen(backlog)
        self._listener.setblocking(False)
        self.port = None if unix else self._listener.getsockname()[1]
        self.address = f"unix:{unix}" if unix else f"{host}:{self.port}"
        self._wake = os.eventfd(0)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        poller = select.poll()
        poller.register(self._listener, select.POLLIN)
        poller.register(self._wake, select.POLLIN)
        while not self._closing:
            poller.poll()
            try:
                sock, _ = self._listener.accept()
            except OSError:
                continue
            with self._lock:
                self.connections.append(Connection(self, sock, len(self.connections)))

    def _arrived(self, request):
        with self._lock:
            self.count += 1
        if self.answer is None:
            self._requests.put(request)

    def receive_head(self, timeout=None):
        """The next request as soon as its head is there."""
        try:
            return self._requests.get(timeout=WAIT_S if timeout is None else timeout)
        except queue.Empty:
            self.check()
            raise AssertionError("the origin received no request") from None

    def check(self):
        """Fails when what the proxy sent on any connection was no request."""
        for connection in self.connections:
            if connection.error:
                raise AssertionError(f"a connection to the origin failed: {connection.error!r}") from connection.error

    def receive(self, timeout=None):
        """The next request, complete."""
        return self.receive_head(timeout).wait_complete(timeout)

    def silent(self, grace=GRACE_S):
        """Nothing is left unread, and nothing arrives in a short while."""
        try:
            request = self._requests.get(timeout=grace)
        except queue.Empty:
            return
        raise AssertionError(f"the origin received {request.start!r}")

    def serve(self, answer):
        """From now on answer(request) is called for each request, in its connection's thread; it replies, or returns reply()'s keywords."""
        self.answer = answer

    def wait_count(self, count, timeout=None):
        poll_until(lambda: self.count >= count, lambda: f"{count} requests at the origin (there are {self.count})", timeout)

    def open_connections(self):
        with self._lock:
            return [c for c in self.connections if not c.ended.is_set()]

    def close_idle(self):
        """Closes all connections, as an origin does when its keep-alive time is up."""
        for connection in self.open_connections():
            connection.close()

    def stop_listening(self):
        """Refuses connections from now on (those that are open go on)."""
        self._closing = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        self._listener.close()

    def close(self):
        if self._thread.is_alive():
            self.stop_listening()
            os.close(self._wake)
        for connection in self.connections:
            connection.close(reset=True)
            connection.join()


class Connection:
    """One accepted connection. Its thread reads; the test writes."""

    def __init__(self, origin, sock, number):
        self.origin, self.sock, self.number = origin, sock, number
        self.ended = threading.Event()   # peer closed, or we did
        self.error = None
        self.reset_by_peer = False
        self.half_closed = threading.Event()
        self.tunnel = None               # bytearray once an Upgrade was accepted
        self.tunnel_arrived = threading.Condition()
        self._go_on = threading.Event()
        self._want_close = None          # "close" or "reset"
        self._wake = os.eventfd(0)
        self._senders = []
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._read_requests()
        except OSError as e:
            self.reset_by_peer = isinstance(e, (ConnectionResetError, BrokenPipeError))
        except Exception as e:  # shown to the test that waits for the request
            self.error = e
        if self._want_close == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        self.ended.set()
        with self.tunnel_arrived:
            self.tunnel_arrived.notify_all()

    def _read(self):
        """The next bytes; b"" at the end of the connection."""
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        poller.register(self._wake, select.POLLIN)
        while not self._want_close:
            ready = dict(poller.poll())
            if self.sock.fileno() in ready and not self._want_close:
                try:
                    return self.sock.recv(262144)
                except BlockingIOError:
                    pass
        return b""

    def _read_requests(self):
        pending = b""
        while not self._want_close:
            end = pending.find(b"\r\n\r\n")
            if end < 0:
                data = self._read()
                if not data:
                    self.half_closed.set()
                    return
                pending += data
                continue
            request = OriginRequest(self, pending[:end + 4])
            self.origin._arrived(request)
            if not self.origin.read_content and not request.body.done:
                while not self._go_on.wait(0.02) and not self._want_close:
                    pass
                self._go_on.clear()
            pending = self._read_content(request, pending[end + 4:])
            if pending is None:
                return
            if self.origin.answer:
                self._answer(request)
            if "upgrade" in (request.fields.get("connection") or "").lower():
                pending = self._wait_decision(request, pending)

    def _read_content(self, request, data):
        try:
            data = request._feed(data)
            while not request.complete.is_set():
                more = self._read()
                if not more:
                    return None
                data = request._feed(more)
            return data
        finally:
            request.ended.set()

    def _answer(self, request):
        keywords = self.origin.answer(request)
        if keywords is not None:
            request.reply(**keywords)

    def _wait_decision(self, request, pending):
        """After a request to upgrade: the test answers 101 (bytes from now on are the tunnel's) or something else."""
        while not request.answered.wait(0.02) and not self._want_close:
            pass
        if request.status != 101:
            return pending
        self.tunnel = bytearray(pending)
        while True:
            data = self._read()
            if not data:
                self.half_closed.set()
                select.select([self._wake], [], [])
                return b""
            with self.tunnel_arrived:
                self.tunnel += data
                self.tunnel_arrived.notify_all()

    def expect_tunnel(self, data, timeout=None):
        """The tunnel delivers exactly these bytes next."""
        deadline = Deadline(timeout)
        with self.tunnel_arrived:
            while self.tunnel is None or len(self.tunnel) < len(data):
                left = deadline.left()
                if not left or self.ended.is_set():
                    raise AssertionError(f"the tunnel brought {bytes(self.tunnel or b'')[:100]!r}")
                self.tunnel_arrived.wait(min(left, 0.05))
            got = bytes(self.tunnel[:len(data)])
            del self.tunnel[:len(data)]
        assert got == data, f"the tunnel brought {got[:100]!r}"

    def send(self, data, timeout=None):
        send_all(self.sock, data, 60 if self.origin.answer else timeout, lambda: self._want_close)

    def send_in_background(self, data, then=None):
        def run():
            try:
                send_all(self.sock, data, 60, lambda: self._want_close)
                if then:
                    then()
            except (OSError, ValueError):
                pass
        thread = threading.Thread(target=run, daemon=True)
        self._senders.append(thread)
        thread.start()

    def shutdown(self):
        """Half-closes our side."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self, reset=False):
        if not self._want_close:
            self._want_close = "reset" if reset else "close"
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)
        if threading.current_thread() is not self._thread:
            self.ended.wait(WAIT_S)

    def reset(self):
        self.close(reset=True)

    def wait_ended(self, timeout=None):
        """The proxy has closed this connection (FIN or RST)."""
        limit = WAIT_S if timeout is None else timeout
        assert self.ended.wait(limit) or self.half_closed.is_set(), "the proxy kept the connection to the origin open"

    def join(self):
        self._thread.join(WAIT_S)
        for sender in self._senders:
            sender.join(WAIT_S)
        if self._wake >= 0:
            os.close(self._wake)
            self._wake = -1


class OriginRequest:
    """One request as the origin saw it: `method target version fields content raw`, and the means to answer it."""

    def __init__(self, connection, head):
        self.connection = connection
        self.head = head
        self.start, self.fields = parse_head(head[:-4])
        self.method, self.target, self.version = self.start.split(" ")
        self.body = framing_of(self.fields)
        self.complete = threading.Event()   # its content has arrived
        self.ended = threading.Event()      # complete, or broken
        self.answered = threading.Event()
        self.status = None
        self._chunked = False

    # ---- receiving

    def _feed(self, data):
        rest = self.body.feed(data)
        if self.body.done:
            self.complete.set()
            self.ended.set()
        return rest

    @property
    def content(self):
        return bytes(self.body.data)

    def read_on(self):
        """For an origin made with read_content=False."""
        self.connection._go_on.set()

    def wait_complete(self, timeout=None):
        poll_until(self.ended.is_set, lambda: f"content of {self.start!r} ({self.body.total} bytes came)", timeout)
        assert self.complete.is_set(), f"the content of {self.start!r} was cut after {self.body.total} bytes"
        return self

    def wait_broken(self, timeout=None):
        """The proxy gave up this request before its content was complete."""
        poll_until(self.ended.is_set, f"the end of {self.start!r}", timeout)
        assert not self.complete.is_set(), f"{self.start!r} was completed at the origin"
        return self

    def wait_content(self, data, timeout=None):
        """The first bytes of the content, while the rest is still to come."""
        poll_until(lambda: len(self.body.data) >= len(data) or self.ended.is_set(), f"{len(data)} bytes of content", timeout)
        check_content(self.body.data[:len(data)], data, self.start)
        return self

    def expect(self, line=None, content=None, **fields):
        """`line` is "METHOD target"; fields as in harness.message.check_fields."""
        if line is not None:
            got = f"{self.method} {self.target}"
            assert got == line, f"the origin received {got!r}, expected {line!r}"
        if content is not None:
            check_content(self.body.data, content, self.start)
        check_fields(self.fields, fields, self.head.decode("latin-1"))
        return self

    # ---- answering

    def reply_head(self, status=200, *, reason="", version="HTTP/1.1", fields=(), chunked=False, length=None, **named):
        """Sends a head alone; the framing fields are those asked for, no others."""
        pairs = list(keyword_pairs(named)) + list(fields)
        if chunked:
            pairs.append(("Transfer-Encoding", "chunked"))
        if length is not None:
            pairs.append(("Content-Length", length))
        self._chunked = chunked
        self._status(status)
        self.send(to_bytes(f"{version} {status} {reason}\r\n") + field_lines(pairs) + b"\r\n")
        return self

    def _status(self, status):
        self.status = status
        if status == 101 or status >= 200:
            self.answered.set()

    def interim(self, status, **named):
        return self.reply_head(status, **named)

    def reply(self, status=200, content=b"", *, raw=None, close=False, reset=False, chunked=False, length=None, **head):
        """A whole answer. Content-Length is set unless chunked, or length=False (until close). `raw` replaces everything.
        `content` may be a list of bytes when chunked."""
        if raw is not None:
            out = to_bytes(raw)
            self._status(200)
        else:
            out = self._whole(status, content, chunked, length, head)
        end = self._ender(close or length is False, reset)
        if len(out) > BACKGROUND_BYTES and not self.connection.origin.answer:
            self.connection.send_in_background(out, end)
        else:
            self.send(out)
            if end:
                end()
        return self

    def _ender(self, close, reset):
        if reset:
            return self.connection.reset
        return self.connection.close if close else None

    def _whole(self, status, content, chunked, length, head):
        parts = [to_bytes(c) for c in content] if isinstance(content, list) else [to_bytes(content)]
        reason, version = head.pop("reason", ""), head.pop("version", "HTTP/1.1")
        pairs = list(keyword_pairs({k: v for k, v in head.items() if k != "fields"})) + list(head.get("fields", ()))
        bodyless = status in (204, 304) or status < 200
        if chunked:
            pairs.append(("Transfer-Encoding", "chunked"))
        elif length is not False and not (bodyless and length is None):
            pairs.append(("Content-Length", sum(map(len, parts)) if length is None else length))
        out = to_bytes(f"{version} {status} {reason}\r\n") + field_lines(pairs) + b"\r\n"
        self._status(status)
        if bodyless or self.method == "HEAD":
            return out
        if chunked:
            return out + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts if p) + b"0\r\n\r\n"
        return out + b"".join(parts)

    def send(self, data, timeout=None):
        self.connection.send(to_bytes(data), timeout)
        return self

    def chunk(self, data):
        data = to_bytes(data)
        return self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def last_chunk(self, trailers=()):
        return self.send(b"0\r\n" + field_lines(trailers) + b"\r\n")

    def close(self):
        self.connection.close()
        return self

    def reset(self):
        self.connection.reset()
        return self
