"""Every command of README.md is run as it stands there, but for ports, and for the names of hosts that only a fleet has."""
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cache_status import hit
from harness.deadline import SLOW, WAIT_S, poll_until
from harness.process import free_port, kill_group, start
from harness.proxy import BINARY, ROOT, environment

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
CONFIGURATIONS = [text for kind, text in BLOCKS if kind == "yaml"]
OPTIONS = re.findall(r"`(-[^`]+)`", "".join(re.findall(r"^\| (`-.*?) \|", README, re.M)))


def section(title):
    """The text below a heading, up to the next one of the same or a higher rank."""
    rank, rest = re.search(rf"^(#+) {re.escape(title)}\n(.*)", README, re.M | re.S).groups()
    return re.split(rf"^#{{1,{len(rank)}}} ", rest, flags=re.M)[0]


class Tour:
    """A folder with the user's proxy.yaml, an app, and `mcproxy` on the PATH."""

    def __init__(self, directory, memcached):
        self.dir = directory
        self.app = start([sys.executable, str(ROOT / "tests/demo/app.py"), "0"], stdout=subprocess.PIPE, text=True)
        self.port, self.admin_port = free_port(), free_port()
        self.replaced = {"3000": self.app.stdout.readline().strip(), "8080": str(self.port), "9180": str(self.admin_port)}
        self.memcached = memcached
        self.config = directory / "proxy.yaml"
        self.proxy = None
        self.env = environment({"PATH": f"{directory}:{os.environ['PATH']}"})
        (directory / "mcproxy").symlink_to(BINARY)
        (directory / "tests").symlink_to(ROOT / "tests")

    def adapt(self, text):
        for port, used in self.replaced.items():
            text = re.sub(rf"\b{port}\b", used, text)
        return re.sub(r"cache-([12]):11211", lambda m: self.memcached[int(m[1]) - 1].address, text)

    def write(self, text, add=False):
        self.config.write_text((self.config.read_text() if add else "") + self.adapt(text))

    def run(self, command):
        if command == "mcproxy -c proxy.yaml":
            self.serve(command)
            return ""
        result = subprocess.run(["/bin/sh", "-ec", self.adapt(command)], cwd=self.dir, env=self.env, text=True,
                                capture_output=True, timeout=WAIT_S * 4)
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout + result.stderr

    def serve(self, command):
        self.output = open(self.dir / "output", "w+")
        self.proxy = start(shlex.split(command), cwd=self.dir, env=self.env, stdout=self.output, stderr=subprocess.STDOUT)
        poll_until(self.answers, lambda: f"the proxy: {(self.dir / 'output').read_text()}")

    def answers(self):
        return subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{self.port}/missing-yet"]).returncode == 0

    def reloaded(self, times):
        poll_until(lambda: f'"reloads": {times},' in self.status(), lambda: f"{times} reloads in {self.status()}")

    def status(self):
        return subprocess.run(["curl", "-s", f"http://127.0.0.1:{self.admin_port}/status"], capture_output=True, text=True).stdout

    def close(self):
        kill_group(self.app)
        if self.proxy:
            kill_group(self.proxy)
            self.output.close()


@pytest.fixture
def tour(directory, make_memcached):
    tour = Tour(directory, [make_memcached(), make_memcached()])
    yield tour
    tour.close()


def test_the_tour(tour):
    """Block by block, in the order of the file."""
    ran = []
    for kind, text in BLOCKS:
        if kind == "yaml":
            tour.write(text, add="proxy_pass" not in text)
            continue
        for command in text.splitlines():
            if not command.startswith("make "):
                ran.append((command, tour.run(command)))
            if command.endswith("-s reload"):
                tour.reloaded(1)
    outputs = [output for command, output in ran if command == "curl -i http://127.0.0.1:8080/"]
    assert "mcproxy; fwd=uri-miss; stored" in outputs[0] and "mcproxy; hit; ttl=" in outputs[1], outputs
    told = dict(ran)
    assert '"reloads": 1' in told["curl http://127.0.0.1:9180/status"]
    assert "mcproxy_config_reloads_total 1" in told["curl http://127.0.0.1:9180/metrics"]
    assert "ok" in told["curl http://127.0.0.1:9180/healthz"]
    smoke = next(output for command, output in ran if command.startswith("tests/smoke.sh"))
    assert "FAIL" not in smoke and "ok   second request is a hit" in smoke and "admin listener" in smoke, smoke
    assert len(ran) == len(COMMANDS) - 2, "every command but `make run` and `make test`"


