/* The memory tier in front of the memcached pool (cache/store.h): a lookup asks memory, then the
 * pool, and what the pool had is kept in memory for as long as it may be used; a store or a delete
 * goes to both. One per worker and cache. */
#pragma once

#include "cache/store.h"

/* A hit in memory is checked against the pool, behind it, when the last check is `revalidate_ms`
 * old (0: never): one that the pool has no more is forgotten, one that it has a newer version of is
 * replaced. What the pool could not take is not checked. `memory` answers at once, `pool` may be
 * pending. Takes both; frees them with itself. Free it with its ops' free. */
NODISCARD struct store *store_tiered_new(struct store *memory, struct store *pool,
                                         int64_t revalidate_ms);
