"""A cache with `compress` holds its responses compressed in memcached, and nowhere else."""
import random
import re
import zlib

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until
from harness.memcached import POOL

CONFIG = """
memcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}
caches: {default: {memory: %s, compress: %s}}
"""
PAGE = "".join(f"<p>paragraph {i} of a page</p>\n" for i in range(1000)).encode()


@pytest.fixture
def make(make_proxy, memcached):
    return lambda compress, memory="0": make_proxy().start(CONFIG % (memory, compress), memcached=memcached.address)


def fill(proxy, origin, memcached, content=PAGE, content_type="text/html", **fields):
    client = proxy.client().get("/a")
    origin.receive().reply(content=content, content_type=content_type, cache_control="max-age=600", **fields)
    assert client.expect(200).content == content
    poll_until(lambda: item_bytes(memcached) > 0, "the value")     # before it there is the stub of a lease


def item_bytes(memcached):
    keys = memcached.keys()
    return int(re.match(rb"HD s(\d+)", memcached.command(f"mg {keys[0]} s"))[1]) if keys else 0


def test_item_is_smaller_and_clients_see_what_the_origin_sent(make, origin, memcached):
    proxy = make("on")
    fill(proxy, origin, memcached)
    assert item_bytes(memcached) < len(PAGE) / 5
    response = proxy.client().get("/a").expect(200, cache_status=hit())
    assert response.content == PAGE
    assert "content-encoding" not in str(response.fields).lower()
    origin.silent()


def test_off_is_the_default(make_proxy, origin, memcached):
    proxy = make_proxy().start(POOL, memcached=memcached.address)
    fill(proxy, origin, memcached)
    assert item_bytes(memcached) > len(PAGE)


@pytest.mark.parametrize("writer, reader", [("on", "off"), ("off", "on"), ("{level: 9}", "on")])
def test_processes_read_each_other(make, origin, memcached, writer, reader):
    fill(make(writer), origin, memcached)
    assert make(reader).client().get("/a").expect(200, cache_status=hit()).content == PAGE
    origin.silent()


@pytest.mark.parametrize("content, fields", [
    (PAGE, {"content_type": "image/png"}),
    (PAGE[:1000], {}),
    (zlib.compress(PAGE), {"content_encoding": "deflate"}),
    (random.Random(1).randbytes(20000), {"content_type": "application/json"}),
], ids=["other type", "short", "coded", "noise"])
def test_other_content_is_stored_as_it_is(make, origin, memcached, content, fields):
    proxy = make("on")
    fill(proxy, origin, memcached, content, **fields)
    assert item_bytes(memcached) > len(content)
    assert proxy.client().get("/a").expect(200, cache_status=hit()).content == content


def test_map_says_what_is_compressed(make, origin, memcached):
    proxy = make("{min_length: 100, level: 9, types: [image/*]}")
    fill(proxy, origin, memcached, PAGE[:500], "image/png")
    assert item_bytes(memcached) < 500
    assert proxy.client().get("/a").expect(200, cache_status=hit()).content == PAGE[:500]


def test_ranges_are_cut_out_of_the_plain_content(make, origin, memcached):
    proxy = make("on")
    fill(proxy, origin, memcached, etag='"1"')
    response = proxy.client().get("/a", range="bytes=20000-20099").expect(206, cache_status=hit())
    assert response.content == PAGE[20000:20100]


def test_memory_holds_it_plain(make, origin, memcached):
    proxy = make("on", memory="16m")
    fill(proxy, origin, memcached)
    assert item_bytes(memcached) < len(PAGE) / 5
    memory = [v for k, v in proxy.status().items() if k.startswith("memory.") and k.endswith(".bytes")]
    assert max(memory) > len(PAGE)
    assert proxy.client().get("/a").expect(200, cache_status=hit()).content == PAGE


def bend(value, how):
    return {"cut": value[:-1], "flipped bit": value[:-9] + bytes([value[-9] ^ 4]) + value[-8:],
            "declares more": value[:4] + (len(PAGE) + 10000).to_bytes(4, "little") + value[8:],
            "declares 4 GB": value[:4] + b"\xff\xff\xff\xff" + value[8:],
            "header alone": value[:8], "noise": value[:8] + bytes(range(256))}[how]


@pytest.mark.parametrize("how", ["cut", "flipped bit", "declares more", "declares 4 GB", "header alone", "noise"])
def test_bent_value_is_a_miss(make, origin, memcached, how):
    proxy = make("on")
    fill(proxy, origin, memcached)
    key, = memcached.keys()
    reply = memcached.command(f"mg {key} v")
    value = reply[reply.index(b"\r\n") + 2:-2]
    assert value.startswith(b"mcpz")
    bent = bend(value, how)
    assert memcached.command(f"ms {key} {len(bent)} T600", bent) == b"HD\r\n"
    client = proxy.client().get("/a")
    origin.receive().reply(content="new", cache_control="max-age=600")
    client.expect(200, content="new")
    poll_until(lambda: proxy.client().get("/a").expect(200).content == b"new", "the new response")


def test_tools_tell_what_is_stored(make, origin, memcached, mcproxy):
    proxy = make("on")
    fill(proxy, origin, memcached)
    result = mcproxy("cache", "get", "http://example.test/a", "-c", proxy.config_path)
    assert result.returncode == 0, result.stderr
    assert str(len(PAGE)) in result.stdout
