import pytest

LOCATIONS = r"""
servers:
  - listen: "{listen}"
    locations:
      /: {return: "200 root"}
      "= /": {return: "200 exact-root"}
      "= /exact": {return: "200 exact"}
      /prefix/: {return: "200 prefix"}
      /prefix/longer/: {return: "200 longer"}
      "^~ /static/": {return: "200 static"}
      '~ \.PNG$': {return: "200 case-regex"}
      '~* \.png$': {return: "200 caseless-regex"}
      '~ ^/item/(\d+)/(?<name>\w+)$': {return: "200 item-$1-$name"}
      '~ ^/first': {return: "200 first-regex"}
      '~ ^/first/second': {return: "200 second-regex"}
      /first/second/third: {return: "200 prefix-third"}
"""

CASES = {
    "exact root": ("/", "exact-root"),
    "root takes the rest": ("/other", "root"),
    "exact": ("/exact", "exact"),
    "exact with a query": ("/exact?x=1", "exact"),
    "exact is no prefix": ("/exact/", "root"),
    "prefix": ("/prefix/a", "prefix"),
    "longest prefix wins": ("/prefix/longer/a", "longer"),
    "prefix needs its slash": ("/prefix", "root"),
    "regex": ("/a.PNG", "case-regex"),
    "caseless regex": ("/a.pNg", "caseless-regex"),
    "regex beats a prefix": ("/prefix/a.png", "caseless-regex"),
    "caret prefix beats a regex": ("/static/a.png", "static"),
    "captures": ("/item/42/hat", "item-42-hat"),
    "regex that fails falls back": ("/item/x/hat", "root"),
    "first regex in order wins": ("/first/second", "first-regex"),
    "regex beats a longer prefix": ("/first/second/third", "first-regex"),
    "query is not matched": ("/other?x=.png", "root"),
    "dot segments are removed first": ("/prefix/../exact", "exact"),
    "unreserved encodings are decoded first": ("/%65xact", "exact"),
    "encoded slash is no slash": ("/prefix%2Fa", "root"),
}


@pytest.mark.config(LOCATIONS)
@pytest.mark.parametrize("target, location", CASES.values(), ids=CASES.keys())
def test_target_selects_the_location(client, target, location):
    client.get(target).expect(200, content=location)


def test_location_overrides_what_it_inherits(proxy, origin, client):
    proxy.start("""
proxy_set_header: {X-A: top, X-B: top}
servers:
  - listen: "{listen}"
    proxy_pass: http://{origin}
    locations:
      /: {}
      /own/: {proxy_set_header: {X-A: own}}
""")
    client.get("/a")
    origin.receive().expect(x_a="top", x_b="top").reply()
    client.expect(200)
    client.get("/own/a")
    origin.receive().expect(x_a="own", x_b=None).reply()
    client.expect(200)


def test_locations_nest(proxy, client):
    proxy.start("""
servers:
  - listen: "{listen}"
    locations:
      /a/:
        return: "200 outer"
        locations:
          "~ x$": {return: "200 inner"}
""")
    client.get("/a/y").expect(200, content="outer")
    client.get("/a/x").expect(200, content="inner")


def test_no_location_is_not_found(proxy, client):
    proxy.start("""
servers:
  - listen: "{listen}"
    locations:
      /a/: {return: "200 a"}
""")
    client.get("/b").expect(404)
