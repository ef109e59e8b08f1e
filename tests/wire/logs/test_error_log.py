import re

import pytest


def test_failure_of_the_origin_is_logged_once(proxy, origin, client):
    client.get("/a")
    origin.receive().reset()
    client.expect(502)
    proxy.wait_error_log(rf"(?m)^.*\[error\].*127\.0\.0\.1:{origin.port}.*$")
    lines = [line for line in proxy.error_log().splitlines() if "[error]" in line]
    assert len(lines) == 1, lines


def test_client_that_asks_for_what_is_stored_only_is_no_error(proxy, client):
    """RFC 9111 section 5.2.1.7: 504 is what it wants to hear."""
    client.get("/a", cache_control="only-if-cached").expect(504)
    proxy.wait_error_log(r"\[info\].*only-if-cached")
    assert "[error]" not in proxy.error_log()


def test_levels_below_the_configured_are_silent(proxy, origin):
    proxy.start('error_log: "{dir}/error.log crit"')
    client = proxy.client().get("/a")
    origin.receive().reset()
    client.expect(502)
    assert "[error]" not in proxy.error_log() and "[info]" not in proxy.error_log()


def test_debug_shows_the_states_of_a_request(proxy, origin):
    proxy.start('error_log: "{dir}/error.log debug"')
    client = proxy.client().get("/a")
    origin.receive().reply()
    client.expect(200)
    proxy.wait_error_log(r"route -> lookup")
    proxy.wait_error_log(r"-> log")


@pytest.mark.config("")
def test_line_has_time_and_level(proxy):
    proxy.ensure_started()
    proxy.stop()
    for line in (proxy.dir / "error.log").read_text().splitlines():
        assert re.match(r"\d{4}[/-]\d\d[/-]\d\d[ T]\d\d:\d\d:\d\d.*\[(debug|info|notice|warn|error|crit|alert|emerg)\]", line), line


def test_control_bytes_cannot_forge_lines(proxy, origin, client):
    client.get("/a?b=%0a%1b[31m", user_agent="x\x9b31m")
    origin.receive().reset()
    client.expect(502)
    proxy.wait_error_log(r"\[error\]")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", proxy.error_log())
