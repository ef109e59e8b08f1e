"""A 304 renews what is stored: its fields replace the stored ones, its lifetime begins anew (RFC 9111 sections 3.2 and 4.3.4)."""
import re

import pytest

from harness.cache_status import hit

VALIDATORS = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
CONDITIONS = {"ETag": "if_none_match", "Last-Modified": "if_modified_since"}
NEW = {
    "Test-Header": "new", "X-Test-Header": "new", "Content-Foo": "new", "X-Content-Foo": "new", "Cache-Control": "max-age=2", "Content-Encoding": "new",
    "Content-Location": "/new", "Content-MD5": "new", "Content-Range": "bytes 1-2/3", "Content-Type": "text/new", "Content-Security-Policy": "new",
    "Clear-Site-Data": '"new"', "ETag": '"2"', "Expires": "Thu, 18 Aug 2050 02:01:18 GMT", "Public-Key-Pins": "new", "Set-Cookie": "new=1", "Set-Cookie2": "new=1",
    "X-Frame-Options": "new", "X-XSS-Protection": "0", "Last-Modified": "Fri, 02 Jan 2026 00:00:00 GMT", "Server": "new", "Link": "</new>",
}


@pytest.mark.config("proxy_cache_set_cookie: on")
@pytest.mark.parametrize("by", VALIDATORS)
def test_fields_of_a_304_replace_the_stored_ones(tier, by):
    old = {**dict.fromkeys(NEW, "old"), "Cache-Control": "max-age=60", "Age": "61", "X-Stays": "old", "ETag": None, "Last-Modified": None, **{by: VALIDATORS[by]}}
    tier.fill(fields=[*old.items(), ("Test-Header", "old too"), ("Set-Cookie", "old=too")])
    tier.get()
    tier.origin.receive().expect("GET /a", **{CONDITIONS[by]: VALIDATORS[by]}).reply_head(304, fields=NEW.items())
    first = tier.asker.expect(200, content="one")
    tier.settle()
    second = tier.filler.get("/a").expect(200, content="one", cache_status=hit(ttl=2))
    for response in first, second:
        assert {name: response.fields.all(name) for name in NEW} == {name: [value] for name, value in NEW.items()}
        assert response.fields.all("x-stays") == ["old"]
    tier.origin.silent()


@pytest.mark.parametrize("length", [0, 1, 1000])
def test_content_length_of_a_304_is_never_taken_over(tier, length):
    tier.fill(cache_control="max-age=60", age=61, etag='"1"')
    tier.fetch(tier.asker, seen={"if_none_match": '"1"'}, status=304, content="", cache_control="max-age=60", content_length=length)
    tier.filler.get("/a").expect(200, content="one", content_length=3, cache_status=hit())


def test_age_of_a_304_counts(tier):
    tier.fill(cache_control="max-age=60", age=61, etag='"1"')
    tier.fetch(tier.asker, status=304, content="", cache_control="max-age=60", age=30)
    tier.filler.get("/a").expect(200, content="one", age=re.compile("^3[0-2]$"), cache_status=hit(ttl=30))


def test_other_status_renews_nothing(tier):
    """RFC 9111 section 4.3.3."""
    tier.fill(cache_control="max-age=60", age=61, etag='"1"')
    tier.fetch(tier.asker, seen={"if_none_match": '"1"'}, status=404, content="gone")
    tier.fetch(tier.filler, seen={"if_none_match": '"1"'}, status=304, content="", cache_control="max-age=60")
    tier.get().expect(200, content="one", cache_status=hit())


# ---- what is renewed varies by something new

def renewal_that_varies(tier, method, vary):
    tier.asker.request(method, "/a", foo="1", bar="1")
    tier.origin.receive().expect(f"{method} /a", if_none_match='"1"').reply_head(304 if method == "GET" else 200, etag='"1"',
                                                                                  cache_control="max-age=60", vary=vary)
    tier.asker.expect(200, content="one" if method == "GET" else "", vary=vary)
    tier.settle()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("before, vary", [(None, "Bar"), ("Foo", "Foo, Bar"), ("Foo", "Bar"), (None, "*")])
def test_response_that_varies_from_now_on_is_not_for_others(tier, method, before, vary):
    """RFC 9111 sections 3.2, 4.1 and 4.3.5: what is stored varies by what its last Vary says."""
    tier.fill(asked={"foo": "1"}, cache_control="max-age=60", age=61, etag='"1"', vary=before)
    renewal_that_varies(tier, method, vary)
    tier.fetch(tier.filler, asked={"foo": "1", "bar": "2"}, content="two", cache_control="max-age=60", vary=vary)


def test_response_that_varies_as_before_is_renewed(tier):
    tier.fill(asked={"foo": "1", "bar": "1"}, cache_control="max-age=60", age=61, etag='"1"', vary="Bar, Foo")
    renewal_that_varies(tier, "GET", "foo")
    tier.filler.get("/a", foo="1", bar="1").expect(200, content="one", cache_status=hit())
