"""X-Accel-Expires, nginx's lifetime for the proxy alone, decides before Cache-Control and Expires, wherever it stands."""
import time

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

ACCEL, NEVER = ("X-Accel-Expires", "60"), ("X-Accel-Expires", "0")
CONTROL, FORBIDDEN = ("Cache-Control", "max-age=600"), ("Cache-Control", "no-store, private, max-age=0")
PAST = ("Expires", "Thu, 01 Jan 1970 00:00:01 GMT")


def ask(origin, client, fields):
    client.get("/a")
    origin.receive().expect("GET /a").reply(content="one", fields=fields)
    client.expect(200, content="one", x_accel_expires=None)


@pytest.mark.parametrize("fields", [
    [ACCEL, FORBIDDEN], [FORBIDDEN, ACCEL], [ACCEL, PAST], [PAST, ACCEL], [PAST, FORBIDDEN, ACCEL], [ACCEL, NEVER], [ACCEL, CONTROL], [CONTROL, ACCEL]], ids=str)
def test_it_gives_the_lifetime(origin, client, fields):
    ask(origin, client, fields)
    client.get("/a").expect(200, content="one", x_accel_expires=None, cache_status=hit(ttl=60))
    origin.silent()


@pytest.mark.parametrize("fields", [[NEVER, CONTROL], [CONTROL, NEVER], [("X-Accel-Expires", "@0"), CONTROL], [CONTROL, ("X-Accel-Expires", "@1")],
                                    [NEVER, ACCEL]], ids=str)
def test_it_forbids_storing(origin, client, fields):
    for _ in range(2):
        ask(origin, client, fields)


def test_it_can_be_a_time(origin, client):
    ask(origin, client, [("X-Accel-Expires", f"@{int(time.time()) + 1000}"), FORBIDDEN])
    ttl = client.get("/a").expect(200, cache_status=hit()).fields.get("cache-status")
    assert 900 < int(ttl.split("ttl=")[1].split(";")[0]) <= 1000
    origin.silent()


WINDOWS = ("Cache-Control", "max-age=0, stale-while-revalidate=600, stale-if-error=600")


@pytest.mark.slow
@pytest.mark.parametrize("fields", [[("X-Accel-Expires", "1"), WINDOWS], [WINDOWS, ("X-Accel-Expires", "1")]], ids=["before", "behind"])
def test_windows_for_stale_responses_count_beside_it(origin, client, fields):
    """RFC 5861 section 3."""
    ask(origin, client, fields)
    poll_until(lambda: client.get("/a").expect(200, content="one").fields.get("cache-status").startswith("mcproxy; hit; ttl=-"), "the end of the lifetime")
    origin.receive().expect("GET /a").reply(content="two")


IGNORED = {
    "X-Accel-Expires": [NEVER], "Expires": [PAST], "Cache-Control": [("Cache-Control", "no-store")], "Set-Cookie": [("Set-Cookie", "a=b")],
    "Vary": [("Vary", "*")], "CDN-Cache-Control": [("CDN-Cache-Control", "no-store")],
}


@pytest.mark.parametrize("name", IGNORED)
@pytest.mark.parametrize("ignored", [True, False], ids=["ignored", "obeyed"])
def test_field_that_is_ignored_is_as_if_it_were_not_there(make_proxy, origin, name, ignored):
    client = make_proxy().start(f"proxy_ignore_headers: {name if ignored else 'off'}\nproxy_cache_valid: 60s").client()
    client.get("/a")
    origin.receive().reply(content="one", fields=IGNORED[name])
    client.expect(200)
    client.get("/a")
    if not ignored:
        origin.receive().reply(content="two")
    client.expect(200, content="one" if ignored else "two", set_cookie=None)
