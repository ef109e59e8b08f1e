"""The same values, the same requests, an nginx with memcached_pass beside mcproxy: the same responses."""
import gzip

import pytest

# What each says of itself and of the time, and of its connection.
OWN = {"server", "date", "connection", "cache-status", "via"}


def shown(response):
    own = OWN | ({"accept-ranges"} if response.status == 206 else set())    # nginx says it of the whole alone
    fields = sorted((name.lower(), value) for name, value in response.fields if name.lower() not in own)
    return response.status, fields, response.content


def assert_same(pair):
    assert shown(pair[0]) == shown(pair[1])
    return pair[0]


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 65536, 1_000_000])
def test_value(both, app, size):
    value = bytes(i * 7 % 251 for i in range(size))
    app.set("/a", value, noreply=False)
    for method in "GET", "HEAD", "GET":
        response = assert_same(both(method, "/a"))
        assert response.status == 200 and response.content == (b"" if method == "HEAD" else value)
        assert response.fields.get("content-length") == str(size)


# Keys as they stand in memcached, and the targets that lead to them. Arguments are used as they came.
KEYS = [
    ("/plain", "/plain"),
    ("/q?a=1&b=%252F", "/q?a=1&b=%2F"),
    ("/with%20space", "/with%20space"),
    ("/percent%25", "/percent%25"),
    ("/percent%2541", "/percent%2541"),
    ("/plus+", "/plus+"),
    ("/umlaut-\u00e4\u20ac", "/umlaut-%C3%A4%E2%82%AC"),
    ('/quote"<>{}|^`\\', "/quote%22%3C%3E%7B%7D%7C%5E%60%5C"),
    ("/a/b", "/x/../a/./b"),
    ("/slash/b", "/slash%2Fb"),
    ("/mark?b=1", "/mark%3Fb=1"),
    ("/tilde~-._", "/tilde%7E%2D%2E%5F"),
    ("/hash#x", "/hash%23x"),
    ("/" + "l" * 249, "/" + "l" * 249),
    ("/%20" + "l" * 246, "/%20" + "l" * 246),
]


@pytest.mark.parametrize("key, target", KEYS, ids=range(len(KEYS)))
def test_key(both, app, key, target):
    app.set(key.encode(), b"value of it", noreply=False)
    assert assert_same(both("GET", target)).content == b"value of it"


@pytest.mark.parametrize("fields", [
    {"range": "bytes=0-1", "if_range": '"x"'},
    {"range": "lines=0-1"},
    {"if_none_match": '"x"'},
    {"if_none_match": "*"},
    {"if_match": '"x"'},
    {"if_modified_since": "Thu, 01 Jan 2037 00:00:00 GMT"},
    {"if_unmodified_since": "Thu, 01 Jan 1990 00:00:00 GMT"},
    {"accept_encoding": "gzip"},
    {"cache_control": "no-cache"},
    {"cookie": "a=b"},
    {"authorization": "Basic eA=="},
], ids=str)
def test_request_fields_do_not_matter(both, app, fields):
    app.set("/a", b"hello", noreply=False)
    assert assert_same(both("GET", "/a", **fields)).content == b"hello"


@pytest.mark.parametrize("flags", [0, 1, 2, 3, 4, 6, 65535, 2**32 - 1])
@pytest.mark.parametrize("accept", [None, "gzip"])
def test_gzip_flag(both, app, flags, accept):
    value = gzip.compress(b"hello" * 100)
    app.set("/a", value, flags=flags, noreply=False)
    response = assert_same(both("GET", "/a", **({"accept_encoding": accept} if accept else {})))
    assert response.fields.get("content-encoding") == ("gzip" if flags & 2 else None)
    assert response.content == value


@pytest.mark.parametrize("field", ["bytes=0-1", "bytes=2-", "bytes=-1", "bytes=0-0", "bytes=3-99"])
def test_range(both, app, field):
    app.set("/a", b"hello", noreply=False)
    assert assert_same(both("GET", "/a", range=field)).status == 206


def test_range_behind_the_end(both, app):
    app.set("/a", b"hello", noreply=False)
    ours, theirs = both("GET", "/a", range="bytes=5-")
    assert ours.status == theirs.status == 416
    assert ours.fields.get("content-range") == theirs.fields.get("content-range") == "bytes */5"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(both, app, method):
    app.set("/a", b"hello", noreply=False)
    ours, theirs = both(method, "/a", content=b"")
    assert ours.status == theirs.status == 405


def test_miss(both):
    for method in "GET", "HEAD":
        ours, theirs = both(method, "/nothing")
        assert ours.status == theirs.status == 404
