#!/usr/bin/python3
"""Runs stages of the tests, each after building what it needs, and ends with `N passed, M failed`.

    tests/run.py lint unit:release wire:asan fuzz:60

Shows one line per stage and the output of what failed. Environment: BUILD, FOLDERS, JOBS, TESTS, CHECKS (see `make help`).
"""
import concurrent.futures
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BUILD") or "build")
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
FOLDERS = os.environ.get("FOLDERS", "").split()
UNIT_TIMEOUT_S = 120
WIRE_TIMEOUT_S = 600
SANITIZED = ("asan", "tsan")
# How much more time the wire tests give a slower build before they call it late.
SLOWNESS = {"asan": "3", "tsan": "5", "cov": "2"}


class Tally:
    """What one stage has counted."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def fail(self, name, output=""):
        self.failed += 1
        print(f"FAILED {name}")
        for line in output.rstrip().splitlines():
            print(f"    {line}")


def make(variant, *goals):
    """Builds; returns the compiler's output when that failed, else None."""
    command = ["make", "-s", f"VARIANT={variant}", f"BUILD={BUILD}", f"FOLDERS={' '.join(FOLDERS)}", *goals]
    if "jobserver" not in os.environ.get("MAKEFLAGS", ""):
        command.insert(1, f"-j{JOBS}")
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", close_fds=False)
    return None if done.returncode == 0 else done.stdout


def sanitizer_environment(variant, reports):
    """Reports go to files as well as to exit codes: a test that ignores how a process ended cannot hide them."""
    env = dict(os.environ)
    if variant not in SANITIZED:
        return env
    reports.mkdir(parents=True, exist_ok=True)
    for old in reports.iterdir():
        old.unlink()
    common = f"log_path={(reports / 'report').resolve()}:exitcode=99"
    env["ASAN_OPTIONS"] = f"{common}:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
    env["UBSAN_OPTIONS"] = f"{common}:print_stacktrace=1"
    env["TSAN_OPTIONS"] = f"{common}:halt_on_error=0:second_deadlock_stack=1"
    return env


def count_reports(reports, tally):
    for report in sorted(reports.glob("report.*")) if reports.is_dir() else []:
        if report.stat().st_size:
            tally.fail(f"sanitizer report {report.name}", report.read_text(errors="replace")[:6000])


def run_program(command, env, timeout_s):
    """Returns (exit status or a reason, output). The program and all that it has started die with its time."""
    child = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    try:
        output, _ = child.communicate(timeout=timeout_s)
        return child.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        return f"no end after {timeout_s} s", output
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        raise


def stage_unit(variant, tally):
    output = make(variant, "unit-binaries")
    if output is not None:
        tally.fail(f"build of unit tests ({variant})", output)
        return
    sources = [s for s in sorted((ROOT / "tests/unit").glob("*/test_*.c"))
               if not FOLDERS or s.parent.name in FOLDERS]
    reports = ROOT / BUILD / variant / "reports-unit"
    env = sanitizer_environment(variant, reports)
    env["CMOCKA_MESSAGE_OUTPUT"] = "STDOUT"

    def run(source):
        binary = ROOT / BUILD / variant / "unit" / source.parent.name / source.stem
        return source, *run_program([str(binary)], env, UNIT_TIMEOUT_S)

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for source, status, output in pool.map(run, sources):
            name = f"{source.parent.name}/{source.stem}"
            passed = len(re.findall(r"^\[       OK \]", output, re.M))
            failed = re.findall(r"^\[  FAILED  \] (?!tests?:)(\S+)$", output, re.M)
            failed = list(dict.fromkeys(name for name in failed if not name.isdigit()))
            tally.passed += passed
            if status == 0 and not failed and passed:
                continue
            tally.failed += max(len(failed) - 1, 0)
            reason = "no test ran" if status == 0 and not failed else f"exit {status}"
            shown = "\n".join(line for line in output.splitlines()
                              if not re.match(r"\[( RUN  |       OK |=+\]|  PASSED  )", line))
            tally.fail(f"{name} ({variant}, {reason})", shown)
    count_reports(reports, tally)


def pytest_counts(results, tally):
    try:
        suites = xml.parse(results).getroot().iter("testsuite")
    except (OSError, xml.ParseError):
        return False
    for suite in suites:
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        tally.failed += bad
        tally.passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
    return True


