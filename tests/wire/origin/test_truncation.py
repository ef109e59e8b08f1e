"""A response that the origin did not finish is never shown as finished, and never stored."""
import pytest

HEADS = {
    "length": "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhello",
    "chunked": "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "in a chunk": "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello",
    "before the last CRLF": "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("raw", HEADS.values(), ids=HEADS.keys())
def test_truncation_is_visible_and_not_stored(origin, proxy, raw, reset):
    client = proxy.client().get("/a")
    request = origin.receive().reply(raw=raw)
    client.expect_head(200)
    client.expect_content("hello")
    request.connection.close(reset=reset)
    client.expect_truncated()
    other = proxy.client().get("/a")
    origin.receive().reply(content="whole")
    other.expect(200, content="whole")


def test_truncation_is_visible_to_http_1_0(origin, proxy):
    client = proxy.client().get("/a", version="HTTP/1.0")
    request = origin.receive().reply(raw=HEADS["chunked"])
    client.expect_head(200)
    client.expect_content("hello")
    request.close()
    assert client.drain()[1], "an HTTP/1.0 client sees the truncation by a reset only"


def test_reset_of_an_answer_until_close_is_a_truncation(origin, proxy):
    client = proxy.client().get("/a")
    request = origin.receive().reply(raw="HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nhello")
    client.expect_head(200)
    client.expect_content("hello")
    request.reset()
    client.expect_truncated()
    other = proxy.client().get("/a")
    origin.receive().reply(content="whole")
    other.expect(200, content="whole")


@pytest.mark.workers
@pytest.mark.config("workers: 2")
def test_truncation_is_visible_to_those_who_joined(origin, proxy):
    clients = [proxy.client().get("/a") for _ in range(6)]
    request = origin.receive().reply(raw=HEADS["length"])
    for client in clients:
        client.expect_head(200)
        client.expect_content("hello")
    origin.silent()
    request.close()
    for client in clients:
        client.expect_truncated()


def test_a_truncated_refresh_keeps_nothing_broken(origin, proxy):
    client = proxy.client().get("/a")
    origin.receive().reply(content="old", cache_control="max-age=60", age=59, etag='"1"')
    client.expect(200, content="old")
    client = proxy.client().get("/a", cache_control="no-cache")
    request = origin.receive().reply(raw=HEADS["length"])
    client.expect_head(200)
    request.close()
    client.expect_truncated()
    other = proxy.client().get("/a", cache_control="no-cache")
    origin.receive().reply(content="whole", cache_control="max-age=60")
    other.expect(200, content="whole")
