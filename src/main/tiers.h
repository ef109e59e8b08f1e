/* The memory tiers of the process, and what it knows of purges, by the name of their cache. A tier
 * lives across reloads for as long as some configuration in use names it. All calls are safe from
 * any thread. */
#pragma once

#include "base/list.h"
#include "cache/purge.h"
#include "store/memory.h"

#include <pthread.h>

struct tier {
    struct list node;
    unsigned refs; /* under the lock of the tiers */
    struct memory_tier *memory;
    struct purge_book *purges;
    _Atomic uint64_t pool_invalid; /* values of its memcached pool that failed the check */
    struct slice name;
    char name_text[];
};

struct tiers {
    pthread_mutex_t lock;
    struct list all;
    uint64_t seed; /* that cache keys are hashed with */
};

void tiers_init(struct tiers *, uint64_t seed);
/* All references are gone. */
void tiers_fini(struct tiers *);
/* One reference; a tier that is not there yet gets `bytes`, one that is keeps its size until
 * tiers_resize. `pooled`: its cache has a pool, whose log of purges counts. */
struct tier *tiers_ref(struct tiers *, struct slice name, size_t bytes, bool pooled);
void tiers_unref(struct tiers *, struct tier **);
void tiers_resize(struct tiers *, struct slice name, size_t bytes);

typedef void tier_fn(void *arg, const struct tier *);
/* The tiers must not be used in `fn`. */
void tiers_each(struct tiers *, tier_fn *, void *arg);
