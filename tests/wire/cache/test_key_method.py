"""The response to one method is not served to another one, whatever the key says; only HEAD shares GET's."""
import pytest

from harness.cache_status import STORED, hit

POST_TOO = "proxy_cache_methods: GET HEAD POST\nproxy_cache_valid: 1m\n"


@pytest.mark.config(POST_TOO + "proxy_cache_key: $uri")
@pytest.mark.parametrize("first, second", [("POST", "GET"), ("GET", "POST")])
def test_post_and_get_have_entries_of_their_own(origin, client, first, second):
    for method in (first, second):
        client.request(method, "/a")
        origin.receive().expect(f"{method} /a").reply(content=method)
        client.expect(200, content=method, cache_status=STORED)
    for method in (first, second):
        client.request(method, "/a").expect(200, content=method, cache_status=hit())
    origin.silent()


@pytest.mark.config(POST_TOO)
def test_post_with_content_is_never_a_hit(origin, client):
    for _ in range(2):
        client.post("/a", content="x")
        origin.receive().expect("POST /a", content="x").reply(content="one")
        client.expect(200, content="one")
