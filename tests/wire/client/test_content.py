import hashlib
import random

import pytest

BIG = random.Random(1).randbytes(3 * 1024 * 1024)


def test_content_with_a_length_reaches_the_origin(origin, client):
    client.post("/a", "hello", content_type="text/plain")
    origin.receive().expect("POST /a", content="hello", content_length=5, transfer_encoding=None, content_type="text/plain").reply(
        content="done")
    client.expect(200, content="done")


def test_chunked_content_reaches_the_origin(origin, client):
    client.request("POST", "/a", content=["hel", "lo"], chunked=True)
    origin.receive().expect("POST /a", content="hello").reply(content="done")
    client.expect(200, content="done")


def test_empty_content_keeps_its_length(origin, client):
    client.post("/a", "")
    origin.receive().expect("POST /a", content="", content_length=0).reply()
    client.expect(200)


@pytest.mark.config("client_max_body_size: 10m")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_three_megabytes_up_arrive_whole(origin, client, chunked):
    parts = [BIG[i:i + 100_000] for i in range(0, len(BIG), 100_000)]
    client.request("PUT", "/a", content=parts, chunked=chunked)
    got = origin.receive().content
    assert hashlib.sha256(got).digest() == hashlib.sha256(BIG).digest()


@pytest.mark.parametrize("how", ["length", "chunked", "until close"])
def test_three_megabytes_down_arrive_whole(origin, client, how):
    client.get("/a")
    parts = [BIG[i:i + 100_000] for i in range(0, len(BIG), 100_000)]
    origin.receive().reply(content=parts, chunked=how == "chunked", length=False if how == "until close" else None)
    got = client.expect(200).content
    assert hashlib.sha256(got).digest() == hashlib.sha256(BIG).digest()
    client.get("/b")
    origin.receive().expect("GET /b").reply()
    client.expect(200)


def test_three_megabytes_from_the_cache_arrive_whole(origin, client):
    client.get("/a")
    origin.receive().reply(content=BIG, cache_control="max-age=60")
    client.expect(200)
    client.get("/a")
    got = client.expect(200, content_length=len(BIG)).content
    assert hashlib.sha256(got).digest() == hashlib.sha256(BIG).digest()
    origin.silent()


def test_several_buffers_of_content_each_way(origin, client):
    origin.serve(lambda request: {"content": request.content[::-1]})
    for size in (1, 4095, 4096, 4097, 16384, 65535, 65537, 200_000):
        data = BIG[:size]
        client.request("POST", "/a", content=data)
        client.expect(200, content=data[::-1])


def test_content_is_streamed_to_the_origin_as_it_comes(origin, client):
    client.send(client.render("POST", "/a", fields=[("Content-Length", "6")]) + b"one")
    request = origin.receive_head().expect("POST /a").wait_content(b"one")
    client.send("two")
    request.wait_complete().expect(content="onetwo").reply()
    client.expect(200)


def test_client_that_leaves_in_the_middle_of_its_content_does_not_complete_it(origin, client):
    client.send(client.render("POST", "/a", fields=[("Transfer-Encoding", "chunked")]) + b"3\r\none\r\n")
    request = origin.receive_head().wait_content(b"one")
    client.close()
    request.wait_broken()


def test_content_behind_a_hit_is_not_the_next_request(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    smuggled = client.render("GET", "/smuggled")
    origin.serve(lambda request: dict(content=request.target))
    client.request("GET", "/a", content=smuggled).expect(200)
    client.get("/b").expect(200, content="/b")
    client.expect_open()
    assert origin.count <= 3        # a request with content may be forwarded


def test_early_answer_of_the_origin_does_not_reuse_its_connection(origin, make_origin, proxy):
    late = make_origin(read_content=False)
    proxy.start(f"proxy_pass: http://{late.address}")
    client = proxy.client()
    client.send_request(client.render("POST", "/a", fields=[("Content-Length", "1000000")]) + b"x" * 1000, "POST")
    late.receive_head().reply(401, content="no")
    client.expect(401, content="no")
    assert len(late.connections) == 1
    other = proxy.client().get("/b")
    late.receive_head().expect("GET /b").reply(content="yes")
    other.expect(200, content="yes")
    assert len(late.connections) == 2


def test_content_cut_by_the_client_is_never_completed_at_the_origin(origin, client):
    client.send(client.render("POST", "/a", fields=[("Content-Length", "10")]) + b"12345")
    client.half_close()
    raw, _ = client.drain()
    assert raw == b"" or raw.startswith(b"HTTP/1.1 400"), raw
    assert origin.count == 0 or origin.receive_head().wait_broken()
