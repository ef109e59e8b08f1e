"""-t: all errors at once, each with file, line, column, and the nearest name where that helps."""
import re

import pytest

GOOD = "listen: 127.0.0.1:8080\nproxy_pass: http://127.0.0.1:3000\n"


@pytest.fixture
def check(mcproxy, directory):
    """check(text) -> (exit status, all output)"""
    def run(text, env=None, name="proxy.yaml", args=("-t",)):
        path = directory / name
        path.write_text(text)
        result = mcproxy(*args, "-c", path, env=env)
        return result.returncode, result.stdout + result.stderr
    return run


def test_good_configuration(check):
    code, output = check(GOOD)
    assert code == 0, output
    assert not re.search(r"proxy\.yaml:\d+:\d+:", output)


def test_all_errors_are_told_at_once(check):
    code, output = check(GOOD + """\
proxy_conect_timeout: 5s
proxy_read_timeout: 5x
client_max_body_size: huge
keepalive_requests: -1
proxy_cache_lock: maybe
listen: 8081
""")
    assert code == 1
    for line, column, text in ((3, 1, "proxy_connect_timeout"), (4, 21, '"5x"'), (5, 23, '"huge"'), (6, 21, "-1"), (7, 19, "maybe"),
                               (8, 1, "listen")):
        assert re.search(rf"proxy\.yaml:{line}:{column}: .*{re.escape(text)}", output), (line, output)


ERRORS = {
    "unknown key": ("proxy_pas: x", 1, 1, "proxy_pass"),
    "unknown key in a server": ("servers:\n  - {lisen: 1}", 2, 6, "listen"),
    "unknown key in an upstream": (GOOD + "upstreams:\n  app: {servers: ['127.0.0.1:1'], keepalives: 1}", 4, 35, "keepalive"),
    "unknown upstream option": (GOOD + "upstreams:\n  app:\n    servers:\n      - {address: '127.0.0.1:1', wieght: 1}", 6, 34, "weight"),
    "directive at the wrong level": (GOOD + "upstreams:\n  app: {servers: ['127.0.0.1:1'], proxy_pass: x}", 4, 35, "proxy_pass"),
    "scalar for a map": (GOOD + "upstreams: 5", 3, 12, "upstreams"),
    "map for a scalar": (GOOD + "proxy_read_timeout: {a: b}", 3, 21, "proxy_read_timeout"),
    "list for a scalar": (GOOD + "proxy_read_timeout: [1s, 2s]", 3, 21, "proxy_read_timeout"),
    "duration below its bounds": (GOOD + "proxy_connect_timeout: 0s", 3, 24, "proxy_connect_timeout"),
    "size beyond 64 bits": (GOOD + "client_max_body_size: 99999999999999999999g", 3, 23, "client_max_body_size"),
    "unknown variable": (GOOD + "proxy_cache_key: $host$urii", 3, None, "uri"),
    "unknown cache": (GOOD + "proxy_cache: nowhere", 3, 14, "nowhere"),
    "unknown pool": (GOOD + "caches: {c: {memcached: nowhere}}", 3, 25, "nowhere"),
    "settings in the short form": (GOOD + "memcached: {servers: [a], replicas: 2}", 3, 12, "memcached_pools: {default:"),
    "three copies": (GOOD + "memcached_pools: {p: {servers: ['a', 'b', 'c'], replicas: 3}}", 3, None, "replicas"),
    "weights beyond nginx's points": (GOOD + "memcached_pools: {p: {distribution: nginx, servers: [{address: a, weight: 16384}, b]}}", 3, None, "16384"),
    "name for bind": (GOOD + "memcached_pools: {p: {servers: [a], bind: localhost}}", 3, None, "localhost"),
    "off beside another word": (GOOD + "memcached_next_upstream: off not_found", 3, None, "alone"),
    "bad regular expression": ("servers:\n  - listen: 127.0.0.1:8080\n    locations:\n      '~ (': {return: 200}", 4, 7, "("),
    "bad status in cache_valid": (GOOD + "proxy_cache_valid: {99: 1s}", 3, None, "99"),
    "unknown word": (GOOD + "proxy_next_upstream: [error, sometimes]", 3, None, "sometimes"),
    "bad address": ("listen: 127.0.0.1:99999\nproxy_pass: http://127.0.0.1:3000", 1, 9, "99999"),
    "bad proxy_pass": ("listen: 127.0.0.1:8080\nproxy_pass: ftp://127.0.0.1", 2, 13, "ftp"),
    "empty upstream": (GOOD + "upstreams: {app: {servers: []}}", 3, None, "servers"),
    "two locations of one name": ("servers:\n  - listen: 127.0.0.1:8080\n    locations:\n      /a: {return: 200}\n      /a: {return: 201}", 5, 7, "/a"),
    "unterminated list": (GOOD + "proxy_hide_header: [a, b", None, None, ""),
    "tab for indentation": ("listen: 127.0.0.1:8080\n\tproxy_pass: x", 2, None, ""),
    "not UTF-8": (None, None, None, ""),
    "two documents": (GOOD + "---\nlisten: 127.0.0.1:8081\n", None, None, ""),
    "not a map": ("- a\n- b\n", 1, 1, ""),
}


