/* Bump allocation out of blocks. Under AddressSanitizer all bytes that nobody asked for are
 * poisoned, those of kept blocks too, and allocations stand apart, so that it finds what it would
 * find with malloc. */
#include "base/arena.h"

#include "base/assert.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1 /* the name that gcc gives it */
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GAP_BYTES 16
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define GAP_BYTES                         0
#endif

struct arena_block {
    _Alignas(max_align_t) struct arena_block *next;
    size_t room_bytes; /* of `room` */
    char room[];
};

#define STANDARD_ROOM_BYTES (ARENA_BLOCK_BYTES - sizeof(struct arena_block))

void arena_pool_init(struct arena_pool *pool, size_t keep_max)
{
    *pool = (struct arena_pool){.keep_max = keep_max};
}

static void block_free(struct arena_block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->room, block->room_bytes);
    free(block);
}

static void blocks_free(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *next = block->next;
        block_free(block);
        block = next;
    }
}

void arena_pool_fini(struct arena_pool *pool)
{
    blocks_free(pool->free);
    pool->free = NULL;
    pool->kept = 0;
}

static struct arena_block *block_new(size_t room_bytes)
{
    ASSERT(room_bytes <= SIZE_MAX - sizeof(struct arena_block));
    struct arena_block *block = malloc(sizeof(*block) + room_bytes);
    ASSERT(block != NULL);
    block->room_bytes = room_bytes;
    ASAN_POISON_MEMORY_REGION(block->room, room_bytes);
    return block;
}

static struct arena_block *block_take(struct arena_pool *pool)
{
    if (pool == NULL || pool->free == NULL) {
        return block_new(STANDARD_ROOM_BYTES);
    }
    struct arena_block *block = pool->free;
    pool->free = block->next;
    pool->kept--;
    return block;
}

static void block_give(struct arena_pool *pool, struct arena_block *block)
{
    if (pool == NULL || pool->kept >= pool->keep_max || block->room_bytes != STANDARD_ROOM_BYTES) {
        block_free(block);
        return;
    }
    ASAN_POISON_MEMORY_REGION(block->room, block->room_bytes);
    block->next = pool->free;
    pool->free = block;
    pool->kept++;
}

void arena_init(struct arena *a, struct arena_pool *pool)
{
    *a = (struct arena){.pool = pool};
}

void arena_fini(struct arena *a)
{
    struct arena_block *block = a->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        block_give(a->pool, block);
        block = next;
    }
    arena_init(a, a->pool);
}

/* The first `n` bytes of a new block. A block of its own for what is larger leaves the rest of the
 * current one in use. */
static char *alloc_in_new_block(struct arena *a, size_t n)
{
    bool large = n > STANDARD_ROOM_BYTES - GAP_BYTES;
    struct arena_block *block = large ? block_new(n) : block_take(a->pool);
    block->next = a->blocks;
    a->blocks = block;
    a->used_bytes += sizeof(*block) + block->room_bytes;
    if (!large) {
        a->at = block->room + n + GAP_BYTES;
        a->end = block->room + block->room_bytes;
    }
    ASAN_UNPOISON_MEMORY_REGION(block->room, n);
    return block->room;
}

static char *alloc_aligned(struct arena *a, size_t n, size_t alignment)
{
    size_t padding = (size_t) - (uintptr_t)a->at & (alignment - 1);
    size_t left = (size_t)((uintptr_t)a->end - (uintptr_t)a->at);
    if (UNLIKELY(left < padding + GAP_BYTES || n > left - padding - GAP_BYTES || a->at == NULL)) {
        return alloc_in_new_block(a, n);
    }
    char *p = a->at + padding;
    a->at = p + n + GAP_BYTES;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    return alloc_aligned(a, n, _Alignof(max_align_t));
}

void *arena_zalloc(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

void *arena_zalloc_array(struct arena *a, size_t element_bytes, size_t count)
{
    size_t n;
    bool overflows = __builtin_mul_overflow(element_bytes, count, &n);
    ASSERT(!overflows);
    return arena_zalloc(a, n);
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    return arena_concat(a, s, slice_none());
}

struct slice arena_concat(struct arena *a, struct slice first, struct slice second)
{
    const struct slice parts[] = {first, second};
    return arena_join(a, parts, ARRAY_LEN(parts));
}

struct slice arena_join(struct arena *a, const struct slice *parts, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        ASSERT(parts[i].n < SIZE_MAX - bytes);
        bytes += parts[i].n;
    }
    char *p = alloc_aligned(a, bytes + 1, 1);
    char *at = p;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n > 0) {
            memcpy(at, parts[i].p, parts[i].n);
            at += parts[i].n;
        }
    }
    *at = '\0';
    return slice_make(p, bytes);
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char text[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    ASSERT(n >= 0);
    struct slice s;
    if ((size_t)n < sizeof(text)) {
        s = arena_dup(a, slice_make(text, (size_t)n));
    } else {
        char *p = alloc_aligned(a, (size_t)n + 1, 1);
        vsnprintf(p, (size_t)n + 1, fmt, again);
        s = slice_make(p, (size_t)n);
    }
    va_end(again);
    return s;
}
