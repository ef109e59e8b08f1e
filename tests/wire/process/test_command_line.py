import re
import signal
import subprocess

import pytest

from harness.client import Client
from harness.deadline import WAIT_S, poll_until
from harness.process import free_port, kill_group, start
from harness.proxy import BINARY, connect


def test_v_prints_the_version(mcproxy):
    result = mcproxy("-v")
    assert result.returncode == 0
    assert re.search(r"mcproxy.*\d+\.\d+", result.stdout + result.stderr)


def test_big_v_prints_the_build_too(mcproxy):
    result = mcproxy("-V")
    text = result.stdout + result.stderr
    assert result.returncode == 0
    assert re.search(r"mcproxy.*\d+\.\d+", text) and len(text.splitlines()) > 1


def test_h_prints_all_options(mcproxy):
    result = mcproxy("-h")
    assert result.returncode == 0
    for option in ("-c", "-t", "-T", "-v", "-V", "-s"):
        assert re.search(rf"{option}\b", result.stdout + result.stderr), option


@pytest.mark.parametrize("args", [["-x"], ["--no-such-option"], ["-s", "dance"], ["-s"], ["-c"], ["-c", "/no/such/file.yaml"], ["-t", "-c", "/no/such/file.yaml"]],
                         ids=" ".join)
def test_wrong_use_is_an_error(mcproxy, args):
    result = mcproxy(*args)
    assert result.returncode == 1
    assert result.stderr.strip()


def test_directory_as_configuration_is_an_error(mcproxy, directory):
    result = mcproxy("-t", "-c", directory)
    assert result.returncode == 1 and result.stderr.strip()


def test_configuration_from_stdin(directory):
    port = free_port()
    process = start([BINARY, "-c", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        process.stdin.write(f'listen: 127.0.0.1:{port}\nreturn: "200 hello"\n')
        process.stdin.close()
        def accepts():
            assert process.poll() is None, process.stderr.read()
            try:
                return Client(lambda s=connect(("127.0.0.1", port)): s)
            except OSError:
                return None
        client = poll_until(accepts, "the proxy to accept")
        client.get("/").expect(200, content="hello")
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    finally:
        kill_group(process)
        process.stderr.close()


def test_port_in_use_is_an_error(mcproxy, directory, origin):
    config = directory / "c.yaml"
    config.write_text(f'listen: {origin.address}\nreturn: "200 x"\n')
    result = mcproxy("-c", config)
    assert result.returncode == 1
    assert str(origin.port) in result.stderr


def test_bad_configuration_does_not_start(mcproxy, directory):
    config = directory / "c.yaml"
    config.write_text("listen: 127.0.0.1:1\nno_such: 1\n")
    result = mcproxy("-c", config)
    assert result.returncode == 1
    assert f"{config}:2:1: " in result.stderr


def test_states_prints_the_tables(mcproxy):
    result = mcproxy("--states")
    assert result.returncode == 0
    for state in ("route", "lookup", "deliver", "collapse", "fetch", "reply"):
        assert state in result.stdout


def test_reference_names_every_directive(mcproxy):
    result = mcproxy("--reference")
    assert result.returncode == 0
    for name in ("proxy_pass", "proxy_cache_valid", "listen", "memcached", "client_max_body_size"):
        assert name in result.stdout


def test_healthcheck_tells_by_its_exit_status(proxy, mcproxy):
    proxy.ensure_started()
    assert mcproxy("-c", proxy.config_path, "--healthcheck").returncode == 0
    assert mcproxy("--healthcheck", f"http://127.0.0.1:{proxy.admin_port}/healthz").returncode == 0
    proxy.stop()
    assert mcproxy("-c", proxy.config_path, "--healthcheck").returncode != 0
