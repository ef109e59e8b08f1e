#!/usr/bin/python3
"""A fleet under load while its memcached servers fail in every way: what do the clients notice?

    tests/chaos/chaos.py [--seconds 600] [--seed N] [--faults split,killed]         (or `make chaos`)

Three proxies share two memcacheds. Clients check each answer byte for byte; faults come one after the other, some on both
servers at once. Ends with counts; status 1 when a request failed, a byte was wrong, or a response was older than it may be.
"""
import argparse
import asyncio
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "wire"))

from harness.memcached import Memcached     # noqa: E402
from harness.proxy import Proxy             # noqa: E402
from load import SLOW_MS, Load                     # noqa: E402
from origin import Origin                   # noqa: E402
from relay import Relay                     # noqa: E402

PROXIES, SERVERS, CONNECTIONS = 3, 2, 48
CONFIG = """
workers: 2
memcached_pools: {default: {servers: [%s]}}
caches: {default: {memory: 8m, memcached: default}}
"""
RELAY_FAULTS = ("hung", "slow", "cut", "corrupt", "other-key", "split", "stranger")
SERVER_FAULTS = ("killed", "frozen", "full", "small items", "flushed")
PROXY_FAULTS = ("reload",)


# ---- the other processes: each obeys what comes through its pipe

class Role:
    """Runs `body(pipe, …)` in a process of its own."""

    def __init__(self, body, *args):
        self.pipe, far = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=run_role, args=(body, far, *args), daemon=True)
        self.process.start()
        far.close()

    def ask(self, *words):
        if words:
            self.pipe.send(words)
        return self.pipe.recv()


def run_role(body, pipe, *args):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(body(pipe, *args))


async def next_words(pipe):
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pipe.fileno(), ready.set)
    await ready.wait()
    loop.remove_reader(pipe.fileno())
    return pipe.recv()


async def run_origin(pipe):
    origin = Origin()
    pipe.send(await origin.start())
    await next_words(pipe)
    pipe.send((origin.requests, origin.not_modified, origin.ranges))


async def run_relays(pipe, ports, seed):
    relays = [Relay(port, random.Random(f"{seed} {port}")) for port in ports]
    for relay in relays:
        await relay.start()
    pipe.send([relay.port for relay in relays])
    while (words := await next_words(pipe))[0] != "stop":
        server, mode = words
        relays[server].mode = mode
        if mode == "stranger" or mode is None:
            relays[server].drop_connections()
        pipe.send(True)
    for relay in relays:
        relay.close()
    pipe.send(sum(relay.bent for relay in relays))


async def run_load(pipe, ports, seed):
    load = Load(ports, CONNECTIONS, random.Random(seed))
    task = asyncio.ensure_future(load.run())
    while (words := await next_words(pipe))[0] != "stop":
        pipe.send((sum(load.answers.values()), len(load.failed), len(load.wrong), len(load.old)))
    load.stopping = True
    await task
    pipe.send(load)


# ---- faults

class Faults:
    def __init__(self, rng, kinds, servers, proxies, relays):
        self.rng, self.kinds, self.servers, self.proxies, self.relays = rng, kinds, servers, proxies, relays
        self.normal = list(servers[0]._command)
        self.done = {}

    def one(self):
        """Begins one, waits, ends it."""
        kind = self.rng.choice(self.kinds)
        which = range(SERVERS) if self.rng.random() < 0.2 else [self.rng.randrange(SERVERS)]
        self.done[kind] = self.done.get(kind, 0) + 1
        for server in which:
            self._begin(kind, server)
        time.sleep(self.rng.uniform(0.3, 2.5))
        for server in which:
            self._end(kind, server)
        time.sleep(self.rng.uniform(0.2, 1.5))
        return f"{kind} ({', '.join(str(s) for s in which)})"

    def _begin(self, kind, server):
        memcached = self.servers[server]
        if kind in RELAY_FAULTS:
            self.relays.ask(server, kind)
        elif kind == "killed":
            memcached.kill()
        elif kind == "frozen":
            memcached.stop()
        elif kind == "full":
            self._restart(memcached, ["-M", "-m", "2"])
        elif kind == "small items":
            self._restart(memcached, ["-I", "512k"])
        elif kind == "flushed":
            memcached.command("flush_all")
        elif kind == "reload":
            for proxy in self.proxies:
                proxy.signal(signal.SIGHUP)

    def _end(self, kind, server):
        memcached = self.servers[server]
        if kind in RELAY_FAULTS:
            self.relays.ask(server, None)
        elif kind == "killed":
            memcached.start()
        elif kind == "frozen":
            memcached.cont()
        elif kind in ("full", "small items"):
            self._restart(memcached, [])

    def _restart(self, memcached, options):
        memcached._command = [*self.normal[:4], str(memcached.port), *self.normal[5:], *options]
        memcached.restart()


