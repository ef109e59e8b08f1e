"""Stands before a real memcached and does to its replies what networks, crashes and strangers do."""
import asyncio
import random
import re

REPLY = re.compile(rb"(?:VA (\d+)|VALUE \S+ \d+ (\d+))?[^\r\n]*\r\n")


class Relay:
    """`mode` may change at any time; None passes everything on."""

    def __init__(self, port, rng):
        self.real_port = port
        self.rng = random.Random(rng.random())
        self.mode = None
        self.bent = 0       # replies that were changed, held back or cut
        self._held = None
        self._writers = set()

    async def start(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self):
        self._server.close()
        self.drop_connections()

    def drop_connections(self):
        for writer in list(self._writers):
            writer.close()

    async def _accept(self, reader, writer):
        self._writers.add(writer)
        far = None
        try:
            if self.mode == "stranger":
                await self._be_a_stranger(reader, writer)
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.real_port, limit=1 << 22)
            done, rest = await asyncio.wait({asyncio.ensure_future(self._pass_on(reader, far)),
                                             asyncio.ensure_future(self._bend(far_reader, writer))},
                                            return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(*done, *rest, return_exceptions=True)
        except (ConnectionError, OSError):
            pass
        finally:
            self._writers.discard(writer)
            for w in (writer, far):
                if w:
                    w.close()

    async def _be_a_stranger(self, reader, writer):
        """Another program has the port now."""
        greeting = self.rng.choice([b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
                                    self.rng.randbytes(300), b""])
        writer.write(greeting)
        while self.mode == "stranger" and await reader.read(65536):
            self.bent += 1
            writer.write(greeting or b"-ERR unknown command\r\n")
            await writer.drain()

    async def _pass_on(self, reader, far):
        while data := await reader.read(65536):
            while self.mode == "hung":
                await asyncio.sleep(0.02)
            far.write(data)
            await far.drain()

    async def _bend(self, far_reader, writer):
        pending = b""
        while data := await far_reader.read(1 << 18):
            pending += data
            while (end := reply_end(pending)) is not None:
                reply, pending = pending[:end], pending[end:]
                if not await self._send(writer, reply):
                    return

    async def _send(self, writer, reply):
        """False: the connection ends here."""
        mode, has_value = self.mode, reply.startswith(b"VA")
        self.bent += mode is not None
        if mode == "slow":
            await asyncio.sleep(self.rng.uniform(0.005, 0.1))
        elif mode == "cut" and self.rng.random() < 0.2:
            writer.write(reply[:self.rng.randrange(len(reply))])
            return False
        elif mode == "corrupt" and has_value and len(reply) > 40:
            at = self.rng.randrange(reply.index(b"\n") + 1, len(reply) - 2)
            reply = reply[:at] + bytes([reply[at] ^ 1 << self.rng.randrange(8)]) + reply[at + 1:]
        elif mode == "other-key" and has_value:
            reply = self._value_of_another(reply)
        elif mode == "split" and len(reply) < 5000:
            for i in range(len(reply)):
                writer.write(reply[i:i + 1])
                await writer.drain()
                if i % 16 == 0:
                    await asyncio.sleep(0)
            return True
        writer.write(reply)
        await writer.drain()
        return True

    def _value_of_another(self, reply):
        """The right line, with the value of the reply before."""
        before, self._held = self._held, reply
        if not before:
            return reply
        line, value = reply.split(b"\r\n", 1)[0], before.split(b"\r\n", 1)[1]
        return re.sub(rb"^VA \d+", b"VA %d" % (len(value) - 2), line) + b"\r\n" + value


def reply_end(data):
    """Where the first reply ends, or None while it is not complete."""
    match = REPLY.match(data)
    if not match:
        return None
    length = match[1] or match[2]
    end = match.end() + (int(length) + 2 if length else 0)
    return end if len(data) >= end else None
