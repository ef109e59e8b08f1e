"""Clients that ask without pause and check every byte of every answer."""
import asyncio
import collections
import random
import time

from content import LANGUAGES, STALE_S, lifetime_s, make_content, random_target

SLOW_MS = 1000
ANSWER_S = 20       # an answer that takes longer counts as failed
# How much older than its lifetime and stale window a response may be when it arrives: the memory tiers' check of the pool, a
# refresh under way, clocks in whole seconds.
OLD_S = 8


class Load:
    def __init__(self, ports, connections, rng):
        self.ports, self.connections = ports, connections
        self.seed = rng.random()
        self.answers = collections.Counter()    # by Cache-Status' first word
        self.latencies_ms = []
        self.failed, self.wrong, self.old, self.slow = [], [], [], []
        self.stopping = False

    async def run(self):
        await asyncio.gather(*(self._client(i) for i in range(self.connections)))

    async def _client(self, number):
        rng = random.Random(f"{self.seed} {number}")
        port = self.ports[number % len(self.ports)]
        while not self.stopping:
            writer = None
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
                for _ in range(200):
                    if self.stopping or not await asyncio.wait_for(self._one(reader, writer, rng), ANSWER_S):
                        break
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as e:
                self.failed.append(f"{time.strftime('%X')} proxy {port}: {e!r}")
            finally:
                if writer:
                    writer.close()

    async def _one(self, reader, writer, rng):
        target, language = random_target(rng), rng.choice(LANGUAGES)
        begin = time.monotonic()
        writer.write(f"GET {target} HTTP/1.1\r\nHost: chaos\r\nAccept-Language: {language}\r\n\r\n".encode())
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
        status = int(lines[0].split(" ")[1])
        content = await read_content(reader, fields)
        self.latencies_ms.append((time.monotonic() - begin) * 1000)
        if self.latencies_ms[-1] > SLOW_MS:
            self.slow.append(f"{self.latencies_ms[-1]:6.0f} ms at {time.strftime('%X')}, {target}, {fields.get('cache-status')}")
        self._check(target, language, status, fields, content)
        return fields.get("connection", "").lower() != "close"

    def _check(self, target, language, status, fields, content):
        kind = target.split("/")[1]
        language = language if kind == "varying" else "-"
        if status != 200:
            self.failed.append(f"{target}: status {status}")
            return
        self.answers[fields.get("cache-status", "none").partition(";")[2].strip().partition(";")[0]] += 1
        if fields.get("x-language") != language or content != make_content(target, language, fields.get("x-version")):
            self.wrong.append(f"{target} {language}: {fields} {content[:80]!r}")
        age_s = time.time() - float(fields["x-made"])
        if age_s > lifetime_s(kind) + STALE_S + OLD_S:
            self.old.append(f"{target}: made {age_s:.1f} s ago, {fields.get('cache-status')}")


async def read_content(reader, fields):
    if fields.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(fields["content-length"]))
    content = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        content += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return content
