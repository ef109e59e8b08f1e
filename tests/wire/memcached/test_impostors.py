"""What stands where a memcached should: something else, something slow, something that leaves in the middle. For clients a miss."""
import random
import socket
import threading
import time

import pytest

from harness.cache_status import hit
from harness.deadline import SLOW, poll_until

TIMEOUT_S = 0.1
POOL = """
memcached_pools: {p: {servers: ["{impostor}"], connect_timeout: 100ms, send_timeout: 100ms, read_timeout: 100ms, fail_timeout: %s, %s}}
caches: {c: {memory: 0, memcached: p}}
proxy_cache: c
"""


class Impostor:
    """Accepts; on_open(connection) is what it says at once, on_data(connection, data) what it says to what comes. False hangs up."""

    def __init__(self, on_open=None, on_data=None, port=0):
        self.on_open = on_open or (lambda connection: True)
        self.on_data = on_data or (lambda connection, data: True)
        self.connections = 0
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        self._listener.settimeout(0.05)
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        connection.settimeout(0.05)
        try:
            going = self.on_open(connection) is not False
            while going and not self._closing:
                try:
                    data = connection.recv(65536)
                except TimeoutError:
                    continue
                going = data and self.on_data(connection, data) is not False
        except OSError:
            pass
        connection.close()

    def close(self):
        self._closing = True
        for thread in self._threads:
            thread.join()
        self._listener.close()


@pytest.fixture
def impostor():
    made = []

    def make(*functions, **named):
        made.append(Impostor(*functions, **named))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def app(origin):
    origin.serve(lambda r: dict(content=content_of(r.target), cache_control="max-age=60"))
    return origin


def content_of(target):
    return target.encode() * 50


def ask(proxy, count, most_s=None):
    """`count` requests, each answered by the origin's content."""
    client = proxy.client()
    for i in range(count):
        begin = time.monotonic()
        client.get(f"/{i}").expect(200, content=content_of(f"/{i}"))
        assert most_s is None or time.monotonic() - begin < most_s


def says(text):
    return lambda connection, data=b"": connection.sendall(text)


def random_bytes(connection, data):
    connection.sendall(random.Random(len(data)).randbytes(3000))


def echo(connection, data):
    connection.sendall(data)


HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwhat?"
OTHERS = {
    "HTTP server": dict(on_data=says(HTTP)),
    "HTTP server that hangs up": dict(on_data=lambda connection, data: says(HTTP)(connection) and False),
    "SSH server": dict(on_open=says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")),
    "SMTP server": dict(on_open=says(b"220 mail.example ESMTP\r\n"), on_data=says(b"500 5.5.2 Error: command not recognized\r\n")),
    "redis": dict(on_data=says(b"-ERR unknown command 'mn', with args beginning with: \r\n")),
    "random bytes": dict(on_data=random_bytes),
    "echo": dict(on_data=echo),
    "TLS alert": dict(on_data=says(b"\x15\x03\x01\x00\x02\x02\x46")),
    "endless line": dict(on_data=lambda connection, data: connection.sendall(b"x" * 200_000)),
    "hangs up at once": dict(on_open=lambda connection: False),
    "hangs up at the first byte": dict(on_data=lambda connection, data: False),
    "silence": dict(),
    "half an answer": dict(on_data=says(b"MN\r\nVERSION 1.6.")),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_something_else_is_a_miss(proxy, app, impostor, other):
    proxy.start(POOL % ("20ms", ""), impostor=impostor(**other).address)
    ask(proxy, 30, most_s=TIMEOUT_S + 0.4 * SLOW)
    proxy.wait_error_log(r"is down \(")


@pytest.mark.parametrize("other", ["HTTP server", "random bytes", "silence", "hangs up at once"])
def test_server_replaced_by_something_else_under_use(proxy, app, impostor, make_memcached, other):
    server = make_memcached()
    proxy.start(POOL % ("20ms", ""), impostor=server.address)
    ask(proxy, 20)
    poll_until(lambda: server.items() == 20, "the items")
    server.kill()
    one = impostor(port=server.port, **OTHERS[other])
    ask(proxy, 40, most_s=TIMEOUT_S + 0.4 * SLOW)
    poll_until(lambda: one.connections > 0, "an attempt to connect")
    one.close()
    server.start()

    def hits():
        ask(proxy, 1)
        return hit().search(proxy.client().get("/0").expect(200, content=content_of("/0")).fields.get("cache-status"))
    poll_until(hits, "hits once it is a memcached again")


ANSWERS = {
    "value": b"VA 5 O1\r\nhello\r\n",
    "value that names its version": b"VA 5 c77 O1\r\nhello\r\n",
    "miss": b"EN\r\n",
    "lease": b"VA 0 c7 O1 W\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_closing_after_each_byte_of_an_answer(proxy, app, impostor, answer):
    """From nothing at all to the whole answer: then it hangs up."""
    sent = []

    def on_data(connection, data):
        if b"version" in data:
            connection.sendall(b"MN\r\nVERSION 1.6.18\r\n")
            return True
        cut = len(sent) % (len(answer) + 1)
        sent.append(cut)
        connection.sendall(answer[:cut])
        return False
    proxy.start(POOL % ("10ms", "max_fails: 1000"), impostor=impostor(on_data=on_data).address)
    client = proxy.client()

    def one_more():
        target = f"/{random.random()}"
        client.get(target).expect(200, content=content_of(target))
        return len(sent) > len(answer)
    poll_until(one_more, "an answer cut at every byte", timeout=20 * SLOW)


def test_slow_server_costs_one_timeout_a_request_until_it_is_out_of_use(proxy, app, impostor):
    """It answers the probe, and to all else a byte now and then."""
    def on_data(connection, data):
        if b"version" in data:
            connection.sendall(b"MN\r\nVERSION 1.6.18\r\n")
        else:
            connection.sendall(b"V")
    one = impostor(on_data=on_data)
    proxy.start(POOL % ("1h", ""), impostor=one.address)
    client = proxy.client()
    slow = 0
    for i in range(100):
        begin = time.monotonic()
        client.get(f"/{i}").expect(200, content=content_of(f"/{i}"))
        took_s = time.monotonic() - begin
        assert took_s < TIMEOUT_S + 0.4 * SLOW
        slow += took_s >= TIMEOUT_S * 0.9
    assert slow <= 4, "the breaker has not opened after three failures"


@pytest.mark.parametrize("other", ["hangs up at once", "hangs up at the first byte", "HTTP server", "random bytes"])
@pytest.mark.workers
def test_no_storm_of_connections(proxy, app, impostor, other):
    """However many requests come: three connections at most in one round of attempts (a router that does not know `mn` is tried
    again at once), and the next round an hour later."""
    one = impostor(**OTHERS[other])
    proxy.start("workers: 2\n" + POOL % ("1h", ""), impostor=one.address)
    for _ in range(5):
        ask(proxy, 100)
    assert 1 <= one.connections <= 2 * 3


def test_attempts_go_on_in_the_background(proxy, app, impostor, make_memcached):
    """Without any request the server is found to be back."""
    server = make_memcached()
    proxy.start(POOL % ("20ms", ""), impostor=server.address)
    ask(proxy, 1)
    server.kill()
    proxy.wait_error_log(r"is down \(")
    server.start()
    proxy.wait_error_log(r"is up")


def test_bind_is_where_connections_come_from(proxy, app, impostor, make_memcached):
    server = make_memcached()
    proxy.start(POOL % ("20ms", "bind: 127.0.0.77"), impostor=server.address)
    ask(proxy, 3)
    poll_until(lambda: server.items() == 3, "the items")

    near = set()
    one = impostor(on_open=lambda connection: near.add(connection.getpeername()[0]))
    proxy.reload(POOL % ("20ms", "bind: 127.0.0.78, old_places: 0s"), impostor=one.address)
    ask(proxy, 3)
    poll_until(lambda: near == {"127.0.0.78"}, lambda: f"a connection from there ({near})")
