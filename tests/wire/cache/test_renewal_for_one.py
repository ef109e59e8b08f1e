"""A 304 that is not for everybody: who asked gets all of it, the others what they may have."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until


def fill(origin, client):
    """Something that has become stale."""
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", age=61, etag='"1"')
    client.expect(200, content="one")


def renew(origin, client, **fields):
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(304, etag='"1"', **fields)
    client.expect(200, content="one")


def test_cookie_of_a_304_is_for_who_asked_and_the_renewal_for_all(origin, client, proxy):
    fill(origin, client)
    renew(origin, client, cache_control="max-age=60", set_cookie="id=1", x_new="2")
    proxy.client().get("/a").expect(200, content="one", set_cookie=None, x_new="2", cache_status=hit())
    origin.silent()


def test_who_asked_gets_the_cookie(origin, client):
    fill(origin, client)
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(304, etag='"1"', cache_control="max-age=60", set_cookie="id=1")
    client.expect(200, content="one", set_cookie="id=1")


@pytest.mark.config("proxy_cache_set_cookie: on")
def test_cookie_is_for_all_where_the_operator_says_so(origin, client):
    fill(origin, client)
    renew(origin, client, cache_control="max-age=60", set_cookie="id=1")
    client.get("/a").expect(200, content="one", set_cookie="id=1", cache_status=hit())


@pytest.mark.parametrize("fields", [{"set_cookie": "id=1", "cache_control": "max-age=60"}, {"cache_control": "private", "x_mine": "1"}], ids=["cookie", "private"])
def test_those_who_waited_with_him_do_not_get_it(origin, client, proxy, fields):
    fill(origin, client)
    clients = [proxy.client().get("/a") for _ in range(3)]
    first = origin.receive().expect(if_none_match='"1"')
    poll_until(lambda: proxy.counter("requests_active") >= 3, "all of them waiting")
    origin.serve(lambda request: dict(status=304, etag='"1"', cache_control="max-age=60"))
    first.reply(304, etag='"1"', **fields)
    name = "set-cookie" if "set_cookie" in fields else "x-mine"
    with_it = [c for c in clients if c.expect(200, content="one").fields.get(name) is not None]
    assert len(with_it) == 1
