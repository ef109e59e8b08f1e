/* What a pool is made of, for the files that implement memcached/pool.h. */
#pragma once

#include "base/list.h"
#include "memcached/pool.h"
#include "memcached/ring.h"
#include "memcached/server.h"

#include <pthread.h>

struct mc_pool {
    struct mc_server_env env;
    struct mc_ring *ring;
    bool has_copies;     /* two for each key */
    struct mc_pool *old; /* followed; borrowed, NULL: none */
    size_t old_pending;  /* lookups under way at servers of the pool that is or was `old` */
    struct list copies;  /* changes that the first server has yet to answer (copies.h) */
    size_t copies_n;
    size_t copies_bytes;          /* of their values */
    struct mc_services *services; /* NULL: the servers are those of the configuration */
    pthread_mutex_t *guard;       /* NULL: nobody else reads */
    size_t servers_n;             /* at least 1 */
    struct mc_server **servers;   /* in the order that the ring counts them in */
};

#define MC_MEMBER_TEXT 272 /* a host name, a port, the final NUL */

/* From now on the pool has these servers: those that it has already stay as they are, the others
 * go, and with them what is under way there. Borrows `confs`. False: the crypto library lacks a
 * digest, nothing has changed. */
NODISCARD bool mc_pool_take_servers(struct mc_pool *, const struct mc_server_conf *confs, size_t n);
void mc_pool_free_servers(struct mc_pool *);

struct mc_server *mc_pool_first(struct mc_pool *, const struct mc_key *);
/* Another server than the first, where `has_copies`. */
struct mc_server *mc_pool_second(struct mc_pool *, const struct mc_key *);
/* Where the key was before the change; NULL: there was none, or at the same server. */
struct mc_server *mc_pool_old(struct mc_pool *, const struct mc_key *);
