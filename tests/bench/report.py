"""From measured windows to tables: medians, ratios of windows of the same round, targets met or not."""
import collections
import statistics

from load import Cell

# ---- What is measured ---------------------------------------------------------------------------

CELLS = [
    Cell("hit", 1, 64, "one"),
    Cell("hit", 1, 64, "many"),
    Cell("hit", 16, 64, "one"),
    Cell("log", 1, 64, "one"),
    Cell("memcached", 1, 64, "many"),
    Cell("memcached", 1, 1024, "many"),
    Cell("memcached", 1, 64, "one"),
    Cell("memcached", 16, 64, "some"),
    Cell("memcached", 256, 64, "some"),
    Cell("pass", 1, 64, "one"),
    Cell("pass", 16, 64, "one"),
    Cell("store", 1, 64, "new"),
    Cell("store-memcached", 1, 64, "new"),
]
(HIT, HIT_MANY, HIT_16K, LOG, MEMCACHED, MEMCACHED_1024, MEMCACHED_ONE, MEMCACHED_16K, MEMCACHED_256K, PASS, PASS_16K, STORE,
 STORE_MEMCACHED) = CELLS

# ---- What is wanted -----------------------------------------------------------------------------

Target = collections.namedtuple("Target", "name cell metric own other limit")
CPU, SUM = "cpu_us", "sum_us"

# Ratios of `own` to `other` in one cell. SUM has memcached's CPU time in it, so that work can't be shifted there unseen.
TARGETS = [
    Target("P1", HIT, CPU, "mcproxy", "floor", 1.20),
    Target("P1", HIT, CPU, "mcproxy", "haproxy", 0.90),
    Target("P1", HIT, CPU, "mcproxy", "nginx tuned", 0.78),
    Target("P1", HIT, CPU, "mcproxy", "nginx", 0.42),
    Target("P2", HIT_MANY, CPU, "mcproxy", "floor", 1.25),
    Target("P2", HIT_MANY, CPU, "mcproxy", "haproxy", 0.90),
    Target("P4", HIT_16K, CPU, "mcproxy", "floor", 1.20),
    Target("P4", HIT_16K, CPU, "mcproxy", "haproxy", 0.76),
    Target("P4", HIT_16K, CPU, "mcproxy", "nginx tuned", 0.68),
    Target("P6", LOG, CPU, "mcproxy+log", "mcproxy", 1.06),
    Target("P6", LOG, CPU, "mcproxy+log", "haproxy+log", 0.70),
    Target("P6", LOG, CPU, "mcproxy+log", "nginx tuned+log", 0.78),
    Target("P6", LOG, CPU, "mcproxy+log", "nginx+log", 0.40),
    Target("P7", MEMCACHED, CPU, "mcproxy", "floor", 1.25),
    Target("P7", MEMCACHED, CPU, "mcproxy", "memcached_pass", 0.80),
    Target("P7", MEMCACHED, CPU, "mcproxy", "srcache", 0.74),
    Target("P7", MEMCACHED, SUM, "mcproxy", "memcached_pass", 0.72),
    Target("P7", MEMCACHED, SUM, "mcproxy", "srcache", 0.68),
    Target("P8", MEMCACHED_1024, CPU, "mcproxy", "floor", 1.35),
    Target("P8", MEMCACHED_1024, CPU, "mcproxy", "memcached_pass", 0.60),
    Target("P8", MEMCACHED_1024, CPU, "mcproxy", "srcache", 0.50),
    Target("P8", MEMCACHED_1024, SUM, "mcproxy", "memcached_pass", 0.50),
    Target("P8", MEMCACHED_1024, SUM, "mcproxy", "srcache", 0.42),
    Target("P9", MEMCACHED_ONE, CPU, "mcproxy", "floor", 1.35),
    Target("P9", MEMCACHED_ONE, CPU, "mcproxy", "memcached_pass", 0.58),
    Target("P9", MEMCACHED_ONE, SUM, "mcproxy", "memcached_pass", 0.42),
    Target("P10", MEMCACHED_16K, CPU, "mcproxy", "floor", 1.30),
    Target("P10", MEMCACHED_16K, CPU, "mcproxy", "srcache", 0.78),
    Target("P10", MEMCACHED_16K, CPU, "mcproxy", "memcached_pass", 0.70),
    Target("P10", MEMCACHED_256K, CPU, "mcproxy", "floor", 1.25),
    Target("P10", MEMCACHED_256K, CPU, "mcproxy", "srcache", 0.88),
    Target("P10", MEMCACHED_256K, CPU, "mcproxy", "memcached_pass", 0.52),
    Target("P11", PASS, CPU, "mcproxy", "nginx", 1.00),
    Target("P11", PASS, CPU, "mcproxy", "haproxy", 1.00),
    Target("P11", PASS_16K, CPU, "mcproxy", "nginx", 0.90),
    Target("P11", PASS_16K, CPU, "mcproxy", "haproxy", 0.92),
    Target("P12", STORE, CPU, "mcproxy", "haproxy", 0.85),
    Target("P12", STORE, CPU, "mcproxy", "nginx", 0.28),
    Target("P13", STORE_MEMCACHED, CPU, "mcproxy", "srcache", 0.50),
    Target("P13", STORE_MEMCACHED, SUM, "mcproxy", "srcache", 0.50),
]
GETS = {MEMCACHED_ONE: 0.1}  # P9, lookups in memcached per request
IDLE_BYTES = 1024  # P14, of user space memory for an idle connection
CALLS = {HIT: 2.1, MEMCACHED: 2.3, PASS: 4.2}  # P16, system calls per request


