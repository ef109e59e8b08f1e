"""What an operator reads at night: what failed, why, for whom, and under which id the access log has it."""
import re

import pytest

from harness.deadline import poll_until
from harness.process import free_port

ERROR_AND_ID = 'log_format: {ids: "$request_id $status"}\naccess_log: "{dir}/access.log ids"\n'


def test_refused_connection_says_why_and_has_the_id_of_the_access_log(proxy):
    proxy.start(f'{ERROR_AND_ID}proxy_pass: "http://127.0.0.1:{free_port()}"')
    proxy.client().get("/a?b").expect(502)
    proxy.wait_error_log(r"connect to upstream failed \(connection refused or unreachable\), client: 127\.0\.0\.1, "
                         r'.*request: "GET /a\?b HTTP/1\.1", upstream: 127\.0\.0\.1:\d+, id: [0-9a-f]{32}')
    shown = re.search(r"id: ([0-9a-f]{32})", proxy.error_log()).group(1)
    proxy.stop()
    assert (proxy.dir / "access.log").read_text() == f"{shown} 502\n"


def test_invalid_response_says_what_is_wrong_with_it(proxy, origin, client):
    client.get("/a")
    origin.receive().send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
    client.expect(502)
    proxy.wait_error_log(r"\[error\].* upstream sent an invalid response \(Duplicate Content-Length\), client: ")


def test_cut_response_names_the_request(proxy, origin, client):
    client.get("/a")
    origin.receive().reply_head(length=10).send("abc").close()
    client.expect_truncated()
    proxy.wait_error_log(r"\[error\].* upstream closed in the middle of a response \(connection closed inside of the content\); response cut after 3 bytes, "
                         r'client: 127\.0\.0\.1, .*request: "GET /a HTTP/1\.1"')


def test_failed_try_is_logged_although_the_next_peer_answers(proxy, origin):
    proxy.start(f'upstreams: {{app: {{servers: ["127.0.0.1:{free_port()}", "{{origin}}"]}}}}\nproxy_pass: http://app')
    for _ in range(2):
        client = proxy.client().get("/a")
        origin.receive().reply()
        client.expect(200)
    proxy.wait_error_log(r"\[error\].* connect to upstream failed \(.*\); trying the next upstream, client: ")


def test_stale_response_instead_of_an_error_is_logged(proxy, origin, client):
    client.get("/a")
    origin.receive().reply(content="old", cache_control="max-age=1, stale-if-error=100", age=5, etag='"1"')
    client.expect(200)
    origin.serve(lambda request: request.connection.close())
    client.get("/a").expect(200, content="old")
    proxy.wait_error_log(r"\[error\].*; a stale response is served, client: 127\.0\.0\.1")


def test_malformed_request_is_one_line_with_its_reason(proxy):
    client = proxy.client().send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    client.expect(400)
    proxy.wait_error_log(r"\[info\].* malformed request \(two Host fields\), client: 127\.0\.0\.1")
    assert len(re.findall("two Host fields", proxy.error_log())) == 1


@pytest.mark.config("workers: 1\naccess_log: /dev/full\n")
def test_full_disk_is_told_once_and_the_lines_are_counted(proxy, origin, client):
    for i in range(3):
        client.get("/a")
        origin.receive().reply()
        client.expect(200)
        poll_until(lambda: proxy.status()["log_dropped"] > i, lambda: "a dropped line")
    proxy.wait_error_log(r'\[alert\].* access_log "/dev/full": No space left on device; lines are dropped')
    proxy.stop()
    assert proxy.error_log().count("No space left") == 1
