"""Cache-Control and Pragma of requests (RFC 9111 sections 5.2.1 and 5.4)."""
import re

import pytest

from harness.cache_status import STORED, hit, refused
from harness.reuse import fill

MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"


def control(value, **more):
    return [("Cache-Control", value)] + [(name.replace("_", "-"), value) for name, value in more.items()]


# what is stored, what is asked
ASKED = {
    "5.2.1.1: max-age=0": (control("max-age=3600"), "max-age=0"),
    "5.2.1.1: max-age=1 of 3": (control("max-age=3600", Age=3), "max-age=1"),
    "5.2.1.1: max-age=600 of 1800": (control("max-age=3600", Age=1800), "max-age=600"),
    "5.2.1.1: max-age beside max-stale": (control("max-age=3600", Age=1800), "max-stale=9999, max-age=600"),
    "5.2.1.1: max-age that is no number": (control("max-age=3600"), "max-age=x"),
    "5.2.1.1: max-age in the window of stale-while-revalidate": (control("max-age=60, stale-while-revalidate=600", Age=61), "max-age=30"),
    "8246: max-age=0 of what is immutable and stale": (control("max-age=60, immutable", Age=61), "max-age=0"),
    "8246: no-cache of what is immutable": (control("max-age=3600, immutable"), "no-cache"),
    "5.2.1.2: staler than max-stale": (control("max-age=1500", Age=2600), "max-stale=1000"),
    "5.2.1.2: max-stale of must-revalidate": (control("max-age=60, must-revalidate", Age=61), "max-stale=1000"),
    "5.2.1.2: max-stale of proxy-revalidate": (control("max-age=60, proxy-revalidate", Age=61), "max-stale=1000"),
    "5.2.1.2: max-stale of s-maxage": (control("s-maxage=60", Age=61), "max-stale=1000"),
    "5.2.1.2: max-stale of no-cache": (control("max-age=60, no-cache"), "max-stale"),
    "5.2.1.3: min-fresh beyond the lifetime": (control("max-age=1500"), "min-fresh=2000"),
    "5.2.1.3: min-fresh beyond what is left": (control("max-age=1500", Age=1000), "min-fresh=1000"),
    "5.2.1.4: no-cache": (control("max-age=3600"), "no-cache"),
    "5.2.1.4: No-CaChE among others": (control("max-age=3600"), "foo, No-CaChE"),
    "5.2.1.4: no-cache with an argument": (control("max-age=3600"), "no-cache=x"),
}


@pytest.mark.parametrize("fields, asked", ASKED.values(), ids=ASKED.keys())
def test_stored_response_is_not_what_was_asked_for(origin, client, fields, asked):
    """The origin is asked, with the validator; its answer takes the place of what was stored."""
    fill(origin, client, fields + [("ETag", '"1"')])
    client.get("/a", cache_control=asked)
    origin.receive().expect("GET /a", if_none_match='"1"', cache_control=asked).reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="two", cache_status=hit())
    origin.silent()


