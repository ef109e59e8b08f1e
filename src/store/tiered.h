/* The memory tier in front of the memcached pool (cache/store.h): a lookup asks memory, then the
 * pool, and what the pool had is kept in memory for as long as it may be used; a store or a delete
 * goes to both. One per worker and cache. */
#pragma once

#include "cache/store.h"

/* What is in memory answers alone for `revalidate_ms` after the pool was last asked about it (0:
 * for ever): in the second half of that time a hit has it checked, behind itself; a hit that comes
 * later is `unchecked`, and store_get asks for the version before it gives what memory has. One
 * that the pool has no more is forgotten, one that it has a newer version of is replaced; so memory
 * is behind the pool by that time and one memcached timeout at most. What the pool could not take
 * is not checked, and a pool that does not answer lets memory go on alone. `memory` answers at
 * once, `pool` may be pending. Takes both; frees them with itself. Free it with its ops' free. */
NODISCARD struct store *store_tiered_new(struct store *memory, struct store *pool,
                                         int64_t revalidate_ms);
