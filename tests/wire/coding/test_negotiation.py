"""Which client gets which coding, and what its response says about it."""
import subprocess

import pytest

from harness.coding import ALL, TEXT, fill, unzip

pytestmark = pytest.mark.config(ALL)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("stored", [False, True], ids=["as it arrives", "stored"])
def test_curl_decodes_each_coding(origin, client, proxy, coding, stored):
    if stored:
        fill(origin, client)
    proxy.ensure_started()
    curl = subprocess.Popen(["curl", "-sS", "--compressed", "-D-", "-H", f"Accept-Encoding: {coding}", "-H", "Host: example.test",
                             f"http://127.0.0.1:{proxy.port}/a"], stdout=subprocess.PIPE)
    if not stored:
        origin.receive().reply(content=TEXT, content_type="text/html")
    head, content = curl.communicate(timeout=30)[0].split(b"\r\n\r\n", 1)
    assert f"Content-Encoding: {coding}".encode() in head
    assert content == TEXT


@pytest.mark.parametrize("accept, coding", [
    ("gzip, deflate, br, zstd", "br"),
    ("gzip, zstd", "zstd"),
    ("gzip;q=1, br;q=0.5", "gzip"),
    ("br;q=0, *", "zstd"),
    ("x-gzip", "gzip"),
    ("gzip;q=0.2, identity;q=0.5", None),
    ("gzip;q=0", None),
    ("identity", None),
    ("", None),
    ("deflate", None),
    ("identity;q=0, deflate", None),
    ("*;q=0", None),
])
def test_the_client_chooses(origin, client, accept, coding):
    fill(origin, client)
    client.get("/a", accept_encoding=accept)
    response = client.expect(200, content_encoding=coding, vary="Accept-Encoding")
    if coding is None:
        assert response.content == TEXT
    else:
        assert len(response.content) < len(TEXT) / 10


def test_fields_of_a_coded_response(origin, client):
    client.get("/a", accept_encoding="gzip")
    origin.receive().expect(accept_encoding="gzip").reply(
        content=TEXT, content_type="text/html; charset=utf-8", etag='"v1"', accept_ranges="bytes", cache_control="max-age=60",
        fields=[("Content-MD5", "x"), ("Repr-Digest", "sha-256=:x:"), ("Vary", "Origin"), ("X-Other", "1")])
    expected = {"content_encoding": "gzip", "etag": 'W/"v1"', "accept_ranges": None, "vary": ["Origin", "Accept-Encoding"],
                "content_md5": None, "repr_digest": None, "x_other": "1", "content_type": "text/html; charset=utf-8"}
    first = client.expect(200, content_length=None, transfer_encoding="chunked", **expected)
    assert unzip(first.content) == TEXT
    client.get("/a", accept_encoding="gzip")
    stored = client.expect(200, transfer_encoding=None, **expected)
    assert stored.fields.get("Content-Length") == str(len(stored.content))
    assert unzip(stored.content) == TEXT


def test_a_weak_tag_and_a_vary_that_fits_stay(origin, client):
    fill(origin, client, etag='W/"v1"', vary="accept-encoding")
    for accept in ("gzip", "identity"):
        client.get("/b", accept_encoding=accept)
        origin.receive().reply(content=TEXT, content_type="text/html", etag='W/"v1"', vary="accept-encoding")
        client.expect(200, etag='W/"v1"', vary=["accept-encoding"])


@pytest.mark.parametrize("fields", [
    {"content_type": "image/png"},
    {"content_type": "text/htmlx"},
    {"content_type": "text/html", "content_encoding": "deflate"},
    {"content_type": "text/html", "cache_control": "max-age=60, no-transform"},
    {"content_type": "text/html", "content": b"too short for that"},
    {},
], ids=["type", "longer type", "coded already", "no-transform", "min_length", "no type"])
@pytest.mark.parametrize("stored", [False, True], ids=["as it arrives", "stored"])
def test_what_is_never_coded(origin, client, fields, stored):
    fields = {"content": TEXT, "cache_control": "max-age=60", "etag": '"v1"', **fields}
    client.get("/a", accept_encoding="gzip, br")
    origin.receive().reply(**fields)
    for _ in range(2 if stored else 1):
        response = client.expect(200, content_encoding=fields.get("content_encoding"), vary=None, etag='"v1"')
        assert response.content == fields["content"]
        client.get("/a", accept_encoding="gzip, br")
    client.expect(200)


