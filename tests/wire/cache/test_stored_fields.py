"""Fields that are stored and given back, and those that are not (RFC 9111 section 3.1)."""
import pytest

from harness.cache_status import hit

GIVEN_BACK = {
    "Test-Header": "1", "X-Test-Header": "1", "Content-Foo": "1", "X-Content-Foo": "1", "Cache-Control": "max-age=2000000000", "Content-Encoding": "zork",
    "Content-Location": "/foo", "Content-MD5": "rL0Y20zC+Fzt72VPzMSk2A==", "Content-Range": "bytes 0-2/10",
    "Content-Security-Policy": "default-src 'self'", "Content-Type": "text/plain;charset=utf-8", "Clear-Site-Data": '"cookies"', "ETag": '"1"',
    "Expires": "Thu, 18 Aug 2050 02:01:18 GMT", "Public-Key-Pins": 'pin-sha256="x"', "Set-Cookie2": "a=b", "X-Frame-Options": "deny",
    "X-XSS-Protection": "1", "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "Date": "Thu, 01 Jan 2026 00:00:00 GMT", "Empty": "",
    "Strict-Transport-Security": "max-age=1", "Retry-After": "5", "Allow": "GET", "Warning": '299 - "x"', "Pragma": "x", "Vary": "Foo",
}


def test_field_is_given_back(tier):
    tier.fill(fields=GIVEN_BACK.items())
    response = tier.get().expect(200, content="one", content_length=3, cache_status=hit())
    for name, value in GIVEN_BACK.items():
        assert response.fields.all(name) == [value], name
    tier.origin.silent()


@pytest.mark.config("proxy_cache_set_cookie: on")
def test_cookies_are_given_back_where_they_are_stored(tier):
    cookies = ["a=1; Path=/", "b=2"]
    tier.fill(cache_control="max-age=60", set_cookie=cookies)
    tier.get().expect(200, content="one", set_cookie=cookies, cache_status=hit())


OF_THE_CONNECTION = ["Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Connection", "TE", "Upgrade"]


def test_fields_of_the_connection_are_not_stored(tier):
    tier.fill(fields=[("Cache-Control", "max-age=60"), *((name, "word") for name in OF_THE_CONNECTION), ("X-End", "1")])
    response = tier.get().expect(200, content="one", x_end="1", cache_status=hit())
    assert [name for name in OF_THE_CONNECTION if name in response.fields] == []


def test_fields_that_connection_names_are_not_stored(tier):
    tier.fill(fields=[("Cache-Control", "max-age=60"), ("Connection", "a, b"), ("A", "1"), ("B", "2"), ("C", "3")])
    tier.get().expect(200, content="one", a=None, b=None, c="3", connection=None, cache_status=hit())


def test_coding_of_the_transfer_is_not_stored(tier):
    tier.fill(content=["a" * 1000, "b" * 70000, "c"], chunked=True, cache_control="max-age=60")
    content = "a" * 1000 + "b" * 70000 + "c"
    tier.get().expect(200, content=content, transfer_encoding=None, content_length=len(content), cache_status=hit())


@pytest.mark.parametrize("fields", [{"upgrade": "word"}, {"connection": "word"}, {"upgrade": "word", "connection": "upgrade"}], ids=str)
def test_words_about_the_connection_disturb_nothing(origin, client, fields):
    for target in ("/a", "/b"):
        client.get(target)
        origin.receive().reply(content="one", cache_control="max-age=60", **fields)
        client.expect(200, content="one", upgrade=None, connection=None)
        client.get(target).expect(200, content="one", upgrade=None, connection=None, cache_status=hit())
    assert len(origin.connections) == 1
