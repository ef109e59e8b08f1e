/* Normalisation of the request target (RFC 3986 section 6.2.2), and percent-decoding. Both parts
 * are first only looked at: most targets are normal and are given back as they came. */
#include "http/uri.h"

#include "base/parse.h"

enum byte_kind {
    BYTE_BAD = 0, /* controls, SP, '#' */
    BYTE_PLAIN,   /* stays */
    BYTE_ESCAPE,  /* RFC 3986 does not allow it, clients send it: becomes %XX */
    BYTE_PERCENT,
};

/* '[' and ']' stay: browsers send them raw (`?id[]=1`), and nobody reads them as anything else. */
static const uint8_t byte_kinds[256] = {
    ['!'] = BYTE_PLAIN,          ['"'] = BYTE_ESCAPE,        ['$'] = BYTE_PLAIN,
    ['%'] = BYTE_PERCENT,        ['&' ... ';'] = BYTE_PLAIN, ['<'] = BYTE_ESCAPE,
    ['='] = BYTE_PLAIN,          ['>'] = BYTE_ESCAPE,        ['?' ... '['] = BYTE_PLAIN,
    ['\\'] = BYTE_ESCAPE,        [']'] = BYTE_PLAIN,         ['^'] = BYTE_ESCAPE,
    ['_'] = BYTE_PLAIN,          ['`'] = BYTE_ESCAPE,        ['a' ... 'z'] = BYTE_PLAIN,
    ['{' ... '}'] = BYTE_ESCAPE, ['~'] = BYTE_PLAIN,         [0x80 ... 0xff] = BYTE_ESCAPE,
};

static const char hex_digits[] = "0123456789ABCDEF";

/* RFC 3986 section 2.3. */
static bool is_unreserved(unsigned c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* Value of `%XX` at `i`, or -1. */
static int percent_value(struct slice s, size_t i)
{
    if (s.n - i < 3) {
        return -1;
    }
    int high = parse_hex_digit(s.p[i + 1]);
    int low = parse_hex_digit(s.p[i + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static size_t put_percent(char *p, unsigned c)
{
    p[0] = '%';
    p[1] = hex_digits[c >> 4];
    p[2] = hex_digits[c & 15];
    return 3;
}

/* Encoded control bytes are refused in a path, where only attacks have them. A query may carry text
 * of several lines from a form; there only NUL is refused. */
static bool encoded_byte_is_bad(int c, bool in_query)
{
    return c <= 0 || (!in_query && (c < 0x20 || c == 0x7f));
}

/* One normal form for each escaped byte. `*i` moves on over what was read. False: a byte that must
 * not be there. */
static bool escape_step(struct slice s, size_t *i, bool in_query, char *to, size_t *n)
{
    unsigned char c = (unsigned char)s.p[*i];
    switch ((enum byte_kind)byte_kinds[c]) {
    case BYTE_BAD: return false;
    case BYTE_PLAIN: to[(*n)++] = (char)c; break;
    case BYTE_ESCAPE: *n += put_percent(to + *n, c); break;
    case BYTE_PERCENT: {
        int value = percent_value(s, *i);
        if (encoded_byte_is_bad(value, in_query)) {
            return false;
        }
        if (is_unreserved((unsigned)value)) {
            to[(*n)++] = (char)value;
        } else {
            *n += put_percent(to + *n, (unsigned)value);
        }
        *i += 2;
        break;
    }
    }
    *i += 1;
    return true;
}

static bool escapes_normalise(struct slice s, bool in_query, struct arena *arena, struct slice *out)
{
    size_t i = 0;
    while (i < s.n && byte_kinds[(unsigned char)s.p[i]] == BYTE_PLAIN) {
        i++;
    }
    *out = s;
    if (i == s.n) {
        return true;
    }
    char *to = arena_alloc(arena, i + (s.n - i) * 3);
    size_t n = i;
    if (i > 0) {
        memcpy(to, s.p, i);
    }
    while (i < s.n) {
        if (!escape_step(s, &i, in_query, to, &n)) {
            return false;
        }
    }
    *out = slice_make(to, n);
    return true;
}

/* Is there a segment that begins with a dot, or an empty one to be folded? Only then the path is
 * written anew. */
static bool segments_need_work(struct slice path, bool merge_slashes)
{
    struct slice rest = path;
    size_t at = 0;
    while (rest.n > 1) {
        if (rest.p[1] == '.' || (merge_slashes && rest.p[1] == '/')) {
            return true;
        }
        rest = slice_skip(rest, 1);
        at = slice_find(rest, '/');
        rest = slice_skip(rest, at);
    }
    return false;
}

/* Drops the last segment of the path so far. False: there is none. */
static bool pop_segment(const char *p, size_t *n)
{
    if (*n == 0) {
        return false;
    }
    do {
        (*n)--;
    } while (p[*n] != '/');
    return true;
}

/* RFC 3986 section 5.2.4, but a ".." above the root is refused. `to` holds path.n bytes. */
static bool segments_normalise(struct slice path, bool merge_slashes, char *to, size_t *n)
{
    *n = 0;
    while (path.n > 0) {
        struct slice behind = slice_skip(path, 1);
        struct slice segment = slice_take(behind, slice_find(behind, '/'));
        bool last = segment.n == behind.n;
        bool dot = slice_eq(segment, SLICE("."));
        bool dots = slice_eq(segment, SLICE(".."));
        if (dots && !pop_segment(to, n)) {
            return false;
        }
        bool folded = merge_slashes && segment.n == 0;
        if (last || !(dot || dots || folded)) {
            size_t keep = dot || dots ? 0 : segment.n;
            to[*n] = '/';
            memcpy(to + *n + 1, segment.p, keep);
            *n += 1 + keep;
        }
        path = slice_skip(behind, segment.n);
    }
    return true;
}

static bool path_normalise(struct slice raw, bool merge_slashes, struct arena *arena,
                           struct slice *out)
{
    if (!escapes_normalise(raw, false, arena, out)) {
        return false;
    }
    if (!segments_need_work(*out, merge_slashes)) {
        return true;
    }
    char *to = arena_alloc(arena, out->n);
    size_t n;
    if (!segments_normalise(*out, merge_slashes, to, &n)) {
        return false;
    }
    *out = slice_make(to, n);
    return true;
}

bool uri_normalise(struct slice target, bool merge_slashes, struct arena *arena, struct slice *path,
                   struct slice *query)
{
    *query = slice_none();
    if (target.n == 0 || target.p[0] != '/') {
        return false;
    }
    size_t mark = slice_find(target, '?');
    if (mark < target.n) {
        struct slice raw = slice_make(target.p + mark + 1, target.n - mark - 1);
        if (!escapes_normalise(raw, true, arena, query)) {
            return false;
        }
    }
    return path_normalise(slice_take(target, mark), merge_slashes, arena, path);
}

bool uri_has_encoded_reserved(struct slice path)
{
    for (size_t i = slice_find(path, '%'); i < path.n; i++) {
        int value = path.p[i] == '%' ? percent_value(path, i) : -1;
        if (value >= 0 && byte_kinds[value] == BYTE_PLAIN) {
            return true;
        }
    }
    return false;
}

struct slice uri_decode(struct slice s, struct arena *arena)
{
    if (slice_find(s, '%') == s.n) {
        return s;
    }
    char *to = arena_alloc(arena, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int value = s.p[i] == '%' ? percent_value(s, i) : -1;
        to[n++] = value < 0 ? s.p[i] : (char)value;
        i += value < 0 ? 0 : 2;
    }
    return slice_make(to, n);
}
