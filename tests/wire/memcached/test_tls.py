"""TLS to memcached servers (-Z)."""
import json
import random

import pytest

from harness.cache_status import hit
from harness.certificates import Authority, client_context
from harness.deadline import poll_until

CONFIG = """
memcached_pools: {default: {servers: [%s], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s,
                            fail_timeout: 50ms, tls: %s}}
caches: {default: {memory: 0, memory_revalidate: 1h}}
"""


@pytest.fixture
def ca(directory):
    return Authority(directory)


@pytest.fixture
def serve(make_memcached):
    """A memcached with this (certificate, key), started with further options of -o."""
    def serve(certificate, *options, own=None):
        words = ",".join([f"ssl_chain_cert={certificate[0]}", f"ssl_key={certificate[1]}", *options])
        return make_memcached("-Z", "-o", words, tls=client_context(own))
    return serve


@pytest.fixture
def start(make_proxy):
    def start(server, tls, address=None):
        return make_proxy().start(CONFIG % (address or f'"{server.address}"', tls))
    return start


def fill(proxy, origin, server, content="one", target="/a"):
    client = proxy.client().get(target)
    origin.receive().reply(content=content, cache_control="max-age=600")
    client.expect(200, content=content)
    server.wait_items(1)


def expect_down(proxy, origin, reason):
    """Every request is a miss, the log says why once, and the breaker opens."""
    origin.serve(lambda r: dict(content="one", cache_control="max-age=600"))
    proxy.wait_error_log(r"is down \(" + reason)
    for _ in range(3):
        proxy.client().get("/a").expect(200, content="one")
    poll_until(lambda: counter(proxy, "breaker_opens") >= 1, "the breaker")
    proxy.client().get("/a").expect(200, content="one")
    assert proxy.error_log().count("is down") == 1, proxy.error_log()
    assert counter(proxy, "hits") == 0


def counter(proxy, name):
    return sum(v for k, v in proxy.status().items() if k.startswith("memcached.") and k.endswith("." + name))


@pytest.mark.parametrize("names, tls", [
    ("IP:127.0.0.1", "{trusted_certificate: %s}"),
    ("DNS:cache.test", "{trusted_certificate: %s, name: cache.test}"),
    ("DNS:*.cache.test", "{trusted_certificate: %s, name: one.cache.test}"),
    ("DNS:other.test", "{verify: off}"),
    ("IP:127.0.0.1", "{trusted_certificate: %s, protocols: TLSv1.2}"),
    ("IP:127.0.0.1", "{trusted_certificate: %s, protocols: TLSv1.2, ciphers: ECDHE-ECDSA-AES128-GCM-SHA256}"),
    ("IP:127.0.0.1", "{trusted_certificate: %s, protocols: TLSv1.3}"),
])
def test_responses_are_stored_and_found(start, serve, ca, origin, names, tls):
    server = serve(ca.issue("server", names))
    proxy = start(server, tls.replace("%s", str(ca.path)))
    fill(proxy, origin, server)
    proxy.client().get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()
    assert "down" not in proxy.error_log()


def test_host_name_of_the_servers_is_verified(start, serve, ca, origin):
    server = serve(ca.issue("server", "DNS:localhost"))
    proxy = start(server, f"{{trusted_certificate: {ca.path}}}", f'"localhost:{server.port}"')
    fill(proxy, origin, server)
    proxy.client().get("/a").expect(200, cache_status=hit())


def test_large_values_and_many_lookups(start, serve, ca, origin):
    server = serve(ca.issue("server"))
    proxy = start(server, f"{{trusted_certificate: {ca.path}}}")
    pages = {f"/{n}": random.Random(n).randbytes(n) for n in (1, 4095, 16383, 16384, 16385, 100000, 400000, 1000000)}
    origin.serve(lambda r: dict(content=pages[r.target], cache_control="max-age=600"))
    for target, page in pages.items():
        assert proxy.client().get(target).expect(200).content == page
    server.wait_items(len(pages))
    fetched = origin.count
    clients = [(page, proxy.client().get(target)) for target, page in pages.items() for _ in range(10)]
    for page, client in clients:
        assert client.expect(200, cache_status=hit()).content == page
    assert origin.count == fetched


