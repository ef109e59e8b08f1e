import os
import signal
import socket
import time

import pytest

from harness.deadline import SLOW, poll_until


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_term_and_int_end_at_once(proxy, origin, number):
    idle = proxy.client().connect()
    waiting = proxy.client().get("/a")
    origin.receive()
    begin = time.monotonic()
    proxy.signal(number)
    assert proxy.wait_exit() == 0
    assert time.monotonic() - begin < 3 * SLOW
    idle.expect_closed()
    waiting.drain()
    assert refused(proxy.port)


def test_no_process_is_left_behind(proxy):
    proxy.start("workers: 2")
    pids = proxy.serving_pids()
    assert pids
    proxy.stop()
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


@pytest.mark.workers
@pytest.mark.config("workers: 2")
def test_quit_lets_requests_under_way_finish(proxy, origin):
    clients = [proxy.client().get(f"/{i}") for i in range(6)]
    requests = [origin.receive() for _ in clients]
    idle = proxy.client().get("/idle")
    origin.receive().reply()
    idle.expect(200)
    proxy.signal(signal.SIGQUIT)
    idle.expect_closed()
    poll_until(lambda: refused(proxy.port), "new connections to be refused")
    assert proxy.process.poll() is None
    for request in requests:
        request.reply(content=request.target)
    for i, client in enumerate(clients):
        client.expect(200, content=f"/{i}", connection="close")
    assert proxy.wait_exit() == 0


@pytest.mark.config("worker_shutdown_timeout: 300ms")
def test_quit_ends_at_the_shutdown_timeout(proxy, origin):
    client = proxy.client().get("/a")
    origin.receive()
    proxy.signal(signal.SIGQUIT)
    assert proxy.wait_exit(5 * SLOW) == 0
    client.drain()


def test_quit_lets_a_long_response_finish(proxy, origin):
    client = proxy.client().get("/a")
    request = origin.receive().reply_head(length=10)
    client.expect_head(200)
    request.send("01234")
    proxy.signal(signal.SIGQUIT)
    poll_until(lambda: refused(proxy.port), "new connections to be refused")
    request.send("56789")
    client.expect_rest("0123456789")
    assert proxy.wait_exit() == 0


@pytest.mark.config('pid: "{dir}/mcproxy.pid"')
def test_pid_file_names_the_supervisor_and_goes_with_it(proxy):
    proxy.ensure_started()
    path = proxy.dir / "mcproxy.pid"
    assert int(path.read_text()) == proxy.pid
    proxy.stop()
    assert not path.exists()


@pytest.mark.parametrize("word, exits", [("stop", True), ("quit", True), ("reload", False), ("reopen", False)])
@pytest.mark.config('pid: "{dir}/mcproxy.pid"')
def test_s_sends_the_signal(proxy, mcproxy, word, exits):
    proxy.ensure_started()
    before = proxy.generation()
    result = mcproxy("-c", proxy.config_path, "-s", word)
    assert result.returncode == 0, result.stderr
    if exits:
        assert proxy.wait_exit() == 0
    elif word == "reload":
        poll_until(lambda: proxy.generation() > before, "the reload")
    else:
        proxy.client().connect()


def test_s_without_a_running_proxy_fails(proxy, mcproxy):
    config = proxy.dir / "c.yaml"
    config.write_text(f"listen: 127.0.0.1:1\npid: {proxy.dir}/none.pid\nreturn: 204\n")
    result = mcproxy("-c", config, "-s", "stop")
    assert result.returncode != 0 and result.stderr


def test_usr1_reopens_the_logs(proxy, origin):
    proxy.start('access_log: "{dir}/access.log"')
    client = proxy.client()

    def ask(target):
        client.get(target)
        origin.receive().reply()
        client.expect(200)
    ask("/before")
    assert "/before" in proxy.access_log(1)[0]
    (proxy.dir / "access.log").rename(proxy.dir / "access.log.1")
    (proxy.dir / "error.log").rename(proxy.dir / "error.log.1")
    proxy.signal(signal.SIGUSR1)
    poll_until((proxy.dir / "access.log").exists, "a new access.log")
    poll_until((proxy.dir / "error.log").exists, "a new error.log")
    ask("/after")
    assert "/after" in proxy.access_log(1)[0]
    assert "/after" not in (proxy.dir / "access.log.1").read_text()


@pytest.mark.workers
@pytest.mark.config("workers: 2")
def test_killed_serving_process_is_replaced(proxy, origin):
    origin.serve(lambda request: {"content": "one"})
    proxy.ensure_started()
    for _ in range(3):
        old = proxy.serving_pids()
        assert len(old) == 1
        os.kill(old[0], signal.SIGKILL)
        poll_until(lambda: old[0] not in proxy.serving_pids(), "the end of the killed process")
        begin = time.monotonic()
        proxy.client().get("/a").expect(200, content="one")
        assert time.monotonic() - begin < 1.0 * SLOW
        poll_until(lambda: proxy.serving_pids() and proxy.serving_pids() != old, "the new process")


def all_stopped(pid):
    states = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as f:
            states.append(f.read().rsplit(")", 1)[1].split()[0])
    return all(state == "T" for state in states)


def test_connections_made_while_nobody_serves_are_served(proxy, origin):
    origin.serve(lambda request: {"content": "one"})
    proxy.ensure_started()
    (old,) = proxy.serving_pids()
    os.kill(old, signal.SIGSTOP)
    poll_until(lambda: all_stopped(old), "the serving process to stop")
    clients = [proxy.client().get("/a") for _ in range(5)]
    os.kill(old, signal.SIGKILL)
    answered = 0
    for client in clients:
        try:
            client.expect(200, content="one")
            answered += 1
        except (AssertionError, OSError):
            pass
    assert answered == 5, "connections in the listen queue were lost"


def test_supervisor_that_is_killed_takes_the_serving_process_along(proxy):
    proxy.ensure_started()
    pids = proxy.serving_pids()
    proxy.allow_exit = True
    os.kill(proxy.pid, signal.SIGKILL)
    proxy.process.wait()
    poll_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the end of the serving process")
    poll_until(lambda: refused(proxy.port), "the port to be free")
