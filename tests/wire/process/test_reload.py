import signal

import pytest

from harness.cache_status import hit
from harness.process import free_port


def test_reload_keeps_connections_and_the_memory_tier(proxy, origin):
    proxy.start("keepalive_timeout: 60s")
    client = proxy.client().get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    proxy.reload("keepalive_timeout: 60s\nproxy_set_header: {X-New: yes}")
    client.get("/a").expect(200, content="one", cache_status=hit())
    client.get("/b")
    origin.receive().expect(x_new="yes").reply()
    client.expect(200)


def test_new_connections_use_the_new_configuration(proxy):
    proxy.start('return: "200 old"')
    proxy.client().get("/").expect(200, content="old")
    proxy.reload('return: "200 new"')
    for _ in range(5):
        proxy.client().get("/").expect(200, content="new")


def test_request_under_way_finishes_with_the_old_one(proxy, origin, make_origin):
    other = make_origin()
    client = proxy.client().get("/a")
    request = origin.receive().reply_head(length=6)
    client.expect_head(200)
    proxy.reload(f"proxy_pass: http://{other.address}")
    request.send("one")
    client.expect_content("one")
    request.send("two")
    client.expect_rest("two")
    client.get("/b")
    other.receive().expect("GET /b").reply(content="new")
    client.expect(200, content="new")


BAD = {
    "unknown key": "no_such_directive: 1",
    "bad value": "proxy_read_timeout: soon",
    "not YAML": "listen: [",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_configuration_changes_nothing(proxy, origin, bad, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    pids = proxy.serving_pids()
    (proxy.dir / "proxy.yaml").write_text(bad + "\n")
    proxy.signal(signal.SIGHUP)
    proxy.wait_error_log(r"proxy\.yaml:\d+:\d+: ")
    client.get("/a").expect(200, content="one", cache_status=hit())
    proxy.client().get("/a").expect(200, content="one")
    assert proxy.serving_pids() == pids


def test_listeners_come_and_go(proxy, origin):
    second = free_port()
    proxy.start('listen: ["{listen}"]\nreturn: "200 x"')
    proxy.reload(f'listen: ["{{listen}}", "127.0.0.1:{second}"]\nreturn: "200 x"')
    proxy.client(address=("127.0.0.1", second)).get("/").expect(200, content="x")
    proxy.client().get("/").expect(200, content="x")
    proxy.reload('listen: ["{listen}"]\nreturn: "200 x"')
    with pytest.raises(OSError):
        for _ in range(50):
            proxy.client(address=("127.0.0.1", second)).connect()


def test_reload_that_cannot_bind_changes_nothing(proxy, make_origin):
    taken = make_origin()
    proxy.start('return: "200 old"')
    proxy.write_config(f'listen: ["{{listen}}", "{taken.address}"]\nreturn: "200 new"')
    proxy.signal(signal.SIGHUP)
    proxy.wait_error_log(f"{taken.port}")
    proxy.client().get("/").expect(200, content="old")


def test_failed_peers_stay_failed_over_a_reload(proxy, make_origin):
    flaky, good = make_origin(), make_origin()
    flaky.serve(lambda request: request.connection.reset())
    good.serve(lambda request: {"content": "good"})
    config = f"""
upstreams:
  app: {{servers: [{{address: "{flaky.address}", max_fails: 1, fail_timeout: 60s}}, "{good.address}"]}}
proxy_pass: http://app
"""
    proxy.start(config)
    client = proxy.client()
    for i in range(4):
        client.get(f"/{i}").expect(200, content="good")
    proxy.reload(config + "keepalive_timeout: 50s\n")
    for i in range(4):
        client.get(f"/b{i}").expect(200, content="good")
    assert flaky.count == 1


@pytest.mark.slow
@pytest.mark.workers
def test_fifty_reloads_under_load_fail_nothing(proxy, origin, load):
    origin.serve(lambda r: dict(content=r.target, cache_control="max-age=60" if r.target.endswith("0") else "no-store"))
    proxy.start("workers: 2")

    def check(target, response):
        assert response.status == 200 and response.content == target.encode(), response
    with load(lambda i: f"/{i % 100}", check, threads=4, requests_per_connection=20) as running:
        running.run_requests(100)
        for i in range(50):
            proxy.reload(f"workers: 2\nproxy_set_header: {{X-Reload: '{i}'}}")
            running.run_requests(20)
        late = proxy.rss_bytes()
    running.expect_no_failure()
    assert late < 200 * 1024 * 1024
