"""A stale response stands in for an error although it has nothing to be validated by."""
import pytest


def stale(origin, client, control):
    client.get("/a")
    origin.receive().reply(content="one", cache_control=control, age=61)
    client.expect(200, content="one")


@pytest.mark.parametrize("failure", ["close", "503"])
def test_stale_if_error_needs_no_validator(origin, client, failure):
    stale(origin, client, "max-age=60, stale-if-error=600")
    origin.serve(lambda request: dict(status=503, content="down") if failure == "503" else request.connection.close())
    client.get("/a").expect(200, content="one")


def test_origin_is_asked_without_condition_and_replaces_it(origin, client):
    stale(origin, client, "max-age=60, stale-if-error=600")
    client.get("/a")
    origin.receive().expect("GET /a", if_none_match=None, if_modified_since=None).reply(content="two", cache_control="max-age=60")
    client.expect(200, content="two")
    client.get("/a").expect(200, content="two")
    origin.silent()


def test_304_that_nobody_asked_for_does_not_renew_it(origin, client):
    stale(origin, client, "max-age=60, stale-if-error=600")
    client.get("/a")
    origin.receive().reply_head(304)
    client.expect(304)


def test_must_revalidate_forbids_it(origin, client):
    stale(origin, client, "max-age=60, stale-if-error=600, must-revalidate")
    origin.serve(lambda request: request.connection.close())
    client.get("/a").expect(502)
