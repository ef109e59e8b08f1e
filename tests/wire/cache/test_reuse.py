"""Fresh responses are stored (RFC 9111 section 3) and reused (RFC 9111 section 4)."""
import pytest

from harness.cache_status import STORED, hit


def test_fresh_response_is_reused_without_asking_the_origin(proxy, origin, client):
    client.get("/a")
    origin.receive().expect("GET /a").reply(content="one", cache_control="max-age=60")
    client.expect(200, content="one", cache_status="mcproxy; fwd=uri-miss; stored")
    client.get("/a").expect(200, content="one", cache_status=hit(ttl=60))
    origin.silent()
    proxy.counted(cache_hit=1, cache_miss=1)


def test_response_is_stored_although_the_client_left(origin, proxy):
    client = proxy.client().get("/a")
    request = origin.receive().reply_head(length=10, cache_control="max-age=60").send("01234")
    client.expect_head(200)
    client.close()
    request.send("56789")
    proxy.client().get("/a").expect(200, content="0123456789")


@pytest.mark.config("workers: 1")
def test_content_survives_many_hits_on_many_connections(origin, proxy):
    clients = [proxy.client() for _ in range(30)]
    clients[0].get("/a")
    origin.receive().reply(content="x" * 100_000, cache_control="max-age=60")
    clients[0].expect(200, cache_status=STORED)
    for _ in range(3):
        for client in clients:
            client.get("/a")
        for client in clients:
            client.expect(200, content="x" * 100_000)
    origin.silent()


def test_client_that_leaves_in_the_middle_of_a_hit_harms_nobody(origin, proxy):
    client = proxy.client().get("/a")
    origin.receive().reply(content="x" * 5_000_000, cache_control="max-age=60")
    client.expect(200)
    for _ in range(5):
        leaving = proxy.client(rcvbuf=4096).get("/a")
        leaving.expect_head(200)
        leaving.close(reset=True)
    client.get("/a").expect(200, content="x" * 5_000_000)
