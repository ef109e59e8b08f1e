"""Limits of connections, descriptors and memory."""
import os

import pytest

from harness.deadline import SLOW, poll_until


@pytest.mark.config("worker_connections: 50")
def test_connections_beyond_the_limit_are_turned_away_and_come_back(proxy, origin):
    origin.serve(lambda request: {"content": "one"})
    clients = [proxy.client() for _ in range(20)]
    for client in clients:
        client.get("/a").expect(200)
    more = [proxy.client().connect() for _ in range(80)]
    for client in clients:
        client.get("/a").expect(200, content="one")
    for client in more:
        client.close()

    def served():
        try:
            return proxy.client().get("/a").expect().status == 200
        except (AssertionError, OSError):
            return False
    poll_until(served, "new connections to be served")


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_lack_of_descriptors_harms_nobody_who_is_there(proxy, origin):
    proxy.start(prefix=["prlimit", "--nofile=64:64"])
    origin.serve(lambda request: {"content": "one"})
    first = proxy.client()
    first.get("/a").expect(200, content="one")
    crowd = [proxy.client().connect() for _ in range(150)]
    first.get("/b").expect(200, content="one")
    (pid,) = proxy.serving_pids()
    before = cpu_ticks(pid)
    first.expect_open(0.5)
    assert cpu_ticks(pid) - before < 0.15 * os.sysconf("SC_CLK_TCK"), "it spins"
    for client in crowd:
        client.close()

    def served():
        try:
            return proxy.client().get("/c").expect().status == 200
        except (AssertionError, OSError):
            return False
    poll_until(served, "new connections to be served", timeout=3)


def test_idle_connection_costs_little_memory(proxy, origin):
    origin.serve(lambda request: {"content": "one", "cache_control": "max-age=60"})
    proxy.start("worker_connections: 4096")
    proxy.client().get("/a").expect(200)
    clients = [proxy.client() for _ in range(500)]
    before = proxy.rss_bytes()
    for client in clients:
        client.get("/a").expect(200)
    assert (proxy.rss_bytes() - before) / len(clients) < 16 * 1024 * SLOW


def test_slow_heads_do_not_hold_up_others(proxy, origin):
    origin.serve(lambda request: {"content": "one"})
    slow = [proxy.client() for _ in range(300)]
    for client in slow:
        client.send("GET /a HTTP/1.1\r\nHost: a\r\nX: ")
    for i in range(50):
        proxy.client().get(f"/{i}").expect(200, content="one", timeout=1 * SLOW)
    slow[0].send("y\r\n\r\n")
    slow[0].expect(200, content="one")