@pytest.mark.parametrize("stored", [False, True], ids=["as it arrives", "stored"])
def test_client_that_wants_no_transformation_gets_none(origin, client, stored):
    """RFC 9111 section 5.2.1.6."""
    client.get("/a", accept_encoding="gzip", cache_control=None if stored else "no-transform")
    origin.receive().reply(content=TEXT, content_type="text/html", cache_control="max-age=60", etag='"v1"')
    client.expect(200, content_encoding="gzip" if stored else None)
    client.get("/a", accept_encoding="gzip", cache_control="no-transform").expect(200, content=TEXT, content_encoding=None, etag='"v1"', vary="Accept-Encoding")
    client.get("/a", accept_encoding="gzip").expect(200, content_encoding="gzip")
    origin.silent()


@pytest.mark.parametrize("status, coded", [(200, True), (403, True), (404, True), (201, False), (301, False), (500, False), (503, False)])
def test_statuses_that_are_coded(origin, client, status, coded):
    client.get("/a", accept_encoding="gzip")
    origin.receive().reply(status, content=TEXT, content_type="text/html")
    response = client.expect(status, content_encoding="gzip" if coded else None)
    assert (unzip(response.content) if coded else response.content) == TEXT


@pytest.mark.config("gzip: on\ngzip_types: text/css application/*json\ngzip_min_length: 100\nbrotli: on\nbrotli_types: '*'\nbrotli_min_length: 300\n")
@pytest.mark.parametrize("type, size, coding", [
    ("Text/CSS; charset=utf-8", 100, "gzip"), ("text/css", 99, None), ("text/html", 100, "gzip"), ("application/json", 300, "br"),
    ("application/ld+json", 100, "gzip"), ("image/png", 299, None), ("image/png", 300, "br"), ("text/html", 300, "br")])
def test_types_and_lengths_are_those_of_the_coding(origin, client, type, size, coding):
    client.get("/a", accept_encoding="gzip, br")
    origin.receive().reply(content=b"x" * size, content_type=type)
    client.expect(200, content_encoding=coding)


def test_content_of_unknown_length_is_coded(origin, client):
    client.get("/a", accept_encoding="gzip")
    request = origin.receive().reply_head(content_type="text/html", chunked=True)
    client.expect_head(200, content_encoding="gzip")
    request.chunk("short").last_chunk()
    assert unzip(client.expect_rest().content) == b"short"


def test_old_versions_get_it_as_it_is(origin, client):
    fill(origin, client)
    client.get("/a", accept_encoding="gzip", version="HTTP/1.0")
    client.expect(200, content=TEXT, content_encoding=None, content_length=len(TEXT), vary="Accept-Encoding")


@pytest.mark.config(ALL + "gzip_http_version: 1.0\n")
def test_old_versions_get_it_coded_until_the_connection_closes(origin, client, proxy):
    client.get("/a", accept_encoding="gzip", version="HTTP/1.0", connection="keep-alive")
    origin.receive().reply(content=TEXT, content_type="text/html", cache_control="max-age=60")
    response = client.expect(200, content_encoding="gzip", transfer_encoding=None, content_length=None, connection="close")
    assert unzip(response.content) == TEXT
    second = proxy.client()
    second.get("/a", accept_encoding="gzip", version="HTTP/1.0", connection="keep-alive")
    response = second.expect(200, content_encoding="gzip", connection="keep-alive")
    assert unzip(response.content) == TEXT


