import json
import urllib.request

import pytest

from harness.memcached import POOL
from harness.proxy import run_mcproxy

CONFIG = POOL + 'caches: {default: {memory: 0}}'


@pytest.mark.config(CONFIG)
def test_a_url_is_forgotten(tool, store, origin, client, memcached):
    store("/a", cache_control="max-age=60")
    purged, = tool.json("cache", "purge", tool.url("/a"))["purged"]
    assert (purged["result"], purged["server"]) == ("deleted", memcached.address)
    client.get("/a")
    origin.receive().reply(content="two")
    client.expect(200, content="two")
    purged, = tool.json("cache", "purge", tool.url("/b"))["purged"]
    assert purged["result"] == "was not there"


@pytest.mark.config(CONFIG)
def test_all_variants_are_forgotten(tool, store, origin, client, memcached):
    store("/a", items=2, fields={"Accept-Language": "de"}, cache_control="max-age=60", vary="Accept-Language")
    store("/a", items=3, fields={"Accept-Language": "en"}, cache_control="max-age=60", vary="Accept-Language")
    tool.run("cache", "purge", tool.url("/a"), "-H", "Accept-Language: en")
    for language in ("de", "en"):
        client.get("/a", Accept_Language=language)
        origin.receive().reply(content=language, cache_control="max-age=60", vary="Accept-Language")
        client.expect(200, content=language)


@pytest.mark.config(CONFIG)
def test_a_server_that_does_not_answer(tool, memcached):
    tool.proxy.ensure_started()
    memcached.kill()
    purged, = tool.json("cache", "purge", tool.url("/a"), status=1)["purged"]
    assert "answer" in purged["result"]


@pytest.mark.config(POOL)
def test_the_running_proxy_is_told(proxy, tool, store, memcached):
    store("/a", cache_control="max-age=60")
    told = tool.json("cache", "purge", tool.url("/a"))
    assert told["running_proxy"]["address"] == f"127.0.0.1:{proxy.admin_port}"
    assert told["running_proxy"]["result"] in ("purged", "cannot purge")


@pytest.mark.config(CONFIG)
def test_no_proxy_runs(tool, store, memcached):
    store("/a", cache_control="max-age=60")
    url = tool.url("/a")
    tool.proxy.stop()
    told = json.loads(run_mcproxy("cache", "purge", url, "--json", "-c", tool.proxy.config_path).stdout)
    assert (told["purged"][0]["result"], told["running_proxy"]["result"]) == ("deleted", "does not answer")


@pytest.mark.config(POOL + 'caches: {default: {memory: 0}}')
@pytest.mark.parametrize("soft, purged, verdict", [(False, "hard", "MISS"), (True, "soft", "STALE")])
def test_what_the_log_of_purges_says_is_told(proxy, tool, store, memcached, soft, purged, verdict):
    store("/a", cache_control="max-age=60", surrogate_key="news")
    assert tool.explain("/a").verdict == "HIT"
    body = json.dumps({"tag": "news", "soft": soft, "hard": not soft}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{proxy.admin_port}/purge", body, {"Content-Type": "application/json"})
    assert json.loads(urllib.request.urlopen(request).read())["purged"]
    assert tool.get("/a")["record"]["purged"].startswith(purged)
    told = tool.explain("/a")
    assert told.verdict == verdict and told.says("purged")
