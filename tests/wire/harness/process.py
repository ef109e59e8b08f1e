"""Processes that a test starts: each in its own group, ended with the test, and with the test runner."""
import os
import shutil
import signal
import socket
import subprocess

from .deadline import WAIT_S

_SETPRIV = shutil.which("setpriv")
_EPHEMERAL = 32000


def _worker_index():
    name = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return int(name[2:]) if name[2:].isdigit() else 0


class _Ports:
    """Ports below the ephemeral range, so that no outgoing connection takes one between the look and the use."""

    def __init__(self):
        self.first = 12000 + _worker_index() % 8 * 2400
        self.next = os.getpid() * 37 % 2400

    def free(self, family=socket.AF_INET, host="127.0.0.1"):
        for _ in range(2400):
            port = self.first + self.next
            self.next = (self.next + 1) % 2400
            with socket.socket(family) as s:
                try:
                    s.bind((host, port))
                except OSError:
                    continue
                return port
        raise AssertionError("no free port")


free_port = _Ports().free


def start(command, **options):
    """Popen in a new session; killed when the runner's thread dies."""
    if _SETPRIV:
        command = [_SETPRIV, "--pdeathsig", "KILL", *command]
    return subprocess.Popen(command, start_new_session=True, **options)


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(WAIT_S)


def children(pid):
    """Pids of the direct children."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                found += [int(p) for p in f.read().split()]
    except OSError:
        pass
    return found


def rss_bytes(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"no resident size of {pid}")
