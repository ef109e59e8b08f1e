"""memcached servers that ask for a user and password (-Y)."""
import os

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

CONFIG = """
memcached_pools: {default: {servers: ["{memcached}"], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s,
                            fail_timeout: 50ms, auth: %s}}
caches: {default: {memory: 0}}
"""
AUTH = "{user: app, password_file: password}"


@pytest.fixture
def server(make_memcached, directory):
    users = directory / "users"
    users.write_text("other:word\napp:s3cret-W0rd\n")
    return make_memcached("-Y", str(users), auth=("app", "s3cret-W0rd"))


@pytest.fixture
def start(make_proxy, server):
    """Starts a proxy whose file `password` has this text."""
    def start(password, auth=AUTH, mode=0o600):
        proxy = make_proxy()
        write_password(proxy, password, mode)
        return proxy.start(CONFIG % auth, memcached=server.address)
    return start


def write_password(proxy, text, mode=0o600):
    path = proxy.dir / "password"
    path.write_text(text)
    os.chmod(path, mode)


def fill(proxy, origin, server, target="/a"):
    client = proxy.client().get(target)
    origin.receive().reply(content="one", cache_control="max-age=600")
    client.expect(200, content="one")
    server.wait_items(1)


@pytest.mark.parametrize("password", ["s3cret-W0rd", "s3cret-W0rd\n", "s3cret-W0rd\r\n"])
def test_responses_are_stored_and_found(start, origin, server, password):
    proxy = start(password)
    fill(proxy, origin, server)
    proxy.client().get("/a").expect(200, content="one", cache_status=hit())
    assert "auth" not in poll_until(server.keys, "a key")
    origin.silent()


@pytest.mark.parametrize("password, auth", [("wrong", AUTH), ("s3cret-W0rd", "{user: nobody, password_file: password}"),
                                            ("", "off")], ids=["wrong password", "unknown user", "none given"])
def test_refusal_is_a_miss_and_said_once(start, origin, server, password, auth):
    origin.serve(lambda r: dict(content="one", cache_control="max-age=600"))
    proxy = start(password, auth)
    proxy.wait_error_log(r"is down \(user and password \(auth\) are wrong or missing\)")
    for _ in range(5):
        proxy.client().get("/a").expect(200, content="one")
    poll_until(lambda: breaker_opens(proxy) >= 1, "the breaker")
    proxy.client().get("/a").expect(200, content="one")
    log = proxy.error_log()
    assert log.count("is down") == 1, log
    assert "s3cret" not in log and "wrong\n" not in log
    assert server.items() == 0


def breaker_opens(proxy):
    return sum(v for k, v in proxy.status().items() if k.startswith("memcached.") and k.endswith(".breaker_opens"))


def test_password_is_read_anew_at_a_reload(start, origin, server):
    proxy = start("wrong")
    proxy.wait_error_log("auth")
    write_password(proxy, "s3cret-W0rd")
    proxy.reload()
    fill(proxy, origin, server)
    proxy.client().get("/a").expect(200, cache_status=hit())


def test_connections_stay_when_the_password_does(start, origin, server):
    proxy = start("s3cret-W0rd")
    fill(proxy, origin, server)
    before = server.stats()["total_connections"]
    proxy.reload()
    proxy.client().get("/a").expect(200, cache_status=hit())
    assert int(server.stats()["total_connections"]) == int(before) + 1      # that of stats itself


def test_file_that_cannot_be_used_leaves_the_old_configuration(start, origin, server):
    proxy = start("s3cret-W0rd")
    fill(proxy, origin, server)
    write_password(proxy, "two words")
    proxy.signal(1)
    proxy.wait_error_log("a password is one line of printable bytes without spaces")
    proxy.client().get("/a").expect(200, cache_status=hit())
    assert "two words" not in proxy.error_log()


def test_servers_that_ask_nobody_keep_no_password(make_proxy, memcached, origin):
    proxy = make_proxy()
    write_password(proxy, "s3cret-W0rd")
    proxy.start(CONFIG % AUTH, memcached=memcached.address)
    fill(proxy, origin, memcached)
    assert memcached.command("mg auth v") == b"EN\r\n"
    assert len(memcached.keys()) == 1


def test_classic_protocol(start, origin, server):
    proxy = start("s3cret-W0rd", AUTH + ", protocol: classic")
    fill(proxy, origin, server)
    proxy.client().get("/a").expect(200, content="one", cache_status=hit())


def check(mcproxy, directory, password, mode=0o600, option="-t"):
    (directory / "password").write_text(password)
    os.chmod(directory / "password", mode)
    (directory / "p.yaml").write_text("listen: 1\nproxy_pass: http://a\n" + CONFIG.replace("{memcached}", "a") % AUTH)
    return mcproxy(option, "-c", directory / "p.yaml")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_file_that_others_may_use_is_warned_of(mcproxy, directory, mode):
    result = check(mcproxy, directory, "s3cret", mode)
    assert result.returncode == 0
    assert f"others than its owner may use \"{directory}/password\" (mode {mode:04o})" in result.stderr


@pytest.mark.parametrize("password, problem", [
    ("", "it has no password"),
    ("\n", "it has no password"),
    ("a\nb\n", "a password is one line of printable bytes without spaces"),
    ("a b", "a password is one line of printable bytes without spaces"),
    ("x" * 251, "its password is longer than 250 bytes"),
])
def test_file_without_a_password_is_an_error(mcproxy, directory, password, problem):
    result = check(mcproxy, directory, password)
    assert result.returncode != 0
    assert result.stderr.count(problem) == 1
    assert ":5:82: password_file: " in result.stderr


def test_missing_file_is_an_error(mcproxy, directory):
    (directory / "p.yaml").write_text("listen: 1\nproxy_pass: http://a\n" + CONFIG.replace("{memcached}", "a") % AUTH)
    result = mcproxy("-t", "-c", directory / "p.yaml")
    assert result.returncode != 0
    assert f'cannot use "{directory}/password": No such file or directory' in result.stderr


def test_password_is_not_printed(mcproxy, directory):
    result = check(mcproxy, directory, "s3cret", option="-T")
    assert result.returncode == 0
    assert "password_file" in result.stdout
    assert "s3cret" not in result.stdout + result.stderr


def test_tools_give_user_and_password(start, origin, server, mcproxy):
    proxy = start("s3cret-W0rd")
    fill(proxy, origin, server)
    assert mcproxy("cache", "get", f"http://example.test:{proxy.port}/a", "-c", proxy.config_path).returncode == 0
    assert mcproxy("cache", "stat", "-c", proxy.config_path).returncode == 0
    done = mcproxy("cache", "ping", "-c", start("wrong").config_path)
    assert done.returncode == 1 and "user and password (auth) are wrong or missing" in done.stdout
