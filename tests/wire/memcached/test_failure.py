"""A memcached that is dead, hung, lying or gone is a miss: never an error of a client, never wrong bytes."""
import random
import time

import pytest

from harness.cache_status import hit
from harness.deadline import SLOW, poll_until
from harness.process import free_port


def content_of(target):
    return target.encode() * 50


def check(target, response):
    assert response.status == 200 and response.content == content_of(target), (target, response)


@pytest.fixture
def app(origin):
    """The origin as a deterministic application."""
    origin.serve(lambda r: dict(content=content_of(r.target), cache_control="max-age=60"))
    return origin


# No memory tier, so that each request asks memcached; with the default timeouts, and with some that a busy machine does not reach.
FAST = """
memcached_pools: {p: {servers: ["{memcached}"]}}
caches: {c: {memory: 0, memcached: p}}
proxy_cache: c
"""
ONLY_POOL = FAST.replace('"]}}', '"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s, fail_timeout: 300ms}}')


def test_absent_server_is_a_miss(proxy, app):
    proxy.start(f'memcached: ["127.0.0.1:{free_port()}"]')
    client = proxy.client()
    for i in range(20):
        check(f"/{i}", client.get(f"/{i}").expect())


def test_unresolvable_name_is_a_miss(proxy, app):
    proxy.start('memcached: ["no-such-host.invalid:11211"]')
    check("/a", proxy.client().get("/a").expect())


@pytest.mark.config(ONLY_POOL)
def test_killed_server_is_a_miss_and_comes_back(proxy, app, memcached):
    client = proxy.client()
    client.get("/a").expect(200)
    memcached.wait_items(1)
    client.get("/a").expect(200, cache_status=hit())
    memcached.kill()
    for i in range(10):
        check(f"/{i}", client.get(f"/{i}").expect())
    memcached.start()

    def hits():
        client.get("/b").expect(200, content=content_of("/b"))
        return hit().search(client.get("/b").expect(200).fields.get("cache-status"))
    poll_until(hits, "hits after the restart", timeout=6)


@pytest.mark.config(FAST)
def test_hung_server_costs_at_most_its_timeout(proxy, app, memcached):
    client = proxy.client()
    poll_until(lambda: client.get("/a").expect(200) and memcached.items(), "an item in memcached")
    memcached.stop()
    for i in range(10):
        begin = time.monotonic()
        check(f"/n{i}", client.get(f"/n{i}").expect())
        assert time.monotonic() - begin < 0.5 * SLOW
    begin = time.monotonic()
    for i in range(50):
        check(f"/m{i}", client.get(f"/m{i}").expect())
    assert time.monotonic() - begin < 1.0 * SLOW, "the breaker is not open"
    memcached.cont()
    poll_until(lambda: hit().search(client.get("/a").expect(200).fields.get("cache-status")), "hits after SIGCONT", timeout=6)


@pytest.mark.workers
@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "stop", "restart"])
@pytest.mark.config("workers: 2\n" + FAST)
def test_fault_under_load_fails_nothing(proxy, app, memcached, load, fault):
    with load(lambda i: f"/{i * 31 % 50}", check) as running:
        running.run_requests(300)
        for _ in range(3):
            if fault == "kill":
                memcached.kill()
                running.run_requests(200)
                memcached.start()
            elif fault == "stop":
                memcached.stop()
                running.run_requests(200)
                memcached.cont()
            else:
                memcached.restart()
            running.run_requests(200)
    running.expect_no_failure()
    assert running.longest_s < 1.0 * SLOW


def flip(reply):
    """One byte of a data block changed."""
    at = len(reply) * 2 // 3
    return reply[:at] + bytes([reply[at] ^ 1]) + reply[at + 1:]


def is_value(reply):
    return reply.startswith((b"VA ", b"VALUE "))


def lie_with(values):
    """Bends replies that carry a value, leaves others alone."""
    return lambda reply: values(reply) if is_value(reply) else reply


def wrong_length(reply):
    line, rest = reply.split(b"\r\n", 1)
    words = line.split(b" ")
    at = 1 if words[0] == b"VA" else 3
    words[at] = b"%d" % (int(words[at]) - 3)
    return b" ".join(words) + b"\r\n" + rest


def shorter(reply):
    """A proper reply whose value is cut."""
    line, rest = reply.split(b"\r\n", 1)
    words = line.split(b" ")
    at = 1 if words[0] == b"VA" else 3
    words[at] = b"%d" % (int(words[at]) - 3)
    return b" ".join(words) + b"\r\n" + rest[:-5] + b"\r\n"


def huge(reply):
    line, rest = reply.split(b"\r\n", 1)
    words = line.split(b" ")
    words[1 if words[0] == b"VA" else 3] = b"99999999999999"
    return b" ".join(words) + b"\r\n" + rest


