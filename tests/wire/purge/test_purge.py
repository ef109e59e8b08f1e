"""One proxy without a pool: what a purge leaves, and what it asks the origin for again."""
import pytest

from harness.cache_status import hit
from harness.deadline import poll_until

PURGE = "proxy_cache_purge: on\n"
FRESH = dict(cache_control="max-age=600")

pytestmark = pytest.mark.config(PURGE)


def fill(client, origin, target="/a", content="one", **fields):
    client.get(target)
    origin.receive().reply(content=content, **{**FRESH, **fields})
    client.expect(200, content=content)


def is_there(client, target="/a", content="one", **fields):
    client.get(target, **fields).expect(200, content=content, cache_status=hit())


def is_fetched(client, origin, target="/a", content="two", **fields):
    client.get(target)
    origin.receive().reply(content=content, **{**FRESH, **fields})
    client.expect(200, content=content)
    is_there(client, target, content)


def is_refreshed(client, origin, target="/a", content="one", then="two", **fields):
    """The stale response answers at once, and is replaced behind it."""
    client.get(target).expect(200, content=content, cache_status=hit())
    origin.receive().expect(f"GET {target}").reply(content=then, **{**FRESH, **fields})
    origin.silent()


def test_hard_purge_of_a_url(origin, client, purger):
    fill(client, origin)
    fill(client, origin, "/b")
    answer = purger.purge(mcproxy_purge="hard")
    assert b'"purged": true' in answer.content and b'"soft": false' in answer.content
    is_fetched(client, origin)
    is_there(client, "/b")


def test_purge_is_soft_by_default(origin, client, purger):
    fill(client, origin, etag='"1"')
    purger.purge()
    client.get("/a").expect(200, content="one", cache_status=hit())
    origin.receive().expect("GET /a", if_none_match='"1"').reply(304, cache_control="max-age=600")
    client.get("/a")
    client.expect(200, content="one", cache_status=hit())
    origin.silent()


def test_soft_purge_serves_what_is_stale_while_one_refreshes_it(origin, client, proxy, purger):
    fill(client, origin)
    purger.purge()
    client.get("/a").expect(200, content="one", cache_status=hit())
    held = origin.receive()
    for _ in range(3):
        proxy.client().get("/a").expect(200, content="one", cache_status=hit())
    origin.silent()
    held.reply(content="two", **FRESH)
    is_eventually(client, "two")


def is_eventually(client, content, target="/a"):
    poll_until(lambda: client.get(target).expect(200).content == content.encode(), f"{content} at {target}")


@pytest.mark.parametrize("control", ["max-age=600, must-revalidate", "max-age=600, proxy-revalidate", "s-maxage=600"])
def test_soft_purge_never_serves_stale_what_forbids_it(origin, client, purger, control):
    fill(client, origin, cache_control=control)
    purger.purge()
    client.get("/a")
    origin.receive().reply(content="two", cache_control=control)
    client.expect(200, content="two")


@pytest.mark.config(PURGE + "proxy_cache_use_stale: off\n")
def test_soft_purge_validates_first_where_stale_is_not_allowed(origin, client, purger):
    fill(client, origin, etag='"1"')
    purger.purge()
    client.get("/a")
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=600")
    client.expect(200, content="one")
    is_there(client)


def test_soft_purged_response_stands_in_for_a_failure(origin, client, purger):
    fill(client, origin, cache_control="max-age=600, stale-while-revalidate=0, stale-if-error=600")
    purger.purge()
    client.get("/a")
    origin.receive().reply(503, content="broken")
    client.expect(200, content="one")


@pytest.mark.config(PURGE + "proxy_cache_use_stale: error\n")
def test_soft_purged_response_does_not_stand_in_for_other_failures(origin, client, purger):
    fill(client, origin)
    purger.purge()
    client.get("/a")
    origin.receive().reply(503, content="broken")
    client.expect(503, content="broken")


def test_purge_has_all_variants(origin, client, purger):
    for language in ("de", "en"):
        client.get("/a", accept_language=language)
        origin.receive().reply(content=language, vary="Accept-Language", **FRESH)
        client.expect(200, content=language)
    is_there(client, content="de", accept_language="de")
    purger.purge(mcproxy_purge="hard", accept_language="fr")
    for language in ("de", "en"):
        client.get("/a", accept_language=language)
        origin.receive().reply(content=language + "2", vary="Accept-Language", **FRESH)
        client.expect(200, content=language + "2")


