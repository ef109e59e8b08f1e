/* One shard of the memory tier: a hash table of entries and the order in which they are evicted
 * (SIEVE: Zhang et al., NSDI 2024). A hit only marks; a hand that moves from old to new takes the
 * first unmarked entry and clears marks on its way, so what is read once (a scan) goes before what
 * is read again. Not locked: the caller holds the shard's lock. */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "cache/store.h"

/* An entry in the tier. What a hit looks at comes first. */
struct shard_node {
    struct map_node node;
    struct entry *entry; /* one reference */
    mono_ms expires_ms;
    bool visited;
    struct list order; /* newest first */
    struct shard_node *next_gone;
    size_t cost_bytes; /* all memory that it keeps from being used otherwise */
};

struct shard {
    struct map map;
    struct list order;
    struct list *hand; /* the next to be looked at; the sentinel: begin with the oldest */
    size_t bytes;
};

void shard_init(struct shard *);
/* Frees what is left in it. */
void shard_fini(struct shard *);

/* Memory that an entry costs, with its share of the tables and of the allocator's overhead. */
size_t shard_cost_bytes(const struct entry *);
/* Takes its own reference to the entry, which must not be there yet. */
void shard_insert(struct shard *, struct entry *, uint64_t hash, size_t cost_bytes,
                  mono_ms expires_ms);
struct shard_node *shard_find(const struct shard *, struct slice key, uint64_t hash);
/* Takes the node out; the caller has it freed by shard_free_all, best without the lock. */
void shard_remove(struct shard *, struct shard_node *);
/* Chooses what goes next: whatever has expired, else by the order. NULL: the shard is empty. */
struct shard_node *shard_victim(struct shard *, mono_ms now);
/* Frees a chain linked by next_gone, with the references in it. */
void shard_free_all(struct shard_node *);
