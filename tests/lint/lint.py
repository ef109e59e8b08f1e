#!/usr/bin/python3
"""Checks what the compiler does not: `make lint`, or `make lint CHECKS="layers format"`.

A check is a function that returns its findings as lines; none means passed. What a check found clean is remembered in
build/lint-cache by the hash of all that it read, so that only changed files are read again.
"""
import concurrent.futures
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / (os.environ.get("BUILD") or "build")
CACHE = BUILD / "lint-cache"
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
FOLDERS = os.environ.get("FOLDERS", "").split()
LONG_FUNCTION_LINES = 80
BANNED = ("strcpy", "strcat", "sprintf", "strtok", "atoi", "strtol", "alloca")

# ---- Files ------------------------------------------------------------------------------------


def sources(pattern):
    """Files of src/ by suffix pattern, only those of FOLDERS when that is set."""
    found = sorted((ROOT / "src").glob(f"*/{pattern}"))
    return [f for f in found if not FOLDERS or f.parent.name in FOLDERS]


def test_sources(pattern):
    found = sorted((ROOT / "tests/unit").glob(f"*/{pattern}"))
    found = [f for f in found if not FOLDERS or f.parent.name in FOLDERS]
    return found if FOLDERS else found + sorted((ROOT / "tests/fuzz").glob(pattern))


def rel(path):
    return str(path.relative_to(ROOT))


def without_comments(text, strings=False):
    """The text with comments (and contents of strings) blanked, line numbers kept."""

    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return found[0] + " " * (len(found) - 2) + found[-1] if strings and len(found) > 1 else found

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def includes(path):
    text = without_comments(path.read_text(errors="replace"))
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<][^">]+[">])', line)
        if match:
            yield number, match.group(1)


def closure(path):
    """The file and all headers of the project that it reaches."""
    seen, todo = set(), [path]
    while todo:
        one = todo.pop()
        if one in seen or not one.is_file():
            continue
        seen.add(one)
        for _, name in includes(one):
            if name[0] == '"':
                todo += [ROOT / "src" / name[1:-1], one.parent / name[1:-1], ROOT / "tests/unit" / name[1:-1]]
    return sorted(seen)


