"""What is fetched for one request alone, a range that is passed on or what is asked for with credentials, is looked for in the pool first."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

TEN = "0123456789"
FAR, CREDENTIALS = dict(range="bytes=5-7"), dict(authorization="Basic x")
POOL = """
memcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}
caches: {default: {memory: %s}}
proxy_cache_max_range_offset: 2
"""


def is_empty(memcached, key):
    """As the place is that a lease holds."""
    return memcached.command(f"mg {key} s").startswith((b"HD s0", b"EN"))


def wait_records(memcached, count):
    poll_until(lambda: sum(not is_empty(memcached, key) for key in memcached.keys()) == count, f"{count} records in memcached")


@pytest.fixture
def pair(make_proxy, memcached, request):
    return [make_proxy().start(POOL % getattr(request, "param", "64m"), memcached=memcached.address) for _ in range(2)]


@pytest.fixture
def fill(pair, origin, memcached):
    def stored(items=1, fields=None, **reply):
        client = pair[0].client().get("/a", **(fields or {}))
        origin.receive().reply(content=TEN, **{"cache_control": "public, max-age=60", "etag": '"1"', **reply})
        client.expect(200)
        wait_records(memcached, items)
        return pair[1].client()
    return stored


def test_variant_is_found_too(fill, origin):
    client = fill(items=2, fields={"accept_language": "de"}, vary="Accept-Language")
    client.get("/a", accept_language="de", **FAR).expect(206, content="567", cache_status=hit())
    client.get("/a", accept_language="en", **FAR)
    origin.receive().expect(range="bytes=5-7").reply(206, content="xyz", content_range="bytes 5-7/10")
    client.expect(206, content="xyz")


@pytest.mark.parametrize("asked, status, content", [(FAR, 206, "567"), (CREDENTIALS, 200, TEN)], ids=["range", "credentials"])
def test_what_is_stale_is_validated_and_stored_again(fill, origin, asked, status, content):
    client = fill(cache_control="public, max-age=0")
    client.get("/a", **asked)
    origin.receive().expect(range=None, if_none_match='"1"').reply(304, etag='"1"', cache_control="public, max-age=60")
    client.expect(status, content=content)
    client.get("/a", **asked).expect(status, content=content, cache_status=hit())


def test_a_range_of_what_is_stale_gets_it_from_the_new_whole(fill, origin):
    client = fill(cache_control="public, max-age=0")
    client.get("/a", **FAR)
    origin.receive().expect(range=None, if_none_match='"1"').reply(content=TEN[::-1], cache_control="public, max-age=60", etag='"2"')
    client.expect(206, content="432", etag='"2"')
    client.get("/a").expect(200, content=TEN[::-1], cache_status=hit())


def test_a_pool_that_is_gone_costs_no_answer(fill, origin, memcached):
    client = fill()
    memcached.kill()
    client.get("/a", **FAR)
    origin.receive().expect(range="bytes=5-7").reply(206, content="567", content_range="bytes 5-7/10")
    client.expect(206, content="567")


# ---- parts (RFC 9111 section 3.3)

def pass_part(proxy, origin, asked="bytes=5-7", first=5, last=7, **fields):
    client = proxy.client().get("/a", range=asked)
    request = origin.receive().expect(range=asked)
    request.reply(206, content=TEN[first:last + 1],
                  **{"content_range": f"bytes {first}-{last}/10", "cache_control": "max-age=60", "etag": '"1"', **fields})
    client.expect(206, content=TEN[first:last + 1])


def is_passed(proxy, origin, asked="bytes=5-7"):
    client = proxy.client().get("/a", range=asked)
    origin.receive().expect(range=asked).reply(200, content="other")
    client.expect(200, content="other")


@pytest.mark.parametrize("pair", ["64m", "0"], indirect=True, ids=["memory", "no memory"])
def test_part_that_another_process_has_stored_answers(pair, origin, memcached):
    pass_part(pair[0], origin)
    wait_records(memcached, 1)
    client = pair[1].client()
    for asked, content in ("bytes=5-7", "567"), ("bytes=6-6", "6"):
        client.get("/a", range=asked).expect(206, content=content, etag='"1"', cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("asked", ["bytes=4-6", "bytes=-4", "bytes=5-5,7-7"])
def test_part_of_another_process_that_does_not_hold_the_range(pair, origin, memcached, asked):
    pass_part(pair[0], origin)
    wait_records(memcached, 1)
    is_passed(pair[1], origin, asked)


@pytest.mark.parametrize("fields", [{"cache_control": "max-age=0"}, {"age": "60"}], ids=str)
def test_part_that_is_not_fresh_is_of_no_use(pair, origin, memcached, fields):
    pass_part(pair[0], origin, **fields)
    is_passed(pair[1], origin)


def test_whole_comes_before_a_part(pair, origin, memcached):
    pass_part(pair[0], origin)
    client = pair[1].client().get("/a")
    origin.receive().expect(range=None).reply(content=TEN[::-1], cache_control="max-age=60", etag='"2"')
    client.expect(200)
    wait_records(memcached, 2)
    poll_until(lambda: pair[0].client().get("/a", range="bytes=4-8").expect(206).content == b"54321", "the whole")
    origin.silent()


def test_change_while_a_part_arrives_keeps_it_out_of_the_pool(pair, origin, memcached):
    client = pair[0].client().get("/a", range="bytes=5-7")
    request = origin.receive()
    request.reply_head(206, length=3, content_range="bytes 5-7/10", cache_control="max-age=60", etag='"1"').send("56")
    client.expect_head(206)
    other = pair[1].client().post("/a", "x")
    origin.receive().reply(200)
    other.expect(200)
    poll_until(lambda: memcached.items() == 0, "the part's place to be given up")
    request.send("7")
    client.expect_rest("567")
    is_passed(pair[1], origin)


def test_range_that_is_not_stored_gives_up_its_place(pair, origin, memcached):
    pass_part(pair[0], origin, vary="Foo")
    poll_until(lambda: not any(is_empty(memcached, key) for key in memcached.keys()), "the part's place to be given up")
    is_passed(pair[1], origin)

