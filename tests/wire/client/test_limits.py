import pytest


def test_request_line_up_to_the_limit_passes(origin, client):
    target = "/" + "a" * 8000
    client.get(target)
    origin.receive().expect(f"GET {target}").reply()
    client.expect(200)


def test_request_line_beyond_the_limit(origin, client):
    client.get("/" + "a" * 8200)
    client.expect(414)
    client.expect_closed()
    origin.silent()


def test_endless_request_line(origin, client):
    client.send("GET /" + "a" * 100_000)
    client.expect(414)


def test_field_up_to_the_limit_passes(origin, client):
    client.get("/a", x="v" * 8000)
    origin.receive().expect(x="v" * 8000).reply()
    client.expect(200)


def test_head_beyond_the_limit(origin, client):
    client.get("/a", fields=[(f"X-{i}", "v" * 4000) for i in range(9)])
    client.expect(431)
    client.expect_closed()
    origin.silent()


def test_endless_field(origin, client):
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nX: " + "v" * 100_000)
    client.expect(431)
    origin.silent()


def test_fields_up_to_the_limit_pass(origin, client):
    client.get("/a", fields=[(f"X-{i}", "v") for i in range(95)])
    origin.receive().expect(x_94="v").reply()
    client.expect(200)


def test_fields_beyond_the_limit(origin, client):
    client.get("/a", fields=[(f"X-{i}", "v") for i in range(101)])
    client.expect(431)
    client.expect_closed()
    origin.silent()


def test_limits_count_anew_for_each_request(origin, client):
    origin.serve(lambda request: {})
    for _ in range(4):
        client.get("/a", fields=[(f"X-{i}", "v" * 300) for i in range(90)]).expect(200)


@pytest.mark.config("large_client_header_buffers: 4 1k")
def test_large_client_header_buffers_bounds_lines(origin, proxy):
    client = proxy.client().get("/" + "a" * 1100)
    client.expect(414)
    client = proxy.client().get("/a", x="v" * 1100)
    client.expect(431)
    client = proxy.client().get("/" + "a" * 900, x="v" * 900)
    origin.receive().reply()
    client.expect(200)


@pytest.mark.config("client_max_body_size: 10")
def test_content_up_to_the_limit_passes(origin, client):
    client.post("/a", "x" * 10)
    origin.receive().expect(content="x" * 10).reply()
    client.expect(200)
    client.request("POST", "/a", content=["x" * 5, "y" * 5], chunked=True)
    origin.receive().expect(content="xxxxxyyyyy").reply()
    client.expect(200)


@pytest.mark.config("client_max_body_size: 10")
def test_content_length_beyond_the_limit(origin, client):
    client.post("/a", "x" * 11).expect(413)
    client.expect_closed()
    origin.silent()


@pytest.mark.config("client_max_body_size: 10")
def test_chunked_content_beyond_the_limit(origin, client):
    client.request("POST", "/a", content=["x" * 5, "y" * 5, "z"], chunked=True)
    client.expect(413)
    client.expect_closed()
    if origin.count:
        origin.receive_head().wait_broken()


def test_default_content_limit_is_one_megabyte(origin, client):
    client.post("/a", b"x" * (1024 * 1024 + 1)).expect(413)
    client.expect_closed()


@pytest.mark.config("client_max_body_size: 0")
def test_zero_means_no_limit(origin, client):
    client.post("/a", "x" * 2_000_000)
    assert len(origin.receive().content) == 2_000_000


def test_chunk_extensions_are_bounded(origin, client):
    client.send_request(client.render("POST", "/a", fields=[("Transfer-Encoding", "chunked")]))
    try:
        client.send(b"1;x=" + b"y" * 40_000 + b"\r\na\r\n0\r\n\r\n")
    except OSError:
        pass
    response = client.expect()
    assert response.status in (400, 413), response
    if origin.count:
        origin.receive_head().wait_broken()


def test_trailers_are_bounded(origin, client):
    client.send_request(client.render("POST", "/a", fields=[("Transfer-Encoding", "chunked")]) + b"1\r\na\r\n0\r\n")
    try:
        client.send(b"".join(b"X-%d: %s\r\n" % (i, b"v" * 1000) for i in range(20)) + b"\r\n")
    except OSError:
        pass
    response = client.expect()
    assert response.status in (400, 431), response
    if origin.count:
        origin.receive_head().wait_broken()


def test_empty_lines_before_a_request_are_bounded(origin, client):
    client.send("\r\n" * 40)
    client.get("/a").expect(400)
    client.expect_closed()
    origin.silent()