def test_soft_purge_has_all_variants(origin, client, purger):
    for language in ("de", "en"):
        client.get("/a", accept_language=language)
        origin.receive().reply(content=language, vary="Accept-Language", **FRESH)
        client.expect(200, content=language)
    purger.purge()
    for language in ("de", "en"):
        client.get("/a", accept_language=language).expect(200, content=language, cache_status=hit())
        origin.receive().reply(content=language + "2", vary="Accept-Language", **FRESH)


@pytest.mark.parametrize("field", ["Surrogate-Key", "Cache-Tag"])
def test_purge_by_tag(origin, client, purger, field):
    fill(client, origin, "/a", fields=[(field, "red green")])
    fill(client, origin, "/b", fields=[(field, "green, blue")])
    fill(client, origin, "/c", fields=[(field, "blue")])
    fill(client, origin, "/d")
    purger.purge("/x", mcproxy_purge="hard", fields=[(field, "green")])
    is_fetched(client, origin, "/a")
    is_fetched(client, origin, "/b")
    is_there(client, "/c")
    is_there(client, "/d")


def test_tags_are_not_for_clients(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", surrogate_key="red", cache_tag="blue", **FRESH)
    client.expect(200, surrogate_key=None, cache_tag=None)
    client.get("/a").expect(200, surrogate_key=None, cache_tag=None, cache_status=hit())


@pytest.mark.config(PURGE + "proxy_pass_header: Surrogate-Key\n")
def test_tags_are_for_clients_where_the_configuration_passes_them(origin, client, purger):
    client.get("/a")
    origin.receive().reply(content="one", surrogate_key="red", **FRESH)
    client.expect(200, surrogate_key="red")
    client.get("/a").expect(200, surrogate_key="red", cache_status=hit())
    purger.purge("/x", mcproxy_purge="hard", surrogate_key="red")
    is_fetched(client, origin)


def test_validated_response_keeps_its_tags(origin, client, purger):
    fill(client, origin, etag='"1"', surrogate_key="red")
    client.get("/a", cache_control="no-cache")
    origin.receive().expect(if_none_match='"1"').reply(304, cache_control="max-age=600")
    client.expect(200, content="one")
    purger.purge("/x", mcproxy_purge="hard", surrogate_key="red")
    is_fetched(client, origin)


def test_validated_response_gets_new_tags(origin, client, purger):
    fill(client, origin, etag='"1"', surrogate_key="red")
    client.get("/a", cache_control="no-cache")
    origin.receive().reply(304, cache_control="max-age=600", surrogate_key="blue")
    client.expect(200, content="one")
    purger.purge("/x", mcproxy_purge="hard", surrogate_key="red")
    is_there(client)
    purger.purge("/x", mcproxy_purge="hard", surrogate_key="blue")
    is_fetched(client, origin)


def test_too_many_tags_are_not_stored(origin, client):
    tags = " ".join(f"{i:x}" for i in range(1025))
    client.get("/a")
    origin.receive().reply(content="one", surrogate_key=tags, **FRESH)
    client.expect(200, cache_status=lambda v: 'detail="too many tags"' in v)


def test_purge_by_prefix(origin, client, purger):
    for target in ("/blog/a", "/blog/b?x=1", "/about"):
        fill(client, origin, target)
    purger.purge("/blog/", mcproxy_purge="hard prefix")
    is_fetched(client, origin, "/blog/a")
    is_fetched(client, origin, "/blog/b?x=1")
    is_there(client, "/about")


def test_purge_by_host(origin, proxy, client, purger):
    other = proxy.client(host="Other.test")
    fill(client, origin)
    fill(other, origin, content="other")
    purger.purge("/x", mcproxy_purge="hard, host")
    is_fetched(client, origin)
    is_there(other, content="other")


def test_purge_of_everything(origin, proxy, client, purger):
    other = proxy.client(host="other.test")
    fill(client, origin)
    fill(other, origin, content="other")
    purger.purge("/x", mcproxy_purge="hard, all")
    is_fetched(client, origin)
    is_fetched(other, origin)


def test_soft_purge_of_everything(origin, client, purger):
    fill(client, origin)
    fill(client, origin, "/b")
    purger.purge("/x", mcproxy_purge="all")
    is_refreshed(client, origin)
    is_refreshed(client, origin, "/b")


def test_hard_purge_counts_beside_a_later_soft_one(origin, client, purger):
    fill(client, origin)
    purger.purge("/x", mcproxy_purge="hard all")
    purger.purge("/x", mcproxy_purge="soft all")
    is_fetched(client, origin)


def test_purge_during_a_fill_wins(origin, proxy, client, purger):
    client.get("/a")
    held = origin.receive()
    purger.purge(mcproxy_purge="hard")
    held.reply(content="one", **FRESH)
    client.expect(200, content="one")
    is_fetched(client, origin)


def test_who_comes_after_the_purge_does_not_get_what_was_asked_for_before_it(origin, proxy, client, purger):
    client.get("/a")
    held = origin.receive()
    purger.purge(mcproxy_purge="hard")
    later = proxy.client().get("/a")
    proxy.counted(requests_active=3)
    held.reply(content="one", **FRESH)
    client.expect(200, content="one")
    origin.receive().reply(content="two", **FRESH)
    later.expect(200, content="two")
    is_there(client, content="two")


def test_purge_by_tag_during_a_fill_wins(origin, client, purger):
    client.get("/a")
    held = origin.receive()
    purger.purge("/x", mcproxy_purge="hard", surrogate_key="red")
    held.reply(content="one", surrogate_key="red", **FRESH)
    client.expect(200, content="one")
    is_fetched(client, origin)


def test_purge_of_others_during_a_fill_leaves_it(origin, client, purger):
    client.get("/a")
    held = origin.receive()
    purger.purge("/x", mcproxy_purge="hard", surrogate_key="red")
    held.reply(content="one", surrogate_key="blue", **FRESH)
    client.expect(200, content="one")
    is_there(client)


def test_head_and_ranges_of_what_was_purged(origin, client, purger):
    fill(client, origin, content="0123456789")
    purger.purge(mcproxy_purge="hard")
    client.head("/a")
    origin.receive().expect("GET /a").reply(content="abcdefghij", **FRESH)
    client.expect(200)
    client.get("/a", range="bytes=2-4").expect(206, content="cde")
    purger.purge(mcproxy_purge="hard")
    client.get("/a", range="bytes=2-4")
    origin.receive().reply(content="ABCDEFGHIJ", **FRESH)
    client.expect(206, content="CDE")


@pytest.mark.config(PURGE + "proxy_cache_key: $host$uri\n")
def test_purge_has_the_key_of_the_location(origin, client, purger):
    fill(client, origin, "/a?x=1")
    is_there(client, "/a?x=2")
    purger.purge("/a?x=3", mcproxy_purge="hard")
    is_fetched(client, origin, "/a?x=4")


def test_purge_of_what_is_not_there(client, purger):
    assert b'"purged": true' in purger.purge("/nothing").content


def test_purges_are_counted(origin, client, proxy, purger):
    fill(client, origin)
    purger.purge(mcproxy_purge="hard host")
    is_fetched(client, origin)
    proxy.counted(cache_purges=1, **{"memory.default.purged": 1})


def test_purges_stay_after_a_reload(origin, proxy, client, purger):
    fill(client, origin)
    fill(client, origin, "/b")
    purger.purge(mcproxy_purge="hard")
    proxy.reload(PURGE + "proxy_cache_min_uses: 1\n")
    client = proxy.client()
    is_fetched(client, origin)
    is_there(client, "/b")


@pytest.mark.config("")
def test_purge_is_a_method_as_any_other_where_it_is_off(origin, client):
    client.request("PURGE", "/a")
    origin.receive().expect("PURGE /a").reply(content="mine")
    client.expect(200, content="mine")


@pytest.mark.config("proxy_cache_purge: [10.0.0.0/8, 192.0.2.1]\n")
def test_others_may_not_purge(origin, client, purger):
    fill(client, origin)
    purger.purge(status=403)
    is_there(client)
    origin.silent()


@pytest.mark.config("proxy_cache_purge: [10.0.0.0/8, 127.0.0.1]\n")
def test_who_is_listed_may_purge(origin, client, purger):
    fill(client, origin)
    purger.purge(mcproxy_purge="hard")
    is_fetched(client, origin)


@pytest.mark.parametrize("words", ["softly", "hard, everything"])
def test_unknown_words_are_refused(origin, client, purger, words):
    fill(client, origin)
    assert b"its words are soft, hard, url, prefix, host and all" in purger.purge(status=400, mcproxy_purge=words).content
    is_there(client)
