"""Ranges of what lies in chunks are cut out of the chunks that hold them, and no others are read."""
import re

import pytest

from harness.cache_status import hit

from .conftest import MB, Large

SIZE = 3 * MB + 1000
CHUNK = 520192      # 512k less what an item costs, rounded down

SINGLE = [
    ("first byte", "0-0", 0, 1, 1),
    ("within one", "1000-1999", 1000, 1000, 1),
    ("to the border", f"{CHUNK - 10}-{CHUNK - 1}", CHUNK - 10, 10, 1),
    ("over the border", f"{CHUNK - 10}-{CHUNK + 9}", CHUNK - 10, 20, 2),
    ("one whole chunk", f"{CHUNK}-{2 * CHUNK - 1}", CHUNK, CHUNK, 1),
    ("over three", f"{CHUNK - 1}-{2 * CHUNK}", CHUNK - 1, CHUNK + 2, 3),
    ("open", f"{SIZE - 500}-", SIZE - 500, 500, 1),
    ("suffix", "-700", SIZE - 700, 700, 1),
    ("suffix of several", f"-{CHUNK}", SIZE - CHUNK, CHUNK, 2),
    ("suffix longer than all", f"-{SIZE * 2}", 0, SIZE, 7),
    ("all", "0-", 0, SIZE, 7),
]


@pytest.mark.parametrize("value, first, n, chunks", [row[1:] for row in SINGLE], ids=[row[0] for row in SINGLE])
def test_single_range(stored, proxy, value, first, n, chunks):
    large = stored(Large(SIZE))
    proxy.client().get("/a", range=f"bytes={value}").expect(
        206, content=large.part(first, n), content_range=f"bytes {first}-{first + n - 1}/{SIZE}", content_length=str(n), cache_status=hit())
    proxy.counted(cache_chunks_read=chunks)


def parts_of(response):
    """[(Content-Range, content)] of multipart/byteranges."""
    boundary = re.search(r"boundary=(\S+)", response.fields.get("content-type"))[1].encode()
    pieces = response.content.split(b"--" + boundary)
    assert pieces[0] in (b"", b"\r\n") and pieces[-1] == b"--\r\n"
    found = []
    for piece in pieces[1:-1]:
        head, content = piece.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        found.append((re.search(rb"(?i)content-range: ([^\r]+)", head)[1].decode(), content.removesuffix(b"\r\n")))
    return found


@pytest.mark.parametrize("ranges, chunks", [
    ([(0, 10), (100, 10), (CHUNK - 5, 3)], 1),
    ([(10, 5), (CHUNK - 5, 10), (3 * CHUNK, 7)], 3),
    ([(3 * CHUNK + 1, 10), (0, 10)], 2),
    ([(0, 1), (SIZE - 1, 1), (2 * CHUNK - 1, CHUNK + 2)], 5),
], ids=["one chunk", "several", "backwards", "far"])
def test_several_ranges(stored, proxy, ranges, chunks):
    large = stored(Large(SIZE))
    value = ",".join(f"{first}-{first + n - 1}" for first, n in ranges)
    response = proxy.client().get("/a", range=f"bytes={value}").expect(206, cache_status=hit())
    assert parts_of(response) == [(f"bytes {first}-{first + n - 1}/{SIZE}", large.part(first, n)) for first, n in ranges]
    proxy.counted(cache_chunks_read=chunks)


def test_if_range(stored, proxy):
    large = stored(Large(SIZE))
    client = proxy.client()
    client.get("/a", range="bytes=5-9", if_range=large.etag).expect(206, content=large.part(5, 5))
    client.get("/a", range="bytes=5-9", if_range='"other"').expect(200, content=large.content)


def test_far_range_of_what_another_process_has_stored(origin, stored, make_large_proxy):
    large = stored(Large(SIZE))
    first = 2 * MB + 5
    make_large_proxy().client().get("/a", range=f"bytes={first}-{first + 9}").expect(206, content=large.part(first, 10), cache_status=hit())
    assert origin.count == 1