# ---- Numbers ------------------------------------------------------------------------------------

def windows(rows, cell, contender):
    """{round: row}"""
    return {r["round"]: r for r in rows if r["cell"] == cell and r["contender"] == contender}


def median(rows, metric):
    return statistics.median(r[metric] for r in rows.values())


def ratio(rows, cell, metric, own, other):
    """Median over the rounds of own divided by other, or None when one of them wasn't measured."""
    a, b = windows(rows, cell, own), windows(rows, cell, other)
    ratios = [a[i][metric] / b[i][metric] for i in a.keys() & b.keys() if b[i][metric] > 0]
    return statistics.median(ratios) if ratios else None


def show(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


# ---- Tables -------------------------------------------------------------------------------------

def markdown(head, lines):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for line in lines:
        print("| " + " | ".join(str(value) for value in line) + " |")
    print(flush=True)


def print_cell(rows, cell):
    """CPU per request first; `own / it` is mcproxy's price as a part of that contender's."""
    names = list(dict.fromkeys(r["contender"] for r in rows if r["cell"] == cell))
    pool = "memcached" in cell.scenario
    own = "mcproxy+log" if cell.scenario == "log" else "mcproxy"
    head = ["contender", "CPU µs/request (min–max)", "× floor", f"{own} / it"]
    head += ["memcached µs", "sum µs", f"{own} / it, sum", "lookups/request", "lookups/write"] if pool else []
    lines = []
    for name in names:
        seen = windows(rows, cell, name)
        values = [r[CPU] for r in seen.values()]
        errors = sum(r["errors"] for r in seen.values())
        line = [f"{name} ({errors} errors)" if errors else name,
                f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})",
                show(ratio(rows, cell, CPU, name, "floor")), show(ratio(rows, cell, CPU, own, name))]
        if pool:
            line += [show(median(seen, "memcached_us")), show(median(seen, SUM)), show(ratio(rows, cell, SUM, own, name)),
                     show(median(seen, "gets")), show(median(seen, "gets_per_write") or None, 1)]
        lines.append(line + [f"{median(seen, m):.0f}" for m in ("per_second", "p50_us", "p99_us")] +
                     [show(median(seen, "busy")), show(median(seen, "load_busy"))])
    print(f"#### {cell.title()}\n")
    markdown(head + ["requests/s", "p50 µs", "p99 µs", "core busy", "generator busy"], lines)


def verdict(value, limit):
    """As exact as what is shown."""
    return "not measured" if value is None else "met" if round(value, 2) <= limit else "**not met**"


def target_lines(rows, idle, calls):
    lines = []
    for t in TARGETS:
        value = ratio(rows, t.cell, t.metric, t.own, t.other)
        with_pool = ", memcached's CPU counted" if t.metric == SUM else ""
        lines.append([t.name, t.cell.title(), f"{t.own} / {t.other}{with_pool}", f"≤ {t.limit:.2f}", show(value), verdict(value, t.limit)])
    for cell, limit in GETS.items():
        seen = windows(rows, cell, "mcproxy")
        value = median(seen, "gets") if seen else None
        lines.append(["P9", cell.title(), "lookups in memcached per request", f"≤ {limit}", show(value), verdict(value, limit)])
    lines.append(["P14", "idle keep-alive connection", "bytes of resident memory", f"≤ {IDLE_BYTES}", show(idle, 0), verdict(idle, IDLE_BYTES)])
    for cell, limit in CALLS.items():
        value = calls.get(cell)
        lines.append(["P16", cell.title(), "system calls per request", f"≤ {limit}", show(value), verdict(value, limit)])
    return lines


def print_targets(rows, idle, calls):
    lines = target_lines(rows, idle, calls)
    print("#### Targets\n")
    markdown(["target", "case", "ratio", "wanted", "measured", ""], lines)
    print(f"{sum(line[-1] == 'met' for line in lines)} met, {sum('not met' in line[-1] for line in lines)} not met, "
          f"{sum(line[-1] == 'not measured' for line in lines)} not measured")
