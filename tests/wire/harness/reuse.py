"""Tables of responses of which one question is asked: does the next request get it again?"""
import re
import time
from email.utils import formatdate

from .cache_status import hit


class At:
    """In a field's value: the date so many seconds from when it is sent."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __str__(self):
        return formatdate(time.time() + self.seconds, usegmt=True)


NOW = At(0)


def fill(origin, client, fields, status=200, **asked):
    """The first request and its answer, with these (name, value) pairs; those that were sent."""
    client.get("/a", **asked)
    pairs = [(name, str(value)) for name, value in fields]
    content = "" if status in (204, 304) else "one"
    origin.receive().reply(status, content=content, fields=pairs)
    client.expect(status, content=content)
    return pairs


def expect_reused(origin, client, status=200, **fields):
    content = "" if status == 204 else "one"
    client.get("/a").expect(status, content=content, cache_status=hit(), **fields)
    origin.silent()


def expect_asked(origin, client, **fields):
    """The origin gets the next request, and what it answers is what the client gets."""
    client.get("/a")
    origin.receive().expect("GET /a", **fields).reply(content="two")
    client.expect(200, content="two", cache_status=re.compile("^mcproxy; fwd="))
