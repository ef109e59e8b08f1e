/* Where stored responses are kept: the interface that the memory tier and the memcached pool
 * implement (src/store) and the proxy uses. One instance per worker and cache; implementations may
 * share state behind it. An answer that is there at once is a return value, only STORE_PENDING
 * calls back. */
#pragma once

#include "base/list.h"
#include "cache/key.h"
#include "cache/stored.h"

#include <stdatomic.h>

/* A stored response in memory, counted: immutable, shared by threads and tiers. */
struct entry {
    atomic_uint refs;
    struct blob *blob;       /* one reference */
    struct stored_view view; /* into the blob, verified */
};
/* Verifies `blob` (stored_parse; `key` may have p NULL) and takes the reference in either case.
 * NULL: not valid, `*why` says it. */
struct entry *entry_new(struct blob *, struct slice key, enum stored_check *why);
struct entry *entry_ref(struct entry *);
void entry_unref(struct entry **);

enum store_result { STORE_HIT, STORE_MISS, STORE_PENDING };
/* Where a hit came from, for logs and counters. */
enum store_tier { TIER_NONE, TIER_MEMORY, TIER_POOL };

struct store_get;
/* Called exactly once after STORE_PENDING, never before store_get has returned, never after
 * store_cancel. `result` is STORE_HIT or STORE_MISS and `get->entry` is set on a hit. */
typedef void store_get_fn(struct store_get *, enum store_result);

/* One lookup; embedded in its user and alive until it has called back or was cancelled. */
struct store_get {
    struct cache_key key; /* bytes must live as long as the lookup */
    struct entry *entry;  /* on a hit: one reference for the caller */
    enum store_tier tier; /* where the hit was */
    store_get_fn *fn;
    void *owner;
    void *pending;    /* private to the store while STORE_PENDING */
    struct list link; /* private to the store */
};

struct store;
struct store_ops {
    /* Looks into the memory tier only: never pending. */
    enum store_result (*peek)(struct store *, struct store_get *);
    /* Looks everywhere. */
    enum store_result (*get)(struct store *, struct store_get *);
    void (*cancel)(struct store *, struct store_get *);
    /* Keeps `entry` for at most `ttl_s`; takes its own reference. Never delays, never fails
     * visibly: what cannot be kept is counted. */
    void (*put)(struct store *, struct entry *, int64_t ttl_s);
    /* Forgets the key, in every tier. */
    void (*del)(struct store *, const struct cache_key *);
    void (*free)(struct store *);
};
struct store {
    const struct store_ops *ops;
};

static inline enum store_result store_peek(struct store *s, struct store_get *g)
{
    return s->ops->peek(s, g);
}
static inline enum store_result store_get(struct store *s, struct store_get *g)
{
    return s->ops->get(s, g);
}
static inline void store_cancel(struct store *s, struct store_get *g)
{
    s->ops->cancel(s, g);
}
static inline void store_put(struct store *s, struct entry *e, int64_t ttl_s)
{
    s->ops->put(s, e, ttl_s);
}
static inline void store_del(struct store *s, const struct cache_key *k)
{
    s->ops->del(s, k);
}
