/* Health of peers and the last good addresses of names: the part of an upstream that all workers
 * share and that outlives a reload. Private to upstream/. */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "net/resolver.h"
#include "upstream/upstream.h"

#include <pthread.h>

/* The mutex guards the tables and the counts of references; what changes with every request is
 * atomic and taken without it. */
struct upstream_health {
    pthread_mutex_t mutex;
    uint64_t seed;
    struct map peers; /* struct peer_health by group, server line and address */
    struct list all;  /* the same, in the order of their making */
    struct map names; /* struct known_name by host and port */
};

/* Of one address behind one server line of one group, for the whole process. The counts follow
 * nginx: `checked` moves when a peer that has failed is given another chance, and a success counts
 * only when it came after such a chance. */
struct peer_health {
    struct map_node node;
    struct list in_all;
    uint32_t refs;        /* peers of workers; under the mutex */
    mono_ms unused_since; /* where refs is 0 */
    _Atomic uint32_t fails;
    _Atomic uint32_t active;    /* exchanges under way, of all workers */
    _Atomic mono_ms failed_at;  /* nginx: accessed */
    _Atomic mono_ms checked_at; /* nginx: checked */
    _Atomic uint32_t max_fails; /* as last configured; 0: never marked down */
    _Atomic int64_t fail_timeout_ms;
    _Atomic bool down; /* configured */
    struct slice group;
    struct slice peer;
    char key[];
};

/* One reference to the row of `peer` (its address as text), made where there is none. What is
 * configured for it is noted. */
struct peer_health *health_acquire(struct upstream_health *, struct slice group,
                                   const struct peer_conf *, struct slice peer, mono_ms now);
/* The row stays for a while, so that a reload finds it again. */
void health_release(struct upstream_health *, struct peer_health **, mono_ms now);

/* Marked down: max_fails reached and fail_timeout not over. */
bool health_is_down(const struct peer_health *, mono_ms now);
/* It was chosen: after fail_timeout this is the one request that tries it again. */
void health_chosen(struct peer_health *, mono_ms now);
/* True: this failure has marked it down. */
bool health_failed(struct peer_health *, mono_ms now);
/* True: it was marked down and no longer is. */
bool health_succeeded(struct peer_health *);
/* Forgets failures. */
void health_forgive(struct peer_health *);

/* -- addresses of names -- */

/* Keeps the answer of a lookup for whoever asks next. */
void health_remember(struct upstream_health *, struct slice host, uint16_t port,
                     const struct address *, size_t count, mono_ms expires);
/* The last good answer, however old; returns the number of addresses, 0 where there is none. `out`
 * has room for RESOLVER_ADDRESSES_MAX. */
size_t health_recall(struct upstream_health *, struct slice host, uint16_t port,
                     struct address *out, mono_ms *expires);
