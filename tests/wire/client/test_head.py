import pytest

pytestmark = pytest.mark.config("proxy_cache: off")      # the cache asks for the whole instead


def test_head_goes_to_the_origin_and_brings_its_fields(origin, client):
    client.head("/a")
    origin.receive().expect("HEAD /a").reply(length=1000, content_type="text/x")
    client.expect(200, content="", content_length=1000, content_type="text/x")
    client.get("/b")
    origin.receive().expect("GET /b").reply(content="two")
    client.expect(200, content="two")


def test_content_that_an_origin_sends_to_head_is_dropped(origin, client):
    client.head("/a")
    origin.receive().reply(raw="HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    client.expect(200, content="", content_length=5)
    client.get("/b")
    origin.receive().expect("GET /b").reply(content="two")
    client.expect(200, content="two")
    client.expect_open()


def test_head_of_a_chunked_answer_has_no_content(origin, client):
    client.head("/a")
    origin.receive().reply(chunked=True)
    client.expect(200, content="")
    client.get("/b")
    origin.receive().expect("GET /b").reply(content="two")
    client.expect(200, content="two")


def test_head_of_an_own_answer_has_no_content(proxy, client):
    proxy.start('return: "404 nothing"')
    client.head("/a").expect(404, content="")
    client.head("/a").expect(404, content="")
