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
