"""A real nginx (Debian's) with its memcached module, to be compared with and to be read and written for."""
import os
import subprocess
from pathlib import Path

from .client import Client
from .deadline import poll_until
from .process import free_port, kill_group, start
from .proxy import connect

CONFIG = """
{main}
daemon off;
master_process off;
{user}
pid {dir}/nginx.pid;
error_log {dir}/nginx.log info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {dir}/nginx-body; proxy_temp_path {dir}/nginx-proxy; fastcgi_temp_path {dir}/nginx-fastcgi;
    uwsgi_temp_path {dir}/nginx-uwsgi; scgi_temp_path {dir}/nginx-scgi;
    {http}
    server {{ listen 127.0.0.1:{port}; {server} }}
}}
"""


class Nginx:
    """`server` is what stands in its one server block, `http` beside it, `main` above both."""

    def __init__(self, directory, server, http="", main=""):
        self.dir = Path(directory)
        self.port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        path = self.dir / "nginx.conf"
        path.write_text(CONFIG.format(dir=self.dir, user=user, main=main, http=http, server=server, port=self.port))
        self._process = start(["/usr/sbin/nginx", "-c", str(path), "-e", f"{self.dir}/nginx.log", "-p", str(self.dir)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        poll_until(self._accepts, lambda: f"nginx: {self.error_log()}")

    def _accepts(self):
        assert self._process.poll() is None, f"nginx has ended: {self.error_log()}"
        try:
            connect(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def error_log(self):
        path = self.dir / "nginx.log"
        return path.read_text() if path.exists() else ""

    def client(self):
        return Client(lambda: connect(("127.0.0.1", self.port)))

    def close(self):
        kill_group(self._process)
