"""memcached_pass and proxy_pass in one location: what is not found, or cannot be asked for, is the app's."""
import re

import pytest

from harness.cache_status import hit
from harness.process import free_port

CONFIG = """
memcached_pass: "{memcached}"
memcached_key: $uri$is_args$args
default_type: text/html
log_format: {keys: "$memcached_key $upstream_cache_status $upstream_addr $upstream_status"}
access_log: {path: "{dir}/access.log", format: keys}
"""
pytestmark = pytest.mark.config(CONFIG)


def test_found(proxy, origin, client, app):
    app.set("/a", b"from the app's own hand", noreply=False)
    client.get("/a").expect(200, content="from the app's own hand", content_type="text/html", cache_status=hit(), age=None, via=None)
    origin.silent()
    proxy.counted(cache_hit=1)
    assert proxy.access_log() == [f"/a HIT {proxy.values['memcached']} 200"]


def test_not_found(proxy, origin, client, memcached):
    client.get("/a?b=%20", cookie="c=1", range="bytes=1-1")
    origin.receive().expect("GET /a?b=%20", cookie="c=1", range="bytes=1-1").reply(content="from the app", content_type="text/x", set_cookie="d=1")
    client.expect(200, content="from the app", content_type="text/x", set_cookie="d=1")
    assert re.fullmatch(rf"/a\?b=%20 MISS {memcached.address}, [0-9.:]+ 404, 200", proxy.access_log()[0])
    assert memcached.items() == 0


def test_the_answer_of_the_app_is_not_stored(proxy, origin, client, memcached):
    for content in "one", "two":
        client.get("/a")
        origin.receive().reply(content=content, cache_control="max-age=60")
        client.expect(200, content=content)
    assert memcached.items() == 0


def test_too_long_a_key_is_never_asked_for(proxy, origin, client, memcached):
    for target in "/" + "x" * 250, "/" + "%20" * 84, "/" + "x" * 5000:
        client.get(target)
        origin.receive().expect(f"GET {target}").reply(content="from the app")
        client.expect(200, content="from the app")
    assert memcached.stats()["cmd_get"] == "0"


@pytest.mark.config(CONFIG.replace("$uri$is_args$args", "$http_x"))
def test_an_empty_key_is_a_miss(proxy, origin, client, memcached):
    client.get("/a")
    origin.receive().reply(content="from the app")
    client.expect(200, content="from the app")
    assert memcached.stats()["cmd_get"] == "0"


def test_other_methods_and_content_are_for_the_app(proxy, origin, client, app):
    app.set("/a", b"raw", noreply=False)
    for method in "POST", "PUT", "DELETE", "OPTIONS", "GET":
        client.request(method, "/a", content="some")
        origin.receive().expect(f"{method} /a", content="some").reply(content="from the app")
        client.expect(200, content="from the app")


def test_upgrade_is_for_the_app(proxy, origin, client, app):
    app.set("/a", b"raw", noreply=False)
    client.get("/a", connection="upgrade", upgrade="websocket")
    origin.receive().expect("GET /a", upgrade="websocket").reply(content="not today")
    client.expect(200, content="not today")


def test_head(proxy, origin, client, app):
    client.head("/a")
    origin.receive().expect("HEAD /a").reply(length=12)
    client.expect(200, content_length=12)
    app.set("/a", b"raw", noreply=False)
    client.head("/a").expect(200, content_length=3)
    client.get("/a").expect(200, content="raw")


def test_head_of_a_big_value_then_get_on_the_same_connection(proxy, client, app):
    big = b"0123456789" * 100_000
    app.set("/big", big, noreply=False)
    client.pipeline(("HEAD", "/big"), ("GET", "/big"), ("HEAD", "/big"), ("GET", "/big"))
    for method in "HEAD", "GET", "HEAD", "GET":
        client.expect(200, content=b"" if method == "HEAD" else big, content_length=len(big))


@pytest.mark.config(CONFIG.replace('"{memcached}"', f'"127.0.0.1:{free_port()}"'))
def test_memcached_is_down(proxy, origin, client):
    for _ in range(5):
        client.get("/a")
        origin.receive().reply(content="from the app")
        client.expect(200, content="from the app")


def test_memcached_hangs_and_comes_back(proxy, origin, client, memcached, app):
    app.set("/a", b"raw", noreply=False)
    client.get("/a").expect(200, content="raw")
    memcached.stop()
    for _ in range(5):
        client.get("/a")
        origin.receive().reply(content="from the app")
        client.expect(200, content="from the app")
    memcached.cont()


@pytest.mark.config("servers: [{listen: '{listen}', memcached_pass: '{memcached}', memcached_key: $uri,"
                    " locations: {/app: {proxy_pass: 'http://{origin}'}, /ok: {return: 200 ok}, /off: {memcached_pass: off}}}]")
def test_locations(proxy, origin, client, app):
    for path in "/x", "/app", "/ok", "/off":
        app.set(path, b"raw", noreply=False)
    client.get("/x").expect(200, content="raw")
    client.get("/app").expect(200, content="raw")
    client.get("/ok").expect(200, content="ok")
    client.get("/off").expect(404)
    client.get("/app/miss")
    origin.receive().reply(content="from the app")
    client.expect(200, content="from the app")
    client.get("/miss").expect(404)


def test_a_reload_in_between(proxy, origin, client, app):
    app.set("/a", b"raw", noreply=False)
    client.get("/a").expect(200, content="raw")
    proxy.reload(CONFIG.replace("text/html", "text/plain"))
    proxy.client().get("/a").expect(200, content="raw", content_type="text/plain")
    origin.silent()


def test_explain_tells_the_key(proxy, mcproxy, memcached):
    proxy.start()
    told = mcproxy("explain", "-c", proxy.config_path, f"http://127.0.0.1:{proxy.port}/a%20b?c").stdout
    assert f'memcached_pass asks {memcached.address} for the key "/a b?c"' in told, told
