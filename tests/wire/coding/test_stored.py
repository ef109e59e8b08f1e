"""Coded forms of stored responses: made once, used by all, gone with the response."""
import random
import time

import pytest

from harness.coding import ALL, TEXT, fill, gzipped, unzip
from harness.cache_status import hit
from harness.deadline import poll_until
from harness.memcached import pool

pytestmark = pytest.mark.config(ALL)


def get_gzip(client, target="/a", **fields):
    client.get(target, accept_encoding="gzip")
    return unzip(client.expect(200, content_encoding="gzip", **fields).content)


def test_one_coded_form_serves_all(origin, client, proxy):
    fill(origin, client)
    for _ in range(20):
        assert get_gzip(proxy.client(), cache_status=hit(60)) == TEXT
    proxy.counted(coded_forms=1, coded_streams=0)
    origin.silent()


def test_each_coding_has_a_form_of_its_own(origin, client, proxy):
    fill(origin, client)
    for _ in range(2):
        for coding in ("gzip", "br", "zstd"):
            client.get("/a", accept_encoding=coding)
            client.expect(200, content_encoding=coding)
    proxy.counted(coded_forms=3, coded_streams=0)
    client.get("/a")
    client.expect(200, content=TEXT, content_encoding=None)


def test_the_cache_has_the_response_as_it_came(origin, client, proxy):
    client.get("/a", accept_encoding="gzip")
    origin.receive().reply(content=TEXT, content_type="text/html", cache_control="max-age=60")
    assert unzip(client.expect(200).content) == TEXT
    client.get("/a")
    client.expect(200, content=TEXT, cache_status=hit(60))
    proxy.counted(coded_forms=0, coded_streams=1)


def test_variants_have_forms_of_their_own(origin, client, proxy):
    for language, text in (("de", TEXT + b"de"), ("en", TEXT + b"en")):
        client.get("/a", accept_language=language)
        origin.receive().reply(content=text, content_type="text/html", cache_control="max-age=60", vary="Accept-Language")
        client.expect(200)
    for language, text in (("de", TEXT + b"de"), ("en", TEXT + b"en")):
        client.get("/a", accept_language=language, accept_encoding="gzip")
        assert unzip(client.expect(200, vary=["Accept-Language", "Accept-Encoding"]).content) == text
    proxy.counted(coded_forms=2)


def test_a_new_response_ends_the_coded_form(origin, client):
    fill(origin, client, cache_control="max-age=60")
    assert get_gzip(client) == TEXT
    client.request("PUT", "/a", content="new")
    origin.receive().reply()
    client.expect(200)
    fill(origin, client, content=TEXT + b"new", etag='"v2"')
    assert get_gzip(client, etag='W/"v2"') == TEXT + b"new"


def test_a_renewed_response_has_a_renewed_coded_form(origin, client, proxy):
    fill(origin, client, cache_control="max-age=1", x_new="1")
    assert get_gzip(client, x_new="1") == TEXT
    time.sleep(1.1)     # lifetimes are whole seconds of a real clock
    client.get("/a", accept_encoding="gzip")
    origin.receive().expect(if_none_match='"v1"').reply(304, cache_control="max-age=60", etag='"v1"', x_new="2")
    assert unzip(client.expect(200, content_encoding="gzip", etag='W/"v1"', x_new="2").content) == TEXT
    assert get_gzip(client, x_new="2", cache_status=hit(60)) == TEXT
    origin.silent()


def test_what_is_too_long_is_coded_for_each_client(proxy, origin):
    client = proxy.start("gzip: on\ngzip_max_length: 4k\n").client()
    fill(origin, client)
    for _ in range(2):
        assert get_gzip(client, transfer_encoding="chunked", content_length=None, etag='W/"v1"', vary="Accept-Encoding") == TEXT
    proxy.counted(coded_forms=0, coded_streams=2)


def test_one_form_is_made_for_all_who_wait(origin, client, proxy):
    long = b"".join(b"line %d of a long text\n" % i for i in range(40_000))
    fill(origin, client, content=long)
    clients = [proxy.client() for _ in range(30)]
    for one in clients:
        one.get("/a", accept_encoding="gzip")
    for one in clients:
        assert unzip(one.expect(200, content_encoding="gzip").content) == long
    proxy.counted(coded_forms=1, coded_streams=0)


SLOW_LEVEL = "brotli: on\nbrotli_comp_level: 11\n"


