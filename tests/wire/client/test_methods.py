import pytest


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "REPORT", "PURGE", "M-SEARCH", "SEARCH", "FOOBAR", "get"])
def test_method_passes(origin, client, method):
    client.request(method, "/a")
    origin.receive().expect(f"{method} /a").reply(content="one")
    client.expect(200, content="one")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY", "M-SEARCH", "PURGE", "FOOBAR", "get", "A!#$%&'*+-.^_`|~"])
def test_method_passes_with_content(origin, client, method, chunked):
    """RFC 9110 section 9.1: methods are tokens, and many are not known here; the origin gets each request once."""
    client.request(method, "/a", content=["wh", "at"], chunked=chunked)
    origin.receive().expect(f"{method} /a", content="what").reply(content="one")
    client.expect(200, content="one")
    origin.silent()


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_method_is_refused(origin, client, method):
    client.send_request(f"{method} {'example.test:80' if method == 'CONNECT' else '/a'} HTTP/1.1\r\nHost: example.test\r\n\r\n")
    client.expect(405)
    origin.silent()


def test_options_asterisk_passes(origin, client):
    client.request("OPTIONS", "*")
    origin.receive().expect("OPTIONS *").reply(204)
    client.expect(204)
