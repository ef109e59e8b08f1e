"""A chunk that the pool has lost: before the first byte the response is a miss; later that range alone is asked for again, and if the
origin does not give exactly it, the client sees that the response is cut."""
import pytest

from harness.cache_status import STORED, hit
from harness.deadline import poll_until

from .conftest import MB, Large, digest_rest

SIZE = 4 * MB
CHUNK = 520192


def test_lost_first_chunk_is_a_miss(origin, stored, proxy, pool):
    large = stored(Large(SIZE))
    pool.lose(0)
    proxy.client().get("/a").expect(200, content=large.content, cache_status=STORED)
    pool.wait_manifest()
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    assert origin.count == 2
    proxy.counted(cache_chunks_lost=1, cache_hit=1, cache_miss=2)


def test_lost_chunk_of_a_range_is_a_miss(origin, stored, proxy, pool):
    large = stored(Large(SIZE))
    pool.lose(2 * CHUNK)
    proxy.client().get("/a", range="bytes=10-19").expect(206, content=large.part(10, 10), cache_status=hit())
    proxy.client().get("/a", range=f"bytes={2 * CHUNK}-{2 * CHUNK + 9}").expect(206, content=large.part(2 * CHUNK, 10))
    assert origin.count == 2


@pytest.mark.parametrize("large", [
    Large(SIZE),
    Large(SIZE, etag=None, last_modified="Sun, 06 Nov 1994 08:49:37 GMT"),
], ids=["etag", "date"])
def test_later_chunk_is_fetched_again_and_stored(origin, stored, proxy, pool, large):
    stored(large)
    asked = []
    origin.serve(lambda request: asked.append(request) or large.answer(request))
    pool.lose(3 * CHUNK)
    proxy.client().get("/a", cookie="kept=1").expect(200, content=large.content, cache_status=hit())
    assert [r.fields.get("range") for r in asked] == [f"bytes={3 * CHUNK}-{4 * CHUNK - 1}"]
    assert asked[0].fields.get("if-range") == (large.etag or large.fields["last_modified"])
    assert asked[0].fields.get("cookie") == "kept=1"
    poll_until(lambda: 3 * CHUNK in pool.chunks(), "the mended chunk")
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    assert len(asked) == 1
    proxy.counted(cache_chunks_lost=1, cache_chunks_mended=1)


def test_all_but_the_first_are_lost(origin, stored, proxy, pool):
    large = stored(Large(SIZE))
    for offset in list(pool.chunks())[:]:
        if offset > 0:
            pool.lose(offset)
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    poll_until(lambda: len(pool.chunks()) == 9, "the mended chunks")


def test_damaged_chunk_is_a_lost_one(origin, stored, proxy, pool):
    large = stored(Large(SIZE))
    server, key = pool.chunks()[CHUNK]
    value = server.command(f"mg {key} v")
    value = bytearray(value[value.index(b"\r\n") + 2:-2])
    value[1000] ^= 1
    server.command(f"ms {key} {len(value)} F3", bytes(value))
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())
    proxy.counted(cache_chunks_lost=1, cache_chunks_mended=1)


def no_ranges(large):
    def answer(request):
        request.reply_head(length=large.size, **large.fields)
        large.send(request, 0, large.size)
    return answer


def part_as(large, content=None, **changed):
    place = f"bytes {CHUNK}-{2 * CHUNK - 1}/{SIZE}"
    content = large.part(CHUNK, CHUNK) if content is None else content
    return lambda request: {"status": 206, "content": content, **large.fields, "content_range": place, **changed}


