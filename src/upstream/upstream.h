/* Groups of origins as a worker sees them: their peers, which one is next, and the idle connections
 * kept to them. Health (failures, marked down until) is shared by all workers of the process and
 * survives a reload by group and peer name. */
#pragma once

#include "base/log.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "upstream/upstream_conf.h"

#include <stdatomic.h>

/* Health of all peers of the process: created once, lives across reloads, safe from any thread. */
struct upstream_health;
struct upstream_health *upstream_health_new(void);
void upstream_health_free(struct upstream_health **);

struct peer;     /* one address; counted inside by the exchanges that use it */
struct upstream; /* of one worker */

/* Looks names up (first addresses from `first` lookups that block at most `timeout_ms` in total are
 * done by upstream_first_lookup before workers run), and keeps them fresh by TTL while it lives.
 * Borrows `conf` for its life. */
struct upstream *upstream_new(const struct upstream_conf *, struct upstream_health *, struct loop *,
                              struct resolver *, struct log *);
/* Closes idle connections; exchanges under way keep what they use. */
void upstream_free(struct upstream **);
/* Blocking, at start and at reload, from the control thread: fills the addresses of names into
 * `health`, so that a worker's upstream_new has them at once. Names that fail are logged and tried
 * again by the workers in the background. */
void upstream_first_lookup(const struct upstream_conf *, struct upstream_health *,
                           const char *resolvers, int64_t timeout_ms, struct log *);

/* The peers that one request has tried. */
struct pick_state {
    uint64_t tried[4]; /* bit set by peer index */
    uint32_t tries;
};
/* Gives a reference, to be given to exchange_start or to peer_release.
 * Smooth weighted round robin over primaries that are up, not tried and below max_conns; then over
 * backups. When all are marked down they are all given one more chance (nginx). NULL: none left.
 * The peer stays valid until peer_release. */
struct peer *upstream_pick(struct upstream *, struct pick_state *, mono_ms now);
void peer_release(struct peer **);
/* Outcome of one try, for max_fails/fail_timeout. */
void peer_succeeded(struct peer *);
void peer_failed(struct peer *, mono_ms now);
/* `10.0.0.1:3000`, for $upstream_addr. Borrowed. */
struct slice peer_name(const struct peer *);
size_t upstream_peer_count(const struct upstream *);

/* What this worker did with the upstream, since upstream_new: written by the worker alone, to be
 * read (relaxed) from any thread while the upstream lives. */
struct upstream_counters {
    _Atomic uint64_t connects; /* connections opened */
    _Atomic uint64_t reused;   /* exchanges begun on an idle connection */
    _Atomic uint64_t errors;   /* exchanges that failed; idle connections that turned out closed are
                                  not among them */
    _Atomic uint64_t timeouts; /* those of them that ran into a timeout */
    _Atomic uint64_t stale;    /* idle connections that turned out closed when they were used */
    _Atomic uint64_t bytes_sent;
    _Atomic uint64_t bytes_received;
};
/* Borrowed for as long as the upstream. */
const struct upstream_counters *upstream_counters(const struct upstream *);

/* For the status page: calls back once a peer in use. The slices are borrowed for the call, which
 * must not come back here. */
typedef void upstream_peer_fn(void *arg, struct slice upstream, struct slice peer, bool down,
                              uint32_t fails, uint32_t active);
void upstream_health_each(struct upstream_health *, upstream_peer_fn *, void *arg);
