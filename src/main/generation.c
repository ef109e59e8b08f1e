#include "main/generation.h"

#include "base/assert.h"
#include "main/purging.h"
#include "store/pool.h"
#include "store/raw.h"
#include "store/tiered.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The arrays go by those of the configuration. */
struct generation {
    struct worker_conf wconf;
    struct list node; /* in the thread's generations */
    struct thread *thread;
    struct config *config;
    struct kept_resolver *resolver;
    struct kept_pool **pools; /* NULL where no cache uses it */
    struct kept_log **logs;
    struct tier **tiers; /* of caches */
    struct store *
        *pool_stores; /* of caches: NULL or the part of the store that is a pool; borrowed */
    struct purge_reader *readers; /* of caches */
    size_t unread;                /* of these: the first read is under way */
    void (*on_read)(void *owner);
    void *on_read_owner;
};

/* -- ending -- */

static void free_stores(struct generation *g)
{
    for (size_t i = 0; i < g->config->proxy.raws_n; i++) {
        struct raw_store *s = g->wconf.raws[i];
        if (s)
            s->ops->free(s);
    }
    for (size_t i = 0; i < g->config->proxy.caches_n; i++) {
        struct store *s = g->wconf.stores[i];
        purge_reader_stop(&g->readers[i]);
        if (g->pool_stores[i]) /* what it has counted is not lost */
            atomic_fetch_add(&g->tiers[i]->pool_invalid,
                             atomic_load(&store_pool_counters(g->pool_stores[i])->invalid));
        if (s)
            s->ops->free(s);
        tiers_unref(&g->thread->shared->tiers, &g->tiers[i]);
    }
}

static void return_kept(struct generation *g)
{
    for (size_t i = 0; i < g->config->pools_n; i++)
        kept_pool_return(&g->pools[i]);
    for (size_t i = 0; i < g->config->proxy.log_files_n; i++)
        kept_log_return(&g->logs[i]);
    kept_resolver_return(&g->resolver);
}

/* In the reverse order of generation_new; also of one that is half made. */
static void generation_fini(void *arg)
{
    struct generation *g = arg;
    pthread_mutex_lock(&g->thread->shared->kept_lock);
    list_remove(&g->node);
    free_stores(g);
    pthread_mutex_unlock(&g->thread->shared->kept_lock);
    for (size_t i = 0; i < g->config->proxy.upstreams_n; i++)
        upstream_free(&g->wconf.upstreams[i]);
    return_kept(g);
    config_unref(&g->config);
    free(g->wconf.upstreams);
    free(g->wconf.stores);
    free(g->wconf.raws);
    free(g->wconf.logs);
    free(g->wconf.listeners);
    free(g->pools);
    free(g->logs);
    free(g->tiers);
    free(g->pool_stores);
    free(g->readers);
    free(g);
}

void generation_free(struct generation **gp)
{
    generation_fini(*gp);
    *gp = NULL;
}

/* Whoever has let it go may be in the middle of a callback of what it owns. */
static void generation_on_free(struct worker_conf *wconf)
{
    struct generation *g = container_of(wconf, struct generation, wconf);
    loop_bury(wconf->worker->loop, g, generation_fini);
}

/* -- making -- */

static void *array_of(size_t n, size_t bytes)
{
    void *array = calloc(n + 1, bytes);
    ASSERT(array);
    return array;
}

static struct generation *generation_alloc(struct thread *t, struct config *config)
{
    const struct proxy_conf *p = &config->proxy;
    struct generation *g = array_of(0, sizeof *g);
    g->thread = t;
    g->config = config_ref(config);
    g->wconf = (struct worker_conf){
        .refs = 1,
        .worker = t->worker,
        .conf = p,
        .upstreams = array_of(p->upstreams_n, sizeof(struct upstream *)),
        .stores = array_of(p->caches_n, sizeof(struct store *)),
        .raws = array_of(p->raws_n, sizeof(struct raw_store *)),
        .logs = array_of(p->log_files_n, sizeof(struct access_log *)),
        .listeners = array_of(p->listens_n, sizeof(struct listener)),
        .owner = g,
        .on_free = generation_on_free,
    };
    g->pools = array_of(config->pools_n, sizeof(struct kept_pool *));
    g->logs = array_of(p->log_files_n, sizeof(struct kept_log *));
    g->tiers = array_of(p->caches_n, sizeof(struct tier *));
    g->pool_stores = array_of(p->caches_n, sizeof(struct store *));
    g->readers = array_of(p->caches_n, sizeof(struct purge_reader));
    return g;
}

static bool make_logs(struct generation *g, char *error, size_t cap)
{
    const struct proxy_conf *p = &g->config->proxy;
    for (size_t i = 0; i < p->log_files_n; i++) {
        g->logs[i] = kept_log_borrow(&g->thread->kept, p->log_files[i]);
        if (!g->logs[i]) {
            (void)snprintf(error, cap, "access_log %.*s: %s", SLICE_ARG(p->log_files[i]),
                           strerror(errno));
            return false;
        }
        g->wconf.logs[i] = g->logs[i]->log;
    }
    return true;
}

static bool make_resolver(struct generation *g, char *error, size_t cap)
{
    const struct proxy_conf *p = &g->config->proxy;
    g->resolver = kept_resolver_borrow(&g->thread->kept, p->resolvers, p->resolver_timeout_ms);
    if (!g->resolver)
        (void)snprintf(error, cap, "resolver: it cannot be used");
    return g->resolver != NULL;
}