large = Large(SIZE)
WRONG = [
    ("changed", Large(SIZE, etag='"v2"', salt=7).answer),
    ("no ranges", no_ranges(large)),
    ("other tag", part_as(large, etag='"v2"')),
    ("weak tag", part_as(large, etag='W/"v1"')),
    ("no tag", part_as(large, etag=None)),
    ("other part", part_as(large, content_range=f"bytes {CHUNK + 1}-{2 * CHUNK}/{SIZE}")),
    ("other length", part_as(large, content_range=f"bytes {CHUNK}-{2 * CHUNK - 1}/{SIZE + 1}")),
    ("length not told", part_as(large, content_range=f"bytes {CHUNK}-{2 * CHUNK - 1}/*")),
    ("no place", part_as(large, content_range=None)),
    ("gone", lambda request: {"status": 404, "content": "gone"}),
    ("closed", lambda request: request.connection.close()),
    ("too short", part_as(large, b"x")),
    ("too long", part_as(large, b"x" * (CHUNK + 1))),
]


@pytest.mark.parametrize("answer", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_other_answers_cut_the_response(origin, stored, proxy, pool, answer):
    stored(large)
    pool.lose(CHUNK)
    origin.serve(answer)
    client = proxy.client().get("/a")
    client.expect_truncated(200, content=large.part(0, CHUNK))
    poll_until(lambda: not pool.manifests(), "the end of the manifest")
    new = Large(SIZE, etag='"v3"', salt=3)
    origin.serve(new.answer)
    proxy.client().get("/a").expect(200, content=new.content, cache_status=STORED)


def test_without_a_strong_validator_it_is_cut(origin, stored, proxy, pool):
    large = stored(Large(SIZE, etag='W/"v1"'))
    pool.lose(CHUNK)
    proxy.client().get("/a").expect_truncated(200, content=large.part(0, CHUNK))
    assert origin.count == 1


def test_client_that_leaves_ends_the_mending(origin, stored, proxy, pool):
    large = stored(Large(SIZE))
    pool.lose(CHUNK)
    origin.answer = None
    client = proxy.client().get("/a")
    request = origin.receive()
    client.close(reset=True)
    request.connection.wait_ended()
    origin.serve(large.answer)
    proxy.client().get("/a").expect(200, content=large.content, cache_status=hit())


def test_server_killed_while_it_is_read(origin, stored, proxy, pool):
    large = stored(Large(40 * MB))
    client = proxy.client(rcvbuf=65536).get("/a")
    client.expect_head(200, cache_status=hit())
    list(pool)[1].kill()
    assert digest_rest(client) == (large.size, large.digest())
    assert proxy.counter("cache_chunks_mended") > 5


def test_server_killed_while_it_is_filled(origin, proxy, pool):
    large = Large(12 * MB)
    client = proxy.client().get("/a")
    request = origin.receive().reply_head(length=large.size, **large.fields)
    request.connection.send_in_background(large.part(0, 4 * MB))
    client.expect_head(200)
    client.expect_content(large.part(0, 4 * MB))
    list(pool)[1].kill()
    request.connection.send_in_background(large.part(4 * MB, 8 * MB))
    client.expect_rest(large.part(4 * MB, 8 * MB))
    proxy.counted(cache_fills_lost=1, cache_stored=0)
    again = proxy.client().get("/a")
    origin.receive().reply(content="new", cache_control="max-age=60")
    again.expect(200, content="new")


def test_server_that_hangs_while_it_is_filled(origin, make_proxy, pool):
    a, b = (server.address for server in pool)
    proxy = make_proxy().start("""
memcached_pools: {default: {servers: ["{a}", "{b}"], connect_timeout: 1s, send_timeout: 200ms, read_timeout: 200ms}}
caches: {default: {memory_max_object: 64k, max_object: 1g}}
""", a=a, b=b)
    large = Large(12 * MB)
    client = proxy.client().get("/a")
    request = origin.receive().reply_head(length=large.size, **large.fields)
    request.connection.send_in_background(large.part(0, 4 * MB))
    client.expect_head(200)
    client.expect_content(large.part(0, 4 * MB))
    list(pool)[1].stop()
    request.connection.send_in_background(large.part(4 * MB, 8 * MB))
    client.expect_rest(large.part(4 * MB, 8 * MB))
    proxy.counted(cache_fills_lost=1, cache_stored=0)
