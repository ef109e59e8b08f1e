/* Where stored responses are kept: the interface that the memory tier and the memcached pool
 * implement (src/store) and the proxy uses. One instance per worker and cache; implementations may
 * share state behind it. An answer that is there at once is a return value, only STORE_PENDING
 * calls back. */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "cache/key.h"
#include "cache/stored.h"

#include <stdatomic.h>

#define STORE_ABSENT   UINT64_MAX /* the version of what is not there */
#define ENTRY_UNPOOLED INT64_MAX  /* checked_ms of an entry that no pool has taken */

/* A stored response in memory, counted: immutable, shared by threads and tiers. */
struct entry {
    atomic_uint refs;
    _Atomic uint64_t version;   /* of the pool's item that it was read from; 0: not known */
    _Atomic mono_ms checked_ms; /* when the pool last said that this is still what it has */
    _Atomic uint64_t purge_seq; /* no purge up to this one counts for it (cache/purge.h) */
    _Atomic mono_ms used_ms;    /* of a variant: when it last answered here; 0: not yet */
    struct blob *blob;          /* one reference */
    struct stored_view view;    /* into the blob, verified */
};
/* Verifies `blob` (stored_parse; `key` may have p NULL) and takes the reference in either case.
 * NULL: not valid, `*why` says it. */
struct entry *entry_new(struct blob *, struct slice key, enum stored_check *why);
/* The same response, in memory alone, with another freshness lifetime and window in which it is
 * served stale while one refreshes it. */
struct entry *entry_with_lifetime(const struct entry *, int64_t lifetime_s, int64_t swr_s);
struct entry *entry_ref(struct entry *);
void entry_unref(struct entry **);
/* For what is forgotten first when a URL has too many variants. */
static inline void entry_note_use(struct entry *e, mono_ms now)
{
    if (atomic_load_explicit(&e->used_ms, memory_order_relaxed) != now)
        atomic_store_explicit(&e->used_ms, now, memory_order_relaxed);
}

enum store_result {
    STORE_HIT,
    STORE_MISS,
    STORE_PENDING,
    STORE_WAIT, /* nothing there yet: another process is fetching it */
};
struct purge_book;
/* Where a hit came from, for logs and counters. */
enum store_tier { TIER_NONE, TIER_MEMORY, TIER_POOL };

/* The right to fetch a key, held by one process of all that share the pool. Who holds one gives it
 * to store_put with what came, or to store_release. */
struct store_lease {
    struct slice key; /* bytes must live as long as the lease */
    uint64_t version; /* of the pool's item while nobody else has touched it, or STORE_ABSENT; 0:
                         none is held */
    bool over_value;  /* a stored response is there, to be replaced by a newer one */
};
static inline bool store_lease_held(const struct store_lease *l)
{
    return l->version != 0;
}

/* What a lookup for a fetch wants; all zero: a plain look. */
struct store_want {
    uint32_t lease_s;   /* the right to fetch where there is nothing, or nothing fresh: for so long;
                           0:   no lease */
    uint32_t refresh_s; /* "nothing fresh" is what the pool keeps for less than this */
    struct store_lease lost; /* a version whose fetcher is to be replaced: it died, or nobody has
                                begun yet */
};

/* What lets a lookup in a pool go on to the key's second server, where there is one. */
enum store_next {
    STORE_NEXT_ERROR = 1,
    STORE_NEXT_TIMEOUT = 2,
    STORE_NEXT_INVALID = 4,
    STORE_NEXT_NOT_FOUND = 8,
};

struct store_get;
/* Called exactly once after STORE_PENDING, never before store_get has returned, never after
 * store_cancel. `result` is anything but STORE_PENDING and `get->entry` is set on a hit. */
typedef void store_get_fn(struct store_get *, enum store_result);

