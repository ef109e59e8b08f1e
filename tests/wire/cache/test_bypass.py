import pytest

from harness.cache_status import STORED, forwarded, hit, refused


@pytest.mark.config("proxy_cache_bypass: [$http_x_bypass, $cookie_nocache]")
def test_bypass_fetches_and_refreshes_the_entry(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    client.get("/a", x_bypass="1")
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two", cache_status=forwarded("bypass"))
    client.get("/a", x_bypass="0").expect(200, content="two", cache_status=hit())
    client.get("/a", cookie="x=y; nocache=yes")
    origin.receive().reply(content="three", cache_control="max-age=60")
    client.expect(200, content="three")
    client.get("/a").expect(200, content="three", cache_status=hit())


@pytest.mark.config("proxy_cache_bypass: $http_x_bypass")
def test_error_after_a_bypass_keeps_the_entry(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    client.get("/a", x_bypass="1")
    origin.receive().reply(500, content="down")
    client.expect(500, content="down")
    client.get("/a").expect(200, content="one", cache_status=hit())


@pytest.mark.config("proxy_no_cache: $http_x_private")
def test_no_cache_does_not_store(origin, client):
    client.get("/a", x_private="1")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200, cache_status=refused("proxy_no_cache"))
    client.get("/a")
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a", x_private="1").expect(200, content="two", cache_status=hit())


@pytest.mark.config("proxy_cache_min_uses: 3")
def test_min_uses_stores_from_the_third_on(origin, client):
    for status in [refused("min_uses"), refused("min_uses"), STORED]:
        client.get("/a")
        origin.receive().reply(content="one", cache_control="max-age=60")
        client.expect(200, cache_status=status)
    client.get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


REQUEST_CONTROL = {
    "no-cache": "no-cache",
    "max-age=0": "max-age=0",
    "max-age below its age": "max-age=10",
    "min-fresh beyond its rest": "min-fresh=50",
}


@pytest.mark.parametrize("control", REQUEST_CONTROL.values(), ids=REQUEST_CONTROL.keys())
def test_request_that_wants_a_fresher_one_is_forwarded(origin, client, control):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", age=20, etag='"1"')
    client.expect(200)
    client.get("/a", cache_control=control)
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="two", cache_status=hit())


def test_no_cache_of_a_request_validates(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", etag='"1"')
    client.expect(200)
    client.get("/a", cache_control="no-cache")
    origin.receive().expect(if_none_match='"1"').reply(304, etag='"1"', cache_control="max-age=60")
    client.expect(200, content="one")


def test_pragma_beside_cache_control_is_ignored(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    client.get("/a", pragma="no-cache", cache_control="max-age=1000").expect(200, content="one", cache_status=hit())


@pytest.mark.parametrize("fields", [{"pragma": "no-cache"}, {"cache_control": "no-cache"}], ids=["Pragma", "Cache-Control"])
def test_pragma_alone_is_no_cache(origin, client, fields):
    """RFC 9111 section 5.4."""
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", last_modified="Thu, 01 Jan 2026 00:00:00 GMT")
    client.expect(200)
    client.get("/a", pragma="unknown").expect(200, content="one", cache_status=hit())
    client.get("/a", **fields)
    origin.receive().expect(if_modified_since="Thu, 01 Jan 2026 00:00:00 GMT").reply(304)
    client.expect(200, content="one")
