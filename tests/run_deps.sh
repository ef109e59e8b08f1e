#!/bin/bash
# Installs the Debian packages named as arguments, those that are missing only.
# `a|b` means one of both: satisfied by either, else the first that this release has.
set -euo pipefail

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

satisfied() {
    local one
    for one in ${1//|/ }; do
        if installed "$one"; then return 0; fi
    done
    return 1
}

# The first alternative that the release has.
choose() {
    local one
    for one in ${1//|/ }; do
        if apt-cache show "$one" 2>/dev/null | grep '^Package:' >/dev/null; then
            echo "$one"
            return
        fi
    done
    echo "${1%%|*}"
}

missing=()
for want in "$@"; do
    satisfied "$want" || missing+=("$want")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
names=()
for want in "${missing[@]}"; do
    names+=("$(choose "$want")")
done
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${names[@]}" > /dev/null
