/* What a pool is made of, for the files that implement memcached/pool.h. */
#pragma once

#include "base/list.h"
#include "memcached/pool.h"
#include "memcached/ring.h"
#include "memcached/server.h"

struct mc_pool {
    struct mc_server_env env;
    struct mc_ring *ring;
    bool has_copies;     /* two for each key */
    struct mc_pool *old; /* followed; borrowed, NULL: none */
    size_t old_pending;  /* lookups under way at servers of the pool that is or was `old` */
    struct list copies;  /* changes that the first server has yet to answer (copies.h) */
    size_t copies_n;
    size_t copies_bytes; /* of their values */
    size_t servers_n;
    struct mc_server servers[];
};

struct mc_server *mc_pool_first(struct mc_pool *, const struct mc_key *);
/* Another server than the first, where `has_copies`. */
struct mc_server *mc_pool_second(struct mc_pool *, const struct mc_key *);
/* Where the key was before the change; NULL: there was none, or at the same server. */
struct mc_server *mc_pool_old(struct mc_pool *, const struct mc_key *);
