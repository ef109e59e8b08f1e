import pytest


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "REPORT", "PURGE", "M-SEARCH", "SEARCH"])
def test_method_passes(origin, client, method):
    client.request(method, "/a")
    origin.receive().expect(f"{method} /a").reply(content="one")
    client.expect(200, content="one")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS"])
def test_method_passes_with_content(origin, client, method):
    client.request(method, "/a", content="what")
    origin.receive().expect(f"{method} /a", content="what").reply(content="one")
    client.expect(200, content="one")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_method_is_refused(origin, client, method):
    client.send_request(f"{method} {'example.test:80' if method == 'CONNECT' else '/a'} HTTP/1.1\r\nHost: example.test\r\n\r\n")
    client.expect(405)
    origin.silent()


@pytest.mark.parametrize("method", ["FOOBAR", "get"])
def test_unknown_method_passes_or_is_not_implemented(origin, client, method):
    origin.serve(lambda request: {"content": request.method})
    client.request(method, "/a")
    response = client.expect()
    assert (response.status, response.content) == (200, method.encode()) or response.status == 501


def test_options_asterisk_passes(origin, client):
    client.request("OPTIONS", "*")
    origin.receive().expect("OPTIONS *").reply(204)
    client.expect(204)