# ---- the run

def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))] if sorted_values else 0


def report(load, origin_requests, not_modified, ranges, bent, faults, proxies):
    latencies = sorted(load.latencies_ms)
    requests = len(latencies)
    print(f"\nrequests           {requests}")
    print(f"failed             {len(load.failed)}")
    print(f"wrong bytes        {len(load.wrong)}")
    print(f"older than allowed {len(load.old)}")
    print("answers            " + ", ".join(f"{word or '-'} {n}" for word, n in load.answers.most_common()))
    print("latency, ms        " + ", ".join(f"p{p} {percentile(latencies, p / 100):.1f}" for p in (50, 90, 99, 99.9, 100)))
    total, keys = sum(origin_requests.values()), len(origin_requests)
    print(f"origin requests    {total} for {keys} keys ({total / max(keys, 1):.2f} per key, {not_modified} answered 304, "
          f"{ranges} for a lost chunk, most for one key {max(origin_requests.values())})")
    print(f"replies bent       {bent}")
    print("faults             " + ", ".join(f"{kind} {n}" for kind, n in sorted(faults.items())))
    print(f"over {SLOW_MS} ms       {len(load.slow)}")
    for name, lines in (("failed", load.failed), ("wrong", load.wrong), ("old", load.old), ("slow", sorted(load.slow, reverse=True))):
        for line in lines[:10]:
            print(f"{name}: {line}")
    crashes = [p.dir.name for p in proxies if "worker process" in p.error_log() and "signal" in p.error_log()]
    if crashes:
        print(f"crashed: {crashes}")
    return requests > 0 and not (load.failed or load.wrong or load.old or crashes)


def run(seconds, seed, kinds, directory):
    rng = random.Random(seed)
    servers = [Memcached("-m", "64") for _ in range(SERVERS)]
    origin = Role(run_origin)
    relays = Role(run_relays, [s.port for s in servers], seed)
    origin_port, relay_ports = origin.ask(), relays.ask()
    proxies = []
    try:
        for i in range(PROXIES):
            (directory / f"proxy{i}").mkdir()
            proxies.append(Proxy(directory / f"proxy{i}", f"127.0.0.1:{origin_port}"))
            proxies[-1].start(CONFIG % ", ".join(f'"127.0.0.1:{port}"' for port in relay_ports))
        load = Role(run_load, [p.port for p in proxies], seed)
        faults = Faults(rng, kinds, servers, proxies, relays)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            fault = faults.one()
            requests, failed, wrong, old = load.ask("so far")
            print(f"{left:4.0f} s left, {requests} requests, {failed} failed, {wrong} wrong, {old} too old; last fault: {fault}",
                  flush=True)
        time.sleep(2)
        result = load.ask("stop")
        ok = report(result, *origin.ask("stop"), relays.ask("stop"), faults.done, proxies)
        for proxy in proxies:
            proxy.stop()    # fails on an assertion or a sanitizer's report
        return ok
    finally:
        for proxy in proxies:
            if proxy.process:
                proxy.allow_exit = True
                proxy.stop()
        for server in servers:
            server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--faults", default=",".join(RELAY_FAULTS + SERVER_FAULTS + PROXY_FAULTS))
    args = parser.parse_args()
    print(f"seed {args.seed}, {args.seconds} s", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        return 0 if run(args.seconds, args.seed, args.faults.split(","), directory) else 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
