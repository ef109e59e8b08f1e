"""Which fields a reused response has."""
import re
from email.utils import formatdate

from harness.cache_status import NOT_STORED, STORED, hit


def test_all_stored_fields_come_back(origin, client):
    fields = [("Content-Type", "text/x"), ("X-Unknown", "1"), ("ETag", '"1"'), ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
              ("Content-Encoding", "zork"), ("Content-Language", "de"), ("X-Twice", "a"), ("X-Twice", "b"), ("Server", "mine"),
              ("Cache-Control", "max-age=60"), ("Expires", "Thu, 18 Aug 2050 02:01:18 GMT"), ("Link", "</a>")]
    client.get("/a")
    origin.receive().reply(content="one", fields=fields)
    client.expect(200, content="one")
    response = client.get("/a").expect(200, content="one", cache_status=hit())
    for name, _ in fields:
        assert response.fields.all(name) == [v for n, v in fields if n == name], name


def test_date_of_the_origin_stays(origin, client):
    client.get("/a")
    request = origin.receive()
    date = formatdate(usegmt=True)
    request.reply(content="one", cache_control="max-age=60", date=date)
    client.expect(200, date=date)
    client.get("/a").expect(200, date=date)


def test_date_is_added_where_the_origin_sent_none(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    date = client.expect(200, date=re.compile(" GMT$")).fields.get("date")
    client.get("/a").expect(200, date=date)


def test_hop_by_hop_fields_are_not_stored(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", connection="X-Hop, X-Hop2", x_hop="1", x_hop2="1",
                           keep_alive="timeout=5", proxy_authenticate="Basic", x_end="1")
    client.expect(200)
    client.get("/a").expect(200, x_hop=None, x_hop2=None, keep_alive=None, x_end="1")


def test_via_and_cache_status_name_the_proxy(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200, via=re.compile(r"1\.1 mcproxy"), cache_status=STORED)
    client.get("/a").expect(200, via=re.compile(r"1\.1 mcproxy"), cache_status=hit(ttl=60))


def test_cache_status_of_the_origin_is_kept_before_ours(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60", cache_status="inner; hit")
    client.expect(200, cache_status=re.compile("^inner; hit, mcproxy; fwd=uri-miss"))
    client.get("/a").expect(200, cache_status=re.compile("^inner; hit, mcproxy; hit"))


def test_cache_status_says_why_it_was_not_stored(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="no-store")
    client.expect(200, cache_status=NOT_STORED)


def test_chunked_response_is_reused_with_a_length(origin, client):
    client.get("/a")
    origin.receive().reply(content=["one", "two"], chunked=True, cache_control="max-age=60")
    client.expect(200, content="onetwo")
    client.get("/a").expect(200, content="onetwo", content_length=6, transfer_encoding=None)


def test_empty_response_is_reused(origin, client):
    client.get("/a")
    origin.receive().reply(content="", cache_control="max-age=60")
    client.expect(200, content="")
    client.get("/a").expect(200, content="", content_length=0, cache_status=hit())


def test_hit_for_http_1_0(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    client.get("/a", version="HTTP/1.0").expect(200, content="one", cache_status=hit())
    client.expect_closed()


def test_proxy_cache_status_off_sends_none(proxy, origin, client):
    proxy.start("proxy_cache_status: off")
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200, cache_status=None)
    client.get("/a").expect(200, content="one", cache_status=None)
