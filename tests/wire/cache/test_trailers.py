"""Trailers are kept with a stored response, apart from its fields (RFC 9111 section 3.1): proxy_pass_trailers."""
import pytest

from harness.cache_status import STORED, hit
from harness.deadline import poll_until

pytestmark = pytest.mark.config("proxy_pass_trailers: on")
TRAILERS = [("Server-Timing", "db;dur=5"), ("X-Sum", "abc"), ("X-Sum", "def")]
TAKES = dict(te="trailers", connection="TE")


def reply(request, content="hello world", trailers=TRAILERS, **fields):
    request.reply_head(chunked=True, **{"cache_control": "max-age=60", "trailer": "Server-Timing, X-Sum", **fields})
    request.chunk(content).last_chunk(trailers)


@pytest.fixture
def stored(origin, client):
    client.get("/a")
    reply(origin.receive())
    client.expect(200, content="hello world", cache_status=STORED)
    return client


def test_hit_has_the_trailers_that_were_stored(origin, stored):
    """RFC 9111 section 3.1"""
    for _ in range(2):
        response = stored.get("/a", **TAKES).expect(200, content="hello world", cache_status=hit(), transfer_encoding="chunked", content_length=None,
                                                    x_sum=None, trailer="Server-Timing, X-Sum")
        assert response.trailers == TRAILERS
    origin.silent()


@pytest.mark.parametrize("fields", [{}, {"te": "gzip"}, {"te": "trailers", "version": "HTTP/1.0", "connection": "keep-alive"}])
def test_who_does_not_ask_for_trailers_gets_a_length(origin, stored, fields):
    stored.get("/a", **fields).expect(200, content="hello world", cache_status=hit(), content_length="11", transfer_encoding=None, x_sum=None)
    origin.silent()


def test_head_has_the_length_and_no_trailers(stored):
    stored.head("/a", **TAKES).expect(200, content="", cache_status=hit(), content_length="11", transfer_encoding=None)
    stored.get("/a").expect(200, content="hello world")


@pytest.mark.parametrize("asked, content", [("bytes=0-4", "hello"), ("bytes=-5", "world")])
def test_range_has_none(stored, asked, content):
    stored.get("/a", range=asked, **TAKES).expect(206, content=content, content_length="5", transfer_encoding=None, trailer=None)


def test_several_ranges_have_none(stored):
    stored.get("/a", range="bytes=0-0,2-3", **TAKES).expect(206, transfer_encoding=None, trailer=None)


def test_not_modified_has_none(origin, client):
    client.get("/a")
    reply(origin.receive(), etag='"1"')
    client.expect(200)
    client.get("/a", if_none_match='"1"', **TAKES).expect(304, transfer_encoding=None, trailer=None)
    client.get("/a", **TAKES).expect(200, content="hello world")


@pytest.mark.config("proxy_pass_trailers: on\ngzip: on\ngzip_min_length: 0\ngzip_types: ['*']")
def test_coded_form_has_none(origin, client):
    client.get("/a")
    reply(origin.receive(), content_type="text/plain")
    client.expect(200)
    for _ in range(2):
        client.get("/a", accept_encoding="gzip", **TAKES).expect(200, content_encoding="gzip", x_sum=None)
        assert client._current.trailers == []
    assert client.get("/a", **TAKES).expect(200, content="hello world").trailers == TRAILERS


@pytest.mark.config("""
proxy_pass_trailers: on
proxy_cache_key: /a
servers:
  - listen: "{listen}"
    locations:
      /: {proxy_pass: "http://{origin}"}
      /hidden: {proxy_pass: "http://{origin}", proxy_hide_header: [X-Sum]}
      /none: {proxy_pass: "http://{origin}", proxy_hide_header: [X-Sum, Server-Timing]}
      /off: {proxy_pass: "http://{origin}", proxy_pass_trailers: off}
""")
def test_location_decides_what_its_clients_see(origin, stored):
    assert stored.get("/hidden", **TAKES).expect(200, content="hello world", cache_status=hit()).trailers == TRAILERS[:1]
    for target in "/none", "/off":
        stored.get(target, **TAKES).expect(200, content="hello world", content_length="11", transfer_encoding=None, cache_status=hit())
    origin.silent()


def test_field_that_may_not_be_reused_without_validation_is_not_stored(origin, client):
    """RFC 9111 section 5.2.2.4"""
    client.get("/a")
    reply(origin.receive(), cache_control='max-age=60, no-cache="x-sum"')
    assert client.expect(200).trailers == TRAILERS
    assert client.get("/a", **TAKES).expect(200, cache_status=hit()).trailers == TRAILERS[:1]


