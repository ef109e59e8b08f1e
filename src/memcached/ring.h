/* Which server a key belongs to: the placements of libmemcached and nginx, bit for bit, made from
 * the configured names. A server that is down keeps its keys: sending them elsewhere would bring
 * old copies back later. One per worker (it holds a digest's working memory). */
#pragma once

#include "memcached/conf.h"
#include "memcached/key.h"

struct mc_ring;

/* Keeps nothing of `conf`. NULL: the crypto library lacks MD5. */
NODISCARD struct mc_ring *mc_ring_new(const struct mc_conf *conf);
void mc_ring_free(struct mc_ring **);
/* Index into `conf.servers`: of the key's server, or of the `nth` other one (less than there are
 * servers; where there is one, that one): on a circle those that follow the key's point, for modulo
 * in the list. The first of them keeps the key's second copy. */
size_t mc_ring_pick(struct mc_ring *, const struct mc_key *, size_t nth);
