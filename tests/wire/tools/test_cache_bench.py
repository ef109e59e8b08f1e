import os
import pty
import subprocess

import pytest

from harness.deadline import WAIT_S
from harness.memcached import POOL
from harness.proxy import BINARY, environment


@pytest.mark.config(POOL)
def test_bench_measures_and_leaves_nothing(tool, memcached):
    told = tool.json("cache", "bench", "--seconds", "1", "--connections", "2", "--value", "1k", "--gets", "50")
    assert (told["errors"], told["misses"], told["connections"], told["value_bytes"]) == (0, 0, 2, 1024)
    assert [row["command"] for row in told["commands"]] == ["get", "set"]
    for row in told["commands"]:
        assert row["count"] > 0 and row["p50_us"] <= row["p99_us"] <= row["max_us"]
    assert memcached.items() == 0


@pytest.mark.config(POOL)
def test_values_that_the_server_does_not_take_are_errors(tool, memcached):
    told = tool.json("cache", "bench", "--seconds", "1", "--value", "2m", status=1)
    assert told["errors"] > 0


@pytest.mark.config(POOL)
def test_a_server_that_is_down(tool, memcached):
    tool.proxy.ensure_started()
    memcached.kill()
    assert "cache ping" in tool.run("cache", "bench", status=1).stderr


@pytest.mark.config(POOL)
def test_progress_is_shown_on_a_terminal(tool, memcached):
    tool.proxy.ensure_started()
    near, far = pty.openpty()
    done = subprocess.run([BINARY, "cache", "bench", "--seconds", "2", "-c", str(tool.proxy.config_path)], stdout=subprocess.PIPE,
                          stderr=far, env=environment(), timeout=WAIT_S * 4)
    shown = os.read(near, 65536)
    os.close(near)
    os.close(far)
    assert done.returncode == 0 and done.stdout.startswith(b"pool ")
    assert b" of 2 s, " in shown and b" commands, 0 errors" in shown
