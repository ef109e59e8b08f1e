"""Concurrent misses of one key make one request to the origin (over all workers), and all are served from it as it arrives."""
import pytest

from harness.cache_status import COLLAPSED, hit
from harness.deadline import poll_until

pytestmark = [pytest.mark.workers, pytest.mark.config("workers: 2")]


def ask_together(proxy, origin, count=20, target="/a", **fields):
    """That many clients, all waiting; the one request at the origin."""
    clients = [proxy.client().get(target, **fields) for _ in range(count)]
    request = origin.receive()
    origin.silent()
    return clients, request


def test_misses_together_make_one_request(proxy, origin):
    clients, request = ask_together(proxy, origin, 40)
    request.reply(content="one", cache_control="max-age=60")
    statuses = [c.expect(200, content="one").fields.get("cache-status") for c in clients]
    assert origin.count == 1
    alone = [s for s in statuses if not COLLAPSED.search(s) and not hit().search(s)]
    assert len(alone) == 1, statuses


def test_those_who_join_get_the_same_fields(proxy, origin):
    clients, request = ask_together(proxy, origin, 20)
    request.reply(raw="HTTP/1.1 200 OK\r\nContent-Length: 3\r\nCache-Control: max-age=60\r\nX-A: 1\r\nX-B: 2\r\n\r\none")
    for client in clients:
        client.expect(200, content="one", content_length=3, cache_control=["max-age=60"], x_a=["1"], x_b=["2"])


def test_those_who_join_read_along_as_it_arrives(proxy, origin):
    clients, request = ask_together(proxy, origin)
    request.reply_head(chunked=True, cache_control="max-age=60")
    for client in clients:
        client.expect_head(200)
    for piece in ("first", "second", "third"):
        request.chunk(piece)
        for client in clients:
            client.expect_content(piece)
    request.last_chunk()
    for client in clients:
        client.expect_rest("")


def test_one_that_joins_in_the_middle_gets_it_from_the_beginning(proxy, origin):
    clients, request = ask_together(proxy, origin, 2)
    request.reply_head(length=11, cache_control="max-age=60").send("hello ")
    for client in clients:
        client.expect_head(200)
        client.expect_content("hello ")
    for _ in range(6):
        late = proxy.client().get("/a")
        late.expect_head(200)
        late.expect_content("hello ")
        clients.append(late)
    origin.silent()
    request.send("world")
    for client in clients:
        client.expect_rest("world")
    proxy.client().get("/a").expect(200, content="hello world", cache_status=hit())


@pytest.mark.parametrize("fields", [dict(cache_control="private"), dict(cache_control="no-store"), dict(cache_control="max-age=60", set_cookie="a=1"),
                                    dict(), dict(cache_control="max-age=60", vary="*")], ids=["private", "no-store", "Set-Cookie", "no freshness", "Vary *"])
def test_response_that_may_not_be_shared_releases_all_at_once(proxy, origin, fields):
    clients, request = ask_together(proxy, origin, 8)
    request.reply_head(length=6, **fields)
    others = [origin.receive() for _ in range(7)]       # all at once: none is answered yet
    request.send("leader")
    for i, other in enumerate(others):
        other.reply(content=f"own {i}", **fields)
    contents = sorted(c.expect(200).content for c in clients)
    assert contents == sorted([b"leader"] + [b"own %d" % i for i in range(7)])


def test_key_that_is_not_shared_is_remembered(proxy, origin):
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="private")
    client.expect(200)
    clients = [proxy.client().get("/a") for _ in range(6)]
    requests = [origin.receive() for _ in clients]
    for request in requests:
        request.reply(content="own", cache_control="private")
    for client in clients:
        client.expect(200, content="own")


def test_remembered_key_becomes_shared_again(proxy, origin):
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="private")
    client.expect(200)
    client.get("/a")
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200)
    proxy.client().get("/a").expect(200, content="two", cache_status=hit())


def test_different_keys_do_not_wait_for_each_other(proxy, origin):
    first = proxy.client().get("/a")
    held = origin.receive().expect("GET /a")
    second = proxy.client().get("/b")
    origin.receive().expect("GET /b").reply(content="two")
    second.expect(200, content="two")
    held.reply(content="one")
    first.expect(200, content="one")


