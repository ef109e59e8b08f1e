import pytest

from harness.deadline import poll_until
from harness.memcached import POOL



@pytest.mark.config(POOL)
def test_a_response(tool, store, memcached):
    key, = store("/a", cache_control="max-age=60, stale-while-revalidate=30, stale-if-error=40", age="20", etag='"x"')
    told = tool.get("/a")
    record = told["record"]
    assert record["kind"] == "response" and record["status"] == 200
    assert record["memcached_key"] == key
    assert 20 <= record["age_s"] < 50 and record["lifetime_s"] == 60
    assert record["fresh_for_s"] == 60 - record["age_s"]
    assert (record["stale_while_revalidate_s"], record["stale_if_error_s"]) == (30, 40)
    assert record["content_bytes"] == 3 and record["lease"] == "none"
    assert {"name": "etag", "value": '"x"'} in record["fields"]
    assert 0 < record["ttl_s"] <= 60 + 40 + 600 - 20
    assert record["item_bytes"] > 100 and record["idle_s"] >= 0


@pytest.mark.config(POOL + "\nproxy_pass_trailers: on")
def test_trailers_are_told_apart_from_fields(tool, store, memcached):
    store("/a", raw="HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nX-Sum: abc\r\n\r\n")
    record = tool.get("/a")["record"]
    assert record["trailers"] == [{"name": "X-Sum", "value": "abc"}]
    assert all(field["name"] != "X-Sum" for field in record["fields"])


@pytest.mark.config(POOL)
def test_for_people(tool, store, memcached):
    store("/a", cache_control="max-age=3600")
    text = tool.run("cache", "get", tool.url("/a")).stdout
    assert "  lifetime                1 h\n" in text and "  kind                    response\n" in text


@pytest.mark.config(POOL)
def test_an_index_and_the_variant_that_was_asked_for(tool, store, memcached):
    store("/a", items=2, fields={"Accept-Language": "de"}, cache_control="max-age=60", vary="Accept-Language")
    told = tool.get("/a", "-H", "Accept-Language: de")
    assert (told["index"]["kind"], told["index"]["varies_by"]) == ("vary index", "accept-language")
    assert told["variant"]["kind"] == "response" and told["variant"]["status"] == 200
    variant, = told["variants"]
    assert (variant["kind"], variant["memcached_key"]) == ("response", told["variant"]["memcached_key"])
    assert "accept-language" in variant["values"] and "de" in variant["values"]
    other = tool.get("/a", "-H", "Accept-Language: en", status=1)
    assert other["variant"]["kind"] == "nothing is stored"


@pytest.mark.config(POOL)
def test_a_mark(tool, store, memcached):
    store("/a", cache_control="private")
    record = tool.get("/a")["record"]
    assert record["kind"] == "hit-for-miss mark" and 0 < record["fresh_for_s"] <= 10


@pytest.mark.config(POOL)
def test_a_lease_that_is_held(tool, origin, client, memcached):
    client.get("/a")
    request = origin.receive()
    record = tool.get("/a", status=1)["record"]
    assert record["lease"] == "held: a proxy fetches" and record["kind"].startswith("nothing yet")
    assert record["ttl_s"] > 0
    request.reply(content="one", cache_control="max-age=60")
    client.expect(200)


@pytest.mark.config(POOL)
def test_a_look_wins_no_lease(tool, store, memcached):
    key, = store("/a", cache_control="max-age=60")
    memcached.command(f"md {key} I T300")
    for _ in range(2):
        assert tool.get("/a")["record"]["lease"] == "to be won by who looks next"
    assert b" W" in memcached.command(f"mg {key} c")


@pytest.mark.config(POOL)
def test_nothing(tool, memcached):
    record = tool.get("/a", status=1)["record"]
    assert record["kind"] == "nothing is stored" and "ttl_s" not in record


@pytest.mark.config(POOL)
def test_what_is_no_stored_response(tool, store, memcached):
    key, = store("/a", cache_control="max-age=60")
    memcached.command(f"set {key} 0 0 3\r\nabc")
    record = tool.get("/a", status=1)["record"]
    assert record["kind"].startswith("no stored response") and record["why"] and record["item_bytes"] > 0


@pytest.mark.config(POOL)
def test_content(tool, store, memcached):
    store("/a", cache_control="max-age=60")
    assert tool.run("cache", "get", tool.url("/a"), "--content").stdout == "one"
    assert "no response is stored" in tool.run("cache", "get", tool.url("/b"), "--content", status=1).stderr


@pytest.mark.config('memcached_pools: {default: {protocol: classic, servers: ["{memcached}"]}}\ncaches: {default: {memcached: default}}')
def test_the_classic_protocol_cannot_tell_the_time_to_live(tool, store, memcached):
    store("/a", cache_control="max-age=60")
    record = tool.get("/a")["record"]
    assert record["kind"] == "response" and record["ttl_s"] is None


@pytest.mark.config(POOL)
def test_a_server_that_is_down(tool, memcached):
    tool.proxy.ensure_started()
    memcached.kill()
    assert tool.get("/a", status=1)["record"]["kind"] == "the server does not answer"


@pytest.mark.config(POOL + '\nlocations: {/off: {proxy_cache: "off"}}')
def test_a_request_without_a_part_in_a_cache(tool, memcached):
    assert "explain" in tool.run("cache", "get", tool.url("/off"), status=1).stderr


def test_a_cache_without_a_pool(tool):
    assert "no memcached pool" in tool.run("cache", "get", tool.url("/a"), status=1).stderr


def test_a_copy_at_the_second_server(proxy, tool, origin, client, make_memcached):
    servers = [make_memcached() for _ in range(3)]
    proxy.config = "memcached_pools: {default: {replicas: 2, servers: [%s]}}\ncaches: {default: {memcached: default}}" % (
        ", ".join(f'"{s.address}"' for s in servers))
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    poll_until(lambda: sum(server.items() for server in servers) == 2, "both copies")
    record = tool.get("/a")["record"]
    by_address = {server.address: server for server in servers}
    first, second = by_address[record["server"]], by_address[record["second_server"]]
    first.kill()
    alone = tool.get("/a")["record"]
    assert (alone["kind"], alone["on_the_second_server_alone"]) == ("response", True)
    first.start()
    purged = tool.json("cache", "purge", tool.url("/a"))["purged"]
    assert [(row["server"], row["result"]) for row in purged] == [(first.address, "was not there"), (second.address, "deleted")]
    assert second.items() == 0


@pytest.mark.config(POOL + "\ncaches: {default: {memory: 1m}}")
def test_content_in_chunks(tool, origin, client, memcached):
    content = b"".join(b"%08d" % i for i in range(400000))
    client.get("/a")
    origin.receive().reply(content=content, cache_control="max-age=60")
    client.expect(200, content=content)
    poll_until(lambda: tool.run("cache", "get", tool.url("/a"), status=None).returncode == 0, "the manifest")
    record = tool.get("/a")["record"]
    assert record["content_bytes"] == len(content) and record["chunks_present"] == record["chunks"] > 1
    assert tool.run("cache", "get", tool.url("/a"), "--content").stdout.encode() == content
    largest = max(memcached.keys(), key=lambda key: int(memcached.command(f"mg {key} s")[4:]))
    memcached.command(f"delete {largest}")
    assert tool.get("/a")["record"]["chunks_present"] == record["chunks"] - 1
    assert "a part of it" in tool.run("cache", "get", tool.url("/a"), "--content", status=1).stderr
