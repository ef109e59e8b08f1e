/* Each variant is a length (32 bits, little endian) and so many bytes. */
#include "cache/variants.h"

#include "base/le.h"

#define LENGTH_BYTES 4

bool variants_next(struct slice *rest, struct slice *values)
{
    if (rest->n < LENGTH_BYTES)
        return false;
    const char *length = rest->p;
    struct slice behind = slice_skip(*rest, LENGTH_BYTES);
    uint32_t n = le_take_u32(&length);
    if (n > behind.n)
        return false;
    *values = slice_take(behind, n);
    *rest = slice_skip(behind, n);
    return true;
}

bool variants_have(struct slice list, struct slice values)
{
    struct slice one;
    while (variants_next(&list, &one)) {
        if (slice_eq(one, values))
            return true;
    }
    return false;
}

size_t variants_count(struct slice list)
{
    struct slice one;
    size_t n = 0;
    while (variants_next(&list, &one))
        n++;
    return n;
}

bool variants_have_room(struct slice list, struct slice values, size_t most)
{
    return variants_count(list) < most && list.n + LENGTH_BYTES + values.n <= VARIANTS_BYTES_MAX;
}

static char *put(char *at, struct slice values)
{
    le_put_u32(&at, (uint32_t)values.n);
    if (values.n > 0)
        memcpy(at, values.p, values.n);
    return at + values.n;
}

struct slice variants_with(struct slice list, struct slice values, struct arena *arena)
{
    char *p = arena_alloc(arena, LENGTH_BYTES + values.n + list.n);
    char *at = put(p, values);
    if (list.n > 0)
        memcpy(at, list.p, list.n);
    return slice_make(p, (size_t)(at - p) + list.n);
}

struct slice variants_without(struct slice list, struct slice values, struct arena *arena)
{
    char *p = arena_alloc(arena, list.n);
    char *at = p;
    struct slice one;
    while (variants_next(&list, &one)) {
        if (!slice_eq(one, values))
            at = put(at, one);
    }
    return slice_make(p, (size_t)(at - p));
}
