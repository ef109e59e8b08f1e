#!/usr/bin/python3
"""Clauses of RFC 9111, the code that obeys them and the tests that prove it: `make rfc`, and a check of `make lint`.

A citation is `RFC 9111 section 4.2.1` (also `sections 3.3 and 3.4`) in a comment or docstring of src/ or tests/. In a file whose
first comment names RFC 9111 before any other RFC, or whose header's does, `section 4.2.1` alone will do. A row of a unit table of
src/cache's tests is cited by its name: `"4.2.1: negative is stale"`. Exit status 1: a clause that no code or no test cites, or a
citation of a clause that there is not. With clauses as arguments (`make rfc CLAUSES="3.5 4.1"`) only those are printed.
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
    "4.3": "Validation",
    "4.3.1": "Sending a validation request",
    "4.3.2": "Handling a received validation request",
    "4.3.3": "Handling a validation response",
    "4.3.4": "Freshening stored responses upon validation",
    "4.3.5": "Freshening responses with HEAD",
    "4.4": "Invalidating stored responses",
    "5.1": "Age",
    "5.2": "Cache-Control",
    "5.2.1": "Request directives",
    "5.2.1.1": "Request: max-age",
    "5.2.1.2": "Request: max-stale",
    "5.2.1.3": "Request: min-fresh",
    "5.2.1.4": "Request: no-cache",
    "5.2.1.5": "Request: no-store",
    "5.2.1.6": "Request: no-transform",
    "5.2.1.7": "Request: only-if-cached",
    "5.2.2": "Response directives",
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
DIRECTIVES = ("5.2.1", "5.2.2")   # proven by those below them

NUMBER = r"\d+(?:\.\d+)*"
LIST = rf"{NUMBER}(?:(?:, | and |, and ){NUMBER})*"
CITED = re.compile(rf"(?:RFC (\d+) )?[Ss]ections? ({LIST})")
ROW = re.compile(rf'"({NUMBER}): ')
FIRST_COMMENT = re.compile(r"/\*.*?\*/|\"\"\".*?\"\"\"", re.S)
COMMENT_EDGE = re.compile(r"\s*\n\s*(?:\*(?!/)|#)?\s*")


def rfc_of(path):
    """The RFC that a bare section number of this file belongs to; None where it names none."""
    for file in (path, path.with_suffix(".h")):
        first = FIRST_COMMENT.search(file.read_text()) if file.is_file() else None
        named = re.search(r"RFC (\d+)", first.group()) if first else None
        if named:
            return named.group(1)
    return None


def unfolded(text):
    """The text with comments on one line, and the line number of each of its bytes in the file."""
    out, lines, line, at = [], [], 1, 0
    for edge in COMMENT_EDGE.finditer(text):
        out.append(text[at:edge.start()] + " ")
        lines += [line] * len(out[-1])
        line += edge.group().count("\n")
        at = edge.end()
    out.append(text[at:])
    lines += [line] * len(out[-1])
    return "".join(out), lines


def cited_in(path):
    """(clause, line) pairs."""
    text, lines = unfolded(path.read_text())
    own = rfc_of(path)
    for match in CITED.finditer(text):
        if (match[1] or own) == "9111":
            yield from ((number, lines[match.start()]) for number in re.findall(NUMBER, match[2]))
    if path.is_relative_to(ROOT / "tests/unit/cache") and own in (None, "9111"):
        yield from ((match[1], lines[match.start()]) for match in ROW.finditer(text) if match[1] in CLAUSES)


def citations(folder, suffixes):
    """Places by clause as {path: lines}, and those that name no clause of sections 3 to 5."""
    by_clause, unknown = {clause: {} for clause in CLAUSES}, []
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix not in suffixes or path == Path(__file__).resolve():
            continue
        for clause, line in sorted(set(cited_in(path))):
            file = str(path.relative_to(ROOT))
            if clause in CLAUSES:
                by_clause[clause].setdefault(file, []).append(line)
            elif re.match(r"[345](\.|$)", clause):
                unknown.append(f"{file}:{line}: RFC 9111 has no section {clause}")
    return by_clause, unknown


def findings(code, tests):
    for clause, title in CLAUSES.items():
        for what, places in (("code", code), ("test", tests)):
            below = any(places[c] for c in CLAUSES if clause in DIRECTIVES and c.startswith(clause + "."))
            if not places[clause] and not below:
                yield f"RFC 9111 section {clause} ({title}) is cited by no {what}"


def show(what, places):
    shown = [f"{file}:{','.join(map(str, lines))}" for file, lines in places.items()]
    print(f"    {what}: {(chr(10) + ' ' * 10).join(shown) or '-'}")


def main(wanted):
    code, strange_code = citations("src", (".c", ".h"))
    tests, strange_tests = citations("tests", (".c", ".h", ".py"))
    found = [*strange_code, *strange_tests, *findings(code, tests)]
    for clause, title in CLAUSES.items():
        if wanted and clause not in wanted:
            continue
        print(f"{clause} {title}")
        show("code", code[clause])
        show("test", tests[clause])
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(CLAUSES)} clauses of RFC 9111, {len(found)} findings", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