def test_head_has_the_fields_of_get(origin, client):
    fill(origin, client)
    client.head("/a", accept_encoding="gzip")
    client.expect(200, content_encoding="gzip", etag='W/"v1"', vary="Accept-Encoding", content_length=None, transfer_encoding=None)
    client.get("/a", accept_encoding="gzip")
    length = len(client.expect(200).content)
    client.head("/a", accept_encoding="gzip")
    client.expect(200, content_encoding="gzip", etag='W/"v1"', content_length=length)
    client.head("/a")
    client.expect(200, content_encoding=None, etag='"v1"', content_length=len(TEXT))


@pytest.mark.parametrize("accept, tag", [("gzip", 'W/"v1"'), ("identity", '"v1"')])
@pytest.mark.parametrize("held", ['W/"v1"', '"v1"', "*"])
def test_not_modified_tells_the_tag_of_the_form(origin, client, proxy, accept, tag, held):
    fill(origin, client)
    client.get("/a", accept_encoding=accept, if_none_match=held)
    client.expect(304, etag=tag, vary="Accept-Encoding", content_encoding=None)
    assert proxy.counter("coded_forms") == 0


def test_if_match_is_about_the_response(origin, client):
    fill(origin, client)
    client.get("/a", accept_encoding="gzip", if_match='"v1"')
    client.expect(200, content_encoding="gzip")
    client.get("/a", accept_encoding="gzip", if_match='W/"v1"')
    client.expect(412)


def test_ranges_are_of_the_response_as_it_is(origin, client):
    fill(origin, client)
    client.get("/a", accept_encoding="gzip", range="bytes=0-3")
    client.expect(206, content=TEXT[:4], content_encoding=None, content_range=f"bytes 0-3/{len(TEXT)}", vary="Accept-Encoding")
    client.get("/a", accept_encoding="gzip", range="bytes=0-3", if_range='W/"v1"')
    client.expect(200, content=TEXT, content_encoding=None)


@pytest.mark.config(ALL + "gzip_vary: off\n")
def test_without_vary(origin, client):
    fill(origin, client)
    for accept in ("gzip", "identity"):
        client.get("/a", accept_encoding=accept)
        client.expect(200, vary=None)


@pytest.mark.parametrize("words, request_fields, fields, coded", [
    ("any", {}, {}, True),
    ("off", {}, {}, False),
    ("private", {}, {}, False),
    ("private", {}, {"cache_control": "private"}, True),
    ("no-store no-cache", {}, {"cache_control": "max-age=1, no-cache"}, True),
    ("no-store no-cache", {}, {"cache_control": "no-store"}, True),
    ("no_etag", {}, {"etag": '"a"'}, False),
    ("no_etag", {}, {}, True),
    ("no_last_modified", {}, {"last_modified": "Mon, 02 Jan 2006 15:04:05 GMT"}, False),
    ("no_last_modified", {}, {}, True),
    ("expired", {}, {"expires": "Mon, 02 Jan 2006 15:04:05 GMT"}, True),
    ("expired", {}, {"expires": "Mon, 02 Jan 2106 15:04:05 GMT"}, False),
    ("auth", {}, {}, False),
    ("auth", {"authorization": "Basic eDp5"}, {}, True),
])
def test_requests_through_another_proxy(proxy, origin, words, request_fields, fields, coded):
    client = proxy.start(f"gzip: on\ngzip_proxied: {words}\n").client()
    client.get("/a", accept_encoding="gzip", via="1.1 cdn", **request_fields)
    origin.receive().reply(content=TEXT, content_type="text/html", **fields)
    client.expect(200, content_encoding="gzip" if coded else None, vary="Accept-Encoding")
    client.get("/b", accept_encoding="gzip")
    origin.receive().reply(content=TEXT, content_type="text/html", **fields)
    client.expect(200, content_encoding="gzip")


@pytest.mark.config("gzip: off\n")
def test_off_by_default(origin, client):
    fill(origin, client)
    client.get("/a", accept_encoding="gzip")
    client.expect(200, content=TEXT, content_encoding=None, vary=None, etag='"v1"')
