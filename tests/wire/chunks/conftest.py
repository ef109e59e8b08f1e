"""A pool of two servers of unequal item limits, proxies that store in it what is longer than 64k, and an origin with large content."""
import hashlib
import re
import struct

import pytest

from harness.deadline import WAIT_S, Deadline, poll_until

MB = 1024 * 1024
BLOCK = hashlib.shake_256(b"large content").digest(1_000_003)    # no chunk size divides it: a piece in the wrong place is seen
RANGE = re.compile(r"bytes=(\d+)-(\d+)\Z")

CONFIG = """
memcached_pools: {default: {servers: ["{a}", "{b}"], connect_timeout: 2s, send_timeout: 2s, read_timeout: 2s}}
caches: {default: {memory: 16m, memory_max_object: 64k, max_object: %s}}
%s
"""


class Large:
    """A representation of `size` bytes; `salt` makes another one."""

    def __init__(self, size, etag='"v1"', salt=0, **fields):
        self.size, self.etag, self.salt = size, etag, salt
        self.fields = {"cache_control": "max-age=600", "accept_ranges": "bytes", **fields}
        if etag:
            self.fields["etag"] = etag

    def part(self, first, n):
        at = (first + self.salt) % len(BLOCK)
        return (BLOCK * ((at + n) // len(BLOCK) + 1))[at:at + n]

    @property
    def content(self):
        return self.part(0, self.size)

    def digest(self):
        return self._digest(self.pieces(0, self.size))

    @staticmethod
    def _digest(pieces):
        h = hashlib.sha256()
        for piece in pieces:
            h.update(piece)
        return h.hexdigest()

    def pieces(self, first, n):
        while n > 0:
            piece = self.part(first, min(n, MB))
            yield piece
            first, n = first + len(piece), n - len(piece)

    def answer(self, request):
        """For origin.serve(): the whole, or a range of it where If-Range allows."""
        asked = RANGE.match(request.fields.get("range") or "")
        if asked and request.fields.get("if-range") in (None, self.etag, self.fields.get("last_modified")):
            first, last = int(asked[1]), int(asked[2])
            request.reply_head(206, length=last - first + 1, content_range=f"bytes {first}-{last}/{self.size}", **self.fields)
            self.send(request, first, last - first + 1)
            return
        request.reply_head(length=self.size, **self.fields)
        self.send(request, 0, self.size)

    def send(self, request, first, n):
        try:
            for piece in self.pieces(first, n):
                request.connection.send(piece)
        except OSError:
            pass


def digest_rest(client, timeout=None):
    """Of the response under way: (bytes, sha256), without keeping it."""
    response, deadline = client._current, Deadline(12 * WAIT_S if timeout is None else timeout)
    h, n = hashlib.sha256(), 0
    while True:
        h.update(response.body.data)
        n += len(response.body.data)
        response.body.data.clear()
        if response.body.done:
            return n, h.hexdigest()
        client._read_more(response, deadline)


class Pool:
    """Both servers."""

    def __init__(self, servers):
        self.servers = servers

    def __iter__(self):
        return iter(self.servers)

    @staticmethod
    def keys(server):
        """All of them: memcached's listing leaves out what is being used at that moment."""
        def complete():
            before, keys = server.items(), server.keys()
            return [keys] if len(keys) == before == server.items() else None
        return poll_until(complete, "a complete listing of the keys")[0]

    def _items(self, flags):
        for server in self.servers:
            for key in self.keys(server):
                if server.command(f"mg {key} f").startswith(f"HD f{flags}\r".encode()):
                    yield server, key

    def chunks(self):
        """{offset: (server, key)} of all chunks."""
        found = {}
        for server, key in self._items(3):
            value = server.command(f"mg {key} v")
            found[struct.unpack_from("<Q", value, value.index(b"\r\n") + 2 + 24)[0]] = (server, key)
        return found

    def manifests(self):
        return list(self._items(1))

    def lose(self, offset):
        server, key = self.chunks()[offset]
        assert server.command(f"md {key}") == b"HD\r\n"

    def wait_manifest(self, timeout=None):
        """The manifest is written when all chunks have arrived."""
        poll_until(self.manifests, "a manifest in memcached", timeout)

    def empty(self):
        return sum(server.items() for server in self.servers) == 0


@pytest.fixture
def pool(make_memcached):
    return Pool([make_memcached("-m", "300", "-I", "512k"), make_memcached("-m", "300")])


@pytest.fixture
def make_large_proxy(make_proxy, pool):
    def make(more="", max_object="1g", **values):
        a, b = (server.address for server in pool)
        return make_proxy().start(CONFIG % (max_object, more), a=a, b=b, **values)
    return make


@pytest.fixture
def proxy(make_large_proxy):
    return make_large_proxy()


@pytest.fixture
def stored(origin, proxy, pool):
    """stored(large): is in the pool, and the origin has been asked once."""
    def store(large, by=None):
        origin.serve(large.answer)
        client = (by or proxy).client().get("/a")
        client.expect_head(200)
        assert digest_rest(client) == (large.size, large.digest())
        pool.wait_manifest()
        return large
    return store
