/* The content of a stored response, which lies in its record or in chunks beside it. */
#pragma once

#include "tools/record.h"

/* What is in the pool of a response's chunks. */
struct content_chunks {
    uint64_t n;       /* that there are to be */
    uint64_t present; /* whole and intact */
};
struct content_chunks content_look(struct tool *, struct mc_pool *, struct slice prefix,
                                   const struct record *);
/* Writes all of it. False: a chunk is missing, or it cannot be written. */
NODISCARD bool content_write(struct tool *, struct mc_pool *, struct slice prefix,
                             const struct record *, FILE *);
