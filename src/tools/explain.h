/* The parts of `mcproxy explain`: how the request is routed (explain_route.c), what is stored of it
 * (explain_stored.c), what a running proxy and the origin answer (explain_ask.c, explain_fetch.c).
 * Each says what it finds. */
#pragma once

#include "tools/walk.h"
#include "tools/words.h"

struct explain {
    struct tool *tool;
    struct walk walk;
    const char *verdict; /* nginx's word, REPLY or PASS */
    const char *detail;  /* the word of Cache-Status; NULL: none */
    const char *change;  /* what would change it; NULL: nothing to say */
};

/* One sentence about `what`. */
void explain_say(struct explain *, const char *what, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* `means` of the word, with its `change`. */
void explain_reason(struct explain *, const char *what, const char *detail);

/* Listener to location, and whether the cache has a part in it: sets verdict and change where that
 * decides. */
void explain_route(struct explain *);
/* Key, pool, variant, freshness; sets verdict. Only where walk.cache is set. */
void explain_stored(struct explain *);
/* Asks the proxy that runs on this machine, which asks no origin. */
void explain_ask(struct explain *);
/* Asks the origin once. False: it did not answer. */
NODISCARD bool explain_fetch(struct explain *);
/* Age and lifetime of a response that was or would be stored. */
void explain_lifetime(struct explain *, const struct response_head *, const struct stored_meta *);
