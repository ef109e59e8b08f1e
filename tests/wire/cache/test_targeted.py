"""CDN-Cache-Control (RFC 9213): present and valid, it decides alone."""
import re
import time
from email.utils import formatdate

import pytest

from harness.cache_status import hit

FUTURE, PAST = formatdate(time.time() + 3600, usegmt=True), formatdate(time.time() - 3600, usegmt=True)


def fill(origin, client, fields):
    client.get("/a")
    origin.receive().reply(content="one", fields=list(fields))
    client.expect(200, content="one", cdn_cache_control=dict(fields)["CDN-Cache-Control"])


REUSED = {
    "max-age": [("CDN-Cache-Control", "max-age=3600")],
    "99999999999 seconds": [("CDN-Cache-Control", "max-age=99999999999")],
    "unknown member beside it": [("CDN-Cache-Control", "foo, max-age=3600")],
    "past Expires": [("CDN-Cache-Control", "max-age=3600"), ("Expires", PAST)],
    "invalid Expires": [("CDN-Cache-Control", "max-age=3600"), ("Expires", "0")],
    "short max-age elsewhere": [("CDN-Cache-Control", "max-age=3600"), ("Cache-Control", "max-age=1"), ("Age", "10")],
    "no-store elsewhere": [("CDN-Cache-Control", "max-age=3600"), ("Cache-Control", "no-store")],
}


@pytest.mark.parametrize("fields", REUSED.values(), ids=REUSED.keys())
def test_targeted_field_allows_reuse(origin, client, fields):
    fill(origin, client, fields)
    client.get("/a").expect(200, content="one", cache_status=hit(), age=re.compile("^[0-9]+$"), **{
        name.lower().replace("-", "_"): value for name, value in fields if name != "Age"})
    origin.silent()


NOT_REUSED = {
    "max-age=0": [("CDN-Cache-Control", "max-age=0"), ("Expires", FUTURE)],
    "Age beyond it": [("CDN-Cache-Control", "max-age=3600"), ("Age", "7200")],
    "short": [("CDN-Cache-Control", "max-age=1"), ("Cache-Control", "max-age=3600"), ("Age", "2")],
    "private": [("CDN-Cache-Control", "private"), ("Cache-Control", "max-age=3600")],
    "no-cache": [("CDN-Cache-Control", "no-cache"), ("Cache-Control", "max-age=3600"), ("Expires", FUTURE)],
    "no-store": [("CDN-Cache-Control", "no-store"), ("Cache-Control", "max-age=3600"), ("Expires", FUTURE)],
    "not a dictionary": [("CDN-Cache-Control", "max-age=10000, &&&&&"), ("Cache-Control", "no-store")],
    "wrong type": [("CDN-Cache-Control", 'max-age="10000"'), ("Cache-Control", "max-age=3600")],
    "space before the equals sign": [("CDN-Cache-Control", "max-age =100")],
    "upper case": [("CDN-Cache-Control", "MaX-aGe=3600")],
}


@pytest.mark.parametrize("fields", NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_targeted_field_forbids_reuse(origin, client, fields):
    fill(origin, client, fields)
    client.get("/a")
    origin.receive().expect("GET /a").reply(content="two")
    client.expect(200, content="two")


@pytest.mark.config("proxy_ignore_headers: CDN-Cache-Control")
def test_ignored_targeted_field_leaves_it_to_cache_control(origin, client):
    fill(origin, client, [("CDN-Cache-Control", "no-store"), ("Cache-Control", "max-age=60")])
    client.get("/a").expect(200, content="one", cache_status=hit(ttl=60))
    origin.silent()
