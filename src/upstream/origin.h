/* One connection to a peer, in an exchange or idle in the pool. Read interest stays on all the
 * time: whatever comes while it is idle, bytes or the end, closes it at once, and a reused
 * connection costs no system call but the write and the read of its exchange. Private to upstream/.
 */
#pragma once

#include "net/stream.h"
#include "upstream/group.h"

struct exchange;

struct origin {
    uint32_t magic;
    uint32_t requests; /* exchanges begun on it */
    struct stream stream;
    struct timer timer;        /* of the exchange: its waits; idle: how long it is kept */
    struct upstream *upstream; /* a reference */
    struct peer *peer;         /* a reference */
    struct exchange *exchange; /* NULL: idle */
    struct list in_upstream;   /* upstream.idle */
    struct list in_peer;       /* peer.idle */
    mono_ms opened_at;
    bool bound; /* to `bind` */
    struct address bind;
};

/* Of an exchange that has just connected; takes `fd`. `bind` may be NULL. */
struct origin *origin_open(struct upstream *, struct peer *, int fd, const struct address *bind,
                           struct exchange *);
/* The idle connection to the peer that was used last, from the same local address; NULL: none. */
struct origin *origin_take(struct peer *, const struct address *bind, struct exchange *);
/* Back to the pool for at most `idle_ms` (the origin's wish; INT64_MAX: none), or closed where it
 * may not be used again or the pool has no place; the longest idle one goes first. */
void origin_keep(struct origin **, int64_t idle_ms);
void origin_close(struct origin **, bool reset);
/* Leaves the descriptor open and gives it. */
int origin_detach(struct origin **);
/* The one that has been idle longest, to get its descriptor back. */
void origin_shed(struct upstream *);
/* Those of one peer. */
void origin_close_idle(struct peer *);
