#include "net/address_range.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <string.h>

static bool parse_literal(struct slice text, struct address_range *out)
{
    char host[INET6_ADDRSTRLEN];
    if (!slice_to_cstr(text, host, sizeof host))
        return false;
    out->family = slice_find(text, ':') < text.n ? AF_INET6 : AF_INET;
    return inet_pton(out->family, host, out->bytes) == 1;
}

bool address_range_parse(struct slice text, struct address_range *out)
{
    struct slice bits = slice_none();
    struct slice literal = slice_cut(text, '/', &bits);
    bool has_bits = literal.n < text.n;
    uint64_t n = 0;
    *out = (struct address_range){.family = AF_UNIX};
    if (slice_eq(text, SLICE("unix:")))
        return true;
    if (!parse_literal(literal, out))
        return false;
    unsigned most = out->family == AF_INET ? 32 : 128;
    if (has_bits && !parse_u64(bits, most, &n))
        return false;
    out->bits = has_bits ? (unsigned)n : most;
    return true;
}

/* Its bytes, and the family that they are of. */
static sa_family_t bytes_of(const struct address *a, const uint8_t **bytes)
{
    const struct in6_addr *in6 = &a->u.in6.sin6_addr;
    *bytes = (const uint8_t *)&a->u.in4.sin_addr;
    if (a->u.sa.sa_family != AF_INET6)
        return a->u.sa.sa_family;
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(in6);
    *bytes = is_mapped ? in6->s6_addr + 12 : in6->s6_addr;
    return is_mapped ? AF_INET : AF_INET6;
}

bool address_range_has(const struct address_range *range, const struct address *a)
{
    const uint8_t *bytes;
    sa_family_t family = bytes_of(a, &bytes);
    if (family != range->family || family == AF_UNIX)
        return family == range->family;
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    if (memcmp(bytes, range->bytes, whole) != 0)
        return false;
    unsigned mask = rest == 0 ? 0 : 0xffu << (8 - rest) & 0xffu;
    return rest == 0 || ((bytes[whole] ^ range->bytes[whole]) & mask) == 0;
}
