/* Raw values: content alone, under keys that people choose, as apps and nginx's memcached module
 * write and read them. The interface that store/raw.c implements and the proxy uses: one instance
 * per worker and pool. An answer that is there at once is a return value, only RAW_PENDING calls
 * back. Stored responses (cache/store.h) never stand under such a key. */
#pragma once

#include "base/attr.h"
#include "base/blob.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum raw_result {
    RAW_HIT,
    RAW_MISS,    /* not there, or no server can have such a key */
    RAW_ERROR,   /* no server could be asked, or the connection ended */
    RAW_TIMEOUT, /* no answer in time */
    RAW_INVALID, /* an error, or nothing that a memcached would say */
    RAW_PENDING, /* will call back */
};

struct raw_get;
/* Called exactly once after RAW_PENDING, never before raw_get has returned, never after raw_cancel;
 * never with RAW_PENDING. */
typedef void raw_get_fn(struct raw_get *, enum raw_result);

/* One lookup; embedded in its user and alive until it has called back or was cancelled. */
struct raw_get {
    struct slice key;    /* as people write it; escaped by the store */
    uint32_t nth;        /* 0: the key's server is asked, 1: the next one of the pool … */
    struct slice server; /* which one that is, by its configured name; empty: none has such a key */
    uint32_t flags;      /* on a hit: what its writer said of the value */
    struct blob *blob;   /* on a hit: the value, which may be empty; one reference for the caller */
    raw_get_fn *fn;
    void *owner;
    void *space; /* raw_store.get_bytes bytes for the store, from the caller */
};

struct raw_store;
struct raw_store_ops {
    enum raw_result (*get)(struct raw_store *, struct raw_get *);
    void (*cancel)(struct raw_store *, struct raw_get *);
    bool (*set)(struct raw_store *, struct slice key, struct blob *, uint32_t flags, int64_t ttl_s);
    void (*del)(struct raw_store *, struct slice key);
    void (*free)(struct raw_store *);
};
struct raw_store {
    const struct raw_store_ops *ops;
    size_t get_bytes;   /* of raw_get.space */
    uint32_t servers_n; /* raw_get.nth is less */
};

NODISCARD static inline enum raw_result raw_get(struct raw_store *s, struct raw_get *g)
{
    return s->ops->get(s, g);
}
/* Of a lookup that is pending. */
static inline void raw_cancel(struct raw_store *s, struct raw_get *g)
{
    s->ops->cancel(s, g);
}
/* Keeps the value (not empty) for `ttl_s` seconds, at least 1; takes its own reference. Never
 * delays. False: not sent. */
static inline bool raw_set(struct raw_store *s, struct slice key, struct blob *value,
                           uint32_t flags, int64_t ttl_s)
{
    return s->ops->set(s, key, value, flags, ttl_s);
}
static inline void raw_del(struct raw_store *s, struct slice key)
{
    s->ops->del(s, key);
}
