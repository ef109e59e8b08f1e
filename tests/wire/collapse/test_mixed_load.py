import hashlib

import pytest


def content_of(target):
    return hashlib.sha256(target.encode()).hexdigest().encode() * (1 + len(target) * 37 % 300)


@pytest.mark.workers
@pytest.mark.slow
@pytest.mark.config("workers: 2\ncaches: {small: {memory: 1m}}\nproxy_cache: small")
def test_hits_misses_and_evictions_over_two_workers_are_all_right(proxy, origin, load):
    origin.serve(lambda r: dict(content=content_of(r.target), cache_control=["max-age=60", "private", "max-age=0"][len(r.target) % 3],
                                chunked=len(r.target) % 2 == 0))

    def check(target, response):
        assert response.status == 200 and response.content == content_of(target), (target, response)
    with load(lambda i: "/" + "a" * (i * 7919 % 97) + str(i * i % 211), check, threads=6) as running:
        running.run_requests(3000)
    running.expect_no_failure()
