/* Byte strings by value: comparing, searching, cutting. */
#include "base/slice.h"

#define ONES UINT64_C(0x0101010101010101)

struct slice slice_of(const char *s)
{
    return s == NULL ? slice_none() : slice_make(s, strlen(s));
}

static uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* Lowers eight bytes at once: adding to the low seven bits of a byte carries into its top bit from
 * 'A' on, and again behind 'Z'; the bytes where only the first happened are capitals. No byte
 * carries into its neighbour. */
static uint64_t lower8(uint64_t v)
{
    uint64_t low_bits = v & (0x7f * ONES);
    uint64_t from_a = low_bits + (0x80 - 'A') * ONES;
    uint64_t behind_z = low_bits + (0x7f - 'Z') * ONES;
    uint64_t capitals = (from_a ^ behind_z) & ~v & (0x80 * ONES);
    return v | (capitals >> 2);
}

/* Four to seven bytes as one word; some are in it twice. */
static uint64_t load4to7(const char *p, size_t n)
{
    uint32_t first;
    uint32_t last;
    memcpy(&first, p, sizeof(first));
    memcpy(&last, p + n - sizeof(last), sizeof(last));
    return (uint64_t)first << 32 | last;
}

static bool equal_nocase(const char *a, const char *b, size_t n)
{
    size_t i = 0;
    if (n > 0 && ((a[0] ^ b[0]) & ~0x20) != 0) { /* most are told apart by this */
        return false;
    }
    if (n >= 4 && n < 8) {
        return lower8(load4to7(a, n)) == lower8(load4to7(b, n));
    }
    for (; n - i >= 8; i += 8) {
        if (lower8(load8(a + i)) != lower8(load8(b + i))) {
            return false;
        }
    }
    if (i > 0 && i < n) { /* the last eight, of which some were seen already */
        return lower8(load8(a + n - 8)) == lower8(load8(b + n - 8));
    }
    for (; i < n; i++) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.n == b.n && equal_nocase(a.p, b.p, a.n);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && equal_nocase(s.p, prefix.p, prefix.n);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_eq(slice_skip(s, s.n - suffix.n), suffix);
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (order != 0) {
        return order;
    }
    return (a.n > b.n) - (a.n < b.n);
}

size_t slice_find(struct slice s, char c)
{
    const char *hit = s.n == 0 ? NULL : memchr(s.p, c, s.n);
    return hit == NULL ? s.n : (size_t)(hit - s.p);
}

size_t slice_find_slice(struct slice s, struct slice needle)
{
    if (needle.n == 0) {
        return 0;
    }
    const char *hit = s.n < needle.n ? NULL : memmem(s.p, s.n, needle.p, needle.n);
    return hit == NULL ? s.n : (size_t)(hit - s.p);
}

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.n > 0 && is_ows(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_ows(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

struct slice slice_cut(struct slice s, char sep, struct slice *rest)
{
    size_t at = slice_find(s, sep);
    *rest = slice_skip(s, at < s.n ? at + 1 : at);
    return slice_take(s, at);
}

bool slice_to_cstr(struct slice s, char *buf, size_t cap)
{
    if (s.n >= cap || slice_find(s, '\0') < s.n) {
        return false;
    }
    if (s.n > 0) {
        memcpy(buf, s.p, s.n);
    }
    buf[s.n] = '\0';
    return true;
}
