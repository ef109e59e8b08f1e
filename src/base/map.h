/* Hash table with chained, intrusive nodes, keyed by bytes. The caller hashes (base/hash.h); the
 * table owns only its buckets. */
#pragma once

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

struct map_node {
    struct map_node *next;
    uint64_t hash;
    struct slice key; /* borrowed for as long as the node is in the map */
};

struct map {
    struct map_node **buckets;
    size_t mask;
    size_t count;
};

void map_init(struct map *);
/* Frees the buckets; the nodes belong to the caller. */
void map_fini(struct map *);
struct map_node *map_find(const struct map *, struct slice key, uint64_t hash);
/* The first one of that hash, which is hardly ever another key's. */
struct map_node *map_find_hash(const struct map *, uint64_t hash);
/* Takes no ownership. A second node of the same key shadows the first; callers look first. */
void map_insert(struct map *, struct map_node *, struct slice key, uint64_t hash);
void map_remove(struct map *, struct map_node *);
/* Visits every node; `fn` may remove the node that it is given. */
void map_each(struct map *, void (*fn)(struct map_node *, void *arg), void *arg);
