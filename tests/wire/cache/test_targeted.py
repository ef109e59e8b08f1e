"""CDN-Cache-Control (RFC 9213 section 2.1): present and valid, it decides alone."""
import re

import pytest

from harness.cache_status import hit
from harness.reuse import NOW, At, expect_asked, fill


def targeted(*lines, **more):
    return [("CDN-Cache-Control", line) for line in lines] + [(name.replace("_", "-"), value) for name, value in more.items()]


REUSED = {
    "max-age": targeted("max-age=3600"),
    "max-age with Date": targeted("max-age=3600", Date=NOW),
    "2147483647 seconds": targeted("max-age=2147483647"),
    "2147483648 seconds": targeted("max-age=2147483648"),
    "99999999999 seconds": targeted("max-age=99999999999"),
    "unknown member in front": targeted("foo, max-age=3600"),
    "unknown member behind": targeted("max-age=3600, foo=bar"),
    "unknown member of another type": targeted('max-age=3600, foo="no-store", bar=(1 2);x, baz=?0'),
    "parameters mean nothing": targeted("max-age=3600;x=no-store"),
    "two lines": targeted("foo", "max-age=3600"),
    "past Expires": targeted("max-age=3600", Expires=At(-3600)),
    "invalid Expires": targeted("max-age=3600", Expires="0"),
    "Age below it": targeted("max-age=3600", Age="1800"),
    "short max-age elsewhere": targeted("max-age=3600", Cache_Control="max-age=1", Age="10"),
    "max-age=0 elsewhere": targeted("max-age=3600", Cache_Control="max-age=0", Expires=At(-3600)),
    "no-store elsewhere": targeted("max-age=3600", Cache_Control="no-store"),
    "private elsewhere": targeted("max-age=3600", Cache_Control="private"),
    "no-cache elsewhere": targeted("max-age=3600", Cache_Control="no-cache"),
    "s-maxage in it": targeted("s-maxage=3600, max-age=1", Age="10"),
    "a flag that says no": targeted("max-age=3600, no-store=?0"),
    "the last of two": targeted("max-age=1, max-age=3600", Age="10"),
    "empty: Cache-Control decides": targeted("", Cache_Control="max-age=3600"),
    "invalid: Cache-Control decides": targeted("no-store, &&&&&", Cache_Control="max-age=3600"),
    "invalid: Expires decides": targeted("no-store=", Expires=At(3600)),
    "for another target": [("Other-Cache-Control", "no-store"), ("Cache-Control", "max-age=3600")],
}


@pytest.mark.parametrize("fields", REUSED.values(), ids=REUSED.keys())
def test_targeted_field_allows_reuse(origin, client, fields):
    """It goes on to the client, and Date and Expires are the origin's, as in any response."""
    sent = fill(origin, client, fields)
    kept = {name.lower().replace("-", "_"): [v for n, v in sent if n == name] for name, _ in sent if name != "Age"}
    client.get("/a").expect(200, content="one", cache_status=hit(), age=re.compile("^[0-9]+$"), **kept)
    origin.silent()


NOT_REUSED = {
    "max-age=0": targeted("max-age=0"),
    "max-age=0 with a future Expires": targeted("max-age=0", Expires=At(3600)),
    "max-age=0 with Cache-Control": targeted("max-age=0", Cache_Control="max-age=3600"),
    "no lifetime, with a future Expires": targeted("public", Expires=At(3600)),
    "no lifetime, with Cache-Control": targeted("must-revalidate", Cache_Control="max-age=3600"),
    "Age beyond it": targeted("max-age=3600", Age="7200"),
    "Date beyond it": targeted("max-age=3600", Date=At(-7200)),
    "short": targeted("max-age=1", Cache_Control="max-age=3600", Age="2"),
    "short, with Expires": targeted("max-age=1", Expires=At(3600), Age="2"),
    "private": targeted("private", Cache_Control="max-age=3600"),
    "private with max-age": targeted("private, max-age=3600", Cache_Control="max-age=3600", Expires=At(3600)),
    "no-cache": targeted("no-cache", Cache_Control="max-age=3600", Expires=At(3600)),
    "no-cache with max-age": targeted("max-age=3600, no-cache", Cache_Control="max-age=3600"),
    "no-store": targeted("no-store", Cache_Control="max-age=3600", Expires=At(3600)),
    "no-store with max-age": targeted("max-age=3600, no-store"),
    "not a dictionary": targeted("max-age=10000, &&&&&", Cache_Control="no-store"),
    "not a dictionary on one of two lines": targeted("max-age=10000", "&&&&&", Cache_Control="no-store"),
    "a comma at the end": targeted("max-age=10000,", Cache_Control="no-store"),
    "string": targeted('max-age="10000"', Cache_Control="max-age=3600"),
    "decimal": targeted("max-age=10000.0", Cache_Control="max-age=3600"),
    "negative": targeted("max-age=-10000", Cache_Control="max-age=3600"),
    "space before the equals sign": targeted("max-age =100"),
    "space behind the equals sign": targeted("max-age= 100"),
    "upper case": targeted("MaX-aGe=3600"),
    "single quotes": targeted("max-age='3600'"),
}


@pytest.mark.parametrize("fields", NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_targeted_field_forbids_reuse(origin, client, fields):
    fill(origin, client, fields)
    expect_asked(origin, client)


def test_no_cache_in_it_is_stored_and_validated(origin, client):
    fill(origin, client, targeted("no-cache", Cache_Control="max-age=3600", ETag='"1"'))
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(304)
    client.expect(200, content="one", cdn_cache_control="no-cache")


def test_windows_are_its_own(origin, client):
    """RFC 5861: those of Cache-Control are for others."""
    fill(origin, client, targeted("max-age=60, stale-while-revalidate=600", Cache_Control="must-revalidate", Age="61", ETag='"1"'))
    client.get("/a").expect(200, content="one", cache_status=hit())
    origin.receive().expect(if_none_match='"1"').reply(304, cdn_cache_control="max-age=60")
    origin.silent()


def test_must_revalidate_in_it_forbids_stale(origin, client):
    fill(origin, client, targeted("max-age=60, must-revalidate", Cache_Control="stale-if-error=600", Age="61", ETag='"1"'))
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(503, content="down")
    client.expect(503, content="down")


def test_renewal_gives_it_a_new_lifetime(origin, client):
    fill(origin, client, targeted("max-age=60", Age="61", ETag='"1"', Cache_Control="max-age=0"))
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(304, cdn_cache_control="max-age=600")
    client.expect(200, content="one", cdn_cache_control="max-age=600")
    client.get("/a").expect(200, content="one", cdn_cache_control="max-age=600", cache_status=hit(ttl=600))
    origin.silent()


@pytest.mark.config("proxy_ignore_headers: CDN-Cache-Control")
def test_ignored_targeted_field_leaves_it_to_cache_control(origin, client):
    fill(origin, client, targeted("no-store", Cache_Control="max-age=60"))
    client.get("/a").expect(200, content="one", cache_status=hit(ttl=60))
    origin.silent()
