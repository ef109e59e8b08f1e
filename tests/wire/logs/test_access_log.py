import json
import re

import pytest


def ask(origin, client, target, status=200, content="one", **fields):
    client.get(target, **fields)
    origin.receive().reply(status, content=content)
    client.expect(status)


@pytest.mark.config('access_log: "{dir}/access.log"')
def test_combined_is_the_preset(proxy, origin, client):
    ask(origin, client, "/a?b=c", referer="http://r/", user_agent="me")
    (line,) = proxy.access_log(1)
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a\?b=c HTTP/1\.1" 200 3 "http://r/" "me"', line), line


@pytest.mark.config('access_log: "{dir}/access.log json"')
def test_json_preset_is_an_object_a_line(proxy, origin, client):
    ask(origin, client, "/a", user_agent='a"b\\c\x80')
    ask(origin, client, "/b", status=404)
    first, second = (json.loads(line) for line in proxy.access_log(2))
    assert "GET" in str(first) and "/a" in str(first) and "200" in str(first)
    assert "404" in str(second)


FORMAT = """
log_format: {{mine: '{}'}}
access_log: "{{dir}}/access.log mine"
"""

VARIABLES = {
    "$remote_addr": r"127\.0\.0\.1",
    "$remote_port": r"\d+",
    "$request_method": "GET",
    "$request": r"GET /a\?x=1 HTTP/1\.1",
    "$request_uri": r"/a\?x=1",
    "$uri": "/a",
    "$args": "x=1",
    "$is_args": r"\?",
    "$arg_x": "1",
    "$status": "200",
    "$host": r"example\.test",
    "$http_user_agent": "me",
    "$cookie_id": "7",
    "$body_bytes_sent": "3",
    "$bytes_sent": r"\d{2,4}",
    "$request_length": r"\d{2,4}",
    "$request_time": r"\d+\.\d{3}",
    "$request_id": "[0-9a-f]{32}",
    "$msec": r"\d{10}\.\d{3}",
    "$time_iso8601": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d",
    "$upstream_addr": r"127\.0\.0\.1:\d+",
    "$upstream_status": "200",
    "$upstream_response_time": r"\d+\.\d{3}",
    "$upstream_connect_time": r"\d+\.\d{3}",
    "$upstream_header_time": r"\d+\.\d{3}",
    "$upstream_cache_status": "MISS",
    "$upstream_http_x_a": "b",
    "$sent_http_x_a": "b",
    "$scheme": "http",
    "$server_port": r"\d+",
    "$connection_requests": "1",
    "$proxy_host": r"127\.0\.0\.1:\d+",
    "${status}x": "200x",
    "$http_none": "-",
}


def test_variables(proxy, origin, client):
    proxy.start(FORMAT.format("|".join(VARIABLES)).replace("{{", "{").replace("}}", "}"))
    client.get("/a?x=1", user_agent="me", cookie="a=b; id=7")
    origin.receive().reply(content="one", x_a="b", cache_control="max-age=60")
    client.expect(200)
    values = proxy.access_log(1)[0].split("|")
    assert len(values) == len(VARIABLES), values
    wrong = [f"{name}: {value}" for (name, pattern), value in zip(VARIABLES.items(), values) if not re.fullmatch(pattern, value)]
    assert not wrong


@pytest.mark.config("""
log_format: {mine: '$request_uri $upstream_cache_status'}
access_log: "{dir}/access.log mine"
proxy_cache_bypass: $http_x_bypass
""")
def test_cache_outcomes(proxy, origin, client):
    def ask(target, *answer, method="GET", asked={}, **fields):
        client.request(method, target, **asked)
        if answer:
            origin.receive().reply(*answer, **{"cache_control": "max-age=60", "etag": '"1"', **fields})
        client.expect(200)
    ask("/a", 200)
    ask("/a")
    ask("/a", 200, asked={"x_bypass": "1"})
    ask("/b", 200, age=60)
    ask("/b", 200, age=60)
    ask("/b", 304, age=60, connection="close")
    client.get("/b")
    origin.receive().close()
    client.expect(200)
    ask("/c", 200, age=60, cache_control="max-age=60, stale-while-revalidate=600")
    ask("/c")
    updating = origin.receive()
    ask("/c")
    updating.reply(304)
    ask("/d", 200, method="POST")
    assert proxy.access_log(11) == ["/a MISS", "/a HIT", "/a BYPASS", "/b MISS", "/b EXPIRED", "/b REVALIDATED", "/b STALE", "/c MISS", "/c STALE",
                                    "/c UPDATING", "/d -"]


@pytest.mark.config("log_format: {mine: '$http_user_agent'}\naccess_log: \"{dir}/access.log mine\"")
def test_values_are_escaped(proxy, origin, client):
    ask(origin, client, "/a", user_agent='x" 200 "\\ \xe9\tz')
    assert proxy.access_log(1) == [r'x\x22 200 \x22\x5C \xE9\x09z']


@pytest.mark.config('access_log: "{dir}/access.log"')
def test_refused_requests_are_logged(proxy, origin, client):
    client.send("BAD\r\n\r\n")
    client.expect(400)
    assert " 400 " in proxy.access_log(1)[0]


@pytest.mark.config('access_log: "{dir}/access.log"')
def test_client_that_left_is_logged_499(proxy, origin, client):
    client.post("/a", "x")
    request = origin.receive()
    client.close(reset=True)
    request.connection.wait_ended()
    assert " 499 " in proxy.access_log(1)[0]


@pytest.mark.config('access_log: "{dir}/access.log"')
def test_nothing_is_lost_at_the_end(proxy, origin, client):
    origin.serve(lambda request: {})
    for i in range(200):
        client.get(f"/{i}").expect(200)
    proxy.stop()
    assert len((proxy.dir / "access.log").read_text().splitlines()) == 200


def test_stdout(proxy, origin):
    proxy.start("access_log: stdout")
    client = proxy.client()
    ask(origin, client, "/a")
    assert '"GET /a HTTP/1.1" 200' in proxy.access_log(1, name="stdout")[0]


def test_off_writes_nothing(proxy, origin):
    proxy.start("""
access_log: "{dir}/access.log"
servers:
  - listen: "{listen}"
    locations:
      /quiet: {access_log: off, return: 204}
      /: {return: 204}
""")
    client = proxy.client()
    client.get("/quiet").expect(204)
    client.get("/loud").expect(204)
    assert [re.search('"GET (\\S+)', line)[1] for line in proxy.access_log(1)] == ["/loud"]


def test_several_logs(proxy, origin, client):
    proxy.start("log_format: {mine: '$uri'}\naccess_log: [\"{dir}/access.log\", \"{dir}/second.log mine\"]")
    ask(origin, client, "/a")
    assert '"GET /a HTTP/1.1"' in proxy.access_log(1)[0]
    assert proxy.access_log(1, name="second.log") == ["/a"]


@pytest.mark.config('access_log: "{dir}/access.log json"\nworkers: 2')
@pytest.mark.workers
def test_lines_of_several_workers_do_not_mix(proxy, origin, load):
    origin.serve(lambda request: {})
    with load(lambda i: f"/{i}", lambda t, r: None, threads=4, requests_per_connection=10) as running:
        running.run_requests(400)
    done = running.done
    proxy.stop()
    lines = (proxy.dir / "access.log").read_text().splitlines()
    assert len(lines) >= done
    for line in lines:
        json.loads(line)
