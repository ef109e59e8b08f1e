"""Load and its price: windows of wrk, CPU time of processes, a plain client for single requests."""
import collections
import os
import re
import resource
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = os.environ.get("BENCH_SERVER_CORE", str(CORES[0]))
LOAD_CORE = os.environ.get("BENCH_LOAD_CORE", str(CORES[-1]))

COUNTS = {"many": 10000, "some": 1000}  # paths of the key patterns that draw from a number of them
CONTENT = b"x"


class Cell(collections.namedtuple("Cell", "scenario kib connections keys")):
    """What is asked of a server: one measured case. `keys` is one, some, many (paths drawn from COUNTS) or new (each path once)."""

    def title(self):
        keys = {"one": "one URL", "new": "each URL once"}.get(self.keys) or f"{COUNTS[self.keys]} URLs"
        return f"{self.scenario}: {self.kib} KiB, {self.connections} connections, {keys}"

    def path(self):
        return "/one" if self.kib == 1 else f"/{self.kib}k"

    def paths(self):
        """All paths that are asked for, as far as they are known beforehand."""
        return [self.path()] + [f"{self.prefix()}/{i}" for i in range(1, COUNTS.get(self.keys, 0) + 1)]

    def prefix(self):
        return "/many" if self.kib == 1 else f"/{self.kib}k"


# ---- Processes ----------------------------------------------------------------------------------

def with_children(pids):
    """The processes and everything below them that is alive."""
    children = collections.defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            children[int(stat[stat.rindex(")") + 2:].split()[1])].append(int(entry))
    found, todo = [], list(pids)
    while todo:
        pid = todo.pop()
        if os.path.exists(f"/proc/{pid}"):
            found.append(pid)
        todo += children[pid]
    return found


def cpu_seconds(pids):
    """CPU time of the processes and their children, all threads of each. From schedstat, which counts nanoseconds: stat's clock
    has ticks of 10 ms. Threads that have ended are not in it, but no server here ends one under load."""
    total = 0
    for pid in with_children(pids):
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
        except (OSError, IndexError):
            continue
    return total / 1e9


def resident_bytes(pids):
    total = 0
    for pid in with_children(pids):
        try:
            total += int(re.search(r"^Rss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1)) * 1024
        except (OSError, AttributeError):
            continue
    return total


# ---- Single requests ----------------------------------------------------------------------------

class Client:
    """One keep-alive connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.input = self.socket.makefile("rb", 1 << 16)
        self.host = b"127.0.0.1:%d" % port

    def get(self, path):
        """Returns (status, content)."""
        self.socket.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), self.host))
        status = int(self.input.readline().split()[1])
        fields = {}
        for line in iter(self.input.readline, b"\r\n"):
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip().lower()
        if fields.get(b"transfer-encoding") == b"chunked":
            return status, b"".join(self.chunks())
        return status, self.input.read(int(fields.get(b"content-length", 0)))

    def chunks(self):
        n = 1
        while n:
            n = int(self.input.readline().split(b";")[0], 16)
            yield self.input.read(n)
            self.input.readline()

    def close(self):
        self.input.close()
        self.socket.close()


def get(port, path):
    client = Client(port)
    try:
        return client.get(path)
    finally:
        client.close()


# ---- Windows ------------------------------------------------------------------------------------

def wrk_command(port, cell, seconds, tag="0"):
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{cell.connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    url = f"http://127.0.0.1:{port}{cell.path()}"
    if cell.keys == "one":
        return command + [url]
    words = ["draw", cell.prefix(), str(COUNTS[cell.keys])] if cell.keys in COUNTS else ["new", tag]
    return command + ["-s", str(HERE / "keys.lua"), url, "--", *words]


def microseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[unit]


def wrk_report(text):
    requests = re.search(r"(\d+) requests in", text)
    if requests is None or int(requests.group(1)) == 0:
        raise RuntimeError(f"wrk measured nothing: {text.strip() or 'no output'}")
    bad = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    for numbers in re.findall(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text):
        bad += sum(map(int, numbers))
    return {
        "requests": int(requests.group(1)),
        "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
        "p50_us": microseconds(re.search(r"^\s+50%\s+(\S+)", text, re.M).group(1)),
        "p99_us": microseconds(re.search(r"^\s+99%\s+(\S+)", text, re.M).group(1)),
        "errors": bad,
    }


def window(site, server, cell, seconds, tag):
    """Loads `server` for some seconds. Returns wrk's report and, per request, the CPU microseconds of the server (cpu_us), of
    memcached (memcached_us) and the sum; and how busy the server's and the generator's core were with this run."""

    def clock():
        wrk = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "wall": time.monotonic(),
            "server": cpu_seconds(server.pids()),
            "memcached": cpu_seconds(site.memcached.pids()),
            "origin": cpu_seconds(site.origin.pids()),
            "wrk": wrk.ru_utime + wrk.ru_stime,
            "gets": site.memcached_gets(),
            "writes": server.memcached_writes(),
        }

    seen = site.origin_requests()
    before = clock()
    done = subprocess.run(wrk_command(server.port, cell, seconds, tag), capture_output=True, text=True, timeout=seconds + 60)
    after = clock()
    used = {name: after[name] - before[name] for name in after}
    result = wrk_report(done.stdout + done.stderr)
    n = result["requests"]
    result["cpu_us"] = used["server"] * 1e6 / n
    result["memcached_us"] = used["memcached"] * 1e6 / n
    result["sum_us"] = result["cpu_us"] + result["memcached_us"]
    result["gets"] = used["gets"] / n
    result["gets_per_write"] = used["gets"] / used["writes"] if used["writes"] else 0
    result["busy"] = used["server"] / used["wall"]
    result["load_busy"] = (used["wrk"] + used["memcached"] + used["origin"]) / used["wall"]
    result["origin_share"] = max(0, site.origin_requests() - seen - 1) / n
    return result
