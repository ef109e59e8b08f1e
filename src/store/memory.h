/* The memory tier: stored responses in this process, shared by all workers. Sharded by the hash of
 * the key, bounded in bytes with all overhead, evicted by store/shard.h. All calls are safe from
 * any thread. What was handed out stays alive by its reference, whatever happens to the tier. */
#pragma once

#include "base/clock.h"
#include "cache/store.h"

#include <stddef.h>
#include <stdint.h>

struct memory_tier;

/* `seed` is the one that cache keys are hashed with. */
struct memory_tier *memory_tier_new(size_t max_bytes, uint64_t seed);
/* No other thread uses it any more. Clears the pointer; NULL inside is fine. */
void memory_tier_free(struct memory_tier **);

/* With a reference for the caller; NULL: not there, or expired. */
NODISCARD struct entry *memory_tier_get(struct memory_tier *, const struct cache_key *,
                                        mono_ms now);
/* Keeps the entry for at most `ttl_s`, in place of one of the same key; takes its own reference. An
 * entry larger than half of the tier is refused, and the one it would have replaced is forgotten.
 */
void memory_tier_put(struct memory_tier *, struct entry *, int64_t ttl_s, mono_ms now);
void memory_tier_del(struct memory_tier *, const struct cache_key *);
/* Another bound, as a reload may bring; evicts at once down to it. */
void memory_tier_resize(struct memory_tier *, size_t max_bytes, mono_ms now);

struct memory_stats {
    size_t bytes; /* of stored responses with overhead */
    size_t max_bytes;
    size_t entries;
    uint64_t hits;
    uint64_t misses;
    uint64_t puts;
    uint64_t evictions; /* to make room */
    uint64_t expirations;
    uint64_t refused; /* too large */
};
/* Sums the shards: each is right in itself, they are not read at one instant. */
void memory_tier_stats(struct memory_tier *, struct memory_stats *out);

/* A worker's store over the tier, which it keeps but does not own. Never pending. */
NODISCARD struct store *memory_store_new(struct memory_tier *);
