#!/bin/sh
# Smoke check of a deployed mcproxy, by curl alone. `tests/smoke.sh -h` explains.
set -u

usage() {
    cat <<'EOF'
usage: smoke.sh [options] URL [ADMIN_URL]

Asks the proxy at URL for a page as a browser would and checks that it caches as it should: a line
`ok …`, `skip …` or `FAIL …` for each check. Exit status: 0 all is well, 1 a check failed, 2 wrong use.
URL must be a page that may be cached (the app sends Cache-Control: max-age or the like, or the proxy has
proxy_cache_valid for it). ADMIN_URL is the admin listener, for example http://127.0.0.1:9180.

  -n PATH     a path that the app answers with 404 (default: one that hardly exists)
  -N          the app never answers 404: skip that check
  -q          don't add a query to URL; the first request may then be a hit
  -H FIELD    send this field with each request, for example -H 'Host: www.example.com' (repeatable)
  -k          don't verify the server's certificate
  -t SECONDS  time allowed for one request (default 10)
  -h          this text
EOF
}

insecure=
seconds=10
missing_path=/smoke-check-no-such-page-$$
check_missing=yes
add_query=yes
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
: >"$dir/fields"

while getopts n:NqH:kt:h option; do
    case $option in
    n) missing_path=$OPTARG ;;
    N) check_missing= ;;
    q) add_query= ;;
    H) printf 'header = "%s"\n' "$(printf %s "$OPTARG" | sed 's/[\\"]/\\&/g')" >>"$dir/fields" ;;
    k) insecure=--insecure ;;
    t) seconds=$OPTARG ;;
    h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    usage >&2
    exit 2
fi
command -v curl >/dev/null || { echo "smoke.sh: curl is not installed" >&2; exit 2; }

url=$1
admin=${2-}
failed=0

ok() { echo "ok   $*"; }
skip() { echo "skip $*"; }
fail() { echo "FAIL $*"; failed=1; }

# check NAME CONDITION-STATUS EXPLANATION
check() {
    if [ "$2" -eq 0 ]; then ok "$1"; else fail "$1: $3"; fi
}

# ask URL [curl options]: sets status, head and body from the answer; status 000 when there is none.
ask() {
    target=$1
    shift
    : >"$dir/head"
    : >"$dir/body"
    status=$(curl --silent --globoff --max-time "$seconds" $insecure --config "$dir/fields" --dump-header "$dir/head" \
        --output "$dir/body" --write-out '%{http_code}' "$@" -- "$target") || true
    status=${status:-000}
}

# field NAME: its value in the last answer, the lines joined.
field() {
    tr -d '\r' <"$dir/head" | awk -v name="$1" '
        /^HTTP\// { value = ""; next }
        tolower(substr($0, 1, length(name) + 1)) == tolower(name) ":" {
            line = substr($0, length(name) + 2); sub(/^[ \t]+/, "", line)
            value = value == "" ? line : value ", " line
        }
        END { print value }'
}

matches() { printf '%s\n' "$1" | grep -Eq -- "$2"; }

# fresh NAME: the URL with a query that no one has asked for.
fresh() {
    if [ -z "$add_query" ]; then printf %s "$url"; return; fi
    case $url in
    *\?*) printf '%s&smoke=%s' "$url" "$1-$$-$(date +%s)" ;;
    *) printf '%s?smoke=%s' "$url" "$1-$$-$(date +%s)" ;;
    esac
}

page=$(fresh page)

ask "$page"
if [ "$status" = 000 ]; then
    fail "GET $url: no answer"
    exit 1
fi
matches "$status" '^[23]'
check "GET is answered ($status)" $? "status $status"

outcome=$(field Cache-Status)
if matches "$outcome" 'mcproxy; hit' && [ -z "$add_query" ]; then
    skip "first request is a miss: it was in the cache already"
else
    matches "$outcome" 'mcproxy; fwd='
    check "first request is a miss ($outcome)" $? "Cache-Status is '$outcome'"
    matches "$outcome" 'stored'
    check "the response was stored" $? "Cache-Status is '$outcome', Cache-Control '$(field Cache-Control)'"
fi
cp "$dir/body" "$dir/first"

ask "$page"
outcome=$(field Cache-Status)
matches "$outcome" 'mcproxy; hit'
check "second request is a hit ($outcome)" $? "Cache-Status is '$outcome'"
cmp -s "$dir/body" "$dir/first"
check "the hit has the same content" $? "it differs from the first answer"
matches "$(field Age)" '^[0-9]+$'
check "the hit has an Age ($(field Age))" $? "Age is '$(field Age)'"
matches "$(field Via)" 'mcproxy'
check "Via names the proxy" $? "Via is '$(field Via)'"
length=$(field Content-Length)
etag=$(field ETag)
modified=$(field Last-Modified)
control=$(field Cache-Control)

ask "$page" --head
matches "$status $(field Cache-Status)" '^[23].* mcproxy; hit'
check "HEAD is answered from GET's response" $? "status $status, Cache-Status '$(field Cache-Status)'"
[ "$(field Content-Length)" = "$length" ]
check "HEAD has GET's Content-Length" $? "'$(field Content-Length)' instead of '$length'"

if [ -n "$etag" ]; then
    ask "$page" --header "If-None-Match: $etag"
elif [ -n "$modified" ]; then
    ask "$page" --header "If-Modified-Since: $modified"
fi
if [ -n "$etag$modified" ]; then
    [ "$status" = 304 ]
    check "a client that holds it gets 304" $? "status $status"
else
    skip "a client that holds it gets 304: the page has neither ETag nor Last-Modified"
fi

ask "$page" --header 'Cache-Control: no-cache'
matches "$(field Cache-Status)" 'mcproxy; fwd='
check "Cache-Control: no-cache asks the app" $? "Cache-Status is '$(field Cache-Status)'"

if matches "$control" 'public|s-maxage|must-revalidate'; then
    skip "Authorization is not shared: the page says that it may be ('$control')"
elif [ -z "$add_query" ]; then
    skip "Authorization is not shared: needs a query of its own (-q)"
else
    private=$(fresh private)
    ask "$private" --header 'Authorization: Basic c21va2U6c21va2U='
    ask "$private" --header 'Authorization: Basic c21va2U6c21va2U='
    matches "$(field Cache-Status)" 'mcproxy; fwd='
    check "Authorization is not shared" $? "Cache-Status is '$(field Cache-Status)'"
fi

if [ -n "$check_missing" ]; then
    origin=$(printf %s "$url" | sed -E 's|^(([a-z]+://)?[^/?#]*).*|\1|')
    ask "$origin$missing_path"
    [ "$status" = 404 ]
    check "a page that is not there gives 404" $? "status $status for $missing_path (-n, -N)"
fi

if [ -n "$admin" ]; then
    ask "${admin%/}/healthz"
    [ "$status" = 200 ]
    check "the admin listener is healthy" $? "status $status of ${admin%/}/healthz"
    ask "${admin%/}/status"
    matches "$status $(head -c 1 "$dir/body")" '^200 \{'
    check "the admin listener has a status" $? "status $status of ${admin%/}/status"
fi

exit $failed
