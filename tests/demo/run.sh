#!/bin/sh
# Starts the demo app and mcproxy before it, prints what to try, and ends both on Ctrl-C.
# PORT chooses mcproxy's port (8080, or a free one where that is taken); MCPROXY the binary.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mcproxy=${MCPROXY:-$root/build/release/mcproxy}
python=/usr/bin/python3
work=$(mktemp -d)
app=
proxy=

finish() {
    trap - EXIT INT TERM
    [ -z "$proxy" ] || kill -TERM "$proxy" 2>/dev/null || true
    [ -z "$app" ] || kill -TERM "$app" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A port that nobody listens on: the one asked for, else 8080, else any.
choose_port() {
    "$python" - "${PORT:-}" <<'PY'
import socket
import sys

wanted = sys.argv[1]
for port in [int(wanted)] if wanted else [8080, 0]:
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", port))
    except OSError as error:
        if wanted:
            sys.exit(f"port {port}: {error.strerror}")
        continue
    print(s.getsockname()[1])
    break
PY
}

wait_for_line() {
    while [ ! -s "$1" ]; do
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.05
    done
}

PORT=$(choose_port)
"$python" "$here/app.py" 0 >"$work/app.port" &
app=$!
wait_for_line "$work/app.port" "$app"
APP_PORT=$(head -n 1 "$work/app.port")
export PORT APP_PORT

"$mcproxy" -c "$root/conf/quickstart.yaml" &
proxy=$!
until curl -sf -o /dev/null "http://127.0.0.1:$PORT/private"; do
    kill -0 "$proxy" 2>/dev/null || exit 1
    sleep 0.05
done

cat <<TEXT

mcproxy listens on http://127.0.0.1:$PORT before a demo app that takes 200 ms for a page. Try in another terminal:

    curl -i http://127.0.0.1:$PORT/hello      # made by the app:   Cache-Status: mcproxy; fwd=uri-miss; stored
    curl -i http://127.0.0.1:$PORT/hello      # out of the cache:  Cache-Status: mcproxy; hit; ttl=...

Ctrl-C ends both.
TEXT
wait "$proxy"
