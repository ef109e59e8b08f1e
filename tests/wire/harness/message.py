"""HTTP/1.1 messages as the tests see them. Strict: what the proxy writes must be syntactically perfect, else parsing fails the test."""
import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")


class BadMessage(AssertionError):
    """The peer wrote something that is not HTTP."""


class Truncated(AssertionError):
    """The peer ended the connection in the middle of a message; `.partial` is what came."""

    def __init__(self, text, partial=None):
        super().__init__(text)
        self.partial = partial


class Fields(list):
    """Field lines in order, as (name, value) pairs of str."""

    def get(self, name, default=None):
        """All lines of that name joined, or default."""
        values = self.all(name)
        return ", ".join(values) if values else default

    def all(self, name):
        return [v for n, v in self if n.lower() == name.lower()]

    def __contains__(self, name):
        return bool(self.all(name))


def parse_head(head):
    """(start line, Fields) of a head that ends before its empty line."""
    lines = bytes(head).split(b"\r\n")
    for line in lines:
        if b"\r" in line or b"\n" in line:
            raise BadMessage(f"bare CR or LF in {line!r}")
    fields = Fields()
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not TOKEN.match(name) or not VALUE.match(value):
            raise BadMessage(f"not a field line: {line!r}")
        fields.append((name.decode(), value.decode("latin-1")))
    return lines[0].decode("latin-1"), fields


def field_lines(pairs):
    """Bytes of field lines; names in keyword spelling (cache_control) become Cache-Control's."""
    return b"".join(to_bytes(n) + b": " + to_bytes(v) + b"\r\n" for n, v in pairs if v is not None)


def keyword_pairs(named):
    """cache_control="x" -> ("cache-control", "x"); a list gives one line for each member."""
    for keyword, value in named.items():
        for one in value if isinstance(value, list) else [value]:
            yield keyword.replace("_", "-"), one


def to_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode("latin-1")


def check_fields(fields, expected, where):
    """Each expected keyword: None (absent), a str or int (equal), a list (these lines), a compiled pattern (searched), or a
    function of the value."""
    for keyword, want in expected.items():
        name = keyword.replace("_", "-")
        got = fields.get(name)
        if isinstance(want, list):
            ok, got = fields.all(name) == [str(v) for v in want], fields.all(name)
        elif callable(want):
            ok = want(got)
        elif isinstance(want, re.Pattern):
            ok = got is not None and want.search(got) is not None
        else:
            ok = got is None if want is None else got == str(want)
        if not ok:
            raise AssertionError(f"{name} is {got!r}, expected {want!r}, in {where}")


def check_content(got, want, where):
    if isinstance(want, re.Pattern):
        ok = want.search(bytes(got).decode("latin-1")) is not None
    else:
        want = to_bytes(want)
        ok = bytes(got) == want
    if not ok:
        shown = f"{bytes(got[:200])!r} ({len(got)} bytes)"
        raise AssertionError(f"content is {shown}, expected {want if isinstance(want, re.Pattern) else want[:200]!r}, in {where}")


class Content:
    """Decoder of one message's content: mode "none", "length", "chunked" or "eof"."""

    def __init__(self, mode, length=0):
        self.mode = mode
        self.data = bytearray()
        self.total = 0          # bytes of content seen, also those taken out of `data`
        self.chunks = []        # sizes of the chunks, the last 0 included
        self.trailers = Fields()
        self.left = length      # of the message (length) or of the chunk under way (chunked)
        self.state = "size"
        self.done = mode == "none" or (mode == "length" and length == 0)
        self._pending = bytearray()

    def feed(self, data):
        """Takes bytes of this message; returns those behind its end."""
        if self.done:
            return data
        if self.mode == "chunked":
            return self._feed_chunked(data)
        taken = data if self.mode == "eof" else data[:self.left]
        self._add(taken)
        if self.mode == "length":
            self.left -= len(taken)
            self.done = self.left == 0
        return data[len(taken):]

    def _add(self, taken):
        self.data += taken
        self.total += len(taken)

    def _feed_chunked(self, data):
        self._pending += data
        while not self.done:
            if self.state == "data":
                taken = self._pending[:self.left]
                self._add(taken)
                del self._pending[:len(taken)]
                self.left -= len(taken)
                if self.left:
                    return b""
                self.state = "crlf"
            line = self._line()
            if line is None:
                return b""
            self._chunk_line(line)
        rest, self._pending = bytes(self._pending), bytearray()
        return rest

    def _line(self):
        end = self._pending.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self._pending[:end])
        del self._pending[:end + 2]
        return line

    def _chunk_line(self, line):
        if self.state == "crlf":
            if line:
                raise BadMessage(f"chunk not followed by CRLF but {line[:40]!r}")
            self.state = "size"
        elif self.state == "size":
            if not re.fullmatch(rb"[0-9A-Fa-f]+", line):
                raise BadMessage(f"not a chunk size: {line[:40]!r}")
            self.left = int(line, 16)
            self.chunks.append(self.left)
            self.state = "data" if self.left else "trailer"
        elif line:
            self.trailers.append(parse_head(b"\r\n" + line)[1][0])
        else:
            self.done = True

    def end(self):
        """The connection has ended: true when that is this message's proper end."""
        if self.mode == "eof":
            self.done = True
        return self.done


def framing_of(fields, none=False, until_close=False):
    """The Content decoder a head calls for; `until_close` is what a response without any framing means."""
    codings, lengths = fields.all("transfer-encoding"), fields.all("content-length")
    if none:
        return Content("none")
    if codings and lengths:
        raise BadMessage("Transfer-Encoding beside Content-Length")
    if codings:
        if [c.lower() for c in codings] != ["chunked"]:
            raise BadMessage(f"Transfer-Encoding is {codings}")
        return Content("chunked")
    if lengths:
        if len(lengths) > 1 or not re.fullmatch("[0-9]+", lengths[0]):
            raise BadMessage(f"Content-Length is {lengths}")
        return Content("length", int(lengths[0]))
    return Content("eof" if until_close else "none")
