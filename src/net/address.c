#include "net/address.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define HOST_NAME_MAX_BYTES 254 /* RFC 1035 section 2.3.4, with a dot at the end */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static bool is_literal_of(int family, struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr unused;
    return slice_to_cstr(host, text, sizeof(text)) && inet_pton(family, text, &unused) == 1;
}

/* What has digits and dots only is an IPv4 literal or an error, never a name (RFC 1123
 * section 2.1). */
static bool parse_name_or_ipv4(struct slice host, struct endpoint *out)
{
    if (host.n == 0 || host.n > HOST_NAME_MAX_BYTES || host.p[0] == '.')
        return false;
    bool numeric = true;
    for (size_t i = 0; i < host.n; i++) {
        if (!is_name_char(host.p[i]))
            return false;
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
            numeric = false;
    }
    out->host = host;
    out->is_literal = numeric;
    return !numeric || is_literal_of(AF_INET, host);
}

static bool parse_port(struct slice text, struct endpoint *out)
{
    uint64_t port = 0;
    if (!parse_u64(text, UINT16_MAX, &port))
        return false;
    out->port = (uint16_t)port;
    out->has_port = true;
    return true;
}

/* `[::1]` or `[::1]:80` */
static bool parse_bracketed(struct slice text, struct endpoint *out)
{
    size_t end = slice_find(text, ']');
    if (end == text.n)
        return false;
    out->host = slice_make(text.p + 1, end - 1);
    out->is_literal = true;
    if (!is_literal_of(AF_INET6, out->host))
        return false;
    struct slice rest = slice_skip(text, end + 1);
    if (rest.n == 0)
        return true;
    return rest.p[0] == ':' && parse_port(slice_skip(rest, 1), out);
}

static bool parse_unix(struct slice path, struct endpoint *out)
{
    out->is_unix = true;
    out->path = path;
    return path.n > 0 && memchr(path.p, 0, path.n) == NULL;
}

bool endpoint_parse(struct slice text, struct endpoint *out)
{
    memset(out, 0, sizeof(*out));
    if (slice_starts(text, SLICE("unix:")))
        return parse_unix(slice_skip(text, 5), out);
    if (slice_starts(text, SLICE("[")))
        return parse_bracketed(text, out);
    if (parse_port(text, out))
        return true;
    size_t colon = slice_find(text, ':');
    if (colon < text.n && !parse_port(slice_skip(text, colon + 1), out))
        return false;
    struct slice host = slice_take(text, colon);
    if (slice_eq(host, SLICE("*"))) {
        out->host = host;
        return true;
    }
    return parse_name_or_ipv4(host, out);
}

static bool address_of_path(struct slice path, struct address *out)
{
    if (!slice_to_cstr(path, out->u.un.sun_path, sizeof(out->u.un.sun_path)))
        return false;
    out->u.un.sun_family = AF_UNIX;
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
    return true;
}

bool address_from_endpoint(const struct endpoint *e, struct address *out)
{
    memset(out, 0, sizeof(*out));
    if (e->is_unix)
        return address_of_path(e->path, out);
    char text[INET6_ADDRSTRLEN] = "0.0.0.0";
    bool any = e->host.n == 0 || slice_eq(e->host, SLICE("*"));
    if (!any && !slice_to_cstr(e->host, text, sizeof(text)))
        return false;
    if (inet_pton(AF_INET, text, &out->u.in4.sin_addr) == 1) {
        out->u.in4.sin_family = AF_INET;
        out->len = sizeof(out->u.in4);
    } else if (inet_pton(AF_INET6, text, &out->u.in6.sin6_addr) == 1) {
        out->u.in6.sin6_family = AF_INET6;
        out->len = sizeof(out->u.in6);
    } else {
        return false;
    }
    address_set_port(out, e->port);
    return true;
}

void address_set_port(struct address *a, uint16_t port)
{
    if (a->u.sa.sa_family == AF_INET)
        a->u.in4.sin_port = htons(port);
    else if (a->u.sa.sa_family == AF_INET6)
        a->u.in6.sin6_port = htons(port);
}

uint16_t address_port(const struct address *a)
{
    if (a->u.sa.sa_family == AF_INET)
        return ntohs(a->u.in4.sin_port);
    if (a->u.sa.sa_family == AF_INET6)
        return ntohs(a->u.in6.sin6_port);
    return 0;
}

/* Empty for a socket without a name, as the client's end of a unix connection is. */
static struct slice unix_path(const struct address *a)
{
    size_t start = offsetof(struct sockaddr_un, sun_path);
    size_t room = a->len > start ? a->len - start : 0;
    return slice_make(a->u.un.sun_path, strnlen(a->u.un.sun_path, room));
}

bool address_eq(const struct address *a, const struct address *b)
{
    if (a->u.sa.sa_family != b->u.sa.sa_family || address_port(a) != address_port(b))
        return false;
    switch (a->u.sa.sa_family) {
    case AF_INET: return a->u.in4.sin_addr.s_addr == b->u.in4.sin_addr.s_addr;
    case AF_INET6:
        return a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id &&
               memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, sizeof(struct in6_addr)) == 0;
    case AF_UNIX: return slice_eq(unix_path(a), unix_path(b));
    default: return false;
    }
}

struct slice address_print(const struct address *a, char *buf)
{
    char host[INET6_ADDRSTRLEN] = "";
    int n = 0;
    switch (a->u.sa.sa_family) {
    case AF_INET:
        (void)inet_ntop(AF_INET, &a->u.in4.sin_addr, host, sizeof(host));
        n = snprintf(buf, ADDRESS_TEXT_MAX, "%s:%u", host, address_port(a));
        break;
    case AF_INET6:
        (void)inet_ntop(AF_INET6, &a->u.in6.sin6_addr, host, sizeof(host));
        n = snprintf(buf, ADDRESS_TEXT_MAX, "[%s]:%u", host, address_port(a));
        break;
    case AF_UNIX: n = snprintf(buf, ADDRESS_TEXT_MAX, "unix:%.*s", SLICE_ARG(unix_path(a))); break;
    default: break;
    }
    return slice_make(buf, (size_t)n);
}

struct slice address_print_host(const struct address *a, char *buf)
{
    sa_family_t family = a->u.sa.sa_family;
    if (family == AF_UNIX) {
        memcpy(buf, "unix:", 5);
        return slice_make(buf, 5);
    }
    const void *host = family == AF_INET ? (const void *)&a->u.in4.sin_addr : &a->u.in6.sin6_addr;
    buf[0] = 0;
    if (family == AF_INET || family == AF_INET6)
        (void)inet_ntop(family, host, buf, ADDRESS_TEXT_MAX);
    return slice_of(buf);
}
