"""What becomes of a request, in words: the verdict, the reason with its word of Cache-Status, and the directive that would change it."""
import pytest

from harness.cache_status import refused
from harness.deadline import poll_until
from harness.memcached import POOL


# ---- routing

SERVERS = """
memcached: ["{memcached}"]
servers:
  - listen: "{listen}"
    server_name: [first.test, "*.wild.test", "~^r[0-9]\\\\.test$"]
    proxy_pass: "http://{origin}"
    locations:
      = /exact: {return: [301, "http://elsewhere.test$uri"]}
      ^~ /firm: {proxy_cache: "off"}
      /prefix: {proxy_cache: "off"}
      "~ \\\\.png$": {proxy_cache: "off"}
      /forbidden: {return: 403}
  - listen: "{listen}"
    server_name: second.test
    proxy_pass: "http://{origin}"
"""
LOCATIONS = {
    "/exact": ("= /exact: equal to the path", "REPLY"),
    "/firm/a.png": ("^~ /firm: the longest prefix, which no", "PASS"),
    "/prefix/a": ("/prefix: the longest prefix, and no", "PASS"),
    "/prefix/a.png": ("~ \\.png$: the first regular expression", "PASS"),
    "/else": ("none matches", "MISS"),
}
HOSTS = {
    "first.test": "first.test: its server_name first.test matches",
    "a.wild.test": "first.test: its server_name *.wild.test matches",
    "r7.test": "a regular expression of its server_name matches",
    "second.test": "second.test: its server_name second.test matches",
    "other.test": "the default server of this address, first.test",
}


@pytest.mark.config(SERVERS)
@pytest.mark.parametrize("target, location, verdict", [(t, *told) for t, told in LOCATIONS.items()], ids=LOCATIONS)
def test_location(tool, memcached, target, location, verdict):
    told = tool.explain(target)
    assert told.says("location").startswith(location)
    assert told.verdict == verdict


@pytest.mark.config(SERVERS)
def test_server(tool, memcached):
    for host, server in HOSTS.items():
        assert tool.explain("/", "-H", f"Host: {host}").says("server").startswith(server)


@pytest.mark.config(SERVERS)
def test_answers_of_the_proxy_itself(tool, memcached):
    told = tool.explain("/exact")
    assert told.says("answer").startswith("return 301 http://elsewhere.test/exact") and told.change == "return"
    assert tool.explain("/forbidden").says("answer").startswith("return 403")


@pytest.mark.config(POOL)
def test_listener(proxy, tool, memcached):
    assert tool.explain("/").says("listen") == f"127.0.0.1:{proxy.port} has the URL's port"
    other = tool.json("explain", "https://example.test/")["steps"]
    assert any(f"as if it came to 127.0.0.1:{proxy.port}" in step["says"] for step in other)
    assert tool.explain("/").says("origin").endswith(proxy.origin_address)


# ---- what the request decides

REQUESTS = {
    "cache off": ('proxy_cache: "off"', [], "PASS", "cache", "proxy_cache is off here", "proxy_cache"),
    "method": ("", ["-X", "POST"], "PASS", "cache", "fwd=method", "proxy_cache_methods"),
    "bypass": ("proxy_cache_bypass: [$http_a, $http_b]", ["-H", "B: yes"], "BYPASS", "bypass",
               'proxy_cache_bypass $http_b is "yes"', "proxy_cache_bypass"),
    "authorization": ("", ["-H", "Authorization: Basic eA=="], "MISS", "decision", "a request with Authorization", None),
    "range": ("proxy_cache_max_range_offset: 1k", ["-H", "Range: bytes=5000-"], "MISS", "decision", "detail=range",
              "proxy_cache_max_range_offset"),
    "min_uses": ("proxy_cache_min_uses: 3", [], "MISS", "storing", "detail=min_uses", "proxy_cache_min_uses"),
    "only-if-cached": ("", ["-H", "Cache-Control: only-if-cached"], "REPLY", "decision", "504", None),
    "nothing is stored": ("", [], "MISS", "decision", "fwd=uri-miss", None),
    "content too large": ("client_max_body_size: 1", ["-X", "POST", "-H", "Content-Length: 5"], "REPLY", "answer", "413", None),
}


@pytest.mark.parametrize("config, args, verdict, about, says, change", REQUESTS.values(), ids=REQUESTS)
def test_request(proxy, tool, memcached, config, args, verdict, about, says, change):
    proxy.config = POOL + config
    told = tool.explain("/a", *args)
    assert (told.verdict, told.change) == (verdict, change), told.told
    assert says in told.says(about), told.told


@pytest.mark.config(POOL + "proxy_cache_key: $remote_addr$uri")
def test_the_client_that_it_comes_from(tool, memcached):
    assert "192.0.2.7" in tool.explain("/a", "--client", "192.0.2.7").says("key")


