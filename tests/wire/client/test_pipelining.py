def test_pipelined_requests_are_answered_in_order(origin, client):
    origin.serve(lambda request: {"content": request.target * 2})
    client.pipeline(("GET", "/a"), ("GET", "/b"), ("GET", "/c"))
    for target in ("/a", "/b", "/c"):
        client.expect(200, content=target * 2)


def test_slow_first_answer_does_not_overtake(origin, client):
    client.get("/cached")
    origin.receive().reply(content="hit", cache_control="max-age=60")
    client.expect(200)
    client.pipeline(("GET", "/slow"), ("GET", "/cached"))
    request = origin.receive().expect("GET /slow")
    client.expect_open()
    request.reply(content="slow")
    client.expect(200, content="slow")
    client.expect(200, content="hit")


def test_hits_are_pipelined(origin, client):
    client.get("/a")
    origin.receive().reply(content="one", cache_control="max-age=60")
    client.expect(200)
    client.pipeline(*[("GET", "/a")] * 200)
    for _ in range(200):
        client.expect(200, content="one")
    origin.silent()


def test_request_behind_content_is_answered(origin, client):
    origin.serve(lambda request: {"content": request.method.encode() + request.content})
    client.pipeline(("POST", "/a", {"content": "x" * 1000}), ("GET", "/b"), ("POST", "/c", {"content": ["y", "z"], "chunked": True}),
                    ("GET", "/d"))
    client.expect(200, content="POST" + "x" * 1000)
    client.expect(200, content="GET")
    client.expect(200, content="POSTyz")
    client.expect(200, content="GET")


def test_head_split_at_every_byte_is_read(origin, client):
    raw = client.render("GET", "/a", x_long="v" * 50)
    client._methods.append("GET")
    for i in range(len(raw)):
        client.send(raw[i:i + 1])
    origin.receive().expect("GET /a", x_long="v" * 50).reply(content="one")
    client.expect(200, content="one")


def test_error_after_good_requests_answers_those_first(origin, client):
    origin.serve(lambda request: {"content": request.target})
    client.pipeline(("GET", "/a"), ("GET", "/b"))
    client.send("BAD\r\n\r\n")
    client.expect(200, content="/a")
    client.expect(200, content="/b")
    client.expect(400)
    client.expect_closed()


def test_bytes_behind_connection_close_are_not_a_request(origin, client):
    client.pipeline(("GET", "/a", {"connection": "close"}), ("GET", "/b"))
    origin.receive().expect("GET /a").reply(content="one")
    client.expect(200, content="one")
    client._methods.clear()
    client.expect_closed()
    origin.silent()
