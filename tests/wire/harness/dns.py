"""A scripted name server (A and SRV records over UDP)."""
import select
import socket
import struct
import threading

from .deadline import WAIT_S


class NameServer:
    """`names` maps a name to (addresses, ttl), `services` one to ([(priority, weight, port, target)], ttl); others do not exist. `mode`: "answer", "silent" or "fail" (SERVFAIL)."""

    def __init__(self):
        self.names = {}
        self.services = {}
        self.mode = "answer"
        self.queries = 0
        self._closing = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._closing:
            if select.select([self._socket], [], [], 0.05)[0]:
                query, peer = self._socket.recvfrom(4096)
                self.queries += 1
                if self.mode != "silent":
                    self._socket.sendto(self._answer(query), peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        (kind,) = struct.unpack(">H", query[at + 1:at + 3])
        name = ".".join(labels).lower()
        code = 2 if self.mode == "fail" else 0 if name in self.names or name in self.services else 3
        data, ttl = [], 0
        if kind == 1 and code == 0:
            addresses, ttl = self.names.get(name, ([], 0))
            data = [socket.inet_aton(a) for a in addresses]
        elif kind == 33 and code == 0:
            services, ttl = self.services.get(name, ([], 0))
            data = [struct.pack(">HHH", *numbers) + wire_name(target) for *numbers, target in services]
        records = b"".join(struct.pack(">HHHIH", 0xC00C, kind, 1, ttl, len(d)) + d for d in data)
        return query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(data), 0, 0) + question + records

    def close(self):
        self._closing = True
        self._thread.join(WAIT_S)
        self._socket.close()


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"
