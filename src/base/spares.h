/* Memory of objects of a few fixed sizes, kept for the next one of its size, so that a steady rate
 * of requests allocates none. One per thread; what one thread took another may give. Under
 * AddressSanitizer nothing is kept, so that it finds what it would find with malloc. */
#pragma once

#include <stddef.h>

#define SPARES_STEP_BYTES 64
#define SPARES_MAX_BYTES  2048 /* of one object */

struct spare;

struct spares {
    struct spare *first[SPARES_MAX_BYTES / SPARES_STEP_BYTES]; /* last given, first taken: warm */
    unsigned kept[SPARES_MAX_BYTES / SPARES_STEP_BYTES];
    unsigned keep_max; /* objects of one size */
};

void spares_init(struct spares *, unsigned keep_max);
void spares_fini(struct spares *);
/* `n` bytes, at most SPARES_MAX_BYTES, not zeroed. Never NULL: memory that cannot be had aborts. */
void *spares_take(struct spares *, size_t n);
void *spares_ztake(struct spares *, size_t n);
/* Takes memory of spares_take; `n` as it was there. */
void spares_give(struct spares *, void *memory, size_t n);
