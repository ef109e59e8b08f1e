/* Counted bytes. */
#include "base/blob.h"

#include "base/assert.h"

#include <stdlib.h>

struct blob *blob_new(size_t cap)
{
    if (cap > SIZE_MAX - sizeof(struct blob)) {
        return NULL;
    }
    struct blob *b = malloc(sizeof(*b) + cap);
    if (b == NULL) {
        return NULL;
    }
    atomic_init(&b->refs, 1);
    b->cap = cap;
    b->len = 0;
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    /* Who adds a reference holds one, so nothing has to be ordered before it. */
    unsigned refs = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    ASSERT(refs > 0);
    return b;
}

void blob_unref(struct blob **b)
{
    struct blob *gone = *b;
    *b = NULL;
    if (gone == NULL) {
        return;
    }
    /* Release: our reads come before the free. Acquire: so do those of all others. */
    unsigned refs = atomic_fetch_sub_explicit(&gone->refs, 1, memory_order_acq_rel);
    ASSERT(refs > 0);
    if (refs == 1) {
        free(gone);
    }
}
