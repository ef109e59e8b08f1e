import pytest

WRONG = {
    "no command": (["cache"], "a command is missing"),
    "unknown command": (["cache", "pnig"], "did you mean ping?"),
    "command that resembles nothing": (["cache", "frobnicate"], "there is no such command"),
    "unknown option": (["cache", "get", "/a", "--jsno"], "did you mean --json?"),
    "option of another tool": (["cache", "ping", "--fetch"], "there is no such option"),
    "unknown letter": (["explain", "/a", "-q"], "there is no such option"),
    "missing URL": (["explain"], "a URL is missing"),
    "two URLs": (["explain", "/a", "/b"], "one URL at a time"),
    "URL where none is taken": (["cache", "ping", "/a"], "there is no such argument"),
    "missing value": (["cache", "ping", "--timeout"], "a value is missing"),
    "value for a flag": (["cache", "ping", "--json=yes"], "takes no value"),
    "not a duration": (["cache", "ping", "--timeout", "soon"], "--timeout takes 1ms to 10m"),
    "out of range": (["cache", "bench", "--gets", "101"], "--gets takes 0 to 100"),
    "not a field": (["explain", "/a", "-H", "X"], "a field is"),
}
BAD_REQUESTS = {
    "malformed path": (["explain", "/%zz"], "malformed"),
    "above the root": (["cache", "key", "/../a"], "malformed"),
    "another scheme": (["cache", "get", "ftp://example.test/a"], "only http:// and https://"),
    "white space": (["explain", "/a b"], "malformed"),
    "line end in a field": (["explain", "/a", "-H", "X: a\r\nY: b"], "malformed"),
    "method refused": (["explain", "/a", "-X", "TRACE"], "method refused"),
    "no address": (["explain", "/a", "--client", "somebody"], "no address"),
}
GOOD = "listen: 0\nproxy_pass: http://127.0.0.1:1\n"


@pytest.mark.parametrize("args, said", WRONG.values(), ids=WRONG)
def test_wrong_use_is_explained(mcproxy, args, said):
    done = mcproxy(*args)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr


@pytest.mark.parametrize("args, said", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_bad_requests_are_explained(mcproxy, args, said):
    done = mcproxy(*args, "-c", "-", stdin=GOOD)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr


@pytest.mark.parametrize("args", [["-c", "-", "explain", "/a"], ["explain", "-c", "-", "/a"], ["explain", "--config=-", "/a"]])
def test_errors_of_the_configuration_are_those_of_t(mcproxy, args):
    check, tool = (mcproxy(*a, stdin="lisen: 1\n") for a in (["-t", "-c", "-"], args))
    assert (tool.returncode, tool.stderr) == (1, check.stderr) and "listen" in tool.stderr


@pytest.mark.parametrize("tool", ["cache ping", "cache stat", "cache key", "cache get", "cache purge", "cache bench", "explain"])
def test_help(mcproxy, tool):
    done = mcproxy(*tool.split(), "--help")
    assert done.returncode == 0 and f"usage: mcproxy {tool}" in done.stdout and "--json" in done.stdout
    assert f"mcproxy {tool}" in mcproxy("-h").stdout
    assert f"mcproxy {tool}" in mcproxy("cache", "--help").stdout
