import re

import pytest


@pytest.mark.config("""
proxy_set_header:
  Host: app.internal
  X-Real-IP: $remote_addr
  X-Mixed: "a-${request_method}-$arg_x"
  Accept-Encoding: ""
  User-Agent: ""
""")
def test_set_header_adds_overrides_and_removes(origin, client):
    client.get("/a?x=1", accept_encoding="gzip", user_agent="me", x_real_ip="1.2.3.4")
    origin.receive().expect(host="app.internal", x_real_ip="127.0.0.1", x_mixed="a-GET-1", accept_encoding=None, user_agent=None).reply()
    client.expect(200)


@pytest.mark.config("proxy_set_header: {X-Only: $proxy_host}")
def test_host_passes_unless_it_is_set(origin, client):
    client.get("/a", host="example.test:8080")
    origin.receive().expect(x_only=origin.address, host="example.test:8080").reply()
    client.expect(200)


def test_x_accel_fields_stay_behind_by_default(origin, client):
    client.get("/a")
    origin.receive().reply(x_accel_expires="0", x_accel_buffering="no", x_accel_limit_rate="0", x_accel_charset="utf-8", x_other="1")
    client.expect(200, x_accel_expires=None, x_accel_buffering=None, x_accel_limit_rate=None, x_accel_charset=None, x_other="1")


@pytest.mark.config("proxy_pass_header: [X-Accel-Expires]")
def test_pass_header_lets_a_hidden_field_through(origin, client):
    client.get("/a")
    origin.receive().reply(x_accel_expires="0", x_accel_buffering="no")
    client.expect(200, x_accel_expires="0", x_accel_buffering=None)


@pytest.mark.config("proxy_hide_header: [X-Secret, X-Powered-By]")
def test_hide_header_removes_a_field(origin, client):
    client.get("/a")
    origin.receive().reply(x_secret="1", x_powered_by="me", x_open="2", cache_control="max-age=60")
    client.expect(200, x_secret=None, x_powered_by=None, x_open="2")
    client.get("/a").expect(200, x_secret=None, x_powered_by=None, x_open="2")
    origin.silent()


@pytest.mark.config("proxy_ignore_headers: [Cache-Control, Expires]\nproxy_cache_valid: {200: 60s}")
def test_ignored_cache_control_does_not_count(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="no-store")
    client.expect(200, cache_control="no-store")
    client.get("/a").expect(200, content="one", cache_status=re.compile("; hit"))
    origin.silent()


@pytest.mark.config('proxy_ignore_headers: "Set-Cookie"')
def test_ignored_set_cookie_is_left_out_of_the_stored_copy(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", set_cookie="a=1")
    client.expect(200, content="one")
    client.get("/a").expect(200, content="one", set_cookie=None, cache_status=re.compile("; hit"))


@pytest.mark.config("proxy_ignore_headers: [Vary]")
def test_ignored_vary_selects_nothing(origin, client):
    client.get("/a", foo="1")
    origin.receive().reply(content="one", cache_control="max-age=60", vary="Foo")
    client.expect(200)
    client.get("/a", foo="2").expect(200, content="one", cache_status=re.compile("; hit"))
    origin.silent()
