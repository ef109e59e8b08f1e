/* Chunks in a memcached pool: the part of the pool's store (pool.h) that keeps content too large
 * for one item. Chunks of a response are spread over the servers by their own keys. */
#pragma once

#include "cache/store.h"
#include "memcached/pool.h"

#define CHUNK_ITEM_FLAGS 3 /* for people who look at the servers: records have others */

/* What it shares with its store; all borrowed. */
struct pool_chunks {
    struct mc_pool *pool;
    struct mc_key_maker *keys;
    struct slice prefix;
    _Atomic uint64_t *invalid; /* counts chunks that failed the check */
    struct list splits;
    size_t splits_n;
};

/* Of new chunks: what every server takes. 0: none can be stored. */
uint32_t pool_chunks_bytes(const struct pool_chunks *);

/* The halves of store_read and store_read_cancel. */
enum store_result pool_chunks_read(struct pool_chunks *, struct store_read *);
void pool_chunks_read_cancel(struct store_read *);

/* Stores one chunk; `content` is copied. What cannot be sent is counted. */
void pool_chunks_write(struct pool_chunks *, const struct store_chunk *, struct slice content,
                       int64_t ttl_s);
/* How a record is put. */
struct pool_put {
    struct mc_key key;
    uint32_t flags;
    int64_t ttl_s;
    uint64_t version; /* of what it replaces; STORE_ABSENT: only where nothing is; 0: anything */
    bool over_value;  /* that is a stored response, no stub */
};
bool pool_put_record(struct mc_pool *, const struct pool_put *, struct blob *record);
/* Nothing is put: nobody need wait for it. */
void pool_put_none(struct mc_pool *, const struct pool_put *);

/* -- split.c: an entry that is whole, but too long for an item -- */
/* Stores its content in chunks, and its manifest as soon as all of them are there. False: not now.
 */
bool pool_chunks_split(struct pool_chunks *, const struct stored_view *, const struct pool_put *);
/* What is still being stored under this key was overtaken. */
void pool_chunks_overtake(struct pool_chunks *, const struct mc_key *);
void pool_chunks_fini(struct pool_chunks *);

/* The chunks of a manifest live for `ttl_s` from now on, as the manifest does. */
void pool_chunks_touch(struct pool_chunks *, const struct stored_view *manifest, int64_t ttl_s);
void pool_chunks_del(struct pool_chunks *, const struct store_chunk *);

/* The half of store_fill (fill.c). */
struct store_fill *pool_chunks_fill(struct pool_chunks *, struct slice key, uint64_t generation,
                                    int64_t ttl_s);
