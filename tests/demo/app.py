#!/usr/bin/env python3
"""A small web app to put mcproxy in front of: every page takes 200 ms to make and may be cached for a minute.

Usage: app.py [PORT]   (0 or nothing: a free one, printed as the first line)
"""
import html
import itertools
import sys
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE_SECONDS = 0.2
made = itertools.count(1)


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "demo-app"

    def do_GET(self):
        self.answer(with_content=True)

    def do_HEAD(self):
        self.answer(with_content=False)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        content = self.rfile.read(length)
        self.reply(200, f"received {len(content)} bytes\n", {"Cache-Control": "no-store"}, True)

    def answer(self, with_content):
        path = self.path.split("?")[0]
        if path == "/private":
            self.reply(200, "for you alone\n", {"Cache-Control": "private"}, with_content)
        elif "missing" in path or "no-such" in path:
            self.reply(404, "no such page\n", {}, with_content)
        else:
            time.sleep(PAGE_SECONDS)
            text = f"page {html.escape(self.path)}, made as number {next(made)} at {formatdate(usegmt=True)}\n"
            self.reply(200, text, {"Cache-Control": "max-age=60", "ETag": '"demo"'}, with_content)

    def reply(self, status, text, fields, with_content):
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        if with_content:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = ThreadingHTTPServer(("127.0.0.1", port), App)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
