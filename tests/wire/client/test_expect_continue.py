import pytest


def test_continue_is_sent_before_the_content(origin, client):
    client.send_request(client.render("POST", "/a", expect="100-continue", content_length=5), "POST")
    client.expect(100)
    client.send("hello")
    origin.receive().expect("POST /a", content="hello").reply(content="done")
    client.expect(200, content="done")


def test_no_continue_for_http_1_0(origin, client):
    client.send_request(client.render("POST", "/a", version="HTTP/1.0", expect="100-continue", content_length=5), "POST")
    client.expect_open()
    client.send("hello")
    origin.receive().expect("POST /a", content="hello").reply(content="done")
    client.expect(200, content="done")


def test_no_continue_when_the_content_is_there_already(origin, client):
    client.post("/a", "hello", expect="100-continue")
    origin.receive().expect("POST /a", content="hello").reply(content="done")
    response = client.expect_head()
    if response.status == 100:      # allowed, not needed (RFC 9110 section 10.1.1)
        client.expect_head(200)
    client.expect_rest("done")


@pytest.mark.config("client_max_body_size: 10")
def test_no_continue_for_content_that_is_refused(origin, client):
    client.send_request(client.render("POST", "/a", expect="100-continue", content_length=11), "POST")
    client.expect(413)
    client.expect_closed()
    origin.silent()


def test_expect_without_content_waits_for_nothing(origin, client):
    client.get("/a", expect="100-continue")
    origin.receive().expect("GET /a").reply(content="one")
    response = client.expect_head()
    if response.status == 100:
        client.expect_head(200)
    client.expect_rest("one")