TAKEN = {
    "5.2.1.1: max-age above its age": (control("max-age=3600", Age=1800), "max-age=2000"),
    "5.2.1.1: max-age of a long life": (control("max-age=60"), "max-age=99999999999999999999999"),
    "8246: max-age=0 of what is immutable": (control("max-age=3600, immutable", Age=10), "max-age=0"),
    "5.2.1.2: max-stale": (control("max-age=60", Age=61), "max-stale=1000"),
    "5.2.1.2: max-stale without an argument": (control("max-age=60", Age=600), "max-stale"),
    "5.2.1.2: max-stale beside max-age": (control("max-age=60", Age=61), "max-stale=1000, max-age=1000"),
    "5.2.1.2: stale on arrival, without a validator": (control("max-age=1500", Age=2000), "max-stale=1000"),
    "5.2.1.2: Expires, stale on arrival": ([("Expires", MODIFIED), ("Date", MODIFIED), ("Age", 60), ("ETag", '"1"')], "max-stale"),
    "5.2.1.3: min-fresh below what is left": (control("max-age=1500", Age=400), "min-fresh=1000"),
    "5.2.1.5: no-store": (control("max-age=3600"), "no-store"),
    "5.2.1.6: no-transform": (control("max-age=3600"), "no-transform"),
    "5.2.1.7: only-if-cached": (control("max-age=3600"), "only-if-cached"),
    "5.2.1.7: only-if-cached with max-stale": (control("max-age=60", Age=61), "only-if-cached, max-stale"),
    "5.2.3: unknown directives": (control("max-age=3600"), 'foobar, x=y, z="no-cache"'),
    "5.2.1: white space before the equals sign": (control("max-age=3600"), "max-age =0"),
    "5.2.2.7: private means nothing": (control("max-age=3600"), "private, must-revalidate, s-maxage=0"),
}


@pytest.mark.parametrize("fields, asked", TAKEN.values(), ids=TAKEN.keys())
def test_stored_response_is_what_was_asked_for(origin, client, fields, asked):
    fill(origin, client, fields)
    client.get("/a", cache_control=asked).expect(200, content="one", cache_status=hit())
    origin.silent()


VALIDATORS = {
    "ETag": ({"etag": '"1"'}, {"if_none_match": '"1"', "if_modified_since": None}),
    "Last-Modified": ({"last_modified": MODIFIED}, {"if_none_match": None, "if_modified_since": MODIFIED}),
    "both": ({"etag": 'W/"1"', "last_modified": MODIFIED}, {"if_none_match": 'W/"1"', "if_modified_since": MODIFIED}),
}
RELOADS = {"no-cache": {"cache_control": "no-cache"}, "max-age=0": {"cache_control": "max-age=0"}, "Pragma": {"pragma": "no-cache"}}


@pytest.mark.parametrize("reload", RELOADS.values(), ids=RELOADS.keys())
@pytest.mark.parametrize("stored, sent", VALIDATORS.values(), ids=VALIDATORS.keys())
def test_reload_validates_what_is_stored(origin, client, stored, sent, reload):
    """RFC 9111 sections 5.2.1.4 and 4.3.1: a 304 makes the stored response the answer."""
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", **stored)
    client.expect(200)
    client.get("/a", **reload)
    origin.receive().expect("GET /a", **sent).reply(304, **stored)
    client.expect(200, content="one", **stored)
    client.get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("condition", [{"if_none_match": '"1"'}, {"if_modified_since": MODIFIED}])
def test_browser_that_reloads_what_is_immutable_gets_304_at_once(origin, client, condition):
    """RFC 8246 section 2.1."""
    fill(origin, client, control("max-age=3600, immutable", ETag='"1"', Last_Modified=MODIFIED))
    client.get("/a", cache_control="max-age=0", **condition).expect(304, etag='"1"', cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("reload", RELOADS.values(), ids=RELOADS.keys())
def test_reload_without_a_validator_asks_for_the_whole(origin, client, reload):
    fill(origin, client, control("max-age=60"))
    client.get("/a", **reload)
    origin.receive().expect("GET /a", if_none_match=None, if_modified_since=None).reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="two", cache_status=hit())


@pytest.mark.parametrize("status", [500, 503])
def test_error_on_a_reload_is_covered_by_what_is_fresh(origin, client, status):
    """RFC 9111 section 4.3.3: as if the origin had not answered."""
    fill(origin, client, control("max-age=60"))
    client.get("/a", cache_control="no-cache")
    origin.receive().reply(status, content="down")
    client.expect(200, content="one", cache_status=re.compile("^mcproxy; fwd=request; detail=stale-if-error"))
    client.get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("pragma", ["no-cache", "foo"])
