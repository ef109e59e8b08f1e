"""Whoever stops reading stops the one who writes, and the proxy holds little in between."""
import pytest

from harness.deadline import SLOW

BLOCK = b"x" * 65536
MANY = 64 * 1024 * 1024     # far beyond what sockets of both sides hold
# The bound is the release build's. A sanitizer keeps freed memory back in its quarantine, so there it only shows that nothing grows without end.
KEPT = (2 if SLOW <= 1 else 32) * 1024 * 1024


def push(send, limit=MANY):
    """Sends until it stalls; the number of bytes that went."""
    sent = 0
    while sent < limit:
        try:
            send(BLOCK, 0.3)
        except TimeoutError:
            return sent
        sent += len(BLOCK)
    return sent


def warm(proxy, origin):
    """One exchange, so that what a first one allocates does not count."""
    client = proxy.client().get("/warm")
    origin.receive_head().reply(content=b"x" * 10_000, cache_control="no-store")
    client.expect(200)
    return proxy.rss_bytes()


@pytest.mark.parametrize("control", ["no-store", "max-age=60"])
def test_client_that_stops_reading_stops_the_origin(origin, proxy, control):
    before = warm(proxy, origin)
    client = proxy.client(rcvbuf=65536).get("/a")
    request = origin.receive().reply_head(length=10 * 1024 ** 3, cache_control=control)
    client.expect_head(200)
    assert push(request.connection.send) < MANY
    assert proxy.rss_bytes() - before < KEPT


def test_origin_that_stops_reading_stops_the_client(make_origin, proxy):
    stuck = make_origin(read_content=False, rcvbuf=65536)
    proxy.start(f"proxy_pass: http://{stuck.address}\nclient_max_body_size: 0")
    before = warm(proxy, stuck)
    client = proxy.client()
    client.send(client.render("POST", "/a", fields=[("Content-Length", str(10 * 1024 ** 3))]))
    stuck.receive_head()
    assert push(client.send) < MANY
    assert proxy.rss_bytes() - before < KEPT


def test_reader_that_goes_on_gets_everything(origin, proxy):
    client = proxy.client(rcvbuf=4096).get("/a")
    content = b"".join(b"%07d\n" % i for i in range(1_000_000))
    origin.receive().reply(content=content, cache_control="no-store")
    client.expect_head(200)
    assert client.expect_rest(timeout=30).content == content


@pytest.mark.workers
@pytest.mark.config("workers: 2")
def test_slow_reader_does_not_hold_up_those_who_joined(origin, proxy):
    content = b"".join(b"%07d\n" % i for i in range(500_000))
    slow = proxy.client(rcvbuf=4096).get("/a")
    request = origin.receive()
    fast = [proxy.client().get("/a") for _ in range(4)]
    request.reply(content=content, cache_control="max-age=60")
    for client in fast:
        assert client.expect(200, timeout=20).content == content
    assert slow.expect(200, timeout=20).content == content
    origin.silent()
