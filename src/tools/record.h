/* One item of a pool, looked at without leaving a trace in what the proxies do: a lease that the
 * look wins is given back. */
#pragma once

#include "cache/store.h"
#include "tools/tool.h"

enum record_state {
    RECORD_NONE,       /* not there */
    RECORD_UNANSWERED, /* the server did not answer */
    RECORD_STUB,       /* empty: a proxy holds the lease, and fetches */
    RECORD_INVALID,    /* not a stored response of this key: `invalid` */
    RECORD_FOUND,
};

#define RECORD_UNKNOWN (-2)
struct record {
    enum record_state state;
    struct cache_key key;
    struct mc_key mc_key;
    size_t server;       /* of the pool */
    size_t second;       /* that has the second copy; the same where there is none */
    bool from_second;    /* the value was there alone */
    struct entry *entry; /* RECORD_FOUND: one reference */
    enum stored_check invalid;
    struct mc_item item; /* version, lease flags */
    /* what memcached says of the item; RECORD_UNKNOWN where it cannot tell */
    int64_t ttl_s; /* -1: for ever */
    int64_t idle_s;
    int64_t item_bytes; /* with the server's overhead */
};

/* `key` must live as long as the record. */
void record_look(struct tool *, struct mc_pool *, struct slice prefix, const struct cache_key *key,
                 struct record *);
void record_fini(struct record *);
/* The number of a counter that proxies share (proxy_cache_min_uses); 0: there is none. */
uint64_t record_count(struct tool *, struct mc_pool *, struct slice prefix,
                      const struct cache_key *);
/* What is there: `response`, `nothing is stored`. */
const char *record_text(const struct record *);
/* The memcached key of a cache key. False: the crypto library has no SHA-256. */
NODISCARD bool record_key(struct slice prefix, const struct cache_key *, struct mc_key *);
