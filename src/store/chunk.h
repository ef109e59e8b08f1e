/* A chunk: a part of the content of a stored response that is too large for one item of a memcached
 * pool (its manifest, cache/stored.h, says of what size they are). It lies under a key of its own
 * and is verified on every read. What it is of is told by the random generation of its fill and by
 * the offset in the content, so that no two fills mix, and neither do two sizes of chunks. Pure. */
#pragma once

#include "base/blob.h"
#include "memcached/key.h"

#define CHUNK_HEAD_BYTES 40
#define CHUNK_BYTES_MIN  4096 /* servers that take less get no chunks */

struct chunk_id {
    uint64_t generation;
    uint64_t offset; /* of its first byte */
    uint32_t length; /* of its content */
};

/* How much content goes into each chunk so that an item is at most `item_max_bytes` long, and no
 * longer than what memcached keeps in one piece of memory (half of its slab page). `key_bytes` is
 * the length of the chunk's key. 0: too little. */
uint32_t chunk_content_bytes(size_t item_max_bytes, size_t key_bytes);
/* The key under which a chunk of the response that lies under `response` is found. */
void chunk_key(struct mc_key_maker *, struct slice prefix, const struct mc_key *response,
               const struct chunk_id *, struct mc_key *out);

/* Room for a chunk of up to `content_bytes`; the content goes behind CHUNK_HEAD_BYTES. NULL: no
 * memory. */
struct blob *chunk_new(size_t content_bytes);
/* Writes the head over the content of `id->length` bytes that stands there, and sets blob->len. */
void chunk_seal(struct blob *, const struct chunk_id *);
/* Looks at foreign bytes: are they the whole and intact chunk `id`? */
NODISCARD bool chunk_parse(struct slice bytes, const struct chunk_id *id, struct slice *content);