static void make_upstreams(struct generation *g)
{
    const struct proxy_conf *p = &g->config->proxy;
    struct worker *w = g->thread->worker;
    for (size_t i = 0; i < p->upstreams_n; i++)
        g->wconf.upstreams[i] = upstream_new(&p->upstreams[i], g->thread->shared->health, w->loop,
                                             g->resolver->resolver, w->log);
}

/* NULL: the crypto library lacks a digest. */
static struct mc_pool *pool_of(struct generation *g, size_t index)
{
    ASSERT(index < g->config->pools_n);
    if (!g->pools[index])
        g->pools[index] =
            kept_pool_borrow(&g->thread->kept, g->config, &g->config->pools[index], g->resolver);
    return g->pools[index] ? g->pools[index]->pool : NULL;
}

/* The pool part of a cache's store; NULL as before. */
static struct store *make_pool_store(struct generation *g, const struct cache_store_conf *cache)
{
    struct mc_pool *pool = pool_of(g, (size_t)cache->pool);
    struct store *store = pool ? store_pool_new(pool, cache->key_prefix) : NULL;
    if (store)
        store_pool_compress(store, &cache->compress);
    return store;
}

static bool make_raws(struct generation *g, char *error, size_t cap)
{
    for (size_t i = 0; i < g->config->proxy.raws_n; i++) {
        const struct raw_conf *raw = &g->config->proxy.raws[i];
        struct mc_pool *pool = pool_of(g, raw->pool);
        if (!pool) {
            (void)snprintf(error, cap, "memcached_pass %.*s: the crypto library lacks a digest",
                           SLICE_ARG(raw->name));
            return false;
        }
        g->wconf.raws[i] = store_raw_new(pool);
    }
    return true;
}

static bool make_store(struct generation *g, size_t index)
{
    const struct cache_store_conf *cache = &g->config->proxy.caches[index];
    struct tier *tier =
        tiers_ref(&g->thread->shared->tiers, cache->name, cache->memory_bytes, cache->pool >= 0);
    g->tiers[index] = tier;
    if (cache->pool < 0) {
        g->wconf.stores[index] = memory_store_new(tier->memory);
        g->wconf.stores[index]->purges = tier->purges;
        return true;
    }
    struct store *pool = make_pool_store(g, cache);
    if (!pool)
        return false;
    store_pool_share_purges(pool, cache->name, tier->purges);
    g->pool_stores[index] = pool;
    g->wconf.stores[index] =
        cache->memory_bytes > 0
            ? store_tiered_new(memory_store_new(tier->memory), pool, cache->memory_revalidate_ms)
            : pool;
    g->wconf.stores[index]->purges = tier->purges;
    return true;
}

static bool make_stores(struct generation *g, char *error, size_t cap)
{
    for (size_t i = 0; i < g->config->proxy.caches_n; i++) {
        if (!make_store(g, i)) {
            (void)snprintf(error, cap, "cache %.*s: the crypto library lacks a digest",
                           SLICE_ARG(g->config->proxy.caches[i].name));
            return false;
        }
    }
    return true;
}

struct generation *generation_new(struct thread *t, struct config *config, char *error,
                                  size_t error_cap)
{
    struct generation *g = generation_alloc(t, config);
    bool ok = make_logs(g, error, error_cap) && make_resolver(g, error, error_cap) &&
              make_stores(g, error, error_cap) && make_raws(g, error, error_cap);
    if (ok)
        make_upstreams(g);
    pthread_mutex_lock(&t->shared->kept_lock);
    list_push_back(&t->generations, &g->node);
    pthread_mutex_unlock(&t->shared->kept_lock);
    if (!ok)
        generation_free(&g);
    return g;
}

static void generation_on_read(void *owner)
{
    struct generation *g = owner;
    if (--g->unread == 0)
        g->on_read(g->on_read_owner);
}

void generation_read_purges(struct generation *g, void (*fn)(void *owner), void *owner)
{
    const struct proxy_conf *p = &g->config->proxy;
    g->unread = p->caches_n + 1;
    g->on_read = fn;
    g->on_read_owner = owner;
    for (size_t i = 0; i < p->caches_n; i++)
        purge_reader_start(&g->readers[i], g->thread->worker->loop, g->wconf.stores[i],
                           p->caches[i].memory_revalidate_ms, generation_on_read, g);
    generation_on_read(g);
}

/* The pools that have taken the place of others look there too. */
static void follow_pools(const struct generation *g, const struct generation *before)
{
    for (size_t i = 0; i < g->config->pools_n; i++)
        for (size_t j = 0; g->pools[i] && j < before->config->pools_n; j++)
            if (before->pools[j] &&
                slice_eq(g->config->pools[i].name, before->config->pools[j].name))
                kept_pool_follow(g->pools[i], before->pools[j]);
}

void generation_use(struct generation *g, const int *listen_fds)
{
    struct worker_conf *before = g->thread->worker->conf;
    if (before)
        follow_pools(g, container_of(before, struct generation, wconf));
    g->thread->worker->resolver = g->resolver->resolver;
    worker_use_conf(g->thread->worker, &g->wconf, listen_fds);
}

void generations_each_cache(const struct thread *t, generation_cache_fn *fn, void *arg)
{
    list_for_each (it, &t->generations) {
        const struct generation *g = list_entry(it, struct generation, node);
        for (size_t i = 0; i < g->config->proxy.caches_n; i++)
            if (g->pool_stores[i])
                fn(arg, g->tiers[i], atomic_load(&store_pool_counters(g->pool_stores[i])->invalid));
    }
}
