"""mcproxy under test: its configuration, its life, and what can be seen of it from outside."""
import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import yaml

from .client import Client
from .deadline import SLOW, WAIT_S, Deadline, poll_until
from .process import children, free_port, kill_group, rss_bytes, start

ROOT = Path(__file__).resolve().parents[3]
BINARY = str(Path(os.environ.get("MCPROXY", ROOT / "build/release/mcproxy")).absolute())

# What a configuration has that does not name the key itself. A configuration with `servers:` gets no listen and proxy_pass.
BASE = {
    "workers": "workers: 1",
    "error_log": 'error_log: "{dir}/error.log info"',
    "admin": 'admin: {listen: "{admin}"}',
    "listen": 'listen: "{listen}"',
    "proxy_pass": 'proxy_pass: "http://{origin}"',
}

# Where the counters that the tests name stand in /status (keys joined with "."); the only place that knows.
COUNTERS = {}

# None of these may appear in what a proxy writes to its logs.
FATAL = re.compile(r"ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|LeakSanitizer|[Aa]ssertion|ASSERT\b")

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "exitcode=99",
}


def complete_config(text):
    """`text` with the lines of BASE that it does not name itself before it."""
    keys = yaml.safe_load(text) if text.strip() else {}
    skip = set(keys or {})
    if "servers" in skip:
        skip |= {"listen", "proxy_pass"}
    if "return" in skip:
        skip.add("proxy_pass")
    return "".join(line + "\n" for key, line in BASE.items() if key not in skip) + text


def environment(extra=None):
    env = {**SANITIZER_OPTIONS, **os.environ, **(extra or {})}
    env.pop("PYTHONPATH", None)
    return env


def run_mcproxy(*args, stdin="", env=None, timeout=None):
    """Runs the binary to its end; the result has returncode, stdout, stderr (text)."""
    result = subprocess.run([BINARY, *map(str, args)], input=stdin, env=environment(env), text=True, capture_output=True,
                            timeout=WAIT_S * 2 if timeout is None else timeout)
    assert not FATAL.search(result.stderr), result.stderr
    return result


