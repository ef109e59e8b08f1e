/* A pool of memcached servers as one worker sees it: keys find their server, lookups of one loop
 * turn leave in one write, and whatever goes wrong with a server is a miss. One per worker and
 * `memcached_pools` entry; belongs to the loop's thread, only the counters and states may be read
 * from elsewhere. */
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

struct mc_pool;
struct mc_server;

enum mc_result {
    MC_HIT,     /* `get->blob` holds the value */
    MC_MISS,    /* the server answered: not there */
    MC_FAILED,  /* nobody answered in time; for the caller a miss too */
    MC_PENDING, /* will call back */
};

struct mc_get;
/* Called exactly once after MC_PENDING, never before mc_pool_get has returned, never after
 * mc_get_cancel; never with MC_PENDING. */
typedef void mc_get_fn(struct mc_get *, enum mc_result);

/* One lookup; embedded in its user and alive until it has called back or was cancelled. */
struct mc_get {
    struct mc_key key;
    struct mc_ask ask;   /* zero: the value alone */
    struct mc_item item; /* on MC_HIT and MC_MISS: what was asked for */
    bool doubtful;       /* taken, but who has won it may not know: replies were lost lately */
    struct blob *blob;   /* on MC_HIT: one reference for the callback's owner */
    mc_get_fn *fn;
    void *owner;
    struct mc_server *server; /* private, while pending: NULL else */
    uint64_t seq;             /* private: its place among the server's commands; 0 while it waits */
    mono_ms deadline;         /* private */
    struct list link;         /* private: while waiting for the connection */
};

/* Starts connecting at once. `resolver` may be NULL where all servers are literals or unix sockets.
 * Keeps `conf`, `resolver` and `log` until mc_pool_free. NULL: the crypto library lacks a digest.
 */
NODISCARD struct mc_pool *mc_pool_new(struct loop *, struct resolver *, struct log *,
                                      const struct mc_conf *);
/* Every lookup must have called back or been cancelled. Stores still queued are lost. */
void mc_pool_free(struct mc_pool **);

/* Asks the key's server; `get` has its key, fn and owner set. MC_FAILED at once where the server is
 * out of use or too much is pending, else MC_PENDING. */
NODISCARD enum mc_result mc_pool_get(struct mc_pool *, struct mc_get *);
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
/* The same, only where nothing is. */
bool mc_pool_add(struct mc_pool *, const struct mc_key *, struct blob *value, uint32_t flags,
                 int64_t ttl_s);
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
/* Gives an item `ttl_s` seconds to live from now on, where the server has the meta protocol. */
void mc_pool_touch(struct mc_pool *, const struct mc_key *, uint32_t ttl_s);
/* Removes only the item of version `cas`; with `mark` it stays, stale, and one of those who look
 * with a lease wins it. Does nothing where the server has no versions. */
void mc_pool_del_version(struct mc_pool *, const struct mc_key *, uint64_t cas, bool mark);

/* For status pages, from any thread while the pool lives. */
enum mc_server_state {
    MC_SERVER_DOWN,       /* not connected, the next attempt is due later */
    MC_SERVER_CONNECTING, /* name lookup, connect or probe under way */
    MC_SERVER_UP,
};
const char *mc_server_state_text(enum mc_server_state);
size_t mc_pool_servers(const struct mc_pool *);
struct slice mc_pool_server_name(const struct mc_pool *, size_t server);
enum mc_server_state mc_pool_server_state(const struct mc_pool *, size_t server);
const struct mc_counters *mc_pool_server_counters(const struct mc_pool *, size_t server);
/* The server that has the key. */
size_t mc_pool_server_of(struct mc_pool *, const struct mc_key *);
/* What is known of the connection, from the loop's thread. */
struct mc_server_facts {
    struct slice address; /* in use or tried last, into `address_text`; empty: none is known */
    const char *protocol; /* "meta", "classic"; NULL: not connected yet */
    struct slice version; /* of the server; empty: not known */
    const char *trouble;  /* why it went down last; NULL: it has not */
    char address_text[ADDRESS_TEXT_MAX];
};
void mc_pool_server_facts(const struct mc_pool *, size_t server, struct mc_server_facts *);
/* Adds the counters of all servers to `sums` (MC_COUNTER_N numbers). */
void mc_pool_sum(const struct mc_pool *, uint64_t *sums);
