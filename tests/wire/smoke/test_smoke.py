"""tests/smoke.sh against a proxy that is right, and against what is none."""
import subprocess

import pytest

from harness.proxy import ROOT


def smoke(*args):
    result = subprocess.run(["/bin/sh", str(ROOT / "tests" / "smoke.sh"), *args], capture_output=True, text=True, timeout=60)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture
def app(origin):
    def answer(request):
        if "no-such" in request.target:
            return dict(status=404, content="nothing")
        if request.fields.get("if-none-match") == '"1"':
            return dict(status=304, etag='"1"', cache_control="max-age=60")
        return dict(content="hello", etag='"1"', cache_control="max-age=60")
    origin.serve(answer)
    return origin


def test_good_proxy_passes(proxy, app):
    proxy.ensure_started()
    code, output = smoke(f"http://127.0.0.1:{proxy.port}/page", f"http://127.0.0.1:{proxy.admin_port}")
    assert code == 0 and "FAIL" not in output and "skip" not in output, output
    assert output.count("ok ") >= 12, output


def test_app_without_a_proxy_fails(app):
    code, output = smoke(f"http://{app.address}/page")
    assert code == 1
    assert "FAIL second request is a hit" in output, output


def test_proxy_that_does_not_cache_fails(proxy, app):
    proxy.start("proxy_cache: off")
    code, output = smoke(f"http://127.0.0.1:{proxy.port}/page")
    assert code == 1 and "FAIL" in output


def test_nobody_there_fails():
    code, output = smoke("http://127.0.0.1:1/")
    assert code == 1 and "FAIL" in output


@pytest.mark.parametrize("args", [[], ["-x", "http://a/"], ["a", "b", "c"]], ids=["nothing", "unknown option", "too much"])
def test_wrong_use(args):
    code, output = smoke(*args)
    assert code == 2 and "usage" in output


def test_help(proxy):
    code, output = smoke("-h")
    assert code == 0 and "usage" in output