def pytest_command(variant, results):
    command = ["/usr/bin/python3", "-m", "pytest", "-q", "--tb=short", "--no-header", "--show-capture=all",
               "-p", "no:cacheprovider", "-o", "junit_family=xunit2",
               f"--junitxml={results}"]
    if subprocess.run(["/usr/bin/python3", "-c", "import xdist"], stderr=subprocess.DEVNULL).returncode == 0:
        command += ["-n", str(max(4, JOBS)), "--dist=worksteal" if has_worksteal() else "--dist=load"]
    if variant == "tsan":
        command += ["-m", "workers"]
    return command + (shlex.split(os.environ.get("TESTS", "")) or ["tests/wire"])


def has_worksteal():
    version = subprocess.run(["/usr/bin/python3", "-c", "import xdist; print(xdist.__version__)"],
                             capture_output=True, text=True).stdout
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    return numbers >= (3, 2)


def stage_wire(variant, tally):
    if FOLDERS:
        print("wire: left out, FOLDERS is set")
        return
    if not any((ROOT / "tests/wire").glob("**/test_*.py")):
        print("wire: no tests in tests/wire yet")
        return
    output = make(variant, "binary")
    if output is not None:
        tally.fail(f"build of mcproxy ({variant})", output)
        return
    reports = ROOT / BUILD / variant / "reports-wire"
    env = sanitizer_environment(variant, reports)
    env["MCPROXY"] = str((ROOT / BUILD / variant / "mcproxy").resolve())
    env.setdefault("WIRE_SLOW", SLOWNESS.get(variant, "1"))
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    results = ROOT / BUILD / variant / "wire.xml"
    results.unlink(missing_ok=True)
    status, output = run_program(pytest_command(variant, results), env, WIRE_TIMEOUT_S)
    failed_before = tally.failed
    counted = pytest_counts(results, tally)
    nothing_marked = status == 5 and variant == "tsan"
    if status != 0 and not nothing_marked:
        print("\n".join(f"    {line}" for line in output.splitlines()))
        if not counted or tally.failed == failed_before:
            tally.fail(f"pytest ({variant}, exit {status})")
    count_reports(reports, tally)


def stage_lint(_, tally):
    sys.path.insert(0, str(ROOT / "tests/lint"))
    import lint  # only this stage needs it

    for name, seconds, findings in lint.run(os.environ.get("CHECKS", "").split()):
        if findings:
            tally.fail(f"lint {name} ({seconds:.1f} s)", "\n".join(findings))
        else:
            tally.passed += 1


def stage_fuzz(seconds, tally):
    output = make("fuzz", "fuzz-binaries")
    if output is not None:
        tally.fail("build of fuzz targets", output)
        return
    findings = ROOT / BUILD / "fuzz/findings"
    findings.mkdir(parents=True, exist_ok=True)
    targets = [s.stem for s in sorted((ROOT / "tests/fuzz").glob("fuzz_*.c"))]

    def run(target):
        name = target.removeprefix("fuzz_")
        kept = ROOT / "tests/fuzz/corpus" / name
        scratch = ROOT / BUILD / "fuzz/corpus" / name
        scratch.mkdir(parents=True, exist_ok=True)
        limit = ["-runs=0"] if int(seconds) == 0 else [f"-max_total_time={seconds}"]
        command = [str(ROOT / BUILD / "fuzz" / target), *limit, "-timeout=10", "-rss_limit_mb=2048",
                   "-print_final_stats=1", f"-artifact_prefix={findings}/{name}-", str(scratch)]
        dictionary = ROOT / "tests/fuzz" / f"{name}.dict"
        command[1:1] = [f"-dict={dictionary}"] if dictionary.is_file() else []
        return name, *run_program(command + ([str(kept)] if kept.is_dir() else []), dict(os.environ),
                                  int(seconds) + 120)

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, status, output in pool.map(run, targets):
            if status == 0:
                tally.passed += 1
                runs = re.search(r"number_of_executed_units: (\d+)", output)
                print(f"  fuzz {name}: {runs.group(1) if runs else '?'} inputs")
            else:
                tally.fail(f"fuzz {name} (exit {status})", "\n".join(output.splitlines()[-60:]))


STAGES = {"lint": stage_lint, "unit": stage_unit, "wire": stage_wire, "fuzz": stage_fuzz}


def main(wanted):
    os.chdir(ROOT)
    passed = failed = 0
    for stage in wanted:
        kind, _, argument = stage.partition(":")
        tally, began = Tally(), time.monotonic()
        STAGES[kind](argument or "release", tally)
        print(f"{stage}: {tally.passed} passed, {tally.failed} failed, {time.monotonic() - began:.0f} s", flush=True)
        passed += tally.passed
        failed += tally.failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
