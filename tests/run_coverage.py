#!/usr/bin/python3
"""Prints per file of src/ how many lines the tests have reached: `run_coverage.py build/cov`."""
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def main(folder):
    lines = defaultdict(dict)
    for data in sorted(Path(folder, "src").rglob("*.gcda")):
        out = subprocess.run(["gcov", "--json-format", "--stdout", str(data)], capture_output=True, text=True).stdout
        for document in out.splitlines():
            for file in json.loads(document)["files"]:
                if file["file"].startswith("src/"):
                    counts = lines[file["file"]]
                    for line in file["lines"]:
                        number = line["line_number"]
                        counts[number] = max(counts.get(number, 0), line["count"])
    # A file that no test has loaded at all leaves no data; say so instead of leaving it out.
    for source in sorted(Path("src").glob("*/*.c")):
        if str(source) not in lines:
            print(f"   -    {source}: never run")
    total = reached = 0
    for name, counts in sorted(lines.items()):
        hit = sum(1 for count in counts.values() if count)
        total, reached = total + len(counts), reached + hit
        missed = [n for n, count in sorted(counts.items()) if not count]
        shown = " ".join(map(str, missed[:12])) + (" …" if len(missed) > 12 else "")
        print(f"{100 * hit / max(len(counts), 1):5.1f} % {name}: {hit} of {len(counts)}" + (f", not: {shown}" if missed else ""))
    print(f"{100 * reached / max(total, 1):5.1f} % of {total} lines")


main(sys.argv[1])
