#!/bin/bash
# Builds the image and runs it before the demo app, without a container engine: buildah in a chroot does both, as root. The base is
# made by debootstrap from the mirror that this machine's apt uses. Everything lies in one folder, which is removed at the end
# (KEEP_BASE=FILE.tar: take the base from there, or leave it there for the next time).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-/usr/bin/python3}
release=bookworm

say() { echo "image-test: $*"; }
die() { say "FAILED: $*" >&2; exit 1; }
ok() { say "ok: $*"; }

[ "$(id -u)" -eq 0 ] || die "has to run as root"
"$root/tests/run_deps.sh" buildah crun debootstrap curl python3 procps

work=$(mktemp -d /var/tmp/mcproxy-image-XXXXXX)
app=
container_run=

b() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

# The process ids below one, deepest last.
descendants() {
    local child
    for child in $(pgrep -P "$1"); do
        echo "$child"
        descendants "$child"
    done
}

# mcproxy's supervisor in the container.
proxy_pid() {
    local pid
    for pid in $(descendants "$container_run"); do
        if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = mcproxy ]; then
            echo "$pid"
            return
        fi
    done
    return 1
}

finish() {
    local status=$? pid
    trap - EXIT
    if [ -n "$container_run" ]; then
        for pid in $(descendants "$container_run") "$container_run"; do
            kill -KILL "$pid" 2>/dev/null || true
        done
    fi
    if [ -n "$app" ]; then kill "$app" 2>/dev/null || true; fi
    wait 2>/dev/null || true
    if [ "$status" -ne 0 ] && [ -s "$work/output" ]; then
        say "the container said:"
        tail -n 30 "$work/output"
    fi
    b rm --all >/dev/null 2>&1 || true
    # A mount that is left over must not be emptied with the folder.
    grep -o " ${work}[^ ]*" /proc/self/mounts | sort -r | xargs -r umount -l 2>/dev/null || true
    rm -rf --one-file-system "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Waits until a command succeeds, ten seconds at most.
until_ok() {
    local end=$((SECONDS + 10))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- Base ----------------------------------------------------------------------------------------

mirror() {
    # shellcheck disable=SC2016  # apt's own names
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $release" 'Component: main' 2>/dev/null | head -n 1
}

make_base() {
    local uri
    uri=$(mirror)
    if [ -z "$uri" ]; then
        apt-get update -qq
        uri=$(mirror)
    fi
    [ -n "$uri" ] || die "apt knows no mirror of $release"
    debootstrap --variant=minbase "$release" "$work/base" "$uri" >"$work/debootstrap.log" 2>&1 ||
        { tail -n 20 "$work/debootstrap.log"; die "debootstrap"; }
    rm -rf "$work"/base/var/cache/apt/archives/*.deb "$work"/base/var/lib/apt/lists/*
    tar -C "$work/base" -cf "$1" .
    rm -rf --one-file-system "$work/base"
}

base_tar=${KEEP_BASE:-$work/base.tar}
if [ ! -s "$base_tar" ]; then
    say "making a base of $release"
    make_base "$base_tar"
fi
base=$(b from scratch)
b add --quiet "$base" "$base_tar" / >/dev/null
b config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$base"
b commit --quiet "$base" localhost/base:test >/dev/null
b rm "$base" >/dev/null
[ -n "${KEEP_BASE:-}" ] || rm -f "$base_tar"
ok "base image"

# ---- Image ---------------------------------------------------------------------------------------

say "building the image"
b bud --quiet --isolation chroot --format docker --pull-never --layers=false --build-arg BASE=localhost/base:test \
    -f "$root/docker/Dockerfile" -t localhost/mcproxy:test "$root" >"$work/build.log" 2>&1 ||
    { tail -n 40 "$work/build.log"; die "the build"; }
ok "image built"

of_image() { b inspect --type image --format "{{$1}}" localhost/mcproxy:test; }

[ "$(of_image .Docker.Config.User)" = 10001:10001 ] || die "runs as $(of_image .Docker.Config.User)"
[ "$(of_image .Docker.Config.StopSignal)" = SIGQUIT ] || die "is stopped by $(of_image .Docker.Config.StopSignal)"
[[ "$(of_image .Docker.Config.Healthcheck.Test)" == *--healthcheck* ]] || die "has no health check"
entry=$(of_image 'index .Docker.Config.Entrypoint 0')
ok "configuration: user, stop signal, health check, $entry"

# ---- Run -----------------------------------------------------------------------------------------

"$python" "$root/tests/demo/app.py" 0 >"$work/app.port" &
app=$!
until_ok test -s "$work/app.port" || die "the demo app does not start"
port=$(free_port)
environment=(--env PORT="$port" --env ADMIN_PORT="$(free_port)" --env UPSTREAM="127.0.0.1:$(head -n 1 "$work/app.port")")
container=$(b from --pull-never localhost/mcproxy:test)

in_container() { b run --isolation chroot "${environment[@]}" "$container" -- "$@"; }

in_container "$entry" -t || die "the image's own configuration is not valid"
ok "the image's configuration"
b run --isolation chroot "${environment[@]}" "$container" -- "$entry" >"$work/output" 2>&1 &
container_run=$!
until_ok curl -sf -o /dev/null "http://127.0.0.1:$port/private" || die "nothing answers on port $port"

expect() {
    local answer
    answer=$(curl -si "http://127.0.0.1:$port$1")
    grep -qi "^cache-status: mcproxy; $2" <<<"$answer" || die "GET $1: no \"$2\" in: $answer"
    ok "GET $1: $2"
}
expect /hello 'fwd=uri-miss; stored'
expect /hello 'hit'

pid=$(proxy_pid) || die "there is no mcproxy below the run"
[ "$(stat -c %u "/proc/$pid")" = 10001 ] || die "mcproxy runs as user $(stat -c %u "/proc/$pid")"
ok "runs as user 10001"
in_container "$entry" --healthcheck || die "health check"
ok "health check"
until_ok grep -q 'GET /hello HTTP/1.1" 200' "$work/output" || die "no access log on the container's output"
ok "access log on the output"

kill -QUIT "$pid"
status=0
wait "$container_run" || status=$?
container_run=
[ "$status" -eq 0 ] || die "exit status $status after the stop signal"
ok "stops by SIGQUIT"
if in_container "$entry" --healthcheck >/dev/null 2>&1; then die "the health check says yes without a proxy"; fi
ok "health check fails without a proxy"
say "all passed"
