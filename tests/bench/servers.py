"""The programs that are compared: how each is configured, started, checked and stopped."""
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from load import CONTENT, HERE, LOAD_CORE, SERVER_CORE, Client, get

ROOT = HERE.parent.parent
BUILD = ROOT / os.environ.get("BUILD", "build")
OPEN_FILE_CACHE = "open_file_cache max=100000 inactive=600s; open_file_cache_valid 600s;"
BUFFERED_LOG = "combined buffer=64k flush=1s"


def program(name):
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found is None:
        raise RuntimeError(f"{name} is not installed")
    return found


def render(name, to, **values):
    """Writes a file of conf/ with its @names@ replaced."""
    text = (HERE / "conf" / name).read_text()
    if "@server@" in text:
        text = text.replace("@server@", (HERE / "conf" / values.pop("server")).read_text().rstrip())
    text = re.sub(r"@(\w+)@", lambda m: str(values[m.group(1)]), text)
    to.write_text(text)
    return str(to)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A running program, alone in its process group and on its core."""

    def __init__(self, name, site, command, core=SERVER_CORE, output=None):
        self.name = name
        self.dir = site.dir / name.replace(" ", "-")
        self.dir.mkdir()
        self.dir.chmod(0o777)
        self.port = free_port()
        self.admin_port = None
        errors = open(self.dir / "stderr", "ab")
        arguments = [str(a) for a in command(self)]
        stdout = open(self.dir / output, "ab") if output else errors
        self.process = subprocess.Popen(["taskset", "-c", core, *arguments], stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors,
                                        start_new_session=True)
        errors.close()
        if output:
            stdout.close()

    def pids(self):
        return [self.process.pid]

    def memcached_writes(self):
        """How often mcproxy has written to memcached; 0 where nothing tells."""
        if not self.admin_port:
            return 0
        text = get(self.admin_port, "/metrics")[1].decode()
        return sum(float(n) for n in re.findall(r"^mcproxy_memcached_writes_total\{[^}]*\} (\S+)", text, re.M))

    def wait_until_open(self):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        text = (self.dir / "stderr").read_text(errors="replace")[-1500:]
        raise RuntimeError(f"{self.name} does not listen: {text.strip()}")

    def stop(self):
        """Asks the program to end, then kills what is left of its group."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Site:
    """What stands behind the contenders, on the generator's core: the app (nginx) and a memcached."""

    def __init__(self):
        memory = Path("/dev/shm")
        self.dir = Path(tempfile.mkdtemp(prefix="mcproxy-bench-", dir=memory if memory.is_dir() else None))
        self.dir.chmod(0o755)
        self.servers = []
        self.origin = self.memcached = None

    def open(self):
        self.origin = self.start("origin", nginx_command(self, "nginx-origin.conf", kilobyte="x" * 1024), core=LOAD_CORE)
        for kib in (16, 256):
            (self.origin.dir / f"{kib}k").write_bytes(CONTENT * kib * 1024)
        self.memcached = self.start("memcached", memcached_command, core=LOAD_CORE)
        for server in self.servers:
            server.wait_until_open()

    def start(self, name, command, **options):
        server = Server(name, self, command, **options)
        self.servers.append(server)
        return server

    def origin_requests(self):
        text = get(self.origin.port, "/requests")[1].decode()
        return int(re.search(r"^\s*\d+ \d+ (\d+)", text, re.M).group(1))

    def memcached_gets(self):
        """Lookups that memcached has answered."""
        with socket.create_connection(("127.0.0.1", self.memcached.port)) as s:
            s.sendall(b"stats\r\n")
            text = b""
            while not text.endswith(b"END\r\n"):
                text += s.recv(65536)
        return int(re.search(rb"STAT cmd_get (\d+)", text).group(1))

    def fill_memcached(self, cell):
        """For readers that don't store: the content itself, under its path."""
        with socket.create_connection(("127.0.0.1", self.memcached.port)) as s, s.makefile("rb") as replies:
            for path in cell.paths():
                s.sendall(b"set %s 0 0 %d\r\n%s\r\n" % (path.encode(), cell.kib * 1024, CONTENT * (cell.kib * 1024)))
                replies.readline()

    def close(self):
        for server in reversed(self.servers):
            server.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


# ---- Commands -----------------------------------------------------------------------------------

def memcached_command(server):
    user = ["-u", "root"] if os.geteuid() == 0 else []
    return [program("memcached"), *user, "-l", "127.0.0.1", "-p", server.port, "-U", "0", "-t", "1", "-c", "8192", "-m", "1024"]


def nginx_modules():
    """srcache and memc are modules of their own; the path to them is built into nginx."""
    built = subprocess.run([program("nginx"), "-V"], capture_output=True, text=True, check=True).stderr
    folder = re.search(r"--modules-path=(\S+)", built).group(1)
    names = ["ndk_http_module", "ngx_http_memc_module", "ngx_http_srcache_filter_module"]
    return "\n".join(f"load_module {folder}/{name}.so;" for name in names)


def nginx_command(site, part, tuned=False, log=None, modules=False, **values):
    def command(server):
        settings = {
            "dir": server.dir, "port": server.port, "log": f"{server.dir}/access.log {log}" if log else "off",
            "sendfile": "off" if tuned else "on", "open_file_cache": OPEN_FILE_CACHE if tuned else "",
            "modules": nginx_modules() if modules else "",
            "origin_port": site.origin.port if site.origin else 1,
            "memcached_port": site.memcached.port if site.memcached else 1,
        }
        return [program("nginx"), "-p", server.dir, "-c", render("nginx.conf", server.dir / "nginx.conf", server=part, **settings, **values)]
    return command


