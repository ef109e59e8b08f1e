"""Statuses: any final one may be reused where the response says how long (RFC 9111 section 3)."""
import pytest

from harness.reuse import NOW, At, expect_asked, expect_reused, fill

STATUSES = [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 451, 499, 500, 502, 503, 504, 599, 600, 999]


@pytest.mark.parametrize("lifetime", [("Cache-Control", "max-age=3600"), ("Expires", At(3600))], ids=["max-age", "Expires"])
@pytest.mark.parametrize("status", STATUSES)
def test_fresh_response_is_reused(origin, client, status, lifetime):
    fill(origin, client, [lifetime, ("Location", "/b")], status)
    expect_reused(origin, client, status, location="/b")


@pytest.mark.parametrize("status", STATUSES)
def test_stale_response_is_not_reused(origin, client, status):
    """What comes instead is delivered, whatever was asked."""
    fill(origin, client, [("Expires", At(-3600)), ("Date", NOW), ("Last-Modified", At(-7200))], status)
    expect_asked(origin, client)


@pytest.mark.parametrize("status", STATUSES)
def test_response_that_came_stale_is_not_reused(origin, client, status):
    fill(origin, client, [("Cache-Control", "max-age=3600"), ("Age", "3600")], status)
    expect_asked(origin, client)


@pytest.mark.parametrize("status", [200, 201, 226, 299, 305, 306, 402, 417, 418, 499, 511, 599, 600, 700, 999])
def test_any_status_passes_unchanged(origin, client, status):
    """RFC 9110 section 15: a status that is not known is one of its class."""
    client.get("/a")
    origin.receive().reply(status, content="one", x_mine="1")
    client.expect(status, content="one", x_mine="1")


@pytest.mark.parametrize("status, control, reused", [(200, "max-age=60, no-store, must-understand", True),
                                                     (404, "must-understand, no-store, max-age=60", True),
                                                     (599, "max-age=60, no-store, must-understand", False),
                                                     (599, "max-age=60, must-understand", False)])
def test_must_understand(origin, client, status, control, reused):
    """RFC 9111 section 5.2.2.3."""
    fill(origin, client, [("Cache-Control", control)], status)
    if reused:
        expect_reused(origin, client, status)
    else:
        expect_asked(origin, client)
