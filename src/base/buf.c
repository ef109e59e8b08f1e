/* A growable byte buffer. Bytes move to the front only when at least as many were consumed before
 * them, so that a byte is moved at most once on average; only a buffer that has reached its maximum
 * moves them sooner. */
#include "base/buf.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP_BYTES 512

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max = max_bytes};
}

void buf_fini(struct buf *b)
{
    buf_release(b);
}

static void compact(struct buf *b)
{
    size_t len = buf_len(b);
    memmove(b->data, b->data + b->start, len);
    b->start = 0;
    b->end = len;
}

/* At least twice the old size, at least `wanted`, at most `max`. `wanted` is within `max`. */
static size_t grown_cap(const struct buf *b, size_t wanted)
{
    size_t cap = b->cap < FIRST_CAP_BYTES / 2 ? FIRST_CAP_BYTES : b->cap * 2;
    if (cap < wanted) {
        cap = wanted;
    }
    return cap < b->max ? cap : b->max;
}

static bool grow(struct buf *b, size_t wanted)
{
    size_t cap = grown_cap(b, wanted);
    if (b->start > 0) {
        compact(b);
    }
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

bool buf_reserve(struct buf *b, size_t n)
{
    if (b->cap - b->end >= n && n <= b->max - buf_len(b)) {
        return true;
    }
    size_t len = buf_len(b);
    if (n > b->max - len) {
        return false;
    }
    bool fits_when_moved = b->cap - len >= n;
    if (fits_when_moved && b->start >= len) {
        compact(b);
        return true;
    }
    return grow(b, len + n);
}

bool buf_append(struct buf *b, struct slice s)
{
    if (s.n == 0) {
        return true;
    }
    if (!buf_reserve(b, s.n)) {
        return false;
    }
    memcpy(b->data + b->end, s.p, s.n);
    b->end += s.n;
    return true;
}

static bool append_long(struct buf *b, size_t n, const char *fmt, va_list ap)
{
    char *text = malloc(n + 1); /* vsnprintf writes a NUL, for which the buffer may have no room */
    if (text == NULL) {
        return false;
    }
    vsnprintf(text, n + 1, fmt, ap);
    bool ok = buf_append(b, slice_make(text, n));
    free(text);
    return ok;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0) {
        return false;
    }
    if ((size_t)n < sizeof(text)) {
        return buf_append(b, slice_make(text, (size_t)n));
    }
    va_start(ap, fmt);
    bool ok = append_long(b, (size_t)n, fmt, ap);
    va_end(ap);
    return ok;
}

void buf_consume(struct buf *b, size_t n)
{
    ASSERT(n <= buf_len(b));
    b->start += n;
    if (b->start == b->end) {
        buf_clear(b);
    }
}

void buf_clear(struct buf *b)
{
    b->start = 0;
    b->end = 0;
}

void buf_release(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->cap = 0;
    buf_clear(b);
}
