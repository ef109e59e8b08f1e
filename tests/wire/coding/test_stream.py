"""Content coded as it passes by."""
import random
import zlib

import pytest

from harness.coding import ALL, TEXT, unzip
from harness.deadline import SLOW, poll_until

pytestmark = pytest.mark.config(ALL)


def decoded_so_far(client, stream, want):
    """Reads chunks until the decoder has given `want`."""
    got = b""
    while got != want:
        head = client.read_raw(1)
        while not head.endswith(b"\r\n"):
            head += client.read_raw(1)
        got += stream.decompress(client.read_raw(int(head, 16)))
        assert client.read_raw(2) == b"\r\n"
        assert want.startswith(got)


@pytest.mark.parametrize("shared", [False, True])
def test_bytes_flow_before_the_end(origin, client, shared):
    client.get("/a", accept_encoding="gzip")
    request = origin.receive()
    request.reply_head(200, content_type="text/html", chunked=True, cache_control="max-age=60" if shared else "no-store")
    client.expect_head(200, content_encoding="gzip")
    stream = zlib.decompressobj(31)
    for part in (b"first", b"second", TEXT):
        request.chunk(part)
        decoded_so_far(client, stream, part)
    request.last_chunk()


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_cut_of_the_origin_is_seen(origin, client, proxy, coding):
    client.get("/a", accept_encoding=coding)
    request = origin.receive()
    request.reply_head(200, content_type="text/html", length=len(TEXT) + 1, cache_control="max-age=60")
    request.send(TEXT)
    request.close()
    client.expect_truncated(200)
    client = proxy.client()
    client.get("/a", accept_encoding=coding)
    origin.receive().reply(content=TEXT, content_type="text/html")
    client.expect(200, content_encoding=coding)


@pytest.mark.config(ALL + "gzip_http_version: 1.0\n")
def test_a_cut_is_seen_by_old_versions(origin, client):
    client.get("/a", accept_encoding="gzip", version="HTTP/1.0")
    request = origin.receive()
    request.reply_head(200, content_type="text/html", length=len(TEXT) + 1)
    request.send(TEXT)
    request.close()
    client.expect_truncated(200)


def test_who_waits_gets_the_form_of_its_own(origin, proxy):
    clients = {coding: proxy.client() for coding in ("gzip", "br", "identity")}
    clients["gzip"].get("/a", accept_encoding="gzip")
    request = origin.receive()
    for coding in ("br", "identity"):
        clients[coding].get("/a", accept_encoding=coding)
    poll_until(lambda: proxy.counter("requests_active") >= 3, "three requests under way")
    request.reply(content=TEXT, content_type="text/html", cache_control="max-age=60")
    assert unzip(clients["gzip"].expect(200, content_encoding="gzip").content) == TEXT
    clients["br"].expect(200, content_encoding="br")
    clients["identity"].expect(200, content=TEXT, content_encoding=None)
    assert origin.count == 1


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_client_that_stops_reading_stops_the_origin(origin, proxy, coding):
    many = 64 << 20     # far beyond what sockets of both sides hold
    client = proxy.client(rcvbuf=65536)
    client.get("/a", accept_encoding=coding)
    request = origin.receive().reply_head(200, content_type="text/html", length=10 << 30, cache_control="no-store")
    client.expect_head(200, content_encoding=coding)
    before = proxy.rss_bytes()
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < many:
            request.connection.send(random.randbytes(64 << 10), 0.5)    # does not get shorter
            sent += 64 << 10
    assert proxy.rss_bytes() - before < (16 if SLOW <= 1 else 64) << 20


@pytest.mark.config(ALL + "log_format: {ratio: \"$gzip_ratio $body_bytes_sent\"}\naccess_log: \"{dir}/access.log ratio\"\n")
def test_the_log_has_what_was_sent(origin, client, proxy):
    for number, accept in enumerate(("gzip", "gzip", "identity"), 1):
        client.get("/a", accept_encoding=accept)
        if number == 1:
            origin.receive().reply(content=TEXT, content_type="text/html", cache_control="max-age=60")
        length = len(client.expect(200).content)
        ratio = f"{len(TEXT) / length:.2f}" if accept == "gzip" else "-"
        assert proxy.access_log(lines=number)[-1].split() == [ratio, str(length)]