def test_variants_do_not_get_each_others_response(proxy, origin):
    clients = [proxy.client().get("/a", foo=i) for i in range(4)]

    def answer(request):
        return dict(content=request.fields.get("foo"), cache_control="max-age=60", vary="Foo")
    first = origin.receive()
    origin.serve(answer)
    first.reply(**answer(first))
    for i, client in enumerate(clients):
        client.expect(200, content=str(i))


def test_leader_that_leaves_does_not_end_the_fetch(proxy, origin):
    leader = proxy.client().get("/a")
    request = origin.receive()
    joined = [proxy.client().get("/a") for _ in range(5)]
    origin.silent()
    leader.close(reset=True)
    request.reply(content="one", cache_control="max-age=60")
    for client in joined:
        client.expect(200, content="one")
    assert origin.count == 1


def test_joiner_that_leaves_harms_nobody(proxy, origin):
    clients, request = ask_together(proxy, origin, 10)
    request.reply_head(length=10, cache_control="max-age=60").send("01234")
    for client in clients:
        client.expect_head(200)
    for client in clients[::2]:
        client.close(reset=True)
    request.send("56789")
    for client in clients[1::2]:
        client.expect_rest("0123456789")


def test_error_is_given_to_all_or_each_asks_alone(proxy, origin):
    clients, request = ask_together(proxy, origin, 5)
    origin.serve(lambda r: r.connection.reset())
    request.reset()
    for client in clients:
        client.expect(502)


def test_requests_with_content_are_not_collapsed(proxy, origin):
    clients = [proxy.client().post("/a", "x") for _ in range(4)]
    for request in [origin.receive() for _ in clients]:
        request.reply(content="own", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="own")


def test_head_joins_or_asks_alone_but_brings_no_content(proxy, origin):
    get = proxy.client().get("/a")
    request = origin.receive().expect("GET /a")
    head = proxy.client().head("/a")
    origin.serve(lambda r: dict(content="hello", cache_control="max-age=60"))
    request.reply(content="hello", cache_control="max-age=60")
    get.expect(200, content="hello")
    head.expect(200, content="", content_length=5)


@pytest.mark.config("workers: 2\nproxy_cache_lock: off")
def test_lock_off_lets_each_ask(proxy, origin):
    clients = [proxy.client().get("/a") for _ in range(4)]
    for request in [origin.receive() for _ in clients]:
        request.reply(content="one", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="one")


@pytest.mark.config("workers: 2\nproxy_cache_lock_timeout: 200ms")
def test_lock_timeout_lets_those_who_wait_fetch_without_storing(proxy, origin):
    first = proxy.client().get("/a")
    held = origin.receive()
    second = proxy.client().get("/a")
    origin.receive().reply(content="impatient", cache_control="max-age=60")
    second.expect(200, content="impatient")
    held.reply(content="one", cache_control="max-age=60")
    first.expect(200, content="one")
    proxy.client().get("/a").expect(200, content="one", cache_status=hit())


@pytest.mark.config("proxy_cache_lock_age: 300ms\nproxy_cache_lock_timeout: 30s")
def test_lock_age_lets_one_more_fetch(proxy, origin):
    clients = [proxy.client().get("/a")]
    first = origin.receive()
    poll_until(lambda: clients.append(proxy.client().get("/a")) or origin.count == 2, "a second fetch")
    origin.receive().reply(content="two", cache_control="max-age=60")
    first.reply(content="one", cache_control="max-age=60")
    for client in clients:
        assert client.expect(200).content in (b"one", b"two")
    assert origin.count == 2


def test_expired_entry_is_fetched_once(proxy, origin):
    client = proxy.client().get("/a")
    origin.receive().reply(content="old", cache_control="max-age=60, must-revalidate", age=60, etag='"1"')
    client.expect(200)
    clients, request = ask_together(proxy, origin, 10)
    request.expect(if_none_match='"1"').reply(304, cache_control="max-age=60", etag='"1"')
    for client in clients:
        client.expect(200, content="old")
    proxy.client().get("/a").expect(200, content="old", cache_status=hit())


@pytest.mark.slow
def test_thousand_misses_of_one_key_are_one_request(proxy, origin):
    proxy.start("workers: 2\nworker_connections: 4096")
    clients, request = ask_together(proxy, origin, 1000)
    request.reply(content="x" * 20_000, cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="x" * 20_000)
    assert origin.count == 1
