"""What the tests of codings share."""
import zlib

TEXT = ("All work and no play makes Jack a dull boy. " * 200).encode()
ALL = "gzip: on\nbrotli: on\nzstd: on\n"


def unzip(data):
    """What a whole gzip stream holds; fails where it is cut or followed by anything."""
    stream = zlib.decompressobj(31)
    out = stream.decompress(bytes(data)) + stream.flush()
    assert stream.eof and not stream.unused_data, f"gzip stream is cut after {len(out)} bytes"
    return out


def gzipped(text):
    stream = zlib.compressobj(wbits=31)
    return stream.compress(text) + stream.flush()


def fill(origin, client, target="/a", content=TEXT, **fields):
    """A client without Accept-Encoding makes the cache store it."""
    fields = {"content_type": "text/html", "cache_control": "max-age=60", "etag": '"v1"', **fields}
    client.get(target)
    origin.receive().reply(content=content, **fields)
    return client.expect(200)
