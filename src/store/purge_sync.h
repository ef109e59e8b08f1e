/* The copies of a cache's log of purges in its memcached pool (cache/purge.h): read, merged with
 * what this process knows, and written over the version that was read, until every copy that can be
 * reached says the same. Two servers keep a copy each, where the pool has so many, so that the loss
 * of one loses nothing. One per worker and cache.
 *
 * Where the servers have no versions (classic protocol) a write may overwrite another process's;
 * that one finds its purge missing at its next exchange and writes it again. */
#pragma once

#include "cache/purge.h"
#include "memcached/pool.h"

struct purge_sync;

/* Keeps all arguments. `name`: of the cache. */
struct purge_sync *purge_sync_new(struct mc_pool *, struct mc_key_maker *, struct slice prefix,
                                  struct slice name, struct purge_book *);
/* Nobody waits for it any more. */
void purge_sync_free(struct purge_sync **);
/* Starts an exchange with all that this process knows by now, behind one that is under way. False:
 * no server can be reached, `failed` says it. */
NODISCARD bool purge_sync_start(struct purge_sync *, struct store_sync *);
void purge_sync_cancel(struct store_sync *);
/* The keys of the log's copies in the pool, for who only looks; returns how many there are. */
size_t purge_sync_copies(struct purge_sync *, struct mc_key keys[STORE_SYNC_SERVERS]);