LIES = {
    "flipped byte": lie_with(flip),
    "wrong length": lie_with(wrong_length),
    "cut value": lie_with(shorter),
    "huge length": lie_with(huge),
    "empty value": lie_with(lambda r: b"VA 0\r\n\r\n"),
    "another's value": lie_with(lambda r: b"VA 5 f0\r\nhello\r\n"),
    "value twice": lie_with(lambda r: r + r),
    "garbage": lambda r: b"\x00\xff garbage \r\n",
    "endless line": lambda r: b"x" * 100_000,
    "ERROR": lambda r: b"ERROR\r\n",
    "CLIENT_ERROR": lambda r: b"CLIENT_ERROR bad\r\n",
    "SERVER_ERROR": lambda r: b"SERVER_ERROR out of memory\r\n",
    "HTTP": lambda r: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "closes": lambda r: None,
    "replies doubled": lambda r: r + r,
    "cut in the middle": lie_with(lambda r: r[:len(r) // 2]),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_lie_is_a_miss(proxy, app, lying_memcached, memcached, lie):
    proxy.start(ONLY_POOL, memcached=lying_memcached.address)
    client = proxy.client()
    for i in range(5):
        check(f"/{i}", client.get(f"/{i}").expect())
    memcached.wait_items(5)
    lying_memcached.bend = lie
    for _ in range(3):
        for i in range(5):
            check(f"/{i}", client.get(f"/{i}").expect())
    lying_memcached.bend = lambda reply: reply

    def hits():
        response = client.get("/0").expect()
        check("/0", response)
        return hit().search(response.fields.get("cache-status"))
    poll_until(hits, "hits once it tells the truth", timeout=6)


@pytest.mark.parametrize("swap", [False, True], ids=["reply of another key", "value under another key"])
def test_value_of_another_key_is_a_miss(proxy, app, lying_memcached, memcached, swap):
    proxy.start(ONLY_POOL, memcached=lying_memcached.address)
    client = proxy.client()
    for target in ("/a", "/b"):
        client.get(target).expect(200)
    memcached.wait_items(2)
    if swap:
        keys = memcached.keys()
        value = memcached.command(f"mg {keys[0]} v").split(b"\r\n", 1)[1][:-2]
        assert memcached.command(f"set {keys[1]} 0 0 {len(value)}", value) == b"STORED\r\n"
    else:
        kept = []

        def lie(reply):
            if is_value(reply):
                kept.append(reply.split(b"\r\n", 1)[1])
                line = reply.split(b"\r\n", 1)[0].split(b" ")
                line[1] = b"%d" % (len(kept[0]) - 2)
                return b" ".join(line) + b"\r\n" + kept[0]
            return reply
        lying_memcached.bend = lie
    for target in ("/a", "/b", "/a", "/b"):
        check(target, client.get(target).expect())


def test_replies_split_at_every_byte_are_read(proxy, app, lying_memcached, memcached):
    proxy.start(ONLY_POOL, memcached=lying_memcached.address)
    lying_memcached.split = True
    client = proxy.client()
    client.get("/a").expect(200)
    memcached.wait_items(1)
    client.get("/a").expect(200, content=content_of("/a"), cache_status=hit())


def test_swallowed_replies_are_misses(proxy, app, lying_memcached):
    proxy.start(FAST, memcached=lying_memcached.address)
    lying_memcached.hang = True
    client = proxy.client()
    for i in range(10):
        check(f"/{i}", client.get(f"/{i}").expect())


def test_garbage_stored_under_our_key_is_a_miss(proxy, app, memcached):
    proxy.start(ONLY_POOL)
    client = proxy.client()
    client.get("/a").expect(200)
    memcached.wait_items(1)
    key = memcached.keys()[0]
    for garbage in (b"", b"x", b"hello" * 100, b"\0" * 64, random.Random(2).randbytes(300)):
        assert memcached.command(f"set {key} 0 0 {len(garbage)}", garbage) == b"STORED\r\n"
        check("/a", client.get("/a").expect())
    memcached.command("flush_all")
    check("/a", client.get("/a").expect())


@pytest.mark.slow
@pytest.mark.workers
def test_random_lies_under_load_give_no_wrong_byte(proxy, app, lying_memcached, load):
    proxy.start("workers: 2\n" + ONLY_POOL, memcached=lying_memcached.address)
    rng = random.Random(3)
    lies = list(LIES.values())

    def lie(reply):
        return rng.choice(lies)(reply) if rng.random() < 0.1 else reply
    lying_memcached.bend = lie
    with load(lambda i: f"/{i * 31 % 20}", check) as running:
        running.run_requests(1500)
    running.expect_no_failure()


def test_slow_write_back_does_not_delay_the_client(proxy, app, memcached):
    proxy.start('memcached: ["{memcached}"]')
    client = proxy.client()
    client.get("/warm").expect(200)
    memcached.stop()
    begin = time.monotonic()
    for i in range(5):
        check(f"/{i}", client.get(f"/{i}").expect())
    assert time.monotonic() - begin < 1.0 * SLOW
