/* The word that resembles a misspelt one most. Pure. */
#pragma once

#include "base/slice.h"

/* The best of the words that are offered one by one. */
struct nearest {
    struct slice name; /* the misspelt one */
    struct slice best; /* empty: none resembles it */
    size_t best_distance;
};
struct nearest nearest_to(struct slice name);
/* Borrows `candidate` for as long as `best` is used. */
void nearest_offer(struct nearest *, struct slice candidate);
