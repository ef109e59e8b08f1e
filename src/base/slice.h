/* Byte strings by value: a pointer and a length, never NUL-terminated, never owned. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
/* The same for static tables, where a compound literal is not a constant. */
#define SLICE_INIT(literal)             \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    }
/* For "%.*s". */
#define SLICE_ARG(s) (int)(s).n, (s).p

static inline struct slice slice_make(const char *p, size_t n)
{
    return (struct slice){p, n};
}

static inline struct slice slice_none(void)
{
    return (struct slice){NULL, 0};
}

static inline bool slice_empty(struct slice s)
{
    return s.n == 0;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* Without its first `n` bytes; empty where `n` is more than there is. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
    size_t skipped = n < s.n ? n : s.n;
    return skipped == 0
               ? s
               : (struct slice){s.p + skipped, s.n - skipped}; /* nothing is added to a NULL */
}

/* Its first `n` bytes, or all of it. */
static inline struct slice slice_take(struct slice s, size_t n)
{
    return (struct slice){s.p, n < s.n ? n : s.n};
}

/* From a NUL-terminated string; NULL gives the empty slice. Borrows `s`. */
struct slice slice_of(const char *s);
/* Equality and prefix with ASCII letters compared without case. */
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* memcmp order, the shorter first where one is the prefix of the other: <0, 0, >0. */
int slice_cmp(struct slice a, struct slice b);
/* Index of the first `c`, or `s.n` where there is none. */
size_t slice_find(struct slice s, char c);
/* Index of the first occurrence of `needle`, or `s.n`. */
size_t slice_find_slice(struct slice s, struct slice needle);
/* Without SP and HTAB at both ends (RFC 9110 section 5.6.3, OWS). */
struct slice slice_trim(struct slice s);
/* Cuts at the first `sep`: returns what stands before it, `*rest` becomes what stands after;
 * without a `sep`, all and nothing. */
struct slice slice_cut(struct slice s, char sep, struct slice *rest);
/* Copies into `buf` with a NUL behind it, for libc. False where it does not fit or holds a NUL. */
NODISCARD bool slice_to_cstr(struct slice s, char *buf, size_t cap);
/* ASCII, one byte. */
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}