def compiler_flags():
    out = subprocess.run(["make", "-s", "print-flags"], cwd=ROOT, capture_output=True, text=True, check=True,
                         env={k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"})
    return shlex.split(out.stdout)


# ---- Running tools ------------------------------------------------------------------------------


def remembered(check, salt, paths):
    """A marker that exists when these contents were found clean before."""
    digest = hashlib.sha256(salt.encode())
    for path in paths:
        digest.update(rel(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return CACHE / check / digest.hexdigest()


def run_each(check, paths, command_of, config=()):
    """Runs a command per file in parallel, leaving out files whose closure was clean before; lines of those that fail."""

    def one(path):
        command = command_of(path)
        marker = remembered(check, " ".join(command), [*closure(path), *config])
        if marker.exists():
            return []
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode == 0:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
            return []
        return [l for l in done.stdout.splitlines() if l and not re.match(r"\d+ (warning|error)s? ", l)
                and "Suppressed" not in l and "Use -header-filter" not in l and "Error while processing" not in l] or [f"{rel(path)}: {command[0]} failed"]

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return [line for lines in pool.map(one, paths) for line in lines]


# ---- Checks -------------------------------------------------------------------------------------


def check_layers():
    """A folder includes itself and what src/LAYERS allows; a library's header is seen by its folders only."""
    allowed, libraries = {}, {}
    for line in (ROOT / "src/LAYERS").read_text().splitlines():
        name, colon, rest = line.split("#")[0].partition(":")
        if colon:
            (libraries if name.startswith("<") else allowed)[name.strip()] = set(rest.split())
    found = [f"src/{d.name}: not in src/LAYERS" for d in sorted((ROOT / "src").iterdir())
             if d.is_dir() and d.name not in allowed]
    for path in sources("*.[ch]"):
        own = path.parent.name
        for number, name in includes(path):
            where = f"{rel(path)}:{number}: "
            if name in libraries and own not in libraries[name]:
                found.append(f"{where}{name} belongs to {' '.join(libraries[name])}")
            if name[0] != '"':
                continue
            folder = name[1:-1].partition("/")[0]
            if "/" not in name or not (ROOT / "src" / name[1:-1]).is_file():
                found.append(f"{where}{name} is not a path from src/")
            elif folder != own and folder not in allowed.get(own, ()):
                found.append(f"{where}{own} may not include {folder}")
    return found


def check_headers():
    """Each header compiles alone, with gcc and with clang, and says what it is in its first line."""
    headers = sources("*.h")
    found = []
    for path in headers:
        text = path.read_text(errors="replace")
        if not text.startswith("/*"):
            found.append(f"{rel(path)}:1: the first line has to say what the module is")
        if "#pragma once" not in text:
            found.append(f"{rel(path)}: no #pragma once")
    flags = compiler_flags()
    for compiler in ("gcc", "clang"):
        found += run_each(f"headers-{compiler}", headers,
                          lambda p, c=compiler: [c, *flags, "-fsyntax-only", "-include", rel(p), "-xc", "/dev/null"])
    return found


def allowed_global(source, symbol):
    """A definition may carry the comment `global: reason` on its line or alone on the line above."""
    lines = source.read_text(errors="replace").splitlines()
    for index, line in enumerate(lines):
        if re.search(rf"\b{re.escape(symbol)}\b\s*(\[|=|;)", without_comments(line)):
            above = lines[index - 1].strip() if index else ""
            return "global:" in line or above.startswith("/*") and "global:" in above
    return False


def check_globals():
    """No mutable globals and no function statics: nothing of ours in a writable section of the release objects."""
    folders = f"FOLDERS={' '.join(FOLDERS)}"
    made = subprocess.run(["make", "-s", f"-j{JOBS}", "objects", "VARIANT=release", f"BUILD={os.environ.get('BUILD') or 'build'}",
                           folders], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"})
    if made.returncode != 0:
        return made.stdout.splitlines()
    found = []
    for source in sources("*.c"):
        path = BUILD / "release" / source.relative_to(ROOT).with_suffix(".o")
        table = subprocess.run(["objdump", "-t", str(path)], capture_output=True, text=True, check=True).stdout
        for line in table.splitlines():
            match = re.match(r"[0-9a-f]+ .{6}([O ]) (\.data|\.bss|\.tdata|\.tbss|\*COM\*)(\S*)\s+[0-9a-f]+ (\S+)", line)
            if not match or match.group(3).startswith(".rel.ro") or match.group(4).startswith("."):
                continue
            symbol = match.group(4).split(".")[0]
            if not allowed_global(source, symbol):
                found.append(f"{rel(source)}: {symbol} is mutable and static or global")
    return found


def check_banned():
    """Functions we do not use, marks of unfinished work, and assignments in conditions."""
    found = []
    calls = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    # Spelled in two halves, or this file would find itself.
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
    assignment = re.compile(r"\b(if|while)\s*\([^=;]*\(\s*\w[\w.>\[\]-]*\s=\s")
    for path in sources("*.[ch]") + test_sources("*.[ch]"):
        raw = path.read_text(errors="replace")
        for number, line in enumerate(without_comments(raw, strings=True).splitlines(), 1):
            for match in calls.finditer(line):
                found.append(f"{rel(path)}:{number}: {match.group(1)} is not used here")
            if assignment.search(line):
                found.append(f"{rel(path)}:{number}: assignment in a condition")
    others = [] if FOLDERS else [f for f in (ROOT / "tests").rglob("*") if f.suffix in (".py", ".sh")]
    for path in sources("*.[ch]") + test_sources("*.[ch]") + others:
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if marks.search(line):
                found.append(f"{rel(path)}:{number}: unfinished: {line.strip()}")
    return found


def check_ifdef():
    """Conditional compilation stays in base/ and net/."""
    found = []
    for path in sources("*.[ch]"):
        if path.parent.name in ("base", "net"):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if re.match(r"\s*#\s*(if|ifdef|ifndef|elif)\b", line):
                found.append(f"{rel(path)}:{number}: conditional compilation outside base/ and net/")
    return found


def check_long():
    """Functions far longer than they should be: only told, never a failure. `/* long: reason */` inside silences it."""
    for path in sources("*.c"):
        lines = path.read_text(errors="replace").splitlines()
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                body = lines[max(0, start - 3):number]
                if number - start - 1 > LONG_FUNCTION_LINES and not any("/* long:" in l for l in body):
                    print(f"  note: {rel(path)}:{start}: a function of {number - start - 1} lines")
                start = None
    return []


def check_format():
    """Laid out as `make format` does it."""
    return run_each("format", sources("*.[ch]") + test_sources("*.[ch]"),
                    lambda p: ["clang-format", "--dry-run", "-Werror", "--ferror-limit=3", rel(p)],
                    [ROOT / ".clang-format"])


def check_cppcheck():
    """cppcheck: warning, performance, portability."""
    files = sources("*.c")
    if not files:
        return []
    state = CACHE / "cppcheck"
    state.mkdir(parents=True, exist_ok=True)
    flags = ["cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr",
             "--error-exitcode=1", f"--cppcheck-build-dir={state}", f"-j{JOBS}", "-D_GNU_SOURCE", "-D__GNUC__=12",
             '-DMCPROXY_VERSION="0"', "-Isrc", "--suppress=missingIncludeSystem", "--suppress=unknownMacro",
             "--suppress=normalCheckLevelMaxBranches", "--suppress=internalAstError",
             "--template={file}:{line}: {severity}: {message} [{id}]"]
    done = subprocess.run(flags + [rel(f) for f in files], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.stdout.splitlines() or ["cppcheck failed"] if done.returncode else []


def check_tidy():
    """clang's warnings, its analyzer and the checks of .clang-tidy."""
    flags = [f for f in compiler_flags() if f != "-Werror"]
    return run_each("tidy", sources("*.c"), lambda p: ["clang-tidy", "--quiet", rel(p), "--", *flags],
                    [ROOT / ".clang-tidy"])


def check_scripts():
    """Shell scripts, where shellcheck is installed; Python compiles."""
    found = []
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    files = [ROOT / name for name in listed.stdout.split("\n") if name]
    files = [f for f in files if f.is_file()] or sorted((ROOT / "tests").rglob("*"))
    shell = [f for f in files if f.suffix == ".sh" or f.name == "run" and f.parent.name == ".ci"]
    if shutil.which("shellcheck"):
        found += run_each("shellcheck", shell, lambda p: ["shellcheck", "-S", "warning", "-f", "gcc", rel(p)])
    for path in files:
        if path.suffix == ".py":
            try:
                compile(path.read_text(), rel(path), "exec")
            except SyntaxError as error:
                found.append(f"{rel(path)}:{error.lineno}: {error.msg}")
    return found


def check_docs():
    """conf/REFERENCE.md and the picture in src/README.md are what the program prints."""
    binary = BUILD / "release/mcproxy"
    if FOLDERS or not binary.exists():
        return []
    done = subprocess.run(["/usr/bin/python3", "tests/run_docs.py", "--check", str(binary)], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.splitlines() or ["failed"] if done.returncode else []


def check_rfc():
    """Every clause of RFC 9111 on storing, reusing and its fields is cited by the code that obeys it and by a test."""
    if FOLDERS:
        return []
    done = subprocess.run(["/usr/bin/python3", "tests/rfc.py"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return done.stderr.splitlines() or ["failed"] if done.returncode else []


CHECKS = {name.removeprefix("check_"): function for name, function in list(globals().items())
          if name.startswith("check_")}


def run(wanted=()):
    """Yields (name, seconds, findings) per check."""
    unknown = set(wanted) - set(CHECKS)
    if unknown:
        yield "checks", 0.0, [f"no such check: {' '.join(sorted(unknown))}; there are {' '.join(CHECKS)}"]
    for name in [n for n in CHECKS if not wanted or n in wanted]:
        began = time.monotonic()
        findings = CHECKS[name]()
        seconds = time.monotonic() - began
        print(f"  lint {name}: {'ok' if not findings else f'{len(findings)} lines'}, {seconds:.1f} s", flush=True)
        yield name, seconds, findings
