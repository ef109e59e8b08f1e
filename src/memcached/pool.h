/* A pool of memcached servers as one worker sees it: keys find their server, lookups of one loop
 * turn leave in one write, and whatever goes wrong with a server is a miss. One per worker and
 * `memcached_pools` entry; belongs to the loop's thread, only the counters and states may be read
 * from elsewhere.
 *
 * A key's value may be in more places than its server: with `replicas` 2 at a second server
 * (copies.h), after a change of the servers where it was before (mc_pool_follow). A lookup asks for
 * versions and leases at the first place alone; the others are only read, where the first one had
 * nothing or did not answer (lookup.h). */
#pragma once

#include "base/attr.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "memcached/codec.h"
#include "memcached/conf.h"
#include "memcached/counters.h"
#include "memcached/key.h"
#include "net/loop.h"
#include "net/resolver.h"

#include <pthread.h>

struct mc_pool;
struct mc_server;

enum mc_result {
    MC_HIT,     /* `get->blob` holds the value */
    MC_MISS,    /* the server answered: not there */
    MC_FAILED,  /* nobody answered in time; for the caller a miss too */
    MC_PENDING, /* will call back */
};

/* Why a lookup has failed, and bits of mc_get.next. */
enum mc_failure {
    MC_FAILURE_NONE = 0,
    MC_FAILURE_ERROR = 1,   /* no connection, or it was lost */
    MC_FAILURE_TIMEOUT = 2, /* no answer in time */
    MC_FAILURE_INVALID = 4, /* SERVER_ERROR, or what no memcached says */
};
#define MC_NEXT_NOT_FOUND 8u /* a bit of mc_get.next: a miss */

/* The places where a key's value may be, in the order in which they are asked. */
enum mc_place {
    MC_PLACE_FIRST,  /* the key's server */
    MC_PLACE_SECOND, /* its neighbour on the ring, with `replicas` 2 */
    MC_PLACE_OLD,    /* the key's server before the pool's servers changed */
};

struct mc_get;
/* Called exactly once after MC_PENDING, never before mc_pool_get has returned, never after
 * mc_get_cancel; never with MC_PENDING. */
typedef void mc_get_fn(struct mc_get *, enum mc_result);

/* One lookup; embedded in its user and alive until it has called back or was cancelled. */
struct mc_get {
    struct mc_key key;
    uint32_t nth;        /* 0: the key's server is asked; else only the nth that follows it */
    struct mc_ask ask;   /* zero: the value alone; not kept */
    uint8_t next;        /* answers of the first server after which the second is asked: bits of
                            mc_failure, MC_NEXT_NOT_FOUND */
    bool keep;           /* a value found elsewhere is stored at the key's first place */
    bool doubtful;       /* taken, but who has won it may not know: replies were lost lately */
    uint8_t failure;     /* on MC_FAILED: enum mc_failure, of the first server */
    uint8_t place;       /* on MC_HIT: enum mc_place, where the value was */
    struct mc_item item; /* on MC_HIT and MC_MISS: what was asked for; of other places than the
                            first nothing but flags and ttl_s */
    struct blob *blob;   /* on MC_HIT: one reference for the callback's owner */
    mc_get_fn *fn;
    void *owner;
    bool more;                 /* private: there are other places to ask */
    enum mc_result first;      /* private: what the first place answered */
    struct mc_item first_item; /* private: the same */
    struct mc_pool *pool;      /* private */
    struct mc_server *server;  /* private, while pending: NULL else */
    uint64_t seq;     /* private: its place among the server's commands; 0 while it waits */
    mono_ms deadline; /* private */
    struct list link; /* private: while waiting for the connection */
};

/* Starts connecting at once. `resolver` may be NULL where all servers are literals or unix sockets.
 * Keeps `conf`, `resolver` and `log` until mc_pool_free. NULL: the crypto library lacks a digest.
 */
NODISCARD struct mc_pool *mc_pool_new(struct loop *, struct resolver *, struct log *,
                                      const struct mc_conf *);
/* Others may read the pool's servers while they hold the lock: they may change where the
 * configuration has services. Before any other thread knows the pool. */
void mc_pool_guard(struct mc_pool *, pthread_mutex_t *);
/* Every lookup must have called back or been cancelled. Stores still queued are lost. */
void mc_pool_free(struct mc_pool **);

/* Asks the key's server, or its `nth` one (less than mc_pool_servers); `get` has its key, fn and
 * owner set. MC_FAILED at once where the server is out of use or too much is pending, else
 * MC_PENDING. */
NODISCARD enum mc_result mc_pool_get(struct mc_pool *, struct mc_get *);
/* The same, of no other place than the key's first, which it is written to alone by
 * mc_pool_set_first. */
NODISCARD enum mc_result mc_pool_get_first(struct mc_pool *, struct mc_get *);
/* The callback will not come. Does nothing where it is not pending. */
void mc_get_cancel(struct mc_get *);
/* Stores `value` (not empty) with the item flags for `ttl_s` seconds (at least 1). Takes its own
 * reference until the bytes are written. False: it could not be sent. Nothing else comes back: what
 * is refused is counted. */