/* One lookup; embedded in its user and alive until it has called back or was cancelled. */
struct store_get {
    struct cache_key key; /* bytes must live as long as the lookup */
    struct entry *entry;  /* on a hit: one reference for the caller */
    enum store_tier tier; /* where the hit was */
    uint8_t next;         /* enum store_next */
    bool check : 1;       /* only whether it is still there, and its version */
    bool past_memory : 1; /* what the pool has, whatever memory has */
    bool unchecked : 1;   /* on a hit of store_peek: the pool may have another one by now, and
                             store_get asks it first */
    bool answered : 1;    /* by a server: a miss is one */
    bool stale : 1;       /* on a hit: marked stale, whatever its age */
    bool taken : 1;       /* on a hit: another process fetches a newer one */
    bool doubtful : 1;  /* with `taken` or STORE_WAIT: maybe nobody does, the pool is in trouble */
    bool copy : 1;      /* on a hit: a second copy, which may outlive what it is of for as long as
                           the pool says: not to be kept */
    uint32_t count_add; /* no lookup: adds to the key's counter, which all processes share; a hit */
    uint32_t count_s;   /* of a counter: how long it lives without being added to */
    uint64_t count;     /* on such a hit */
    uint64_t version;   /* of what is there, 0: not known */
    struct store_want want;
    struct store_lease lease; /* on a hit or a miss: held from now on, where it was won */
    store_get_fn *fn;
    void *owner;
    void *pending;    /* private to the store while STORE_PENDING */
    struct list link; /* private to the store */
};

/* One exchange of the log of purges (cache/purge.h) with the pool. `fn` is called exactly once
 * after store_sync has returned true, never before that, never after store_cancel_sync. */
#define STORE_SYNC_SERVERS 2 /* that keep a copy each, where the pool has so many */
struct store_sync;
typedef void store_sync_fn(struct store_sync *);
struct store_sync {
    store_sync_fn *fn;
    void *owner;
    size_t servers;                          /* that keep the log */
    size_t failed_n;                         /* of these: not reached */
    struct slice failed[STORE_SYNC_SERVERS]; /* their names, of the pool's configuration */
    struct list link;                        /* private to the store */
};

/* -- content in chunks, where the store has them: of what is too large for one record, which is a
 * manifest then (cache/stored.h) -- */

/* A chunk of the content of a stored response. */
struct store_chunk {
    struct slice key; /* of the response */
    uint64_t generation;
    uint64_t offset; /* of its first byte in the content */
    uint32_t length;
};
/* The chunk of a manifest that holds the byte at `offset`; its key lies in the view. */
struct store_chunk store_chunk_at(const struct stored_view *, uint64_t offset);

struct store_read;
/* Called exactly once after STORE_PENDING with STORE_HIT or STORE_MISS, never before store_read has
 * returned, never after store_read_cancel. */
typedef void store_read_fn(struct store_read *, enum store_result);

/* One chunk being read; embedded in its user and alive until it has called back or was cancelled.
 */
struct store_read {
    struct store_chunk chunk; /* bytes of the key must live until store_read has returned */
    struct blob *blob;        /* on a hit: one reference for the caller */
    struct slice content;     /* of the chunk, in the blob: verified */
    uint8_t next;             /* enum store_next */
    store_read_fn *fn;
    void *owner;
    void *pending; /* private to the store while STORE_PENDING */
};

enum store_fill_state {
    FILL_ROOM,  /* takes more */
    FILL_FULL,  /* takes what has been read already, but the reader is to stop until called back */
    FILL_WHOLE, /* all of it is in the store: the manifest may be put */
    FILL_LOST,  /* it cannot be stored; takes content and forgets it */
};

/* Content being stored in chunks while it arrives. Few of them are in memory at a time, all others
 * lie in the store. Nobody finds them before their manifest is put. */
struct store_fill {
    const struct store_fill_ops *ops;
    uint64_t generation; /* these two are the manifest's */
    uint32_t chunk_bytes;
    enum store_fill_state state;
    /* The state is no longer FILL_FULL. Never from within a call, never after store_fill_free; may
     * call that. */
    void (*on_change)(struct store_fill *);
    void *owner;
};
struct store_fill_ops {
    void (*append)(struct store_fill *, struct slice content);
    void (*end)(struct store_fill *);
    void (*free)(struct store_fill *);
};

