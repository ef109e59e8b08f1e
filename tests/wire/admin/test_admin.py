import json
import re

import pytest


def test_healthz(proxy):
    proxy.ensure_started()
    code, _, _ = proxy.admin("/healthz")
    assert code == 200


def test_status_is_json(proxy):
    proxy.ensure_started()
    code, fields, text = proxy.admin("/status")
    assert code == 200 and fields["content-type"].startswith("application/json")
    assert isinstance(json.loads(text), dict)


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*")*\})? (-?[0-9.e+]+|NaN|[+-]Inf)\Z')


def test_metrics_are_prometheus_text(proxy, origin, client):
    client.get("/a")
    origin.receive().reply(cache_control="max-age=60")
    client.expect(200)
    code, fields, text = proxy.admin("/metrics")
    assert code == 200 and fields["content-type"].startswith("text/plain")
    assert text.endswith("\n")
    types, seen = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} has two TYPE lines"
            types[name] = kind
        elif line.startswith("# HELP ") or not line:
            continue
        else:
            match = SAMPLE.match(line)
            assert match, line
            name = re.sub(r"_(bucket|sum|count)$", "", match[1]) if match[1] not in types else match[1]
            assert name in types, f"{name} has no TYPE before it"
            assert (match[1], match[2]) not in seen, f"twice: {line}"
            seen.add((match[1], match[2]))
            if types[name] == "counter":
                assert match[1].endswith("_total"), line
    assert any(name.startswith("mcproxy_") for name in types)


def test_requests_are_counted_by_outcome(proxy, origin, client):
    for control in ("max-age=60", None, "no-store"):
        client.get("/b" if control == "no-store" else "/a")
        if control:
            origin.receive().reply(content="one", cache_control=control)
        client.expect(200)
    client.post("/a", "x")
    origin.receive().reply(500)
    client.expect(500)
    proxy.counted(cache_hit=1, cache_miss=2, cache_stored=1, upstream_requests=3, responses_5xx=1)


def test_bad_requests_are_counted(proxy, client):
    client.send("BAD\r\n\r\n")
    client.expect(400)
    proxy.counted(requests_bad=1)


@pytest.mark.workers
@pytest.mark.config("workers: 2")
def test_counters_are_the_sum_of_all_workers(proxy, origin):
    origin.serve(lambda request: dict(content="one", cache_control="max-age=60"))
    clients = [proxy.client() for _ in range(20)]
    for client in clients:
        client.get("/a").expect(200)
    for client in clients:
        client.get("/a").expect(200)
    status = proxy.status()
    assert proxy.counter("cache_hit", status) + proxy.counter("cache_miss", status) + proxy.counter("cache_collapsed", status) >= 40


def test_open_connections_are_shown(proxy, origin):
    clients = [proxy.client().connect() for _ in range(5)]
    origin.serve(lambda request: {})
    for client in clients:
        client.get("/a").expect(200)
    assert proxy.counter("connections_active") >= 5


def test_memcached_operations_are_counted(proxy, origin, memcached):
    proxy.start('memcached: ["{memcached}"]')
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    memcached.wait_items(1)
    status = proxy.status()
    assert any("memcached" in name and value for name, value in status.items()), status


def test_unknown_path_is_not_found(proxy):
    proxy.ensure_started()
    assert proxy.admin("/nothing")[0] == 404


def test_admin_answers_are_not_cached_and_not_forwarded(proxy, origin):
    proxy.ensure_started()
    before = proxy.counter("requests")
    client = proxy.client().get("/a")
    origin.receive().reply()
    client.expect(200)
    assert proxy.counter("requests") > before
    origin.silent()


def test_foreign_host_is_refused(proxy):
    """A page in a browser whose name was made to point here (DNS rebinding) learns nothing."""
    proxy.ensure_started()
    assert proxy.admin("/status", headers={"Host": "evil.example"})[0] in (400, 403, 421)


@pytest.mark.parametrize("host, status", [("mcproxy.svc", 200), ("a.pods.test", 200), ("evil.example", 403), ("localhost", 200), ("127.0.0.1", 200)])
def test_names_of_the_configuration(proxy, host, status):
    proxy.start('admin: {listen: "{admin}", server_name: [mcproxy.svc, "*.pods.test"]}')
    assert proxy.admin("/metrics", headers={"Host": f"{host}:{proxy.admin_port}"})[0] == status


def test_get_only(proxy):
    proxy.ensure_started()
    client = proxy.client(address=("127.0.0.1", proxy.admin_port), host=f"127.0.0.1:{proxy.admin_port}")
    client.post("/status", "")
    client.expect(405)
    client = proxy.client(address=("127.0.0.1", proxy.admin_port), host=f"127.0.0.1:{proxy.admin_port}")
    client.head("/healthz").expect(200, content="")


def test_admin_on_a_unix_socket(proxy):
    proxy.start("admin: {listen: \"unix:{dir}/admin.sock\"}")
    proxy.client(unix=proxy.dir / "admin.sock", host="localhost").get("/healthz").expect(200)
