/* Raw values (cache/raw.h) in a memcached pool, where other clients of the same servers look for
 * them: under the escaped key itself, with item flags. */
#pragma once

#include "cache/raw.h"
#include "memcached/pool.h"

/* Keeps `pool` until it is freed with its ops' free; every lookup must have called back or been
 * cancelled before. Never NULL. */
struct raw_store *store_raw_new(struct mc_pool *pool);
