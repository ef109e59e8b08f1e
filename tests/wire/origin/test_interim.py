def test_early_hints_are_passed(origin, client):
    client.get("/a")
    request = origin.receive().interim(103, link="</a.css>; rel=preload")
    client.expect(103, link="</a.css>; rel=preload")
    request.reply(content="one")
    client.expect(200, content="one", link=None)


def test_processing_is_passed(origin, client):
    client.get("/a")
    origin.receive().interim(102).reply(content="one")
    client.expect(102)
    client.expect(200, content="one")


def test_several_interim_answers(origin, client):
    client.get("/a")
    request = origin.receive()
    for i in range(5):
        request.interim(103, x_number=i)
    request.reply(content="one")
    for i in range(5):
        client.expect(103, x_number=i)
    client.expect(200, content="one")


def test_none_for_http_1_0(origin, client):
    client.get("/a", version="HTTP/1.0")
    origin.receive().interim(103, link="</a.css>").reply(content="one")
    client.expect(200, content="one")


def test_unasked_100_is_swallowed(origin, client):
    client.get("/a")
    origin.receive().interim(100).reply(content="one")
    client.expect(200, content="one")


def test_interim_answer_alone_is_a_bad_gateway(origin, client):
    client.get("/a")
    origin.receive().interim(103).close()
    client.expect(103)
    client.expect(502)


def test_reuse_sends_no_interim_answer(origin, client):
    client.get("/a")
    origin.receive().interim(103, link="</a.css>").reply(content="one", cache_control="max-age=60")
    client.expect(103)
    client.expect(200)
    client.get("/a").expect(200, content="one", link=None)
    origin.silent()