@pytest.mark.parametrize("text, line, column, word", ERRORS.values(), ids=ERRORS.keys())
def test_error_has_its_place(mcproxy, directory, text, line, column, word):
    path = directory / "proxy.yaml"
    path.write_bytes(GOOD.encode() + b"proxy_cache_key: \xff\xfe\n" if text is None else text.encode())
    result = mcproxy("-t", "-c", path)
    output = result.stdout + result.stderr
    assert result.returncode == 1, output
    place = rf"proxy\.yaml:{line if line else '[0-9]+'}:{column if column else '[0-9]+'}: "
    assert re.search(place + ".*" + re.escape(word), output), output


@pytest.mark.parametrize("name", ["proxy_ssl_verify", "ssl_certificate", "slice", "limit_rate", "add_header", "rewrite",
                                  "try_files", "auth_basic"])
def test_directive_that_does_not_work_yet_is_unknown(check, name):
    code, output = check(GOOD + f"{name}: x\n")
    assert code == 1 and re.search(rf"proxy\.yaml:3:1: .*{name}", output), output


@pytest.mark.parametrize("value, valid", [("10s", True), ("250ms", True), ("5m", True), ("1h", True), ("1m30s", True), ("10", True), ("1.5s", False),
                                          ("s", False), ("-1s", False), ("5 s", False), ("", False)])
def test_durations(check, value, valid):
    code, output = check(GOOD + f'proxy_read_timeout: "{value}"\n')
    assert (code == 0) is valid, output


@pytest.mark.parametrize("value, valid", [("8k", True), ("16m", True), ("1g", True), ("1024", True), ("8K", True), ("8kb", False), ("k", False), ("-8k", False)])
def test_sizes(check, value, valid):
    code, output = check(GOOD + f'client_max_body_size: "{value}"\n')
    assert (code == 0) is valid, output


def test_environment_is_read(check):
    text = "listen: 127.0.0.1:${env:WIRE_PORT}\nproxy_pass: http://${env:WIRE_HOST:-127.0.0.1}:3000\n"
    assert check(text, env={"WIRE_PORT": "8080"})[0] == 0
    code, output = check(text, env={"WIRE_PORT": "99999"})
    assert code == 1 and "99999" in output
    code, output = check(text)
    assert code == 1 and re.search(r"proxy\.yaml:1:\d+: .*WIRE_PORT", output), output


def test_effective_configuration_loads_again(check, mcproxy, directory):
    code, output = check("""
workers: 2
memcached: ["127.0.0.1:11211"]
upstreams:
  app: {servers: ["127.0.0.1:1", {address: "127.0.0.1:2", weight: 2, backup: true}], keepalive: 8}
proxy_set_header: {X-A: "$host"}
servers:
  - listen: 127.0.0.1:8080
    server_name: [a.test, "*.b.test"]
    proxy_pass: http://app
    locations:
      /: {}
      "~ \\\\.png$": {proxy_cache_valid: {200: 1d, any: 1m}, proxy_hide_header: [X-Y]}
      "= /x": {return: "301 https://$host/"}
""", args=("-T",))
    assert code == 0, output
    again = directory / "again.yaml"
    result = mcproxy("-T", "-c", directory / "proxy.yaml")
    again.write_text(result.stdout)
    second = mcproxy("-T", "-c", again)
    assert second.returncode == 0, second.stderr
    strip = [line for line in result.stdout.splitlines() if not line.startswith("#")]
    assert [line for line in second.stdout.splitlines() if not line.startswith("#")] == strip


def test_effective_configuration_shows_what_is_inherited(check):
    _, output = check(GOOD + "proxy_read_timeout: 17s\n", args=("-T",))
    assert re.search(r"proxy_read_timeout: .*17s", output), output
    assert re.search(r"proxy_connect_timeout: .*5s", output), output


def test_included_files_are_read_and_named_in_errors(check, directory):
    (directory / "conf.d").mkdir()
    (directory / "conf.d" / "a.yaml").write_text("proxy_read_timeout: 9s\n")
    code, output = check(GOOD + "include: conf.d/*.yaml\n", args=("-T",))
    assert code == 0 and re.search(r"proxy_read_timeout: .*9s", output), output
    (directory / "conf.d" / "a.yaml").write_text("proxy_read_timeout: 9x\n")
    code, output = check(GOOD + "include: conf.d/*.yaml\n")
    assert code == 1 and re.search(r"a\.yaml:1:21: ", output), output


BOMBS = {
    "aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi")),
    "alias to itself": "a: &a [*a]\n",
    "depth of lists": "a: " + "[" * 20_000,
    "depth of maps": "a: " + "{a: " * 20_000,
    "depth by indentation": "".join(" " * i + "a:\n" for i in range(2000)),
    "size": "a: " + "x" * 40_000_000,
    "keys": "".join(f"k{i}: 1\n" for i in range(300_000)),
    "merge keys": "a: &a {x: 1}\nb: {<<: *a}\n",
    "binary tag": "a: !!binary AAAA\n",
    "anchors": "".join(f"k{i}: &a{i} x\n" for i in range(100_000)),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_hostile_yaml_is_refused_quickly(mcproxy, directory, text):
    path = directory / "proxy.yaml"
    path.write_text(text)
    result = mcproxy("-t", "-c", path, timeout=10)
    assert result.returncode == 1
    assert len(result.stderr) < 1_000_000