bool mc_pool_set(struct mc_pool *, const struct mc_key *, struct blob *value, uint32_t flags,
                 int64_t ttl_s);
/* The same, only in place of the item of version `cas` (0: of any). */
bool mc_pool_set_over(struct mc_pool *, const struct mc_key *, struct blob *value, uint32_t flags,
                      int64_t ttl_s, uint64_t cas);
/* The same, at the key's first place alone. */
bool mc_pool_set_first(struct mc_pool *, const struct mc_key *, struct blob *value, uint32_t flags,
                       int64_t ttl_s, uint64_t cas);
/* The same, only where nothing is. */
bool mc_pool_add(struct mc_pool *, const struct mc_key *, struct blob *value, uint32_t flags,
                 int64_t ttl_s);
/* What an item costs a server beside its key and value, generously: header, CAS, flags,
 * terminators. */
#define MC_ITEM_OVERHEAD_BYTES 72
/* The longest item that every server of the pool takes, as far as they have told: never more than
 * conf's `item_max_bytes`, which stands for those that have not. */
size_t mc_pool_item_max_bytes(const struct mc_pool *);
/* Is any server connected? */
bool mc_pool_is_up(const struct mc_pool *);

void mc_pool_del(struct mc_pool *, const struct mc_key *);
/* A command of a tool to one server, answered by text: `stats`, `me KEY`, `delete KEY`. */
struct mc_text {
    struct mc_get get; /* with fn and owner; MC_HIT: answered, whatever the answer is */
    struct slice line; /* at most MC_COMMAND_MAX bytes with the CRLF that it has not; borrowed */
    struct buf reply;  /* its lines with CRLF; by buf_init, whose bound is that of the answer */
};
#define MC_TEXT_MAX (256 * 1024) /* bytes of an answer: longer ones end the connection */
/* Lines that begin with STAT are followed by others, any other line ends the answer. Not while
 * stores are on their way to that server. As mc_pool_get. */
NODISCARD enum mc_result mc_pool_ask(struct mc_pool *, size_t server, struct mc_text *);
/* Gives an item `ttl_s` seconds (as of mc_exptime) to live from now on, where the server has the
 * meta protocol. */
void mc_pool_touch(struct mc_pool *, const struct mc_key *, uint32_t ttl_s);
/* Removes only the item of version `cas`; with `mark` it stays, stale, and one of those who look
 * with a lease wins it. Does nothing where the server has no versions. */
void mc_pool_del_version(struct mc_pool *, const struct mc_key *, uint64_t cas, bool mark);

/* For what the pool's own servers don't have, lookups ask `old` too: the pool as it was before its
 * servers changed, of the same loop. What a store or a delete changes is deleted there. `old` must
 * live until mc_pool_unfollow has returned true or the pool is freed, and follows nobody any more.
 */
void mc_pool_follow(struct mc_pool *, struct mc_pool *old);
/* From now on the old places are not asked. False: lookups are still under way there, to be tried
 * again after read_timeout_ms. True too where the pool follows none. */
NODISCARD bool mc_pool_unfollow(struct mc_pool *);

/* For status pages, from any thread while the pool lives. */
enum mc_server_state {
    MC_SERVER_DOWN,       /* not connected, the next attempt is due later */
    MC_SERVER_CONNECTING, /* name lookup, connect or probe under way */
    MC_SERVER_UP,
};
const char *mc_server_state_text(enum mc_server_state);
size_t mc_pool_servers(const struct mc_pool *);
struct slice mc_pool_server_name(const struct mc_pool *, size_t server);
/* The one that a lookup is sent to. */
struct slice mc_pool_name_of(struct mc_pool *, const struct mc_key *, uint32_t nth);
enum mc_server_state mc_pool_server_state(const struct mc_pool *, size_t server);
const struct mc_counters *mc_pool_server_counters(const struct mc_pool *, size_t server);
/* Are its servers those that the answers to its services' names have given? Turn the loop until
 * then: the resolver's timeout ends it. */
bool mc_pool_is_settled(const struct mc_pool *);
/* The server that has the key. */
size_t mc_pool_server_of(struct mc_pool *, const struct mc_key *);
/* The one that has its second copy. False: there are none. */
NODISCARD bool mc_pool_second_of(struct mc_pool *, const struct mc_key *, size_t *server);
/* What is known of the connection, from the loop's thread. */
struct mc_server_facts {
    struct slice address; /* in use or tried last, into `address_text`; empty: none is known */
    const char *protocol; /* "meta", "classic"; NULL: not connected yet */
    struct slice version; /* of the server; empty: not known */
    const char *trouble;  /* why it went down last, the pool's; NULL: it has not */
    char address_text[ADDRESS_TEXT_MAX];
};
void mc_pool_server_facts(const struct mc_pool *, size_t server, struct mc_server_facts *);
/* Adds the counters of all servers to `sums` (MC_COUNTER_N numbers). */
void mc_pool_sum(const struct mc_pool *, uint64_t *sums);
