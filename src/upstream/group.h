/* What an upstream and a peer are made of. Private to upstream/. */
#pragma once

#include "base/arena.h"
#include "base/blob.h"
#include "upstream/health.h"
#include "upstream/upstream.h"

#define UPSTREAM_PEERS_MAX  256 /* bits in struct pick_state */
#define UPSTREAM_SPARES_MAX 8   /* blobs kept for the next exchange */

/* One address behind a server line, as one worker sees it. Counted: by its upstream's list while it
 * is there, by who has picked it, by exchanges and connections. All of it but `health` belongs to
 * the worker. */
struct peer {
    struct upstream *upstream; /* a reference */
    struct list node;          /* in upstream.peers; linked to itself once removed */
    uint32_t refs;
    const struct peer_conf *conf; /* only to be used while in the list */
    struct peer_health *health;
    struct address address;
    struct slice name;
    char name_text[ADDRESS_TEXT_MAX];
    uint8_t index; /* in struct pick_state */
    bool backup;
    bool down; /* configured */
    uint32_t max_conns;
    /* Smooth weighted round robin, as nginx has it. */
    int64_t weight;
    int64_t current_weight;
    int64_t effective_weight; /* falls with failures, grows back with each turn */
    uint32_t under_way;       /* picked and not ended, of this worker */
    struct list idle;         /* of struct origin, latest last */
};

/* A server line with a name: its addresses are looked up again and again. */
struct server_name {
    struct upstream *upstream; /* borrowed: it ends before */
    const struct peer_conf *conf;
    struct resolver_query *query; /* NULL: none is under way */
    struct timer again;
    int64_t retry_ms; /* wait after the next failure; 0: the last lookup was good */
};

struct upstream {
    uint32_t refs; /* the owner's, peers', exchanges' */
    bool closed;   /* the owner has let go: `conf`, `resolver` and `log` are not used any more */
    const struct upstream_conf *conf;
    struct upstream_health *health;
    struct loop *loop;
    struct resolver *resolver;
    struct log *log;
    struct list peers; /* of struct peer, those of one server line side by side */
    size_t peers_n;
    uint8_t next_index;
    struct server_name *names;
    size_t names_n;
    struct list idle; /* of struct origin, longest idle first */
    uint32_t idle_n;
    struct upstream_counters counters;
    struct blob *spares[UPSTREAM_SPARES_MAX];
    size_t spares_n;
};

struct upstream *upstream_ref(struct upstream *);
void upstream_unref(struct upstream **);
static inline void upstream_count(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, v + n, memory_order_relaxed);
}
/* A blob of `cap` bytes, out of the spares where one fits. NULL: no memory. */
struct blob *upstream_blob(struct upstream *, size_t cap);
/* Gives up the reference; the blob becomes a spare when nobody else holds it. */
void upstream_blob_return(struct upstream *, struct blob **);

/* -- peers (peer.c) -- */

/* Adds a peer behind `after` (a node of the list of peers). False: there are too many. */
NODISCARD bool peer_add(struct upstream *, const struct peer_conf *, const struct address *,
                        struct list *after);
/* Takes it off the list and closes its idle connections; it lives until its last user has gone. */
void peer_remove(struct peer *);
static inline bool peer_is_removed(const struct peer *p)
{
    return list_empty(&p->node);
}
/* A reference that does not count as an exchange under way. */
struct peer *peer_ref(struct peer *);
void peer_unref(struct peer **);
/* A reference that does, until peer_ended (which leaves the reference) or peer_release. */
void peer_picked(struct peer *);
void peer_ended(struct peer *);

/* -- names (names.c) -- */

/* Peers for every server line: of literals at once, of names as far as they are known; lookups
 * begin. */
void names_start(struct upstream *);
void names_stop(struct upstream *);
