"""Processes that a test starts: each in its own group, ended with the test, and with the test runner."""
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from .deadline import WAIT_S

_SETPRIV = shutil.which("setpriv")


class _Ports:
    """Ports below the ephemeral range, so that no outgoing connection takes one between the look and the use. Each process
    that runs tests has a block of its own for as long as it lives, whoever else runs some on this machine."""

    FIRST, BLOCK, BLOCKS = 12000, 1200, 16

    def __init__(self):
        self._lock, block = self._take_block()
        self.first = self.FIRST + block * self.BLOCK
        self.next = 0

    def _take_block(self):
        for i in range(self.BLOCKS):
            block = (os.getpid() + i) % self.BLOCKS
            lock = open(os.path.join(tempfile.gettempdir(), f"mcproxy-test-ports-{block}"), "w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            return lock, block
        raise AssertionError("too many tests are running on this machine")

    def free(self, family=socket.AF_INET, host="127.0.0.1"):
        for _ in range(self.BLOCK):
            port = self.first + self.next
            self.next = (self.next + 1) % self.BLOCK
            with socket.socket(family) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)     # as all servers here do
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
