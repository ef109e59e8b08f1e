#!/bin/bash
# Installs what the comparison needs, if it is missing, and runs it. Arguments go to bench.py.
set -euo pipefail
cd "$(dirname "$0")"
../run_deps.sh gcc libc6-dev nginx haproxy wrk memcached strace util-linux python3 \
    libnginx-mod-http-memc libnginx-mod-http-srcache-filter
exec "${PYTHON:-/usr/bin/python3}" bench.py "$@"