@pytest.mark.config(SLOW_LEVEL)
def test_a_form_is_made_whoever_leaves(origin, client, proxy):
    text = random.Random(1).randbytes(200_000).hex().encode()
    fill(origin, client, content=text)
    gone, stays = proxy.client(), proxy.client()
    for one in (gone, stays):
        one.get("/a", accept_encoding="br")
    poll_until(lambda: proxy.counter("requests_active") >= 2, "two requests under way")
    gone.close(reset=True)
    stays.expect(200, content_encoding="br", timeout=60)
    proxy.counted(coded_forms=1, coded_streams=0)


@pytest.mark.config(SLOW_LEVEL)
def test_the_process_stops_while_a_form_is_made(origin, client, proxy):
    fill(origin, client, content=random.Random(1).randbytes(500_000).hex().encode())
    client.get("/a", accept_encoding="br")
    poll_until(lambda: proxy.counter("requests_active") >= 1, "a request under way")
    proxy.stop()


def test_long_content_keeps_no_other_client_waiting(proxy, origin):
    client = proxy.start("gzip: on\ngzip_comp_level: 9\ngzip_max_length: 4k\n").client()
    long = bytes(range(256)) * 4 * 6000
    fill(origin, client, content=long)
    fill(origin, client, target="/b")
    slow = [proxy.client() for _ in range(4)]
    for one in slow:
        one.get("/a", accept_encoding="gzip")
    client.get("/b")
    client.expect(200, content=TEXT)
    for one in slow:
        assert unzip(one.expect(200, timeout=60).content) == long


def test_a_stale_response_is_coded_as_well(origin, client):
    fill(origin, client, cache_control="max-age=0, stale-while-revalidate=60")
    client.get("/a", accept_encoding="gzip")
    assert unzip(client.expect(200, content_encoding="gzip").content) == TEXT
    origin.receive().reply(304)


def test_proxies_share_coded_forms(make_proxy, memcached, origin):
    text = ALL + pool(memcached.address)
    one, two = make_proxy().start(text), make_proxy().start(text)
    fill(origin, one.client())
    memcached.wait_items(1)
    assert get_gzip(one.client()) == TEXT
    memcached.wait_items(2)
    assert get_gzip(two.client()) == TEXT
    assert (one.counter("coded_forms"), two.counter("coded_forms")) == (1, 0)
    origin.silent()


def test_a_pool_without_memory_has_coded_forms(make_proxy, memcached, origin):
    proxy = make_proxy().start(ALL + pool(memcached.address) + "caches: {default: {memory: 0}}\n")
    fill(origin, proxy.client())
    memcached.wait_items(1)
    assert get_gzip(proxy.client()) == TEXT
    memcached.wait_items(2)
    for _ in range(3):
        assert get_gzip(proxy.client()) == TEXT
    proxy.counted(coded_forms=1, coded_streams=0)


def test_a_coded_form_of_another_fill_does_not_count(make_proxy, memcached, origin):
    """The pool has both, and one of them is from before."""
    text = ALL + pool(memcached.address)
    one, two = make_proxy().start(text), make_proxy().start(text)
    fill(origin, one.client())
    assert get_gzip(one.client()) == TEXT
    memcached.wait_items(2)
    client = one.client()
    client.get("/a", cache_control="no-cache")
    origin.receive().reply(content=TEXT + b"new", content_type="text/html", cache_control="max-age=60", etag='"v2"')
    client.expect(200)
    poll_until(lambda: two.client().get("/a").expect(200).content == TEXT + b"new", "the new response in the pool")
    assert get_gzip(two.client(), etag='W/"v2"') == TEXT + b"new"
    assert get_gzip(one.client(), etag='W/"v2"') == TEXT + b"new"


def test_a_pool_that_fails_is_not_waited_for(make_proxy, memcached, origin):
    proxy = make_proxy().start(ALL + pool(memcached.address))
    fill(origin, proxy.client())
    memcached.kill()
    assert get_gzip(proxy.client()) == TEXT
    assert get_gzip(proxy.client()) == TEXT
    proxy.counted(coded_forms=1)


# ---- gunzip

GUNZIP = pytest.mark.config("gunzip: on\n")


