/* The memory tier in front of the memcached pool (cache/store.h): a lookup asks memory, then the
 * pool, and what the pool had is kept in memory for as long as it may be used; a store or a delete
 * goes to both. One per worker and cache. */
#pragma once

#include "cache/store.h"

/* `memory` answers at once, `pool` may be pending. Takes both; frees them with itself.
 * Free it with its ops' free. */
NODISCARD struct store *store_tiered_new(struct store *memory, struct store *pool);
