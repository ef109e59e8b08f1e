import shutil
import tempfile
from pathlib import Path

import pytest

from harness.load import Load
from harness.memcached import LyingMemcached, Memcached
from harness.origin import Origin
from harness.proxy import Proxy, run_mcproxy


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for proxy in getattr(item, "proxies", []):
            report.sections.append((f"log of the proxy in {proxy.dir.name}", proxy.error_log()[-8000:]))
            if proxy.config_path.exists():
                report.sections.append(("its configuration", proxy.config_path.read_text()[-4000:]))


@pytest.fixture
def directory():
    """The test's own directory, with a short name (unix sockets)."""
    path = Path(tempfile.mkdtemp(prefix="wire-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_origin():
    """Further origins: make_origin(unix=path, read_content=False, …)."""
    made = []

    def make(**options):
        made.append(Origin(**options))
        return made[-1]
    yield make
    for origin in made:
        origin.close()
    for origin in made:
        origin.check()


@pytest.fixture
def origin(make_origin):
    return make_origin()


@pytest.fixture
def make_memcached():
    made = []

    def make(*options, **how):
        made.append(Memcached(*options, **how))
        return made[-1]
    yield make
    for server in made:
        server.close()


@pytest.fixture
def memcached(make_memcached):
    return make_memcached()


@pytest.fixture
def lying_memcached(memcached):
    server = LyingMemcached(memcached)
    yield server
    server.close()


@pytest.fixture
def make_proxy(request, directory, origin):
    """Further proxies, each in a directory of its own; start() them."""
    made = request.node.proxies = []

    def make():
        path = directory / f"proxy{len(made)}"
        path.mkdir()
        made.append(Proxy(path, origin.address))
        return made[-1]
    yield make
    errors = []
    for proxy in made:
        try:
            proxy.stop()
        except AssertionError as e:
            errors.append(e)
    if errors:
        raise errors[0]


@pytest.fixture
def proxy(request, make_proxy):
    """Starts at its first use, with the text of the test's `config` marker."""
    proxy = make_proxy()
    marker = request.node.get_closest_marker("config")
    if marker:
        proxy.config = marker.args[0]
    if "memcached" in request.fixturenames:
        proxy.values["memcached"] = request.getfixturevalue("memcached").address
    return proxy


@pytest.fixture
def client(proxy):
    return proxy.client()


@pytest.fixture
def load(proxy):
    """load(targets, check): a running Load when used in `with`."""
    return lambda targets, check, **options: Load(proxy, targets, check, **options)


@pytest.fixture
def mcproxy():
    """Runs the binary with arguments: mcproxy("-t", "-c", path)."""
    return run_mcproxy
