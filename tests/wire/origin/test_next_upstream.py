"""When a request is tried with another peer."""
import pytest

from harness.process import free_port


@pytest.fixture
def pair(proxy, make_origin):
    """pair(config): two peers, the first (asked first) and the second."""
    def start(config=""):
        first, second = make_origin(), make_origin()
        proxy.start(f"""
upstreams:
  app:
    servers: ["{first.address}", {{address: "{second.address}", backup: true}}]
proxy_pass: http://app
{config}
""")
        return first, second
    return start


def test_error_goes_to_the_next_peer(proxy, pair):
    first, second = pair()
    client = proxy.client().get("/a")
    first.receive().reset()
    second.receive().expect("GET /a").reply(content="two")
    client.expect(200, content="two")


def test_timeout_goes_to_the_next_peer(proxy, pair):
    first, second = pair("proxy_read_timeout: 200ms")
    client = proxy.client().get("/a")
    first.receive()
    second.receive().expect("GET /a").reply(content="two")
    client.expect(200, content="two")


@pytest.mark.parametrize("status, word", [(500, "http_500"), (502, "http_502"), (503, "http_503"), (504, "http_504"), (403, "http_403"),
                                          (404, "http_404"), (429, "http_429")])
def test_listed_status_goes_to_the_next_peer(proxy, pair, status, word):
    first, second = pair(f"proxy_next_upstream: [error, {word}]")
    client = proxy.client().get("/a")
    first.receive().reply(status)
    second.receive().expect("GET /a").reply(content="two")
    client.expect(200, content="two")


@pytest.mark.parametrize("status", [500, 502, 503, 404])
def test_status_that_is_not_listed_is_passed(proxy, pair, status):
    first, second = pair()
    client = proxy.client().get("/a")
    first.receive().reply(status, content="one")
    client.expect(status, content="one")
    second.silent()


def test_bad_answer_goes_on_only_when_listed(proxy, pair):
    first, second = pair("proxy_next_upstream: error timeout invalid_header")
    client = proxy.client().get("/a")
    first.receive().reply(raw="garbage\r\n\r\n")
    second.receive().reply(content="two")
    client.expect(200, content="two")


def test_off_never_goes_on(proxy, pair):
    first, second = pair("proxy_next_upstream: off")
    client = proxy.client().get("/a")
    first.receive().reset()
    client.expect(502)
    second.silent()


def test_last_answer_is_given_when_all_fail(proxy, pair):
    first, second = pair("proxy_next_upstream: [error, http_503]")
    client = proxy.client().get("/a")
    first.receive().reply(503, content="one")
    second.receive().reply(503, content="two")
    client.expect(503, content="two")


def test_content_is_sent_again(proxy, pair):
    first, second = pair()
    client = proxy.client().request("PUT", "/a", content="hello")
    first.receive().expect(content="hello").reset()
    second.receive().expect("PUT /a", content="hello").reply(content="two")
    client.expect(200, content="two")


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
def test_method_that_is_not_idempotent_is_not_repeated(proxy, pair, method):
    first, second = pair()
    client = proxy.client().request(method, "/a", content="hello")
    first.receive().reset()
    client.expect(502)
    second.silent()


def test_non_idempotent_allows_it(proxy, pair):
    first, second = pair("proxy_next_upstream: [error, non_idempotent]")
    client = proxy.client().post("/a", "hello")
    first.receive().reset()
    second.receive().expect("POST /a", content="hello").reply(content="two")
    client.expect(200, content="two")


def test_post_that_was_not_sent_goes_on(proxy, make_origin):
    second = make_origin()
    proxy.start(f"""
upstreams:
  app: {{servers: ["127.0.0.1:{free_port()}", {{address: "{second.address}", backup: true}}]}}
proxy_pass: http://app
""")
    client = proxy.client().post("/a", "hello")
    second.receive().expect("POST /a", content="hello").reply(content="two")
    client.expect(200, content="two")


def test_tries_are_bounded(proxy, make_origin):
    peers = [make_origin() for _ in range(3)]
    proxy.start(f"""
upstreams:
  app: {{servers: {[p.address for p in peers]}}}
proxy_pass: http://app
proxy_next_upstream_tries: 2
""")
    for peer in peers:
        peer.serve(lambda request: request.connection.reset())
    proxy.client().get("/a").expect(502)
    assert sum(p.count for p in peers) == 2


def test_time_for_tries_is_bounded(proxy, pair):
    first, second = pair("proxy_read_timeout: 300ms\nproxy_next_upstream_timeout: 100ms")
    client = proxy.client().get("/a")
    first.receive()
    client.expect(504)
    second.silent()


def test_no_other_try_once_the_answer_has_begun(proxy, pair):
    first, second = pair()
    client = proxy.client().get("/a")
    request = first.receive().reply_head(length=10).send("hello")
    client.expect_head(200)
    client.expect_content("hello")
    request.reset()
    client.expect_truncated()
    second.silent()


@pytest.mark.slow
def test_peer_killed_under_load_fails_no_request(proxy, make_origin, load):
    peers = [make_origin() for _ in range(2)]
    for peer in peers:
        peer.serve(lambda request: {"content": request.target})
    proxy.start(f"""
upstreams:
  app: {{servers: {[p.address for p in peers]}}}
proxy_pass: http://app
""")

    def check(target, response):
        assert response.status == 200 and response.content == target.encode(), response
    with load(lambda i: f"/{i}", check) as running:
        running.run_requests(200)
        peers[0].close()
        running.run_requests(500)
    running.expect_no_failure()