struct store;
struct store_ops {
    /* Looks into the memory tier only: never pending. */
    enum store_result (*peek)(struct store *, struct store_get *);
    /* Looks everywhere. */
    enum store_result (*get)(struct store *, struct store_get *);
    void (*cancel)(struct store *, struct store_get *);
    /* Keeps `entry` for at most `ttl_s`; takes its own reference. Never delays, never fails
     * visibly: what cannot be kept is counted. With a lease (NULL: none) only while it stands: what
     * was purged or overtaken meanwhile stays so. False: kept nowhere. */
    bool (*put)(struct store *, struct entry *, int64_t ttl_s, const struct store_lease *);
    /* Nothing came of the fetch: another process may try. */
    void (*release)(struct store *, const struct store_lease *);
    /* The fetch goes on: for another `lease_s`. */
    void (*renew)(struct store *, const struct store_lease *, uint32_t lease_s);
    /* Brings what this process knows of purges to the pool, and back what others have purged.
     * False: it has ended already, as where there is no pool. */
    bool (*sync)(struct store *, struct store_sync *);
    void (*cancel_sync)(struct store *, struct store_sync *);
    /* Forgets the key, in every tier. */
    void (*del)(struct store *, const struct cache_key *);
    void (*free)(struct store *);

    /* These four are NULL in a store without chunks. */
    enum store_result (*read)(struct store *, struct store_read *);
    void (*read_cancel)(struct store *, struct store_read *);
    /* Puts back a chunk that was lost; `content` is copied. */
    void (*write)(struct store *, const struct store_chunk *, struct slice content, int64_t ttl_s);
    /* Begins to store content of this key, in chunks of this generation (not 0) that are kept for
     * `ttl_s`. NULL: not in chunks, or not now. */
    struct store_fill *(*fill)(struct store *, struct slice key, uint64_t generation,
                               int64_t ttl_s);
};
struct store {
    const struct store_ops *ops;
    struct purge_book
        *purges; /* of its cache, set and owned by whoever made the store; NULL: none */
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
    (void)s->ops->put(s, e, ttl_s, NULL);
}
/* Uses up the lease; one that is not held is none. */
static inline void store_put_leased(struct store *s, struct entry *e, int64_t ttl_s,
                                    struct store_lease *lease)
{
    (void)s->ops->put(s, e, ttl_s, store_lease_held(lease) ? lease : NULL);
    lease->version = 0;
}
/* Does nothing where it is not held. */
static inline void store_release(struct store *s, struct store_lease *lease)
{
    if (store_lease_held(lease))
        s->ops->release(s, lease);
    lease->version = 0;
}
static inline void store_renew(struct store *s, const struct store_lease *lease, uint32_t lease_s)
{
    s->ops->renew(s, lease, lease_s);
}
static inline bool store_sync(struct store *s, struct store_sync *sync)
{
    return s->ops->sync(s, sync);
}
static inline void store_cancel_sync(struct store *s, struct store_sync *sync)
{
    s->ops->cancel_sync(s, sync);
}
static inline void store_del(struct store *s, const struct cache_key *k)
{
    s->ops->del(s, k);
}

static inline enum store_result store_read(struct store *s, struct store_read *r)
{
    return s->ops->read ? s->ops->read(s, r) : STORE_MISS;
}
/* Does nothing where it is not pending. */
static inline void store_read_cancel(struct store *s, struct store_read *r)
{
    if (r->pending)
        s->ops->read_cancel(s, r);
}
static inline void store_write(struct store *s, const struct store_chunk *c, struct slice content,
                               int64_t ttl_s)
{
    if (s->ops->write)
        s->ops->write(s, c, content, ttl_s);
}
/* Set on_change and owner before content is appended. */
static inline struct store_fill *store_fill(struct store *s, struct slice key, uint64_t generation,
                                            int64_t ttl_s)
{
    return s->ops->fill ? s->ops->fill(s, key, generation, ttl_s) : NULL;
}
static inline enum store_fill_state store_fill_append(struct store_fill *f, struct slice content)
{
    f->ops->append(f, content);
    return f->state;
}
/* All content was appended: FILL_FULL until the store has all of it. */
static inline enum store_fill_state store_fill_end(struct store_fill *f)
{
    f->ops->end(f);
    return f->state;
}
/* At FILL_WHOLE its chunks stay, else they are forgotten. Clears the pointer. */
static inline void store_fill_free(struct store_fill **fp)
{
    struct store_fill *f = *fp;
    *fp = NULL;
    if (f)
        f->ops->free(f);
}
