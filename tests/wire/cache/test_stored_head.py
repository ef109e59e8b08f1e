"""What is stored leaves the response that is on its way to clients as it is."""


def test_response_that_comes_in_one_piece_keeps_each_field_once(proxy, origin):
    for i in range(6):
        client = proxy.client().get(f"/{i}")
        origin.receive().send(
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 3\r\n"
            'Cache-Control: max-age=1000000000\r\nETag: "e"\r\nLast: here\r\n\r\none')
        client.expect(200, content="one", etag=['"e"'], last=["here"], cache_control=["max-age=1000000000"])
        client.get(f"/{i}").expect(200, content="one", etag=['"e"'], last=["here"])
