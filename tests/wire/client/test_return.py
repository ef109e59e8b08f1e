import pytest


@pytest.mark.config('return: "200 hello $host $request_method"')
def test_text_with_variables(client):
    client.get("/a").expect(200, content="hello example.test GET", content_length=22)


@pytest.mark.config("return: 404")
def test_bare_status(client):
    client.get("/a").expect(404)
    client.get("/b").expect(404)


@pytest.mark.config("return: 204")
def test_status_without_content(client):
    client.get("/a").expect(204, content="", content_length=None)
    client.get("/a").expect(204)


@pytest.mark.config('return: "301 https://$host$request_uri"')
def test_redirect(client):
    client.get("/a?b=c").expect(301, location="https://example.test/a?b=c")


@pytest.mark.config('return: "200 hello"')
def test_content_of_the_request_is_drained(client):
    client.post("/a", "x" * 50_000).expect(200, content="hello")
    client.get("/b").expect(200, content="hello")
    client.request("PUT", "/a", content=["x" * 1000] * 20, chunked=True).expect(200, content="hello")
    client.get("/b").expect(200, content="hello")