@pytest.mark.parametrize("tls, names, reason", [
    ("on", "IP:127.0.0.1", "TLS: (self-signed certificate in certificate chain|unable to get local issuer certificate)"),
    ("{trusted_certificate: {other}}", "IP:127.0.0.1", "TLS: unable to get local issuer certificate"),
    ("{trusted_certificate: {ca}}", "IP:127.0.0.2", "TLS: IP address mismatch"),
    ("{trusted_certificate: {ca}}", "DNS:127.0.0.1", "TLS: IP address mismatch"),
    ("{trusted_certificate: {ca}, name: cache.test}", "DNS:other.test", "TLS: hostname mismatch"),
    ("{trusted_certificate: {ca}, name: cache.test}", "IP:127.0.0.1", "TLS: hostname mismatch"),
    ("{trusted_certificate: {ca}, name: a.b.cache.test}", "DNS:*.cache.test", "TLS: hostname mismatch"),
], ids=["system's CAs", "other CA", "other address", "address as a name", "other name", "no name", "star of two labels"])
def test_wrong_server_gets_nothing(start, serve, ca, origin, directory, tls, names, reason):
    server = serve(ca.issue("server", names))
    other = Authority(directory, "other")
    proxy = start(server, tls.replace("{ca}", str(ca.path)).replace("{other}", str(other.path)))
    expect_down(proxy, origin, reason)
    assert server.items() == 0


def test_expired_certificate(start, serve, ca, origin):
    server = serve(ca.issue("server", days=-1))
    expect_down(start(server, f"{{trusted_certificate: {ca.path}}}"), origin, "TLS: certificate has expired")


@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
def test_server_that_wants_a_certificate(start, serve, ca, origin, protocol):
    own, proxies = ca.issue("test"), ca.issue("proxy")
    server = serve(ca.issue("server"), "ssl_verify_mode=2", f"ssl_ca_cert={ca.path}", own=own)
    proxy = start(server, f"{{trusted_certificate: {ca.path}, certificate: {proxies[0]}, certificate_key: {proxies[1]}, "
                          f"protocols: {protocol}}}")
    fill(proxy, origin, server)
    proxy.client().get("/a").expect(200, cache_status=hit())
    server.restart()
    fill_again = poll_until(lambda: counter(proxy, "connects") >= 2 and proxy, "a new connection")
    origin.serve(lambda r: dict(content="two", cache_control="max-age=600"))
    poll_until(lambda: "hit" in str(fill_again.client().get("/a").expect(200).fields), "a hit again")


@pytest.mark.parametrize("protocol, options", [("TLSv1.2", []), ("TLSv1.3", []), ("TLSv1.3", ["ssl_session_cache"])])
def test_next_connection_to_a_server_that_wants_a_certificate(start, serve, ca, origin, protocol, options):
    own, proxies = ca.issue("test"), ca.issue("proxy")
    server = serve(ca.issue("server"), "ssl_verify_mode=2", f"ssl_ca_cert={ca.path}", "idle_timeout=1", *options, own=own)
    proxy = start(server, f"{{trusted_certificate: {ca.path}, certificate: {proxies[0]}, certificate_key: {proxies[1]}, "
                          f"protocols: {protocol}}}")
    fill(proxy, origin, server)
    poll_until(lambda: counter(proxy, "connects") >= 2, "another connection", 20)
    proxy.client().get("/a").expect(200, cache_status=hit())
    assert "down" not in proxy.error_log()
    assert counter(proxy, "connect_fails") == 0


@pytest.mark.parametrize("protocol, reason", [("TLSv1.2", "TLS: "), ("TLSv1.3", "TLS: (.*certificate required|connection closed)")])
def test_server_that_wants_another_certificate(start, serve, ca, origin, protocol, reason):
    server = serve(ca.issue("server"), "ssl_verify_mode=2", f"ssl_ca_cert={ca.path}", own=ca.issue("test"))
    expect_down(start(server, f"{{trusted_certificate: {ca.path}, protocols: {protocol}}}"), origin, reason)


def test_server_without_tls(start, memcached, origin):
    expect_down(start(memcached, "on"), origin, "TLS: ")
    assert memcached.items() == 0


def test_server_that_never_answers_the_handshake(make_proxy, make_origin, origin):
    silent = make_origin(read_content=False)       # takes the bytes and says nothing
    proxy = make_proxy().start((CONFIG % (f'"{silent.address}"', "on")).replace("connect_timeout: 1s", "connect_timeout: 30ms"))
    expect_down(proxy, origin, "TLS: handshake timed out")


