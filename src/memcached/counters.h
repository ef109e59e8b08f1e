/* What a worker counts about its memcached servers. One thread adds, any thread reads. */
#pragma once

#include "base/slice.h"

#include <stdatomic.h>
#include <stdint.h>

enum mc_counter {
    MC_GETS, /* lookups asked for, answered or not */
    MC_HITS,
    MC_MISSES,      /* answered: not there */
    MC_UNAVAILABLE, /* lookups not sent: server down, breaker open or too much pending */
    MC_TIMEOUTS,    /* lookups that ran into the read timeout */
    MC_ERRORS, /* lookups lost with their connection or answered by SERVER_ERROR; deletes not sent
                */
    MC_SETS,   /* stores sent */
    MC_SET_ERRORS,     /* stores that the server refused */
    MC_SETS_OVERTAKEN, /* refused: the item is no longer the one that was to be replaced */
    MC_SETS_DROPPED,   /* not sent: server down or buffer full */
    MC_SETS_TOO_LONG,  /* not sent: above the item limit */
    MC_SECOND_HITS,    /* of its keys: found at the second server, whose hits they are too */
    MC_OLD_HITS,       /* of its keys: found where they were before the pool's servers changed */
    MC_LEASES,         /* won: misses and expiries that this process fetches for all */
    MC_DELETES,        /* sent */
    MC_BYTES_IN,
    MC_BYTES_OUT,
    MC_READS,    /* system calls */
    MC_WRITES,   /* the same */
    MC_CONNECTS, /* attempts */
    MC_CONNECT_FAILS,
    MC_LOST,        /* connections closed for garbage, timeouts or by the server */
    MC_BAD_REPLIES, /* of these, for a reply that was not the one due */
    MC_BREAKER_OPENS,
    MC_COUNTER_N
};

struct mc_counters {
    _Atomic uint64_t v[MC_COUNTER_N];
};

/* Name for status pages: "gets", "hits" … */
struct slice mc_counter_name(enum mc_counter);

/* Only from the owning thread: a load and a store, no locked instruction. */
static inline void mc_count(struct mc_counters *c, enum mc_counter which, uint64_t add)
{
    uint64_t v = atomic_load_explicit(&c->v[which], memory_order_relaxed);
    atomic_store_explicit(&c->v[which], v + add, memory_order_relaxed);
}
static inline uint64_t mc_counter_read(const struct mc_counters *c, enum mc_counter which)
{
    return atomic_load_explicit(&c->v[which], memory_order_relaxed);
}