def test_content_that_has_no_trailers_has_a_length(origin, client):
    client.get("/a")
    reply(origin.receive(), trailers=[("Host", "x")])
    client.expect(200)
    client.get("/a", **TAKES).expect(200, content="hello world", content_length="11", trailer=None, cache_status=hit())


# ---- validation

def test_304_keeps_the_trailers(origin, client):
    """RFC 9111 section 4.3.4: the content is the same, and so is what was said behind it."""
    client.get("/a")
    reply(origin.receive(), cache_control="max-age=0", etag='"1"')
    client.expect(200)
    client.get("/a", **TAKES)
    origin.receive().expect(if_none_match='"1"', te="trailers").reply(304, etag='"1"', cache_control="max-age=60", trailer="X-Other", x_sum="field")
    assert client.expect(200, content="hello world", x_sum="field", trailer="Server-Timing, X-Sum").trailers == TRAILERS
    assert client.get("/a", **TAKES).expect(200, content="hello world", cache_status=hit(), x_sum="field").trailers == TRAILERS


def test_200_replaces_them(origin, client):
    client.get("/a")
    reply(origin.receive(), cache_control="max-age=0", etag='"1"')
    client.expect(200)
    client.get("/a")
    reply(origin.receive(), "two", [("X-New", "1")], etag='"2"')
    client.expect(200)
    assert client.get("/a", **TAKES).expect(200, content="two", cache_status=hit()).trailers == [("X-New", "1")]


# ---- those who wait for the same response

@pytest.mark.config("proxy_pass_trailers: on\nworkers: 2")
@pytest.mark.workers
def test_those_who_join_get_them_too(origin, proxy):
    clients = [proxy.client().get("/a") for _ in range(10)]
    request = origin.receive()
    origin.silent()
    request.reply_head(chunked=True, cache_control="max-age=60").chunk("hello")
    for client in clients:
        client.expect_head(200, transfer_encoding="chunked")
        client.expect_content("hello")
    request.last_chunk(TRAILERS)
    for client in clients:
        assert client.expect_rest("").trailers == TRAILERS


def test_whole_that_comes_at_once_stays_chunked_where_it_has_trailers(origin, proxy):
    clients = [proxy.client().get("/a"), proxy.client().get("/a"), proxy.client().get("/a", version="HTTP/1.0"), proxy.client().head("/a")]
    request = origin.receive()
    origin.silent()
    request.reply(raw="HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: abc\r\n\r\n")
    for client in clients[:2]:
        assert client.expect(200, content="hello").trailers == [("X-Sum", "abc")]
    clients[2].expect(200, content="hello", transfer_encoding=None)
    clients[3].expect(200, content="", transfer_encoding=None)


# ---- the pool

POOL = """
proxy_pass_trailers: on
memcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}
caches: {default: {memory_max_object: 64k %s}}
"""


@pytest.fixture
def pair(make_proxy, memcached, request):
    return [make_proxy().start(POOL % getattr(request, "param", ""), memcached=memcached.address) for _ in range(2)]


def fill(pair, origin, memcached, content, **fields):
    client = pair[0].client().get("/a")
    reply(origin.receive(), content, content_type="text/plain", **fields)
    client.expect(200, content=content)
    memcached.wait_items(1)


@pytest.mark.parametrize("pair", ["", ", compress: {min_length: 0}"], indirect=True, ids=["plain", "packed"])
def test_another_process_has_them_out_of_the_pool(pair, origin, memcached):
    content = 200 * "hello world "
    fill(pair, origin, memcached, content)
    client = pair[1].client()
    client.get("/a").expect(200, content=content, cache_status=hit(), content_length=str(len(content)))
    assert client.get("/a", **TAKES).expect(200, content=content, cache_status=hit()).trailers == TRAILERS
    origin.silent()


@pytest.mark.parametrize("by", [0, 1], ids=["who filled it", "another process"])
def test_manifest_has_the_trailers_of_large_content(pair, origin, memcached, by):
    content = bytes(range(256)) * 8192
    fill(pair, origin, memcached, content)
    poll_until(lambda: any(memcached.command(f"mg {key} f").startswith(b"HD f1\r") for key in memcached.keys()), "the manifest")
    client = pair[by].client()
    client.get("/a").expect(200, content=content, cache_status=hit(), content_length=str(len(content)))
    response = client.get("/a", **TAKES).expect(200, content=content, cache_status=hit(), transfer_encoding="chunked", content_length=None)
    assert response.trailers == TRAILERS
    client.get("/a", range="bytes=-3", **TAKES).expect(206, content=content[-3:], transfer_encoding=None)
    origin.silent()
