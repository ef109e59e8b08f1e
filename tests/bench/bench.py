#!/usr/bin/python3
"""Compares mcproxy with nginx, haproxy and floors on this machine: CPU time per request, in ratios. README.md has the method.

    bench.py                          everything, about ten minutes
    bench.py run hit memcached        these scenarios only (hit log memcached pass store)
    bench.py syscalls pass            system calls per request
    bench.py idle                     memory of an idle connection
"""
import argparse
import contextlib
import csv
import os
import re
import resource
import signal
import subprocess
import sys
import time

import report
from load import SERVER_CORE, Client, Cell, resident_bytes, window, with_children, wrk_command, wrk_report
from servers import BUILD, SCENARIOS, Site, start_all


@contextlib.contextmanager
def site_with(cell, options):
    """A fresh app, memcached and contenders; all end with the block."""
    site = Site()
    try:
        site.open()
        yield site, start_all(site, cell, options.binaries, options.contenders)
    finally:
        site.close()


def measure(cell, options):
    """Interleaved: each round gives every contender one window, starting with another one. Returns a row per window."""
    rows = []
    with site_with(cell, options) as (site, servers):
        for server in servers:
            window(site, server, cell, 1, f"{server.port}-warm")
        for number in range(options.rounds):
            first = number % len(servers) if servers else 0
            for server in servers[first:] + servers[:first]:
                try:
                    row = window(site, server, cell, options.seconds, f"{server.port}-{number}")
                except RuntimeError as error:
                    print(f"{cell.title()}: {server.name}, round {number}: {error}", flush=True)
                    continue
                rows.append({"cell": cell, "contender": server.name, "round": number, **row})
        if cell.scenario == "log":
            check_logs(servers, rows)
    order = [server.name for server in servers]
    return sorted(rows, key=lambda row: order.index(row["contender"]))


def check_logs(servers, rows):
    """A contender that is to log and doesn't has no price."""
    time.sleep(1.5)  # buffered logs are written once a second
    for server in servers:
        asked = sum(row["requests"] for row in rows if row["contender"] == server.name)
        if server.name.endswith("+log"):
            with open(server.dir / "access.log", "rb") as file:
                lines = sum(1 for _ in file)
            if lines < asked:
                print(f"{server.name}: {asked} requests and only {lines} lines in its log", flush=True)


def cells_of(options):
    if options.cell:
        scenario, kib, connections, keys = options.cell.split("/")
        return [Cell(scenario, int(kib), int(connections), keys)]
    return [c for c in report.CELLS if not options.scenarios or c.scenario in options.scenarios]


def save(rows, path):
    if path and rows:
        with open(path, "w", newline="") as file:
            flat = [{**row["cell"]._asdict(), **{k: v for k, v in row.items() if k != "cell"}} for row in rows]
            writer = csv.DictWriter(file, flat[0].keys())
            writer.writeheader()
            writer.writerows(flat)


def run(options):
    rows = []
    for cell in cells_of(options):
        measured = measure(cell, options)
        rows += measured
        report.print_cell(measured, cell)
    save(rows, options.csv)
    return rows


# ---- System calls -------------------------------------------------------------------------------

def calls_per_request(server, cell, seconds):
    """{name of a call: times per request}, counted by strace over all threads. Its slowness changes batches, not the calls of a request."""
    output = server.dir / "strace"
    attach = [word for pid in with_children(server.pids()) for word in ("-p", str(pid))]
    tracer = subprocess.Popen(["taskset", "-c", SERVER_CORE, "strace", "-qq", "-f", "-c", "-S", "calls", "-o", output, *attach],
                              stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(1)
    done = subprocess.run(wrk_command(server.port, cell, seconds, f"{server.port}-strace"), capture_output=True, text=True)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    requests = wrk_report(done.stdout + done.stderr)["requests"]
    line = re.compile(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.M)
    return {name: int(n) / requests for n, name in line.findall(output.read_text()) if name != "total"}


def syscalls(options):
    lines, totals = [], {}
    for cell in report.CALLS:
        if options.scenarios and cell.scenario not in options.scenarios:
            continue
        with site_with(cell, options) as (_, servers):
            for server in servers:
                calls = calls_per_request(server, cell, options.seconds)
                total = sum(calls.values())
                if server.name == "mcproxy":
                    totals[cell] = total
                usual = ", ".join(f"{name} {n:.2f}" for name, n in sorted(calls.items(), key=lambda c: -c[1]) if n >= 0.02)
                lines.append([cell.title(), server.name, f"{total:.2f}", usual])
    print("#### System calls per request\n")
    report.markdown(["case", "contender", "calls", "which"], lines)
    return totals


# ---- Idle connections ---------------------------------------------------------------------------

def idle_growth(server, cell, connections):
    """Bytes of resident memory for each of so many connections that have had a response and are idle now."""
    subprocess.run(wrk_command(server.port, cell, 1), capture_output=True, check=True)  # what load needs is not the connections' price
    time.sleep(1)
    before = resident_bytes(server.pids())
    clients = []
    try:
        for _ in range(connections):
            clients.append(Client(server.port))
            clients[-1].get(cell.path())
        time.sleep(2)
        return (resident_bytes(server.pids()) - before) / connections
    finally:
        for client in clients:
            client.close()


def idle(options):
    lines, own = [], None
    cell = report.HIT
    with site_with(cell, options) as (_, servers):
        for server in servers:
            growth = idle_growth(server, cell, options.connections)
            lines.append([server.name, options.connections, f"{growth:.0f}"])
            own = growth if server.name == "mcproxy" else own
    print("#### Memory of an idle connection\n")
    report.markdown(["contender", "connections", "resident bytes per connection"], lines)
    return own


# ---- Command line -------------------------------------------------------------------------------

def everything(options):
    rows = run(options)
    growth = idle(options)
    options.seconds = 1
    calls = syscalls(options)
    report.print_targets(rows, growth, calls)


def binaries_of(options):
    named = {"mcproxy": str(BUILD / "release" / "mcproxy")}
    named.update(b.split("=", 1) for b in options.binary)
    missing = [path for path in named.values() if not os.access(path, os.X_OK)]
    for path in missing:
        print(f"{path} is not there: measuring without it", flush=True)
    return {name: path for name, path in named.items() if path not in missing}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", nargs="?", default="all", choices=("all", "run", "syscalls", "idle"))
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=" ".join(SCENARIOS))
    parser.add_argument("-c", "--contenders", type=lambda s: s.split(","), default=[], help="only these, by comma (nginx tuned,mcproxy)")
    parser.add_argument("-r", "--rounds", type=int, default=5)
    parser.add_argument("-d", "--seconds", type=int, default=2, help="of one window")
    parser.add_argument("-n", "--connections", type=int, default=4000, help="for idle")
    parser.add_argument("--cell", metavar="SCENARIO/KIB/CONNECTIONS/KEYS", help="one case: hit/1/1024/one; keys are one, many or new")
    parser.add_argument("--binary", action="append", default=[], metavar="NAME=PATH", help="a further build of mcproxy to compare")
    parser.add_argument("--csv", metavar="FILE", help="write every window there")
    options = parser.parse_args()
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"no such scenario: {' '.join(unknown)}")
    options.binaries = binaries_of(options)
    return options


def main():
    options = arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    {"all": everything, "run": run, "syscalls": syscalls, "idle": idle}[options.command](options)


if __name__ == "__main__":
    main()