def test_memcached_is_one_line_and_a_reload_and_another_proxy_hits(tour, directory, proxy):
    first, second, memcached = CONFIGURATIONS
    tour.write(first)
    tour.run("mcproxy -c proxy.yaml")
    tour.write(second)
    tour.run("mcproxy -c proxy.yaml -s reload")
    tour.reloaded(1)
    tour.write(memcached, add=True)
    tour.run("mcproxy -c proxy.yaml -s reload")
    tour.reloaded(2)
    assert "mcproxy; fwd=uri-miss; stored" in tour.run("curl -i http://127.0.0.1:8080/for-the-fleet")
    poll_until(lambda: '"sets": 1' in tour.status(), lambda: f"a store: {tour.status()}")
    proxy.start(tour.adapt(f"proxy_pass: http://127.0.0.1:3000\n{memcached}"))
    other = proxy.client().get("/for-the-fleet", host=f"127.0.0.1:{tour.port}").expect(200, cache_status=hit())
    assert b"/for-the-fleet" in other.content


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_every_configuration_is_valid(tour, text):
    tour.write(CONFIGURATIONS[0])
    tour.write(text, add="proxy_pass" not in text)
    assert "the configuration is ok" in tour.run("mcproxy -t -c proxy.yaml")


def test_an_app_that_declares_nothing_is_not_cached(tour):
    tour.write(CONFIGURATIONS[0])
    tour.run("mcproxy -c proxy.yaml")
    assert "detail=private" in tour.run("curl -i http://127.0.0.1:8080/private")
    assert "detail=no-freshness" in tour.run("curl -i http://127.0.0.1:8080/missing")


# What each option of the table says when nothing runs yet, and whether that is a success.
OPTION_OUTPUT = {
    "-c FILE": None,  # in every command of this file
    "-t": (0, "the configuration is ok"),
    "-T": (0, "proxy_cache_key: $scheme$host$uri$is_args$args"),
    r"-s stop\|quit\|reload\|reopen": (1, "mcproxy.pid"),
    "-v": (0, "mcproxy "),
    "-V": (0, "openssl"),
    "-h": (0, "usage: mcproxy"),
    "--healthcheck [URL]": (1, "healthcheck"),
    "--states": (0, "deliver"),
    "--reference": (0, "proxy_cache_valid"),
}


def test_every_option_of_the_table(tour):
    assert sorted(OPTIONS) == sorted(OPTION_OUTPUT)
    tour.write(CONFIGURATIONS[0])
    for option, expected in OPTION_OUTPUT.items():
        if expected:
            words = option.replace("stop\\|quit\\|reload\\|reopen", "reload").replace(" [URL]", "").split()
            result = subprocess.run([BINARY, "-c", "proxy.yaml", *words], cwd=tour.dir, capture_output=True, text=True,
                                    env=environment(None), timeout=WAIT_S * 2)
            assert (result.returncode, expected[1] in result.stdout + result.stderr) == (expected[0], True), (option, result)


@pytest.mark.parametrize("word, number", [("stop", signal.SIGTERM), ("quit", signal.SIGQUIT)])
@pytest.mark.parametrize("by_word", [True, False])
def test_stop_and_quit_end_it(tour, word, number, by_word):
    assert {"TERM, INT", "QUIT", "HUP", "USR1"} <= set(re.findall(r"^\| ([A-Z0-9, ]+) \|", section("Command line and signals"), re.M))
    tour.write(CONFIGURATIONS[1])
    tour.run("mcproxy -c proxy.yaml")
    if by_word:
        tour.run(f"mcproxy -c proxy.yaml -s {word}")
    else:
        os.kill(tour.proxy.pid, number)
    assert tour.proxy.wait(WAIT_S * 2) == 0


