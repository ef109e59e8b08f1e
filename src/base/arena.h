/* Memory that dies with a request: bump allocation out of blocks, freed all at once. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

/* Blocks kept for the next arena, so that a steady request rate allocates nothing. One per worker;
 * not shared by threads. */
struct arena_pool {
    struct arena_block *free;
    size_t kept;
    size_t keep_max; /* blocks */
};

struct arena {
    struct arena_pool *pool; /* may be NULL: blocks come from malloc and go back to it */
    struct arena_block *blocks;
    char *at;
    char *end;
    size_t used_bytes; /* of all blocks, for limits */
};

#define ARENA_BLOCK_BYTES 4096

void arena_pool_init(struct arena_pool *, size_t keep_max);
void arena_pool_fini(struct arena_pool *);

void arena_init(struct arena *, struct arena_pool *);
/* Gives back every block; the arena can be used again. */
void arena_fini(struct arena *);

/* `n` bytes aligned for any type, not zeroed. Never NULL: a block that cannot be had aborts. */
void *arena_alloc(struct arena *, size_t n);
void *arena_zalloc(struct arena *, size_t n);
/* `count` elements, zeroed; a product that overflows aborts. */
void *arena_zalloc_array(struct arena *, size_t element_bytes, size_t count);
/* A copy of `s` that lives as long as the arena; with a NUL behind it that the slice does not
 * count. */
struct slice arena_dup(struct arena *, struct slice s);
struct slice arena_concat(struct arena *, struct slice first, struct slice second);
struct slice arena_join(struct arena *, const struct slice *parts, size_t n);
struct slice arena_printf(struct arena *, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct slice arena_vprintf(struct arena *, const char *fmt, va_list ap);

#define ARENA_NEW(arena, type)          ((type *)arena_zalloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_zalloc_array((arena), sizeof(type), (count)))
