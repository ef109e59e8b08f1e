/* Authorities, `host[:port]` (RFC 3986 section 3.2, RFC 9110 section 7.2), and URIs of the
 * configuration. */
#include "http/uri.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define HOST_MAX_BYTES 255
#define PORT_MAX       65535

/* What a registered name may hold (RFC 3986 section 3.2.2) but for "%" and ",": no name needs an
 * escaped byte, it would be a second spelling of the same host; and a comma comes from two Host
 * lines that someone has joined. */
static const bool host_bytes[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true,         ['~'] = true,         ['!'] = true,         ['$'] = true, ['&'] = true,
    ['\''] = true,        ['('] = true,         [')'] = true,         ['*'] = true, ['+'] = true,
    [';'] = true,         ['='] = true,
};

static struct slice lower_case(struct slice s, struct arena *arena)
{
    size_t i = 0;
    while (i < s.n && ascii_lower(s.p[i]) == s.p[i]) {
        i++;
    }
    if (i == s.n) {
        return s;
    }
    char *to = arena_alloc(arena, s.n);
    for (i = 0; i < s.n; i++) {
        to[i] = ascii_lower(s.p[i]);
    }
    return slice_make(to, s.n);
}

/* `:80`, `:` or nothing. */
static bool port_parse(struct slice s, uint16_t *port)
{
    uint64_t v = 0;
    *port = 0;
    if (s.n == 0 ||
        slice_eq(s, SLICE(":"))) { /* RFC 3986 section 3.2.3: the digits may be missing */
        return true;
    }
    if (s.p[0] != ':' || !parse_u64(slice_skip(s, 1), PORT_MAX, &v) || v == 0) {
        return false;
    }
    *port = (uint16_t)v;
    return true;
}

static bool ipv6_is_valid(struct slice inner)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    return slice_to_cstr(inner, text, sizeof(text)) && inet_pton(AF_INET6, text, &address) == 1;
}

static bool name_is_valid(struct slice name)
{
    if (name.n == 0 || name.n > HOST_MAX_BYTES) {
        return false;
    }
    char before = '.';
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!host_bytes[(unsigned char)c] || (c == '.' && before == '.')) {
            return false;
        }
        before = c;
    }
    return true;
}

static bool ipv6_authority_parse(struct slice authority, struct arena *arena, struct slice *host,
                                 uint16_t *port)
{
    size_t close = slice_find(authority, ']');
    if (close == authority.n || !ipv6_is_valid(slice_make(authority.p + 1, close - 1))) {
        return false;
    }
    *host = lower_case(slice_take(authority, close + 1), arena);
    return port_parse(slice_skip(authority, close + 1), port);
}

bool authority_parse(struct slice authority, struct arena *arena, struct slice *host,
                     uint16_t *port)
{
    if (authority.n > 0 && authority.p[0] == '[') {
        return ipv6_authority_parse(authority, arena, host, port);
    }
    struct slice name = slice_take(authority, slice_find(authority, ':'));
    if (!name_is_valid(name) || !port_parse(slice_skip(authority, name.n), port)) {
        return false;
    }
    if (name.p[name.n - 1] == '.') { /* the root label: another spelling of the same name */
        name.n--;
    }
    *host = lower_case(name, arena);
    return true;
}

/* -- URIs of the configuration -- */

/* May a byte stand in a scheme (RFC 3986 section 3.1, lower case) behind its first letter? */
static bool is_scheme_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

/* Bytes at the front of `s` that are a scheme. */
static size_t scheme_bytes(struct slice s)
{
    size_t i = 0;
    if (s.n > 0 && s.p[0] >= 'a' && s.p[0] <= 'z') {
        do {
            i++;
        } while (i < s.n && is_scheme_byte(s.p[i]));
    }
    return i;
}

/* Bytes of the authority at the front of `s`; of `unix:/path:/rest` those before the second colon,
 * as in nginx. */
static size_t authority_bytes(struct slice s)
{
    struct slice unix_prefix = SLICE("unix:");
    if (slice_starts(s, unix_prefix)) {
        return unix_prefix.n + slice_find(slice_skip(s, unix_prefix.n), ':');
    }
    size_t i = 0;
    while (i < s.n && s.p[i] != '/' && s.p[i] != '?' && s.p[i] != '#') {
        i++;
    }
    return i;
}

bool uri_parse(struct slice s, struct uri *out)
{
    size_t n = scheme_bytes(s);
    out->scheme = slice_take(s, n);
    s = slice_skip(s, n);
    if (n == 0 || !slice_starts(s, SLICE("://"))) {
        return false;
    }
    s = slice_skip(s, 3);
    out->authority = slice_take(s, authority_bytes(s));
    s = slice_skip(s, out->authority.n);
    bool is_unix = slice_starts(out->authority, SLICE("unix:"));
    if (is_unix && s.n > 0) {
        s = slice_skip(s, 1); /* the colon behind the path */
    }
    out->rest = s.n > 0 ? s : slice_none();
    return out->authority.n > (is_unix ? sizeof("unix:") - 1 : 0);
}
