"""Groups of origins: which peer a request goes to."""
import time
from collections import Counter

import pytest

from harness.deadline import poll_until
from harness.process import free_port


@pytest.fixture
def peers(make_origin):
    """Three origins that answer with their letter."""
    made = [make_origin() for _ in range(3)]
    for letter, peer in zip("abc", made):
        peer.serve(lambda request, letter=letter: {"content": letter})
    return made


def start(proxy, servers, more=""):
    lines = "\n".join(f"      - {s}" for s in servers)
    proxy.start(f"upstreams:\n  app:\n    servers:\n{lines}\n{more}\nproxy_pass: http://app\n")


def ask(client, count):
    return "".join(client.get(f"/{i}").expect(200).content.decode() for i in range(count))


def test_round_robin(proxy, peers):
    start(proxy, [p.address for p in peers])
    answers = ask(proxy.client(), 9)
    assert answers in ("abcabcabc", "bcabcabca", "cabcabcab")


def test_weights(proxy, peers):
    start(proxy, [f'{{address: "{peers[0].address}", weight: 3}}', peers[1].address])
    answers = ask(proxy.client(), 8)
    assert Counter(answers) == {"a": 6, "b": 2}
    assert "aaaaaa" not in answers, "weights are spread smoothly"


def test_down_peer_is_not_asked(proxy, peers):
    start(proxy, [f'{{address: "{peers[0].address}", down: true}}', peers[1].address])
    assert ask(proxy.client(), 4) == "bbbb"
    assert peers[0].count == 0


def test_nginx_spelling_of_a_server(proxy, peers):
    start(proxy, [f'"{peers[0].address} down"', f'"{peers[1].address} weight=2 max_fails=3"'])
    assert ask(proxy.client(), 3) == "bbb"


def test_backup_is_asked_only_when_the_others_fail(proxy, peers):
    start(proxy, [peers[0].address, f'{{address: "{peers[1].address}", backup: true}}'])
    client = proxy.client()
    assert ask(client, 4) == "aaaa"
    peers[0].close()
    assert ask(client, 4) == "bbbb"


def test_refused_peer_is_passed_over(proxy, peers):
    start(proxy, [f"127.0.0.1:{free_port()}", peers[1].address])
    assert ask(proxy.client(), 6) == "bbbbbb"


def test_failed_peer_rests_for_fail_timeout_and_comes_back(proxy, make_origin, peers):
    flaky = make_origin()
    start(proxy, [f'{{address: "{flaky.address}", max_fails: 1, fail_timeout: 1s}}', peers[1].address])
    flaky.serve(lambda request: request.connection.reset())
    client = proxy.client()
    assert ask(client, 6) == "bbbbbb"
    assert flaky.count == 1
    flaky.serve(lambda request: {"content": "f"})
    poll_until(lambda: "f" in ask(client, 2), "the peer to come back")


def test_max_fails_zero_never_rests(proxy, make_origin, peers):
    flaky = make_origin()
    start(proxy, [f'{{address: "{flaky.address}", max_fails: 0}}', peers[1].address])
    flaky.serve(lambda request: request.connection.reset())
    assert ask(proxy.client(), 6) == "bbbbbb"
    assert flaky.count >= 3


def test_all_peers_down_is_a_bad_gateway_and_recovers_at_once(proxy, make_origin):
    flaky = make_origin()
    start(proxy, [f'{{address: "{flaky.address}", max_fails: 1, fail_timeout: 60s}}',
                  f'{{address: "127.0.0.1:{free_port()}", max_fails: 1, fail_timeout: 60s}}'])
    flaky.serve(lambda request: request.connection.reset())
    client = proxy.client()
    client.get("/a").expect(502)
    flaky.serve(lambda request: {"content": "f"})
    poll_until(lambda: client.get("/a").expect().status == 200, "an answer", timeout=3)


def test_single_peer_never_rests(origin, client):
    for _ in range(3):
        client.get("/a")
        origin.receive().reset()
        client.expect(502)
    client.get("/a")
    origin.receive().reply()
    client.expect(200)


def test_unix_peers(proxy, make_origin):
    unix = make_origin(unix=str(proxy.dir / "a.sock"))
    unix.serve(lambda request: {"content": "u"})
    start(proxy, ["unix:{dir}/a.sock"])
    assert ask(proxy.client(), 2) == "uu"


def test_max_conns_bounds_requests_under_way(proxy, make_origin):
    slow, other = make_origin(), make_origin()
    other.serve(lambda request: {"content": "o"})
    start(proxy, [f'{{address: "{slow.address}", max_conns: 1}}', f'{{address: "{other.address}", backup: true}}'])
    first = proxy.client().get("/first")
    held = slow.receive()
    assert ask(proxy.client(), 3) == "ooo"
    held.reply(content="s")
    first.expect(200, content="s")


def test_group_with_a_uri_part(proxy, origin):
    proxy.start('upstreams:\n  app: {servers: ["{origin}"]}\nproxy_pass: http://app/base/')
    client = proxy.client().get("/x")
    origin.receive().expect("GET /base/x").reply()
    client.expect(200)


@pytest.mark.workers
def test_peer_state_is_shared_or_converges_over_workers(proxy, make_origin, peers):
    flaky = make_origin()
    flaky.serve(lambda request: request.connection.reset())
    start(proxy, [f'{{address: "{flaky.address}", max_fails: 1, fail_timeout: 60s}}', peers[1].address], "workers: 2")
    begin = time.monotonic()
    for _ in range(20):
        assert ask(proxy.client(), 1) == "b"
    assert flaky.count <= 2 and time.monotonic() - begin < 5
