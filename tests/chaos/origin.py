"""The app behind the proxies: versions of each target rise with time, and a validator tells them apart."""
import asyncio
import collections
import time

from content import STALE_S, lifetime_s, make_content

VERSION_S = 7       # a target's content changes that often; large ones stay: one that changes while it is read can only be cut


class Origin:
    def __init__(self):
        self.requests = collections.Counter()
        self.not_modified = 0
        self.ranges = 0

    async def start(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader, writer):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        target = lines[0].split(" ")[1]
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
        kind = target.split("/")[1]
        language = fields.get("accept-language", "en") if kind == "varying" else "-"
        version = 1 if kind == "large" else int(time.time()) // VERSION_S
        self.requests[target, language] += 1
        etag = f'"{language}{version}"'
        head = (f"ETag: {etag}\r\nX-Language: {language}\r\nX-Made: {time.time():.3f}\r\nX-Version: {version}\r\n"
                f"Cache-Control: max-age={lifetime_s(kind)}, stale-while-revalidate={STALE_S}\r\n")
        if kind == "varying":
            head += "Vary: Accept-Language\r\n"
        if fields.get("if-none-match") == etag:
            self.not_modified += 1
            writer.write(f"HTTP/1.1 304 Not Modified\r\n{head}\r\n".encode())
        elif "range" in fields and fields.get("if-range", etag) == etag:
            self.ranges += 1
            content = make_content(target, language, version)
            first, last = (int(n) for n in fields["range"].removeprefix("bytes=").split("-"))
            part = content[first:last + 1]
            writer.write(f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(part)}\r\n"
                         f"Content-Range: bytes {first}-{last}/{len(content)}\r\n{head}\r\n".encode() + part)
        else:
            content = make_content(target, language, version)
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n{head}\r\n".encode() + content)
        await writer.drain()
        return True