@GUNZIP
@pytest.mark.parametrize("stored", [False, True], ids=["as it arrives", "stored"])
def test_gzip_is_decoded_for_who_cannot(origin, client, proxy, stored):
    coded = gzipped(TEXT)
    client.get("/a", accept_encoding="gzip")
    fields = {"content_type": "text/plain", "content_encoding": "gzip", "etag": '"v1"', "cache_control": "max-age=60"}
    origin.receive().reply(content=coded, **fields)
    client.expect(200, content=coded, content_encoding="gzip", etag='"v1"', vary="Accept-Encoding")
    if not stored:
        client.get("/b", accept_encoding="br")
        origin.receive().reply(content=coded, **fields)
        client.expect(200, content=TEXT, content_encoding=None, etag='W/"v1"', vary="Accept-Encoding", content_length=None)
        return
    for accept in ({}, {"accept_encoding": "br"}, {"accept_encoding": "gzip;q=0, *"}):
        client.get("/a", **accept)
        client.expect(200, content=TEXT, content_encoding=None, etag='W/"v1"', vary="Accept-Encoding", content_length=len(TEXT))
    client.get("/a", range="bytes=0-3")
    client.expect(200, content=TEXT, content_encoding=None)
    client.get("/a", accept_encoding="gzip")
    client.expect(200, content=coded, content_encoding="gzip", etag='"v1"')
    proxy.counted(coded_forms=1, coded_streams=0)


@GUNZIP
def test_what_decodes_to_much_is_decoded_for_each_client(proxy, origin):
    client = proxy.start("gunzip: on\ngzip_max_length: 64k\n").client()
    zeros = bytes(20 << 20)
    client.get("/a", accept_encoding="gzip")
    origin.receive().reply(content=gzipped(zeros), content_type="text/html", content_encoding="gzip", cache_control="max-age=60")
    client.expect(200)
    before = proxy.rss_bytes()
    client.get("/a")
    client.expect_head(200)
    assert proxy.rss_bytes() - before < 8 << 20
    client.expect_rest(zeros, timeout=60)
    proxy.counted(coded_forms=0, coded_streams=1)


@GUNZIP
@pytest.mark.parametrize("stored", [False, True], ids=["as it arrives", "stored"])
@pytest.mark.parametrize("content", [gzipped(TEXT)[:-9], gzipped(TEXT) + b"x", b"no gzip"], ids=["cut", "more", "none"])
def test_what_is_not_gzip_is_shown_as_cut(origin, client, proxy, content, stored):
    if stored:
        client.get("/a", accept_encoding="gzip")
        origin.receive().reply(content=content, content_type="text/html", content_encoding="gzip", cache_control="max-age=60")
        client.expect(200, content=content)
    client.get("/a")
    if not stored:
        origin.receive().reply(content=content, content_type="text/html", content_encoding="gzip", cache_control="max-age=60")
    client.expect_truncated(200)
    proxy.wait_error_log("not gzip")


# ---- content in chunks

LARGE = b"".join(b"line %d of a large text\n" % i for i in range(150_000))


@pytest.fixture
def chunked(make_proxy, make_memcached, origin):
    """Stores it as a manifest with chunks, in a pool that a second proxy shares."""
    def store(settings, content, **fields):
        text = settings + pool(make_memcached().address)
        client = make_proxy().start(text).client()
        client.get("/a", accept_encoding="gzip")
        origin.receive().reply(content=content, content_type="text/html", cache_control="max-age=60", **fields)
        client.expect(200)
        proxy = make_proxy().start(text)
        poll_until(lambda: hit().search(proxy.client().head("/a", cache_control="only-if-cached").expect().fields.get("Cache-Status", "")),
                   "the response in the pool")
        return proxy
    return store


@pytest.mark.parametrize("accept", ["gzip", "identity"])
def test_large_content_is_coded_out_of_its_chunks(chunked, origin, accept):
    proxy = chunked(ALL, LARGE)
    client = proxy.client()
    for _ in range(2):
        client.get("/a", accept_encoding=accept)
        response = client.expect(200, content_encoding="gzip" if accept == "gzip" else None, vary="Accept-Encoding", cache_status=hit())
        assert (unzip(response.content) if accept == "gzip" else response.content) == LARGE
    client.get("/a", accept_encoding=accept, range="bytes=2000000-2000009")
    client.expect(206, content=LARGE[2000000:2000010], content_encoding=None)
    proxy.counted(coded_forms=0, coded_streams=2 if accept == "gzip" else 0)
    origin.silent()


def test_large_gzip_is_decoded_out_of_its_chunks(chunked, origin):
    text = random.Random(1).randbytes(2_500_000).hex().encode()
    proxy = chunked("gunzip: on\n", gzipped(text), content_encoding="gzip")
    proxy.client().get("/a", accept_encoding="gzip").expect(200, content=gzipped(text), content_encoding="gzip", cache_status=hit())
    proxy.client().get("/a").expect(200, content=text, content_encoding=None, cache_status=hit(), vary="Accept-Encoding")
    origin.silent()
