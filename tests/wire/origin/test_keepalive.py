import pytest

from harness.deadline import poll_until


def test_connection_is_reused(origin, proxy):
    for i in range(5):
        client = proxy.client().get(f"/{i}")
        origin.receive().reply(content="one")
        client.expect(200, content="one")
    assert len(origin.connections) == 1


@pytest.mark.parametrize("answer", [dict(content=""), dict(chunked=True, content=["a"]), dict(chunked=True, content=[]), dict(status=304),
                                    dict(status=204), dict(status=404, content="x"), dict(content=b"x" * 200_000)],
                         ids=["empty", "chunked", "chunked without content", "304", "204", "404", "large"])
def test_connection_is_reused_after(origin, client, answer):
    client.get("/a", if_none_match='"x"')
    origin.receive().reply(**answer)
    client.expect(answer.get("status", 200))
    client.get("/b")
    origin.receive().reply()
    client.expect(200)
    assert len(origin.connections) == 1


@pytest.mark.parametrize("answer", [dict(connection="close", content="x"), dict(version="HTTP/1.0", content="x"), dict(length=False, content="x")],
                         ids=["Connection: close", "HTTP/1.0", "until close"])
def test_connection_is_not_reused_after(origin, client, answer):
    client.get("/a")
    first = origin.receive().reply(**answer)
    client.expect(200, content="x")
    client.get("/b")
    second = origin.receive()
    assert second.connection is not first.connection
    second.reply()
    client.expect(200)
    first.connection.wait_ended()


def test_connection_is_not_reused_after_an_aborted_response(origin, proxy):
    client = proxy.client().get("/a")
    first = origin.receive().reply_head(length=1_000_000).send("x" * 1000)
    client.expect_head(200)
    client.close()
    first.connection.wait_ended()
    other = proxy.client().get("/b")
    origin.receive().reply(content="two")
    other.expect(200, content="two")


def test_connection_that_the_origin_closed_is_replaced(origin, client):
    for i in range(20):
        client.get(f"/{i}")
        origin.receive().expect(f"GET /{i}").reply(content="one", close=True)
        client.expect(200, content="one")


def test_post_after_the_origin_closed_its_idle_connection(origin, client):
    client.get("/a")
    origin.receive().reply()
    client.expect(200)
    origin.close_idle()
    client.post("/b", "hello")
    origin.receive().expect("POST /b", content="hello").reply(content="done")
    client.expect(200, content="done")


@pytest.mark.parametrize("method, content", [("GET", None), ("HEAD", None), ("PUT", "hello"), ("DELETE", None), ("OPTIONS", None)])
def test_stale_connection_is_retried_when_idempotent(proxy, origin, client, method, content):
    proxy.start("proxy_cache: off")
    client.get("/a")
    first = origin.receive().reply()
    client.expect(200)
    client.request(method, "/b", content=content)
    second = origin.receive().expect(f"{method} /b")
    assert second.connection is first.connection
    second.close()
    third = origin.receive().expect(f"{method} /b", content=content or "")
    assert third.connection is not first.connection
    third.reply(x_third="1")
    client.expect(200, x_third="1")


def test_stale_connection_that_was_reset_is_retried(origin, client):
    client.get("/a")
    origin.receive().reply()
    client.expect(200)
    client.get("/b")
    origin.receive().reset()
    origin.receive().expect("GET /b").reply(content="two")
    client.expect(200, content="two")


def test_post_that_was_sent_is_not_repeated(origin, client):
    client.get("/a")
    origin.receive().reply()
    client.expect(200)
    client.post("/b", "hello")
    origin.receive().expect("POST /b").close()
    client.expect(502)
    origin.silent()


def test_stale_retry_is_no_failure_of_the_peer(origin, client):
    for i in range(5):
        client.get(f"/{i}")
        request = origin.receive()
        if i:
            request.close()
            request = origin.receive()
        request.reply(content="one")
        client.expect(200, content="one")


def test_request_on_a_fresh_connection_is_not_repeated_to_the_only_peer(origin, client):
    client.get("/a")
    origin.receive().close()
    client.expect(502)
    origin.silent()


@pytest.mark.config("""
upstreams:
  app: {servers: ["{origin}"], keepalive: 2, keepalive_requests: 2}
proxy_pass: http://app
""")
def test_requests_on_one_connection_are_bounded(origin, client):
    for i in range(4):
        client.get(f"/{i}")
        origin.receive().reply()
        client.expect(200)
    assert len(origin.connections) == 2


@pytest.mark.config("""
upstreams:
  app: {servers: ["{origin}"], keepalive: 2}
proxy_pass: http://app
""")
def test_idle_connections_are_bounded(origin, proxy):
    clients = [proxy.client().get(f"/{i}") for i in range(5)]
    requests = [origin.receive() for _ in clients]
    for request in requests:
        request.reply()
    for client in clients:
        client.expect(200)
    assert len(origin.connections) == 5
    poll_until(lambda: len(origin.open_connections()) <= 2, "the connections beyond two to be closed")
    assert len(origin.open_connections()) == 2


@pytest.mark.config("""
upstreams:
  app: {servers: ["{origin}"], keepalive_timeout: 100ms}
proxy_pass: http://app
""")
def test_idle_connection_is_closed_in_time(origin, client):
    client.get("/a")
    request = origin.receive().reply()
    client.expect(200)
    request.connection.wait_ended()


def test_origin_that_keeps_its_connections_for_no_time_gets_each_request_on_a_new_one(origin, client):
    """RFC 9112 section 9.3: Keep-Alive says how long."""
    for i in range(3):
        client.get(f"/{i}")
        request = origin.receive().reply(keep_alive="timeout=0, max=100")
        client.expect(200, keep_alive=None)
        request.connection.wait_ended()
    assert len(origin.connections) == 3


@pytest.mark.slow
def test_idle_connection_is_closed_before_the_origin_would(origin, client):
    client.get("/a")
    request = origin.receive().reply(keep_alive="max=5, timeout=1")
    client.expect(200)
    request.connection.wait_ended()


@pytest.mark.parametrize("keep_alive", ["timeout=100", "max=100", "timeout=x", "timeout"])
def test_keep_alive_that_says_nothing_shorter_changes_nothing(origin, client, keep_alive):
    for i in range(3):
        client.get(f"/{i}")
        origin.receive().reply(keep_alive=keep_alive)
        client.expect(200)
    assert len(origin.connections) == 1


@pytest.mark.slow
def test_no_request_fails_before_an_origin_that_closes_after_each_answer(origin, proxy, load):
    def answer(request):
        request.reply(content=request.target)
        request.connection.close()
    origin.serve(answer)

    def check(target, response):
        assert response.status == 200 and response.content == target.encode(), response
    with load(lambda i: f"/{i}", check, threads=2) as running:
        running.run_requests(1000)
    running.expect_no_failure()
