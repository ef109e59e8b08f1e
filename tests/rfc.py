#!/usr/bin/python3
"""Clauses of RFC 9111, the code that cites them as obeyed and the tests that cite them as proven: `make rfc`.

A citation is `RFC 9111 section 4.2.1` (also `sections 3.3 and 3.4`) in a comment or docstring of src/ or tests/. In a file whose
first comment names RFC 9111 before any other RFC, or whose header's does, `section 4.2.1` alone will do. A row of a unit table of
src/cache's tests is cited by its name: `"4.2.1: negative is stale"`. Exit status 1: a clause has neither code nor test.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CLAUSES = {
    "3": "Storing responses in caches",
    "3.1": "Storing header and trailer fields",
    "3.2": "Updating stored header fields",
    "3.3": "Storing incomplete responses",
    "3.4": "Combining partial content",
    "3.5": "Storing responses to authenticated requests",
    "4": "Constructing responses from caches",
    "4.1": "Calculating cache keys with the Vary header field",
    "4.2": "Freshness",
    "4.2.1": "Calculating freshness lifetime",
    "4.2.2": "Calculating heuristic freshness",
    "4.2.3": "Calculating age",
    "4.2.4": "Serving stale responses",
    "4.3.1": "Sending a validation request",
    "4.3.2": "Handling a received validation request",
    "4.3.3": "Handling a validation response",
    "4.3.4": "Freshening stored responses upon validation",
    "4.3.5": "Freshening responses with HEAD",
    "4.4": "Invalidating stored responses",
    "5.1": "Age",
    "5.2": "Cache-Control",
    "5.2.1.1": "Request: max-age",
    "5.2.1.2": "Request: max-stale",
    "5.2.1.3": "Request: min-fresh",
    "5.2.1.4": "Request: no-cache",
    "5.2.1.5": "Request: no-store",
    "5.2.1.6": "Request: no-transform",
    "5.2.1.7": "Request: only-if-cached",
    "5.2.2.1": "Response: max-age",
    "5.2.2.2": "Response: must-revalidate",
    "5.2.2.3": "Response: must-understand",
    "5.2.2.4": "Response: no-cache",
    "5.2.2.5": "Response: no-store",
    "5.2.2.6": "Response: no-transform",
    "5.2.2.7": "Response: private",
    "5.2.2.8": "Response: proxy-revalidate",
    "5.2.2.9": "Response: public",
    "5.2.2.10": "Response: s-maxage",
    "5.2.3": "Extension directives",
    "5.3": "Expires",
    "5.4": "Pragma",
    "5.5": "Warning",
}

NUMBER = r"\d+(?:\.\d+)*"
LIST = rf"{NUMBER}(?:(?:, | and |, and ){NUMBER})*"
CITED = re.compile(rf"(?:RFC (\d+) )?[Ss]ections? ({LIST})")
ROW = re.compile(rf'"({NUMBER}): ')
FIRST_COMMENT = re.compile(r"/\*.*?\*/|\"\"\".*?\"\"\"", re.S)
COMMENT_EDGE = re.compile(r"\s*\n\s*(?:\*|#)?\s*")


def rfc_of(path):
    """The RFC that a bare section number of this file belongs to; None where it names none."""
    for file in (path, path.with_suffix(".h")):
        first = FIRST_COMMENT.search(file.read_text()) if file.is_file() else None
        named = re.search(r"RFC (\d+)", first.group()) if first else None
        if named:
            return named.group(1)
    return None


def cited_in(path):
    text = COMMENT_EDGE.sub(" ", path.read_text())
    own = rfc_of(path)
    found = {number for rfc, numbers in CITED.findall(text) if (rfc or own) == "9111" for number in re.findall(NUMBER, numbers)}
    if path.is_relative_to(ROOT / "tests/unit/cache") and own in (None, "9111"):
        found.update(ROW.findall(text))
    return found


def citations(folder, suffixes):
    """Paths by clause; a clause of Cache-Control's directives is no citation of the sections above it, nor the reverse."""
    by_clause = {clause: [] for clause in CLAUSES}
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in suffixes and path != Path(__file__).resolve():
            for clause in cited_in(path) & CLAUSES.keys():
                by_clause[clause].append(str(path.relative_to(ROOT)))
    return by_clause


def main():
    code, tests = citations("src", (".c", ".h")), citations("tests", (".c", ".h", ".py"))
    missing = [clause for clause in CLAUSES if not code[clause] and not tests[clause]]
    for clause, title in CLAUSES.items():
        print(f"{clause} {title}")
        print(f"    code: {' '.join(code[clause]) or '-'}")
        print(f"    test: {' '.join(tests[clause]) or '-'}")
    for clause in missing:
        print(f"section {clause} ({CLAUSES[clause]}) has neither code nor test", file=sys.stderr)
    return 1 if missing else 0


sys.exit(main())
