/* What one worker keeps across reloads as long as some configuration of it asks for the same:
 * access logs by path, the resolver, memcached pools with their connections. Belongs to the
 * worker's thread; the list of pools alone is read by others, under `lock`. */
#pragma once

#include "base/list.h"
#include "config/config.h"
#include "memcached/pool.h"
#include "net/resolver.h"
#include "proxy/access_log.h"

#include <pthread.h>

struct kept {
    struct worker *worker;
    pthread_mutex_t *lock; /* the process's, of all changes to `pools` */
    struct list logs;
    struct list resolvers;
    struct list pools;
};
void kept_init(struct kept *, struct worker *, pthread_mutex_t *lock);

struct kept_log {
    struct list node;
    unsigned refs;
    struct access_log *log;
    size_t path_n;
    char path[];
};
/* NULL: it cannot be opened, errno says why. */
NODISCARD struct kept_log *kept_log_borrow(struct kept *, struct slice path);
void kept_log_return(struct kept_log **);
void kept_logs_reopen(struct kept *);
void kept_logs_flush(struct kept *);

struct kept_resolver {
    struct list node;
    unsigned refs;
    struct resolver *resolver;
    int64_t timeout_ms;
    char *servers; /* NULL: /etc/resolv.conf */
};
/* NULL: the list of servers is none. */
NODISCARD struct kept_resolver *kept_resolver_borrow(struct kept *, const char *servers,
                                                     int64_t timeout_ms);
void kept_resolver_return(struct kept_resolver **);

struct kept_pool {
    struct list node;
    unsigned refs;
    struct kept *kept;
    struct mc_pool *pool;
    const struct mc_conf *conf;
    struct config *config;          /* holds `conf`: a reference */
    struct kept_resolver *resolver; /* a reference */
    struct kept_pool *old;          /* whose places are asked too: a reference, NULL: none */
    struct timer follow;            /* when that ends */
};
/* The pool of the same settings, else a new one. NULL: the crypto library lacks a digest. */
NODISCARD struct kept_pool *kept_pool_borrow(struct kept *, struct config *, const struct mc_conf *,
                                             struct kept_resolver *);
void kept_pool_return(struct kept_pool **);
/* A reload has put `p` in the place of `old`, the pool of that name until now: where the keys have
 * other places now, those of before are asked too, for the `old_places` of `p`. The places before
 * `old` are so no longer. */
void kept_pool_follow(struct kept_pool *p, struct kept_pool *old);