def test_tls_where_none_is_configured(start, serve, ca, origin):
    expect_down(start(serve(ca.issue("server")), "off"), origin, "")


def test_restart_of_the_server(start, serve, ca, origin):
    server = serve(ca.issue("server"))
    proxy = start(server, f"{{trusted_certificate: {ca.path}}}")
    fill(proxy, origin, server)
    server.kill()
    origin.serve(lambda r: dict(content="two", cache_control="max-age=600"))
    for _ in range(3):
        proxy.client().get("/a").expect(200, content="two")
    server.start()
    poll_until(lambda: "hit" in str(proxy.client().get("/a").expect(200).fields), "a hit again")


def test_user_and_password_go_through_tls(start, make_memcached, ca, origin, make_proxy, directory):
    crt, key = ca.issue("server")
    (directory / "users").write_text("app:s3cret\n")
    server = make_memcached("-Y", str(directory / "users"), "-Z", "-o", f"ssl_chain_cert={crt},ssl_key={key}", tls=client_context(),
                            auth=("app", "s3cret"))
    (directory / "password").write_text("s3cret")
    (directory / "password").chmod(0o600)
    proxy = start(server, f"{{trusted_certificate: {ca.path}}}, auth: {{user: app, password_file: {directory}/password}}")
    fill(proxy, origin, server)
    proxy.client().get("/a").expect(200, cache_status=hit())


def test_reload_keeps_connections_until_a_file_changes(start, serve, ca, origin):
    server = serve(ca.issue("server"))
    proxy = start(server, f"{{trusted_certificate: {ca.path}}}")
    fill(proxy, origin, server)
    proxy.reload()
    proxy.client().get("/a").expect(200, cache_status=hit())
    assert counter(proxy, "connects") == 1
    ca.path.write_text(ca.path.read_text() + "\n")
    proxy.reload()
    proxy.client().get("/a").expect(200, cache_status=hit())
    assert "down" not in proxy.error_log()


def check(mcproxy, directory, tls, servers="a"):
    (directory / "p.yaml").write_text("listen: 1\nproxy_pass: http://a\n" + CONFIG % (servers, tls))
    return mcproxy("-t", "-c", directory / "p.yaml")


@pytest.mark.parametrize("tls, problem", [
    ("{trusted_certificate: none.pem}", "tls: trusted_certificate: No such file"),
    ("{trusted_certificate: junk.pem}", "tls: trusted_certificate: "),
    ("{certificate: ca.pem}", "tls: certificate and certificate_key belong together"),
    ("{certificate: ca.pem, certificate_key: junk.pem}", "tls: certificate_key: "),
    ("{certificate: ca.pem, certificate_key: other.key}", "tls: certificate_key: key values mismatch"),
    ("{ciphers: NONE-OF-THEM}", "tls: ciphers: no cipher match"),
    ("{protocols: SSLv3}", "protocols: \"SSLv3\" is not one of TLSv1.2, TLSv1.3"),
    ("{protocol: TLSv1.3}", "\"protocol\" does not belong here"),
    ("maybe", "tls: on, off or a map is needed"),
])
def test_what_cannot_be_used_is_an_error(mcproxy, directory, ca, tls, problem):
    Authority(directory, "other")
    (directory / "junk.pem").write_text("junk")
    result = check(mcproxy, directory, tls)
    assert result.returncode != 0
    assert problem in result.stderr


def test_unix_socket_needs_a_name(mcproxy, directory):
    problem = "a unix socket has no name for tls to verify: set name, or verify: off"
    assert problem in check(mcproxy, directory, "on", "unix:/run/m.sock").stderr
    assert check(mcproxy, directory, "{verify: off}", "unix:/run/m.sock").returncode == 0
    assert check(mcproxy, directory, "{name: cache.test}", "unix:/run/m.sock").returncode == 0


def test_tools_use_tls_and_say_what_is_wrong_with_it(start, serve, ca, origin, mcproxy):
    def ping(proxy):
        done = mcproxy("cache", "ping", "--json", "-c", proxy.config_path)
        return done.returncode, json.loads(done.stdout)["servers"][0]
    server = serve(ca.issue("server", "IP:127.0.0.1"))
    status, told = ping(start(server, f"{{trusted_certificate: {ca.path}}}"))
    assert (status, told["state"], told["trouble"]) == (0, "up", None)
    status, told = ping(start(server, "on"))
    assert (status, told["state"]) == (1, "down") and "certificate" in told["trouble"]
