"""proxy_store: whole responses are written to files, too."""
import os
import stat

import pytest

from harness.deadline import poll_until


@pytest.fixture
def mirror(tmp_path):
    return tmp_path / "mirror"


@pytest.fixture
def start(make_proxy, mirror):
    def start(more=""):
        return make_proxy().start(f'proxy_store: "{mirror}/$host$uri"\nproxy_cache: off\n{more}')
    return start


def files(mirror):
    return sorted(str(p.relative_to(mirror)) for p in mirror.rglob("*") if p.is_file()) if mirror.exists() else []


def get(origin, client, target="/a/b.txt", content="hello", method="GET", **fields):
    client.request(method, target)
    origin.receive().reply(fields.pop("status", 200), content=content, **fields)
    return client.expect()


def test_file_has_content_time_and_mode(origin, start, mirror):
    client = start("proxy_store_access: [user:rw, group:rw, all:r]\n").client()
    get(origin, client, last_modified="Thu, 01 Jan 2026 00:00:00 GMT")
    path = mirror / "example.test/a/b.txt"
    poll_until(path.exists, "the file")
    assert path.read_text() == "hello"
    assert path.stat().st_mtime == 1767225600
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o777 & ~0o775 == 0
    assert files(mirror) == ["example.test/a/b.txt"]


def test_mode_is_the_users_by_default(origin, start, mirror):
    get(origin, start().client())
    path = mirror / "example.test/a/b.txt"
    poll_until(path.exists, "the file")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_names_are_decoded_and_a_later_response_replaces(origin, start, mirror):
    client = start().client()
    get(origin, client, "/a%20b?query", "one")
    get(origin, client, "/a%20b?other", "two, longer")
    path = mirror / "example.test/a b"
    poll_until(lambda: path.exists() and path.read_text() == "two, longer", "the second")
    assert files(mirror) == ["example.test/a b"]


def test_large_content(origin, start, mirror):
    client = start().client()
    content = os.urandom(3 << 20)
    client.get("/large")
    origin.receive().reply(content=content)
    client.expect(200, content=content)
    path = mirror / "example.test/large"
    poll_until(path.exists, "the file")
    assert path.read_bytes() == content


def test_nothing_of_it_is_there_before_it_is_whole(origin, start, mirror):
    """So that a process that is killed in the middle leaves nothing."""
    client = start().client().get("/a")
    seen = origin.receive()
    seen.reply_head(200, length=10)
    seen.send(b"hello")
    client.expect_head(200)
    client.expect_content("hello")
    assert (mirror / "example.test").is_dir() and files(mirror) == []
    seen.send(b"world")
    client.expect_content("world")
    poll_until(lambda: files(mirror) == ["example.test/a"], "the file")


@pytest.mark.parametrize("method, target, status", [
    ("HEAD", "/a", 200), ("POST", "/a", 200), ("GET", "/a", 404), ("GET", "/a", 500), ("GET", "/a/", 200), ("GET", "/a/..%2f..%2fb", 200),
    ("GET", "/a%00b", 200)])
def test_what_is_not_stored(origin, start, mirror, method, target, status):
    proxy = start()
    client = proxy.client()
    client.request(method, target)
    if "%00" not in target:
        origin.receive().reply(status, content="" if method == "HEAD" else "hello")
    client.expect()
    get(origin, proxy.client(), "/after")
    poll_until((mirror / "example.test/after").exists, "the next one")
    assert files(mirror) == ["example.test/after"]


@pytest.mark.parametrize("who", ["origin", "limit"])
def test_what_is_not_complete_leaves_nothing(origin, start, mirror, who):
    proxy = start("proxy_store_max_size: 8\n")
    client = proxy.client().get("/a")
    request = origin.receive()
    request.reply_head(200, length=10)
    request.send("01234")
    client.expect_head(200)
    if who == "origin":
        request.close()
        client.drain()
    else:
        request.send("56789")
        assert client.expect_rest().content == b"0123456789"
    get(origin, proxy.client(), "/after")
    poll_until((mirror / "example.test/after").exists, "the next one")
    assert files(mirror) == ["example.test/after"]


def test_client_that_leaves_does_not_stop_it(origin, start, mirror):
    client = start().client().get("/a")
    request = origin.receive()
    request.reply_head(200, length=10)
    request.send("01234")
    client.expect_head(200)
    client.close()
    request.send("56789")
    path = mirror / "example.test/a"
    poll_until(path.exists, "the file")
    assert path.read_text() == "0123456789"


def test_folder_that_cannot_be_made_disturbs_nobody(origin, start, mirror):
    mirror.mkdir()
    (mirror / "example.test").write_text("a file")
    proxy = start()
    assert get(origin, proxy.client()).content == b"hello"
    poll_until(lambda: "proxy_store: cannot create" in proxy.error_log(), "a line in the error log")