# ---- what is stored

STORED = {
    "fresh": ({"cache_control": "max-age=60"}, [], "HIT", "age", "fresh for"),
    "s-maxage": ({"cache_control": "max-age=5, s-maxage=60"}, [], "HIT", "lifetime", "1 m, said by s-maxage=60 of Cache-Control"),
    "CDN-Cache-Control": ({"CDN_Cache_Control": "max-age=60"}, [], "HIT", "lifetime", "max-age=60 of CDN-Cache-Control"),
    "X-Accel-Expires": ({"X_Accel_Expires": "60"}, [], "HIT", "lifetime", "X-Accel-Expires: 60"),
    "Expires": ({"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Expires": "Sun, 06 Nov 1994 08:50:37 GMT"}, [], "EXPIRED", "lifetime",
                "1 m, said by Expires (Sun, 06 Nov 1994 08:50:37 GMT) minus Date"),
    "stale": ({"cache_control": "max-age=60", "age": "100"}, [], "EXPIRED", "age", "100 s when it came"),
    "window": ({"cache_control": "max-age=60, stale-while-revalidate=600", "age": "100"}, [], "STALE", "windows",
               "stale-while-revalidate 10 m"),
    "must-revalidate": ({"cache_control": "max-age=60, must-revalidate", "age": "100"}, [], "EXPIRED", "rules", "never reused stale"),
    "no-cache of the client": ({"cache_control": "max-age=60"}, ["-H", "Cache-Control: no-cache"], "BYPASS", "decision", "fwd=request"),
    "max-stale": ({"cache_control": "max-age=60", "age": "100"}, ["-H", "Cache-Control: max-stale"], "STALE", "decision", "max-stale"),
    "mark": ({"cache_control": "private"}, [], "MISS", "decision", "detail=hit-for-miss"),
}


@pytest.mark.config(POOL)
@pytest.mark.parametrize("reply, args, verdict, about, says", STORED.values(), ids=STORED)
def test_stored(tool, store, memcached, reply, args, verdict, about, says):
    store("/a", **reply)
    told = tool.explain("/a", *args)
    assert told.verdict == verdict, told.told
    assert says in told.says(about), told.told
    assert told.told["record"]["server"] == memcached.address


@pytest.mark.config(POOL + "proxy_cache_valid: {200: 10m}")
def test_lifetime_of_the_configuration(tool, store, memcached):
    store("/a")
    assert tool.explain("/a").says("lifetime") == "10 m, said by proxy_cache_valid for the status 200"


@pytest.mark.config(POOL)
def test_variants(tool, store, memcached):
    store("/a", items=2, fields={"Accept-Language": "de"}, cache_control="max-age=60", vary="Accept-Language")
    german = tool.explain("/a", "-H", "Accept-Language: de")
    english = tool.explain("/a", "-H", "Accept-Language: en")
    assert (german.verdict, english.verdict) == ("HIT", "MISS")
    assert "vary by accept-language" in german.says("vary")
    assert "fwd=vary-miss" in english.says("decision")


@pytest.mark.config(POOL)
def test_the_pool_does_not_answer(tool, memcached):
    tool.proxy.ensure_started()
    memcached.kill()
    told = tool.explain("/a")
    assert "does not answer" in told.says("pool") and told.verdict == "MISS"
    assert "does not answer" in told.says("decision") and "cache ping" in told.change


@pytest.mark.config(POOL)
def test_why_it_is_not_stored_is_told_beside_the_mark_of_before(tool, store, memcached, origin):
    """Who asks once more wants to know why, not that it was so a moment ago."""
    origin.serve(lambda r: dict(content="one", cache_control="private"))
    tool.proxy.client().get("/a").expect(200)
    told = poll_until(lambda: (told := tool.explain("/a", "--fetch")).says("decision").startswith("detail=hit-for-miss") and told, "the mark")
    assert told.says("storing").startswith("detail=private") and "proxy_ignore_headers" in told.change


@pytest.mark.config(POOL)
def test_must_revalidate_is_not_for_a_window(tool, store, memcached):
    store("/a", cache_control="max-age=60, must-revalidate", age="100")
    assert "proxy_cache_stale_while_revalidate" not in tool.explain("/a").change


@pytest.mark.config(POOL + "proxy_cache_key: $scheme$http_x_forwarded_proto$uri")
def test_https_ends_before_the_proxy(proxy, tool, memcached):
    tool.proxy.ensure_started()
    url = f"https://example.test:{proxy.port}/a"
    told = tool.json("explain", url)
    assert any(step["about"] == "scheme" for step in told["steps"])
    assert "|http|https|/a" in told["record"]["cache_key"]
    assert "|http|wss|/a" in tool.json("explain", url, "-H", "X-Forwarded-Proto: wss")["record"]["cache_key"]


