"""A real memcached, and one that lies: a relay before a real one that bends its replies."""
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import unquote

from .deadline import WAIT_S, Deadline, poll_until, wait_readable
from .process import free_port, kill_group, start


LOG_S = 10 * 365 * 24 * 3600  # what logs of purges are stored for


def pool(*servers):
    """The configuration of the default pool; its servers have time to answer on a busy machine."""
    names = ", ".join(f'"{server}"' for server in servers)
    return f"memcached_pools: {{default: {{servers: [{names}], connect_timeout: 1s, send_timeout: 1s, read_timeout: 1s}}}}\n"


POOL = pool("{memcached}")


class Memcached:
    def __init__(self, *options, host="127.0.0.1", port=None, auth=None, tls=None):
        """`auth` is ("user", "password") where -Y asks for them, `tls` a client's ssl.SSLContext where -Z is on."""
        self.host = host
        self._auth, self._tls = auth, tls
        self.port = port or free_port()
        self.address = f"{self.host}:{self.port}"
        self._command = ["memcached", "-l", self.host, "-p", str(self.port), "-U", "0", "-m", "16", "-t", "1", *options]
        if os.geteuid() == 0:
            self._command += ["-u", "root"]
        self._process = None
        self.start()

    def start(self):
        self._process = start(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        poll_until(self._answers, f"memcached on {self.address}")

    def _answers(self):
        assert self._process.poll() is None, "memcached has ended"
        try:
            return self.command("version").startswith(b"VERSION")
        except OSError:
            return False

    def kill(self):
        """kill -9"""
        kill_group(self._process)

    def stop(self):
        """SIGSTOP: connections stay, nothing answers."""
        self._process.send_signal(signal.SIGSTOP)
        poll_until(self._is_stopped, "all threads stopped")

    def _is_stopped(self):
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/stat")
        return all(task.read_text().rpartition(") ")[2].startswith("T") for task in tasks)

    def cont(self):
        self._process.send_signal(signal.SIGCONT)

    def restart(self):
        self.kill()
        self.start()

    def command(self, line, data=None, end=b"\r\n"):
        """Sends one command; returns the reply up to `end`."""
        out = line.encode() + b"\r\n" + (data + b"\r\n" if data is not None else b"")
        with self._connect() as s:
            s.sendall(out)
            deadline, reply = Deadline(), b""
            while not reply.endswith(end) and wait_readable(s, deadline):
                more = s.recv(65536)
                if not more:
                    break
                reply += more
        return reply

    def _connect(self):
        s = socket.create_connection((self.host, self.port), WAIT_S)
        if self._tls:
            s = self._tls.wrap_socket(s)
        if self._auth:
            words = " ".join(self._auth).encode()
            s.sendall(b"set auth 0 0 %d\r\n%s\r\n" % (len(words), words))
            reply = s.recv(100)
            assert reply == b"STORED\r\n", reply
        return s

    def stats(self):
        return dict(re.findall(r"STAT (\S+) (\S+)", self.command("stats", end=b"END\r\n").decode()))

    def items(self):
        """How many there are, without logs of purges."""
        return int(self.stats()["curr_items"]) - len(self.logs())

    def _listing(self):
        """All keys, as memcached's own listing gives them (percent-encoded), with their ends."""
        def listing():  # one at a time
            reply = self.command("lru_crawler metadump all", end=(b"END\r\n", b"crawler request\r\n"))
            return reply if reply.endswith(b"END\r\n") else None
        return re.findall(r"^key=(\S+) exp=(-?\d+)", poll_until(listing, "a listing of the keys").decode(), re.M)

    def keys(self):
        """All but those of logs of purges."""
        return [key for key, end in self._listing() if not self._is_log(end)]

    def logs(self):
        return [key for key, end in self._listing() if self._is_log(end)]

    @staticmethod
    def _is_log(end):
        return abs(int(end) - time.time() - LOG_S) < 3600

    def wait_items(self, count, timeout=None):
        """Write-back happens after the client was served."""
        poll_until(lambda: self.items() >= count, f"{count} items in memcached", timeout)

    def wait_records(self, count, timeout=None):
        """Their keys, once there are so many beside the empty items that hold leases."""
        def records():
            keys = [key for key in self.keys() if not self.command(f"mg {unquote(key)} s").startswith((b"HD s0", b"EN"))]
            return keys if len(keys) >= count else None
        return poll_until(records, f"{count} records in memcached", timeout)

    def close(self):
        self.cont()
        kill_group(self._process)


REPLY = re.compile(rb"(VA (\d+)[^\r\n]*|VALUE \S+ \d+ (\d+)[^\r\n]*|[^\r\n]*)\r\n")


class LyingMemcached:
    """Relays to a real memcached. `bend(reply)` gets each reply (a line, with its data block if it has one) and returns the
    bytes to send, or None to close the connection. `split` sends byte by byte, `hang` swallows all replies."""

    def __init__(self, real):
        self.real = real
        self.bend = lambda reply: reply
        self.split = False
        self.hang = False
        self.replies = 0        # relayed so far
        self.values = 0         # of these, with a data block
        self.connections = 0
        self._closing = False
        self._sockets = []
        self._threads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._start(self._accept)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._closing:
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            near, _ = self._listener.accept()
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far = socket.create_connection(("127.0.0.1", self.real.port), WAIT_S)
            self.connections += 1
            self._sockets += [near, far]
            self._start(self._relay, near, far)

    def _relay(self, near, far):
        pending = b""
        try:
            while not self._closing:
                ready = select.select([near, far], [], [], 0.05)[0]
                if near in ready:
                    data = near.recv(65536)
                    if not data:
                        break
                    far.sendall(data)
                if far in ready:
                    data = far.recv(65536)
                    if not data:
                        break
                    pending = self._replies(near, pending + data)
                    if pending is None:
                        break
        except OSError:
            pass
        near.close()
        far.close()

    def _replies(self, near, pending):
        while True:
            match = REPLY.match(pending)
            if not match:
                return pending
            length = match[2] or match[3]
            end = match.end() + (int(length) + 2 if length is not None else 0)
            if len(pending) < end:
                return pending
            reply, pending = pending[:end], pending[end:]
            self.replies += 1
            self.values += length is not None
            if not self._send(near, reply):
                return None

    def _send(self, near, reply):
        if self.hang:
            return True
        out = self.bend(reply)
        if out is None:
            return False
        for piece in ([out[i:i + 1] for i in range(len(out))] if self.split else [out]):
            near.sendall(piece)
        return True

    def close(self):
        self._closing = True
        for thread in self._threads:
            thread.join(WAIT_S)
        self._listener.close()
        for s in self._sockets:
            s.close()
