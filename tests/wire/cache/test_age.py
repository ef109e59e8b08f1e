"""Age: as it is read (RFC 9111 section 5.1), as it counts (section 4.2.3), and as it is sent."""
import time
from email.utils import formatdate

import pytest

from harness.cache_status import hit
from harness.deadline import poll_until
from harness.reuse import NOW, At, expect_asked, expect_reused, fill


def aged(*ages, control="max-age=3600"):
    return [("Cache-Control", control), ("Date", NOW)] + [("Age", age) for age in ages]


REUSED = {
    "no number": aged("abc"),
    "negative": aged("-7200"),
    "fraction": aged("7200.0"),
    "empty": aged(""),
    "list with 0 first": aged("0, 7200"),
    "0 on the first line": aged("0", "7200"),
    "0 twice": aged("0, 0"),
    "0 on two lines": aged("0", "0"),
    "3600 twice": aged("3600, 3600", control="max-age=10000"),
    "3600 on two lines": aged("3600", "3600", control="max-age=10000"),
    "with a parameter": aged("7200;foo=bar"),
    "with a parameter that is a number": aged("7200;foo=111"),
}


@pytest.mark.parametrize("fields", REUSED.values(), ids=REUSED.keys())
def test_age_that_is_invalid_or_small_leaves_it_fresh(origin, client, fields):
    """RFC 9111 section 5.1: the first member counts, and one that is no number does not."""
    fill(origin, client, fields)
    expect_reused(origin, client)


NOT_REUSED = {
    "at its lifetime": aged("3600"),
    "beyond its lifetime": aged("7200"),
    "leading zeros": aged("007200"),
    "2147483647": aged("2147483647"),
    "2147483648": aged("2147483648"),
    "2147483649": aged("2147483649"),
    "beyond 64 bits": aged("99999999999999999999999"),
    "2147483648 of the longest lifetime": aged("2147483648", control="max-age=99999999999"),
    "list with 7200 first": aged("7200, 0"),
    "7200 on the first line": aged("7200", "0"),
    "Date 7200 s ago": [("Cache-Control", "max-age=3600"), ("Date", At(-7200))],
    "Date 7200 s ago and a small Age": [("Cache-Control", "max-age=3600"), ("Date", At(-7200)), ("Age", "10")],
    "Date just beyond its lifetime": [("Cache-Control", "max-age=2"), ("Date", At(-3))],
}


@pytest.mark.parametrize("fields", NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_age_ends_the_lifetime(origin, client, fields):
    """RFC 9111 section 4.2.3."""
    fill(origin, client, fields)
    expect_asked(origin, client)


def about(seconds):
    """An age of so many seconds on a machine that is not too busy."""
    return lambda value: value is not None and seconds <= int(value) <= seconds + 3


SENT = {
    "none": ([], 0),
    "Age": ([("Age", "30")], 30),
    "Age and a Date of now": ([("Age", "30"), ("Date", NOW)], 30),
    "Date": ([("Date", At(-100))], 100),
    "the larger: Date": ([("Date", At(-100)), ("Age", "30")], 100),
    "the larger: Age": ([("Date", At(-30)), ("Age", "100")], 100),
    "Date ahead": ([("Date", At(100)), ("Age", "30")], 30),
    "Date that is none": ([("Date", "foo"), ("Age", "30")], 30),
    "first of a list": ([("Age", "30, 60")], 30),
    "first of two lines": ([("Age", "30"), ("Age", "60")], 30),
    "Age that is none": ([("Age", "x")], 0),
}
LIFETIMES = {"max-age": [("Cache-Control", "max-age=3600")], "Expires": [("Expires", At(3600))]}


@pytest.mark.parametrize("lifetime", LIFETIMES.values(), ids=LIFETIMES.keys())
@pytest.mark.parametrize("fields, age", SENT.values(), ids=SENT.keys())
def test_reused_response_has_an_age_and_the_origins_dates(origin, client, fields, age, lifetime):
    """RFC 9111 sections 4 and 5.1: one line, a number; Date and Expires are the origin's."""
    sent = fill(origin, client, lifetime + fields)
    response = client.get("/a").expect(200, content="one", age=about(age), cache_status=hit(ttl=None))
    assert len(response.fields.all("age")) == 1
    for name in ("Date", "Expires"):
        values = [v for n, v in sent if n == name]
        assert not values or response.fields.all(name) == values, response


def test_age_and_ttl_add_up_to_the_lifetime(origin, client):
    fill(origin, client, [("Cache-Control", "max-age=3600"), ("Age", "30")])
    client.get("/a").expect(200, age=about(30), cache_status=hit(ttl=3570))


@pytest.mark.slow
def test_age_grows_by_the_time_in_the_cache(origin, client):
    """RFC 9111 section 4.2.3: resident_time."""
    fill(origin, client, [("Cache-Control", "max-age=3600"), ("Age", "30")])
    ages = []

    def grown():
        ages.append(int(client.get("/a").expect(200, content="one", cache_status=hit()).fields.get("age")))
        return ages[-1] >= ages[0] + 2
    poll_until(grown, lambda: f"an age two seconds greater: {ages}")
    assert ages == sorted(ages), ages
    origin.silent()


def test_age_of_a_forwarded_response_is_kept(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="no-store", age=30)
    client.expect(200, age=30)


def test_age_of_a_forwarded_response_is_what_the_origin_sent(origin, client):
    """RFC 9111 section 5.1: a Date that differs adds nothing to it."""
    past = formatdate(time.time() - 3600, usegmt=True)
    client.get("/a")
    origin.receive().reply(content="one", cache_control="no-store", age=30, date=past)
    client.expect(200, age=30, date=past)
    client.get("/a")
    origin.receive().reply(content="one", cache_control="no-store", date=past)
    client.expect(200, age=None)


@pytest.mark.slow
@pytest.mark.parametrize("age, least", [(None, 1), (30, 31)], ids=["without Age", "with Age"])
def test_time_that_the_origin_took_is_age(origin, client, age, least):
    """RFC 9111 section 4.2.3: response_delay, of what is forwarded and of what is reused."""
    client.get("/a")
    request = origin.receive()
    begin = time.monotonic()
    poll_until(lambda: time.monotonic() - begin > 1.1, "an origin that works for a second")
    request.reply(content="one", cache_control="max-age=60", age=age)
    client.expect(200, content="one", age=about(least))
    client.get("/a").expect(200, content="one", age=about(least), cache_status=hit())
