"""Expires: a lifetime is what lies between it and Date (RFC 9111 sections 4.2.1 and 5.3)."""
import pytest

from harness.reuse import NOW, At, expect_asked, expect_reused, fill

REUSED = {
    "future": [("Expires", At(3600)), ("Date", NOW)],
    "future without Date": [("Expires", At(3600))],
    "future, beside unknown directives": [("Expires", At(3600)), ("Cache-Control", "foo, public")],
    "unusable Date: from receipt": [("Expires", At(10)), ("Date", "foo")],
    "Age below it": [("Expires", At(100)), ("Date", NOW), ("Age", "50")],
    "Date in the past, counted from it": [("Expires", At(60)), ("Date", At(-60)), ("Age", "70")],
    "Date ahead, counted from it": [("Expires", At(7260)), ("Date", At(7200))],
    "first of two lines": [("Expires", At(3600)), ("Expires", At(7200)), ("Date", NOW)],
    "fixdate": [("Expires", "Thu, 18 Aug 2050 02:01:18 GMT"), ("Date", NOW)],
    "RFC 850, 50 is 2050": [("Expires", "Thursday, 18-Aug-50 02:01:18 GMT"), ("Date", NOW)],
    "asctime": [("Expires", "Thu Aug  8 02:01:18 2050"), ("Date", NOW)],
    "beyond 31 bits": [("Expires", "Tue, 19 Jan 2038 14:14:08 GMT"), ("Date", NOW)],
    "in 2286": [("Expires", "Sun, 21 Nov 2286 04:46:39 GMT"), ("Date", NOW)],
    "weekday in upper case": [("Expires", "THU, 18 Aug 2050 02:01:18 GMT"), ("Date", NOW)],
    "month in upper case": [("Expires", "Thu, 18 AUG 2050 02:01:18 GMT"), ("Date", NOW)],
    "zone in mixed case": [("Expires", "Thu, 18 Aug 2050 02:01:18 gMT"), ("Date", NOW)],
}


@pytest.mark.parametrize("fields", REUSED.values(), ids=REUSED.keys())
def test_response_is_reused_before_it_expires(origin, client, fields):
    fill(origin, client, fields)
    expect_reused(origin, client)


NOT_REUSED = {
    "past": [("Expires", At(-3600)), ("Date", NOW)],
    "equal to Date": [("Expires", At(0)), ("Date", At(0))],
    "equal to Date, both in the future": [("Expires", At(3600)), ("Date", At(3600))],
    "before Date, both in the future": [("Expires", At(60)), ("Date", At(100))],
    "Date in the past and Age": [("Expires", At(10)), ("Date", At(-10)), ("Age", "25")],
    "Date ahead and Age": [("Expires", At(20)), ("Date", At(10)), ("Age", "15")],
    "first of two lines is past": [("Expires", At(-60)), ("Expires", At(3600)), ("Date", NOW)],
    "0": [("Expires", "0"), ("Date", NOW)],
    "0 without Date": [("Expires", "0")],
    "-1": [("Expires", "-1"), ("Date", NOW)],
    "empty": [("Expires", ""), ("Date", NOW)],
    "0, modified long ago": [("Expires", "0"), ("Date", NOW), ("Last-Modified", At(-1e6))],
    "a word": [("Expires", "tomorrow"), ("Date", NOW)],
    "zone UTC": [("Expires", "Thu, 18 Aug 2050 02:01:18 UTC"), ("Date", NOW)],
    "zone AEST": [("Expires", "Thu, 18 Aug 2050 02:01:18 AEST"), ("Date", NOW)],
    "two-digit year": [("Expires", "Thu, 18 Aug 50 02:01:18 GMT"), ("Date", NOW)],
    "no comma": [("Expires", "Thu 18 Aug 2050 02:01:18 GMT"), ("Date", NOW)],
    "double spaces": [("Expires", "Thu, 18  Aug  2050  02:01:18  GMT"), ("Date", NOW)],
    "dashes": [("Expires", "Thu, 18-Aug-2050 02:01:18 GMT"), ("Date", NOW)],
    "dots in the time": [("Expires", "Thu, 18 Aug 2050 02.01.18 GMT"), ("Date", NOW)],
    "one-digit hour": [("Expires", "Thu, 18 Aug 2050 2:01:18 GMT"), ("Date", NOW)],
    "two lines, both invalid": [("Expires", "Thu, 18 Aug 2050 02:01:18 AEST"), ("Expires", "0"), ("Date", NOW)],
}


@pytest.mark.parametrize("fields", NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_response_is_not_reused_when_it_has_expired(origin, client, fields):
    """RFC 9111 section 5.3: what is no date is a time in the past."""
    fill(origin, client, fields)
    expect_asked(origin, client)
