import pytest

SERVERS = """
servers:
  - {listen: "{listen}", server_name: default.test, return: "200 default"}
  - {listen: "{listen}", server_name: [exact.test, second.test], return: "200 exact"}
  - {listen: "{listen}", server_name: "*.wild.test", return: "200 wild"}
  - {listen: "{listen}", server_name: "*.deep.wild.test", return: "200 deep"}
  - {listen: "{listen}", server_name: "mail.*", return: "200 tail"}
  - {listen: "{listen}", server_name: '~^(?<app>[a-z]+)\\.re\\.test$', return: "200 regex-$app"}
  - {listen: "{listen}", server_name: .dot.test, return: "200 dot"}
"""

CASES = {
    "exact": ("exact.test", "exact"),
    "second name": ("second.test", "exact"),
    "case does not matter": ("EXACT.Test", "exact"),
    "port does not matter": ("exact.test:8080", "exact"),
    "trailing dot does not matter": ("exact.test.", "exact"),
    "leading wildcard": ("a.wild.test", "wild"),
    "leading wildcard over several labels": ("a.b.wild.test", "wild"),
    "longest wildcard wins": ("a.deep.wild.test", "deep"),
    "wildcard needs a label": ("wild.test", "default"),
    "trailing wildcard": ("mail.example.org", "tail"),
    "regex with a capture": ("shop.re.test", "regex-shop"),
    "regex that does not match": ("shop1.re.test", "default"),
    "dot means the name itself": ("dot.test", "dot"),
    "dot means names below": ("a.dot.test", "dot"),
    "none matches: the first server": ("other.test", "default"),
}


@pytest.mark.config(SERVERS)
@pytest.mark.parametrize("host, server", CASES.values(), ids=CASES.keys())
def test_host_selects_the_server(client, host, server):
    client.get("/", host=host).expect(200, content=server)


@pytest.mark.config(SERVERS)
def test_authority_of_an_absolute_target_wins_over_host(client):
    client.get("http://exact.test/", host="default.test").expect(200, content="exact")


def test_default_server_is_the_one_so_marked(proxy, client):
    proxy.start("""
servers:
  - {listen: "{listen}", server_name: a.test, return: "200 first"}
  - {listen: {address: "{listen}", default_server: true}, server_name: b.test, return: "200 marked"}
""")
    client.get("/", host="other.test").expect(200, content="marked")
