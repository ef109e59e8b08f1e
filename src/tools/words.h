/* The reasons of the cache in sentences, and the directives that would change them. */
#pragma once

#include "base/arena.h"
#include "cache/freshness.h"
#include "cache/policy.h"

/* Of a word of Cache-Status' detail: what it means, and what would change it. */
struct reason {
    const char *detail;
    const char *means;
    const char *change; /* a directive, or what the origin would have to say */
};
/* NULL: not a word of ours. */
const struct reason *reason_of(const char *detail);
/* By number; NULL behind the last one. */
const struct reason *reason_row(size_t index);

/* Who said a freshness lifetime: `max-age=60 of Cache-Control`. */
struct slice freshness_source_words(const struct response_head *, const struct cache_control *,
                                    enum freshness_source, struct arena *);
