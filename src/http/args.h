/* Arguments of a query: which of them count, and in which order. Pure. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#include <stdbool.h>

enum args_which {
    ARGS_ALL = 0,
    ARGS_ONLY,   /* those that are named */
    ARGS_EXCEPT, /* those that are not */
};

/* All zero: the query as it is. */
struct args_conf {
    enum args_which which;
    const struct slice *names; /* a `*` at the end stands for any rest */
    size_t names_n;
    bool sort; /* by name; those of one name stay in their order */
};

/* The arguments that count, joined by '&' as the client wrote them; p NULL where there are none.
 * Names are compared decoded, as an origin does. What holds a ';', which some origins take for
 * '&', always counts. */
struct slice args_select(struct slice query, const struct args_conf *, struct arena *);
