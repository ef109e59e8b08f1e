import pytest
from pymemcache.client.base import Client as Pymemcache

from harness.nginx import Nginx

# The server of nginx and of mcproxy that the tests compare: the same lines, each in its own spelling.
NGINX = """
    location / {{
        set $memcached_key "$uri$is_args$args";
        memcached_pass {memcached};
        memcached_gzip_flag 2;
        default_type text/html;
    }}
"""
MCPROXY = """
servers:
  - listen: "{listen}"
    memcached_pass: "{memcached}"
    memcached_key: $uri$is_args$args
    memcached_gzip_flag: 2
    default_type: text/html
"""


@pytest.fixture
def make_nginx(directory):
    """make_nginx(server, http): a running nginx."""
    made = []

    def make(server, http=""):
        path = directory / f"nginx{len(made)}"
        path.mkdir()
        made.append(Nginx(path, server, http))
        return made[-1]
    yield make
    for nginx in made:
        nginx.close()


@pytest.fixture
def nginx(make_nginx, memcached):
    return make_nginx(NGINX.format(memcached=memcached.address))


@pytest.fixture
def app(memcached):
    """An app's own client of the memcached."""
    client = Pymemcache(("127.0.0.1", memcached.port))
    yield client
    client.close()


@pytest.fixture
def both(proxy, nginx):
    """both(method, target, …): the same request to mcproxy and to nginx; the two responses."""
    if not proxy.config:
        proxy.config = MCPROXY
    ours, theirs = proxy.client(), nginx.client()

    def ask(method, target, **named):
        return tuple(client.request(method, target, **named).expect() for client in (ours, theirs))
    return ask