@pytest.mark.config(POOL + "\ncaches: {default: {memory: 1m}}")
def test_chunks(tool, origin, client, memcached):
    client.get("/a")
    origin.receive().reply(content=b"x" * 3_000_000, cache_control="max-age=60")
    client.expect(200)
    poll_until(lambda: "which are all there" in tool.explain("/a").says("chunks"), "the manifest")
    largest = max(memcached.keys(), key=lambda key: int(memcached.command(f"mg {key} s")[4:]))
    memcached.command(f"delete {largest}")
    assert "are there: without the first one" in tool.explain("/a").says("chunks")


def test_a_cache_in_memory_alone(tool):
    assert "none: what a running proxy has in memory" in tool.explain("/a").says("pool")


# ---- what the origin's answer would come to: the word that the proxy itself sends as detail

FETCHED = {
    "status": ("", {"status": 500}, "proxy_cache_valid"),
    "no-store": ("", {"cache_control": "no-store"}, "proxy_ignore_headers: [Cache-Control]"),
    "private": ("", {"cache_control": "private"}, "proxy_ignore_headers: [Cache-Control]"),
    "set-cookie": ("", {"cache_control": "max-age=60", "set_cookie": "a=b"}, "proxy_cache_set_cookie"),
    "vary": ("", {"cache_control": "max-age=60", "vary": "*"}, "proxy_ignore_headers: [Vary]"),
    "no-freshness": ("", {}, "proxy_cache_valid"),
    "size": ("caches: {default: {max_object: 2}}", {"cache_control": "max-age=60"}, "max_object"),
    "x-accel-expires": ("", {"X_Accel_Expires": "0"}, "proxy_ignore_headers: [X-Accel-Expires]"),
    "proxy_no_cache": ("proxy_no_cache: $upstream_http_x_no", {"cache_control": "max-age=60", "X_No": "1"}, "proxy_no_cache"),
    "min_uses": ("proxy_cache_min_uses: 9", {"cache_control": "max-age=60"}, "proxy_cache_min_uses"),
}


@pytest.mark.parametrize("detail, config, reply, change", [(d, *row) for d, row in FETCHED.items()], ids=FETCHED)
def test_not_stored_for_the_reason_that_the_proxy_sends(proxy, tool, memcached, origin, detail, config, reply, change):
    proxy.config = POOL + config
    origin.serve(lambda request: {"status": 200, "content": "one", **reply})
    proxy.client().get("/a").expect(reply.get("status", 200), cache_status=refused(detail))
    told = tool.explain("/b", "--fetch")
    assert told.says("storing").split(" | ")[-1].startswith(f"detail={detail}: "), told.told
    assert told.told["detail"] == detail and change in told.change


@pytest.mark.config(POOL)
def test_what_would_be_stored_is_not(tool, memcached, origin):
    origin.serve(lambda request: {"content": "one", "cache_control": "max-age=60", "vary": "Accept-Language"})
    told = tool.explain("/a", "--fetch")
    assert told.says("storing") == "it would be stored" and told.says("response").startswith(f"200 from {origin.address}")
    assert told.says("lifetime").startswith("1 m, said by max-age=60") and "varies by accept-language" in told.says("vary")
    assert tool.get("/a", status=1)["record"]["kind"] == "nothing is stored" and origin.count == 1


@pytest.mark.config(POOL)
def test_the_origin_does_not_answer(proxy, tool, memcached, origin):
    proxy.ensure_started()
    origin.close()
    told = tool.explain("/a", "--fetch", status=1)
    assert told.says("response") == "none: connect to upstream failed"


@pytest.mark.config(POOL)
def test_nothing_is_sent_that_changes_something(tool, memcached, origin):
    assert "not asked for" in tool.explain("/a", "--fetch", "-X", "DELETE").says("response")
    assert origin.count == 0


@pytest.mark.config(POOL)
def test_for_people(tool, store, memcached):
    store("/a", cache_control="max-age=60")
    lines = tool.run("explain", tool.url("/a")).stdout.splitlines()
    assert "decision  it answers (hit)" in lines and "verdict               HIT" in lines


# ---- what the running proxy says


def test_the_memory_of_the_running_proxy(proxy, tool, origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    assert f"127.0.0.1:{proxy.port} answers 200; Cache-Status: mcproxy; hit; ttl=" in tool.explain("/a", "--ask").says("proxy")
    assert "answers 504; Cache-Status: mcproxy; fwd=" in tool.explain("/b", "--ask").says("proxy")
    assert "not asked" in tool.explain("/a", "--ask", "-X", "POST").says("proxy")
    origin.silent()


def test_no_proxy_runs(tool, mcproxy):
    url = tool.url("/a")
    tool.proxy.stop()
    assert "none answers at" in mcproxy("explain", url, "--ask", "-c", tool.proxy.config_path).stdout