def test_reload_and_reopen(tour):
    tour.write(CONFIGURATIONS[1] + "access_log: access.log\n")
    tour.run("mcproxy -c proxy.yaml")
    tour.run("mcproxy -c proxy.yaml -s reload")
    tour.reloaded(1)
    os.kill(tour.proxy.pid, signal.SIGHUP)
    tour.reloaded(2)
    for reopen in (lambda: tour.run("mcproxy -c proxy.yaml -s reopen"), lambda: os.kill(tour.proxy.pid, signal.SIGUSR1)):
        (tour.dir / "access.log").rename(tour.dir / "access.log.old")
        reopen()
        poll_until((tour.dir / "access.log").exists, "a new access.log")


def test_no_configuration_by_name_is_the_one_in_this_folder(tour):
    tour.write(CONFIGURATIONS[0])
    assert "proxy.yaml: the configuration is ok" in tour.run("mcproxy -t")


def test_every_make_target_exists():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^  ([a-z-]+) ", listed, re.M)
    named = set(" ".join(re.findall(r"\bmake ((?:[a-z-]+ ?)+)`", README) + re.findall(r"^make ([a-z-]+)", README, re.M)).split())
    assert {"run", "test", "help", "deps", "all", "install", "bench"} <= named <= set(targets)


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links and [link for link in links if not (ROOT / link).exists()] == []


def test_make_install(directory):
    """The commands of `make install`, with a binary that is there already."""
    wanted = subprocess.run(["make", "-n", "install", f"DESTDIR={directory}/dest"], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout
    commands = re.findall(r"^install .*$", wanted, re.M)
    assert len(commands) == 3
    for command in commands:
        subprocess.run(re.sub(r"\S+/mcproxy (?=\S+/sbin/)", f"{shlex.quote(BINARY)} ", command), shell=True, cwd=ROOT, check=True)
    placed = sorted(str(path.relative_to(directory / "dest")) for path in (directory / "dest").rglob("*") if path.is_file())
    assert placed == ["usr/local/sbin/mcproxy", "usr/local/share/doc/mcproxy/proxy.yaml.example", "usr/local/share/man/man8/mcproxy.8"]
    result = subprocess.run([directory / "dest/usr/local/sbin/mcproxy", "-v"], capture_output=True, text=True, env=environment(None))
    assert result.returncode == 0 and re.fullmatch(r"mcproxy [\d.]+\n", result.stdout + result.stderr)


def curl(url):
    return subprocess.run(["curl", "-si", url], capture_output=True, text=True, timeout=WAIT_S * 2).stdout


def session(number):
    """How many processes a session has."""
    found = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found += stat.read_text().rpartition(")")[2].split()[3] == str(number)
        except OSError:  # it has just ended
            pass
    return found


def test_make_run_starts_serves_a_hit_and_ends_on_ctrl_c(directory):
    port = free_port()
    run = start([str(ROOT / "tests/demo/run.sh")], stdout=open(directory / "output", "w"), stderr=subprocess.STDOUT,
                env=environment({"PORT": str(port), "MCPROXY": BINARY}),
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))    # a shell's background has it ignored
    try:
        def output():
            return (directory / "output").read_text()
        poll_until(lambda: "Ctrl-C ends both" in output(), output, 20 * SLOW)
        first, second = re.findall(r"curl -i (http://\S+)", output())
        assert first == second == f"http://127.0.0.1:{port}/hello"
        assert "Cache-Status: mcproxy; fwd=uri-miss; stored" in curl(first)
        assert "Cache-Status: mcproxy; hit; ttl=" in curl(second)
        assert session(run.pid) >= 4, "the shell, the app, the supervisor and the serving process"
        os.killpg(run.pid, signal.SIGINT)  # as the terminal does
        assert run.wait(WAIT_S * 2) == 130
        poll_until(lambda: session(run.pid) == 0, "all processes ended")
    finally:
        kill_group(run)
    assert curl(first) == ""


def test_make_run_says_when_the_port_is_taken(directory, origin):
    result = subprocess.run([str(ROOT / "tests/demo/run.sh")], env=environment({"PORT": str(origin.port), "MCPROXY": BINARY}),
                            capture_output=True, text=True, timeout=WAIT_S * 4)
    assert result.returncode == 1
    assert f"port {origin.port}: Address already in use" in result.stdout + result.stderr
