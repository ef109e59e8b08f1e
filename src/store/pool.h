/* Stored responses in a memcached pool (cache/store.h): one item per cache key, named by the hash
 * of the key; the value is the stored response with its full key, verified on every read. One per
 * worker and cache. */
#pragma once

#include "cache/cache_conf.h"
#include "cache/store.h"
#include "memcached/pool.h"

#include <stdatomic.h>

/* One thread adds, any thread reads. */
struct store_pool_counters {
    _Atomic uint64_t
        invalid; /* values that failed the check: wrong key, version, length or checksum */
};

/* `prefix` must pass mc_key_prefix_valid. Keeps `pool` and the bytes of `prefix` until the store is
 * freed. Free it with its ops' free, which every lookup must precede with its callback or its
 * cancel. NULL: the crypto library lacks SHA-256. */
NODISCARD struct store *store_pool_new(struct mc_pool *pool, struct slice prefix);
/* From now on the pool's log of the purges of cache `name` is the book's (store/purge_sync.h).
 * Keeps both. */
void store_pool_share_purges(struct store *, struct slice name, struct purge_book *);
/* What is put from now on is compressed where this says so; what others have compressed is read in
 * any case. Keeps what `types` points to until the store is freed. */
void store_pool_compress(struct store *, const struct cache_compress *);
const struct store_pool_counters *store_pool_counters(const struct store *);
