/* The cache key: the template's values made into bytes so that no two different tuples of values
 * give the same bytes. Method is not in it. */
#pragma once

#include "base/arena.h"
#include "base/hash.h"
#include "base/slice.h"

#include <stdint.h>

/* A key of the cache; `bytes` decide, `hash` only finds. */
struct cache_key {
    struct slice bytes;
    uint64_t hash; /* hash_seeded of the bytes with the process's seed */
};

/* Builder: literal parts of the template and values go in as they come. Values and literals are
 * told apart from each other and from their neighbours by framing each value with a byte that it
 * cannot hold (values are checked: a NUL or a control byte 0x01 in one is escaped), so the mapping
 * is injective. */
struct cache_key_builder {
    struct arena *arena;
    char *p;
    size_t n;
    size_t cap;
};
void cache_key_begin(struct cache_key_builder *, struct arena *);
void cache_key_literal(struct cache_key_builder *, struct slice);
void cache_key_value(struct cache_key_builder *, struct slice);
/* The key lives as long as the arena. */
struct cache_key cache_key_end(struct cache_key_builder *, uint64_t seed);

/* The key of the variant of `base` that a request with these values of the varying fields selects
 * (cache/vary.h renders them). `generation` is the vary index's: with a new index no variant of the
 * former one is found. Never equal to any key made by the builder. */
struct cache_key cache_key_variant(const struct cache_key *base, uint64_t generation,
                                   struct slice values, struct arena *, uint64_t seed);
/* The key of a coded form of the response whose key is `source`. Never equal to any of the others:
 * the values of a variant end with ';', the name of a coding does not. */
struct cache_key cache_key_coded(struct slice source, struct slice coding, struct arena *,
                                 uint64_t seed);
/* The generation that is part of `key`; 0: it is no variant of `base`. */
uint64_t cache_key_generation(struct slice base, struct slice key);
/* The key of the counter of uses of `base`: equal to no key of a record. */
struct cache_key cache_key_uses(const struct cache_key *base, struct arena *);
/* The key of a part of `base`'s response: equal to no other key. */
struct cache_key cache_key_part(const struct cache_key *base, struct arena *, uint64_t seed);
/* What the key of a variant was made of; any other key is its own. */
struct slice cache_key_base(struct slice key);
/* For people: control bytes shown as `|`; into the arena. */
struct slice cache_key_print(struct slice key, struct arena *);
