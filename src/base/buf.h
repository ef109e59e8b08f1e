/* A growable byte buffer with an upper bound: bytes are appended at the end and consumed at the
 * front. Owns its memory. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t start; /* first byte not consumed */
    size_t end;   /* behind the last byte */
    size_t cap;
    size_t max; /* bytes held at once are never more than this */
};

void buf_init(struct buf *, size_t max_bytes);
void buf_fini(struct buf *);
static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}
static inline struct slice buf_slice(const struct buf *b)
{
    return b->data == NULL ? slice_none() : slice_make(b->data + b->start, b->end - b->start);
}
/* Room for `n` more bytes at `data + end` (moves or grows). False: it would pass `max`, or there is
 * no memory. */
NODISCARD bool buf_reserve(struct buf *, size_t n);
/* Copies the bytes, which must not be the buffer's own. False: as above; nothing was appended. */
NODISCARD bool buf_append(struct buf *, struct slice);
NODISCARD bool buf_printf(struct buf *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drops `n` bytes at the front. */
void buf_consume(struct buf *, size_t n);
/* Drops all bytes, keeps the memory. */
void buf_clear(struct buf *);
/* Drops all bytes and gives the memory back. */
void buf_release(struct buf *);
