#!/usr/bin/python3
"""Writes what mcproxy prints about itself into the documents: `run_docs.py [--check] build/release/mcproxy`.

conf/REFERENCE.md is `mcproxy --reference`; the picture in src/README.md, between the lines `<!-- states -->` and
`<!-- /states -->`, is `mcproxy --states`. With --check nothing is written; exit status 1 if something would be.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = re.compile(r"(<!-- states -->\n).*?(<!-- /states -->)", re.S)


def printed(binary, option):
    return subprocess.run([binary, option], check=True, capture_output=True, text=True).stdout


def with_picture(text, picture):
    return PICTURE.sub(lambda m: f"{m.group(1)}```\n{picture.rstrip()}\n```\n{m.group(2)}", text)


def main(arguments):
    check = "--check" in arguments
    binary = str(Path([a for a in arguments if not a.startswith("--")][0]).resolve())
    wanted = {ROOT / "conf/REFERENCE.md": printed(binary, "--reference")}
    readme = ROOT / "src/README.md"
    if readme.is_file():
        wanted[readme] = with_picture(readme.read_text(), printed(binary, "--states"))
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)}: out of date, run `make docs`")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path])
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
