"""A proxy behind a proxy, and one before itself."""
import re


def test_two_proxies_in_a_row(make_proxy, origin):
    inner, outer = make_proxy(), make_proxy()
    inner.start()
    outer.start(f"proxy_pass: http://127.0.0.1:{inner.port}")
    client = outer.client().get("/a")
    origin.receive().expect("GET /a", via=re.compile("mcproxy.*, .*mcproxy"), x_forwarded_for="127.0.0.1, 127.0.0.1").reply(
        content="one", cache_control="max-age=60")
    client.expect(200, content="one", cache_status=re.compile("^mcproxy; fwd=uri-miss.*, mcproxy; fwd=uri-miss"))
    client.get("/a").expect(200, content="one")
    inner.client().get("/a").expect(200, content="one", cache_status=re.compile("^mcproxy; hit"))
    origin.silent()


def test_proxy_before_itself_ends_in_an_error(proxy):
    proxy.start('proxy_pass: "http://{listen}"')
    response = proxy.client().get("/a").expect()
    assert response.status in (502, 504, 508), response
    proxy.client().post("/a", "x").expect(response.status)