@pytest.mark.parametrize("asked", ["max-age=1000", "foo"])
def test_pragma_beside_cache_control_is_ignored(origin, client, pragma, asked):
    """RFC 9111 section 5.4."""
    fill(origin, client, control("max-age=60"))
    client.get("/a", pragma=pragma, cache_control=asked).expect(200, content="one", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("pragma", ["foo", "foo=no-cache", 'x="no-cache"'])
def test_unknown_pragma_is_ignored(origin, client, pragma):
    fill(origin, client, control("max-age=60"))
    client.get("/a", pragma=pragma).expect(200, content="one", cache_status=hit())
    origin.silent()


@pytest.mark.parametrize("pragma", ["no-cache", "foo, No-Cache"])
@pytest.mark.parametrize("lifetime", [("Cache-Control", "max-age=60"), ("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT")],
                         ids=["explicit", "heuristic"])
def test_pragma_of_a_response_means_nothing(origin, client, pragma, lifetime):
    """RFC 9111 section 5.4; of unknown pragmas, too."""
    fill(origin, client, [lifetime, ("Pragma", pragma)])
    client.get("/a").expect(200, content="one", pragma=pragma, cache_status=hit())
    origin.silent()


def test_unknown_pragma_of_a_response_means_nothing(origin, client):
    fill(origin, client, control("max-age=60", Pragma="foo"))
    client.get("/a").expect(200, content="one", pragma="foo", cache_status=hit())
    origin.silent()


def test_no_store_of_a_request_keeps_its_answer_out_of_the_cache(origin, client):
    """RFC 9111 section 5.2.1.5."""
    client.get("/a", cache_control="no-store")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200, content="one", cache_status=refused("no-store"))
    client.get("/a")
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two", cache_status=STORED)


def test_no_store_of_a_request_leaves_what_is_stored(origin, client):
    fill(origin, client, control("max-age=60", Age=61, ETag='"1"'))
    client.get("/a", cache_control="no-store")
    origin.receive().expect("GET /a").reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=60")
    client.expect(200, content="one")


def test_nobody_waits_for_a_request_that_says_no_store(proxy, origin):
    alone = proxy.client().get("/a", cache_control="no-store")
    first = origin.receive()
    other = proxy.client().get("/a")
    origin.receive().reply(content="two", cache_control="max-age=60")
    other.expect(200, content="two", cache_status=STORED)
    first.reply(content="one", cache_control="max-age=60")
    alone.expect(200, content="one")
    other.get("/a").expect(200, content="two", cache_status=hit())


def test_no_store_of_one_request_does_not_make_others_fetch_for_themselves(proxy, origin):
    alone = proxy.client().get("/a", cache_control="no-store")
    origin.receive().reply(content="one", cache_control="max-age=60")
    alone.expect(200, content="one")
    clients = [proxy.client().get("/a") for _ in range(3)]
    request = origin.receive()
    origin.silent()
    request.reply(content="two", cache_control="max-age=60")
    for client in clients:
        client.expect(200, content="two")


def test_no_store_of_a_request_is_answered_by_the_origin_where_others_get_what_is_stale(origin, client):
    """RFC 5861 section 3: nobody would be left to refresh it."""
    fill(origin, client, control("max-age=60, stale-while-revalidate=600", Age=61, ETag='"1"'))
    client.get("/a", cache_control="no-store")
    origin.receive().reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="one")
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=60")


def test_only_if_cached_of_what_is_stale(origin, client):
    """RFC 9111 section 5.2.1.7."""
    fill(origin, client, control("max-age=60", Age=61, ETag='"1"'))
    client.get("/a", cache_control="only-if-cached").expect(504)
    origin.silent()


@pytest.mark.parametrize("stored", ["nothing", "no-store", "no-cache"])
def test_only_if_cached_of_what_cannot_be_reused(origin, client, stored):
    if stored != "nothing":
        fill(origin, client, control(stored, ETag='"1"'))
    client.get("/a", cache_control="only-if-cached").expect(504)
    origin.silent()
