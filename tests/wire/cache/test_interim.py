"""Interim responses (RFC 9110 section 15.2) beside what is stored."""
from harness.cache_status import hit


def test_none_of_it_is_stored(tier):
    tier.filler.get("/a")
    request = tier.origin.receive().interim(102, x_a="1")
    request.interim(103, link=["</a>", "</b>"], foo="bar", set_cookie="a=b", cache_control="no-store", connection="x-hop", x_hop="1")
    tier.filler.expect(102, x_a="1")
    tier.filler.expect(103, link=["</a>", "</b>"], foo="bar", x_hop=None)
    request.reply(content="one", cache_control="max-age=60")
    tier.filler.expect(200, content="one", link=None, foo=None, set_cookie=None, x_a=None)
    tier.settle()
    tier.get().expect(200, content="one", link=None, foo=None, set_cookie=None, x_a=None, cache_status=hit())
    tier.origin.silent()


def test_none_of_it_renews(tier):
    """RFC 9111 section 4.3.4: the final response does."""
    tier.fill(cache_control="max-age=60", age=61, etag='"1"')
    tier.get()
    request = tier.origin.receive().interim(103, link="</a>", cache_control="no-store")
    tier.asker.expect(103, link="</a>")
    request.reply(304, cache_control="max-age=60")
    tier.asker.expect(200, content="one", link=None)
    tier.settle()
    tier.filler.get("/a").expect(200, content="one", link=None, cache_status=hit())


def test_those_who_wait_get_the_final_response(proxy, origin):
    first, second = proxy.client().get("/a"), proxy.client()
    request = origin.receive()
    second.get("/a")
    origin.silent()
    request.interim(103, link="</a>")
    first.expect(103, link="</a>")
    request.reply(content="one", cache_control="max-age=60")
    first.expect(200, content="one")
    second.expect(200, content="one", link=None)