class Proxy:
    def __init__(self, directory, origin_address=None):
        self.dir = Path(directory)
        self.origin_address = origin_address
        self.config = ""            # what start() uses when it is given nothing
        self.values = {}            # further {name} of configurations
        self.process = None
        self.port = self.admin_port = None
        self.allow_exit = False     # set when the test ends the process itself
        self._clients = []
        self._reloads = 0

    # ---- life

    def start(self, config=None, env=None, prefix=(), **values):
        """Starts and waits until connections are accepted. Names in braces ({origin}, {dir}, …) are replaced in the configuration.
        `prefix` is a command that runs the rest of its line."""
        assert self.process is None, "already started"
        if config is not None:
            self.config = config
        self.values.update(values)
        for attempt in range(3):
            self.port, self.admin_port = free_port(), free_port()
            self.write_config(self.config)
            self._launch(env, prefix)
            if self._wait_accepting():
                return self
            self.process.wait(WAIT_S)
            self.process = None
            if "ddress already in use" not in self.error_log():
                break
        raise AssertionError(f"mcproxy did not start:\n{self.error_log()}")

    def _launch(self, env, prefix):
        out, err = open(self.dir / "stdout", "ab"), open(self.dir / "stderr", "ab")
        self.process = start([*prefix, BINARY, "-c", str(self.config_path)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                             env=environment(env), cwd=self.dir)
        out.close()
        err.close()

    def _wait_accepting(self):
        deadline = Deadline(WAIT_S * 2)
        address = self.values.get("unix_only") or ("127.0.0.1", self.port)
        while not deadline.passed():
            if self.process.poll() is not None:
                return False
            try:
                connect(address).close()
                if "admin:" in self.config or self.admin("/healthz")[0] == 200:     # all addresses are open then
                    return True
            except OSError:
                try:
                    self.process.wait(0.005)
                except subprocess.TimeoutExpired:
                    pass
        raise AssertionError(f"mcproxy does not accept connections:\n{self.error_log()}")

    @property
    def config_path(self):
        return self.dir / "proxy.yaml"

    def render(self, config):
        text = complete_config(config)
        values = {"origin": self.origin_address, "port": self.port, "listen": f"127.0.0.1:{self.port}",
                  "admin": f"127.0.0.1:{self.admin_port}", "dir": self.dir, "unix": self.dir / "proxy.sock", **self.values}
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def write_config(self, config, **values):
        self.values.update(values)
        self.config_path.write_text(self.render(config))

    def ensure_started(self):
        if self.process is None:
            self.start()

    @property
    def pid(self):
        return self.process.pid

    def serving_pids(self):
        """The processes below the supervisor."""
        return children(self.pid)

    def rss_bytes(self):
        """Resident size of the serving process."""
        return max(rss_bytes(pid) for pid in self.serving_pids() or [self.pid])

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout=None):
        """The exit status."""
        self.allow_exit = True
        return self.process.wait(WAIT_S * 2 if timeout is None else timeout)

    def reload(self, config=None, timeout=None, **values):
        """Writes the configuration, sends HUP, and waits until the new one serves."""
        if config is not None:
            self.write_config(config, **values)
        before = self.generation()
        self.signal(signal.SIGHUP)
        poll_until(lambda: self.generation() > before, "the new configuration", timeout)

    def generation(self):
        """How many configurations have been in use."""
        return self.counter("reloads")

    def stop(self):
        """Ends with SIGTERM; fails when that is not clean."""
        for client in self._clients:
            client.close()
        if self.process is None:
            return
        try:
            if self.process.poll() is None:
                self.signal(signal.SIGTERM)
            code = self.process.wait(10 * SLOW)
            assert self.allow_exit or code == 0, f"mcproxy ended with {code}"
        except subprocess.TimeoutExpired:
            raise AssertionError("mcproxy does not end on SIGTERM") from None
        finally:
            kill_group(self.process)
            self.process = None
        fatal = FATAL.search(self.error_log())
        assert not fatal, self.error_log()[fatal.start():][:6000]

    # ---- clients

    def client(self, unix=None, host="example.test", address=None, rcvbuf=None):
        """A new connection, made at its first use."""
        def open_socket():
            self.ensure_started()
            return connect(unix or address or ("127.0.0.1", self.port), rcvbuf)
        client = Client(open_socket, host)
        self._clients.append(client)
        return client

    # ---- what it tells

    def admin(self, target, headers=None):
        """(status, fields, text) of the admin listener."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{target}", headers=headers or {})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=WAIT_S) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read().decode()

    def status(self):
        """All numbers of /status, nested names joined with "."."""
        self.ensure_started()
        code, _, text = self.admin("/status")
        assert code == 200, text
        return dict(flatten(json.loads(text)))

    def counter(self, name, status=None):
        status = self.status() if status is None else status
        key = COUNTERS.get(name, name)
        assert key in status, f"no counter {key!r} in /status: {sorted(status)}"
        return status[key]

    def counted(self, timeout=2.0, **expected):
        """The counters have these values (workers publish theirs with some delay)."""
        last = {}

        def equal():
            status = self.status()
            last.update({name: self.counter(name, status) for name in expected})
            return last == expected
        poll_until(equal, lambda: f"counters {expected} (they are {last})", timeout * SLOW)

    def error_log(self):
        """Everything written to stderr and to error.log."""
        return "".join(p.read_text(errors="replace") for p in (self.dir / "stderr", self.dir / "error.log") if p.exists())

    def wait_error_log(self, pattern, timeout=None):
        return poll_until(lambda: re.search(pattern, self.error_log()), lambda: f"{pattern!r} in the error log:\n{self.error_log()}",
                          timeout)

    def access_log(self, lines=1, name="access.log", timeout=None):
        """The lines of {dir}/access.log, once there are so many (they are written in blocks)."""
        path = self.dir / name

        def enough():
            got = path.read_text(errors="replace").splitlines() if path.exists() else []
            return got if len(got) >= lines else None
        return poll_until(enough, f"{lines} lines in {name}", timeout)


def connect(address, rcvbuf=None):
    if isinstance(address, tuple):
        sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        sock = socket.socket(socket.AF_UNIX)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.settimeout(WAIT_S)
    try:
        sock.connect(address if isinstance(address, tuple) else str(address))
    except OSError:
        sock.close()
        raise
    return sock


def flatten(value, prefix=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, value