def haproxy_command(site, cache=True, log=False):
    def command(server):
        conf = render("haproxy.cfg", server.dir / "haproxy.cfg", port=server.port, origin_port=site.origin.port,
                      cache="http-request cache-use memory\n    http-response cache-store memory" if cache else "",
                      log_target="log stdout format raw local0 info" if log else "",
                      log="log global\n    option httplog" if log else "")
        return [program("haproxy"), "-db", "-f", conf]
    return command


def mcproxy_command(site, binary, part, log=False):
    def command(server):
        if "memcached" in part:
            server.admin_port = free_port()
        conf = render(part, server.dir / "proxy.yaml", port=server.port, admin_port=server.admin_port, origin_port=site.origin.port,
                      memcached_port=site.memcached.port, log=f"{server.dir}/access.log" if log else "off")
        return [binary, "-c", conf]
    return command


def floor_binary():
    """The floors are built when they are needed, and again when they have changed."""
    sources = sorted((HERE / "floor").glob("*.[ch]"))
    state = hashlib.sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()[:12]
    binary = BUILD / "bench" / f"floor-{state}"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-o", binary, *(s for s in sources if s.suffix == ".c")], check=True)
    return binary


def floor_command(site, mode, cell):
    arguments = {"reply": [cell.kib * 1024], "memcached": [cell.kib * 1024, site.memcached.port], "relay": [site.origin.port]}[mode]
    return lambda server: [floor_binary(), server.port, mode, *arguments]


# ---- Contenders ---------------------------------------------------------------------------------

SCENARIOS = ("hit", "log", "memcached", "pass", "store", "store-memcached")


def contenders(site, cell, binaries):
    """[(name, command, options of Server)]. The first one is what the others are measured by; `binaries` are mcproxy's, by name."""
    def nginx(*args, **more):
        return nginx_command(site, *args, **more)

    def mcproxy(part, log=False):
        return [(name + ("+log" if log else ""), mcproxy_command(site, path, part, log), {}) for name, path in binaries.items()]

    floor = {"memcached": "memcached", "pass": "relay"}.get(cell.scenario, "reply")
    if cell.keys == "one":
        floor = "relay" if cell.scenario == "pass" else "reply"  # equal lookups are to be collapsed
    rows = [("floor", floor_command(site, floor, cell), {})]
    if cell.scenario == "hit":
        rows += [*mcproxy("mcproxy-memory.yaml"),
                 ("haproxy", haproxy_command(site), {}),
                 ("nginx tuned", nginx("nginx-cache.conf", tuned=True), {}),
                 ("nginx", nginx("nginx-cache.conf"), {})]
    elif cell.scenario == "log":
        rows += [*mcproxy("mcproxy-memory.yaml"),
                 *mcproxy("mcproxy-memory.yaml", log=True),
                 ("haproxy+log", haproxy_command(site, log=True), {"output": "access.log"}),
                 ("nginx tuned+log", nginx("nginx-cache.conf", tuned=True, log=BUFFERED_LOG), {}),
                 ("nginx+log", nginx("nginx-cache.conf", log="combined"), {})]
    elif cell.scenario == "memcached":
        rows += [*mcproxy("mcproxy-memcached.yaml"),
                 ("memcached_pass", nginx("nginx-memcached.conf"), {}),
                 ("srcache", nginx("nginx-srcache.conf", modules=True), {})]
    elif cell.scenario == "pass":
        rows += [*mcproxy("mcproxy-pass.yaml"),
                 ("nginx", nginx("nginx-pass.conf"), {}),
                 ("haproxy", haproxy_command(site, cache=False), {})]
    elif cell.scenario == "store-memcached":
        rows += [*mcproxy("mcproxy-memcached.yaml"),
                 ("srcache", nginx("nginx-srcache.conf", modules=True), {})]
    else:
        rows += [*mcproxy("mcproxy-memory.yaml"),
                 ("haproxy", haproxy_command(site), {}),
                 ("nginx", nginx("nginx-cache.conf"), {})]
    return rows


def start_all(site, cell, binaries, only=()):
    """Starts the contenders of a cell; one that can't be started or doesn't do what is to be measured is left out, with a word."""
    if cell.scenario == "memcached":
        site.fill_memcached(cell)
    ready = []
    for name, command, options in contenders(site, cell, binaries):
        if only and name not in only:
            continue
        try:
            server = site.start(name, command, **options)
            server.wait_until_open()
            prepare(site, server, cell)
            ready.append(server)
        except (RuntimeError, OSError) as error:
            print(f"{cell.title()}: {name} is left out: {error}", flush=True)
    return ready


def prepare(site, server, cell):
    """Asks for everything twice: the first time stores, the second must be a hit, or reach the app where nothing is cached."""
    client = Client(server.port)
    try:
        for _ in range(2):
            seen = site.origin_requests()
            for path in cell.paths():
                status, content = client.get(path)
                if status != 200 or len(content) != cell.kib * 1024:
                    raise RuntimeError(f"{path}: status {status}, {len(content)} bytes")
            time.sleep(0.1)  # stores happen behind the answer
    finally:
        client.close()
    reached = site.origin_requests() - seen - 1
    if cell.scenario == "pass" and reached < len(cell.paths()):
        raise RuntimeError(f"only {reached} of {len(cell.paths())} requests reached the app")
    if cell.scenario != "pass" and reached > 0:
        raise RuntimeError(f"{reached} of {len(cell.paths())} requests were no hits")
