#include "main/kept.h"

#include "base/assert.h"
#include "net/tls.h"
#include "proxy/worker.h"

#include <stdlib.h>

void kept_init(struct kept *k, struct worker *worker, pthread_mutex_t *lock)
{
    k->worker = worker;
    k->lock = lock;
    list_init(&k->logs);
    list_init(&k->resolvers);
    list_init(&k->pools);
}

/* -- access logs -- */

static struct kept_log *log_find(struct kept *k, struct slice path)
{
    list_for_each (it, &k->logs) {
        struct kept_log *l = list_entry(it, struct kept_log, node);
        if (slice_eq(slice_make(l->path, l->path_n), path))
            return l;
    }
    return NULL;
}

static struct kept_log *log_new(struct kept *k, struct slice path)
{
    struct access_log *log = access_log_open(k->worker, path);
    if (!log)
        return NULL;
    struct kept_log *l = calloc(1, sizeof *l + path.n);
    ASSERT(l);
    l->log = log;
    l->path_n = path.n;
    memcpy(l->path, path.p, path.n);
    list_push_back(&k->logs, &l->node);
    return l;
}

struct kept_log *kept_log_borrow(struct kept *k, struct slice path)
{
    struct kept_log *l = log_find(k, path);
    if (!l)
        l = log_new(k, path);
    if (l)
        l->refs++;
    return l;
}

void kept_log_return(struct kept_log **lp)
{
    struct kept_log *l = *lp;
    *lp = NULL;
    if (!l || --l->refs > 0)
        return;
    list_remove(&l->node);
    access_log_close(&l->log);
    free(l);
}

void kept_logs_reopen(struct kept *k)
{
    list_for_each (it, &k->logs)
        access_log_reopen(list_entry(it, struct kept_log, node)->log);
}

void kept_logs_flush(struct kept *k)
{
    list_for_each (it, &k->logs)
        access_log_flush(list_entry(it, struct kept_log, node)->log);
}

/* -- resolvers -- */

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? slice_eq(slice_of(a), slice_of(b)) : a == b;
}

static struct kept_resolver *resolver_find(struct kept *k, const char *servers, int64_t timeout_ms)
{
    list_for_each (it, &k->resolvers) {
        struct kept_resolver *r = list_entry(it, struct kept_resolver, node);
        if (r->timeout_ms == timeout_ms && is_same_text(r->servers, servers))
            return r;
    }
    return NULL;
}

static struct kept_resolver *resolver_keep(struct kept *k, const char *servers, int64_t timeout_ms)
{
    struct resolver *resolver = resolver_new(k->worker->loop, servers, timeout_ms);
    if (!resolver)
        return NULL;
    struct kept_resolver *r = calloc(1, sizeof *r);
    ASSERT(r);
    r->resolver = resolver;
    r->timeout_ms = timeout_ms;
    r->servers = servers ? strdup(servers) : NULL;
    list_push_back(&k->resolvers, &r->node);
    return r;
}

struct kept_resolver *kept_resolver_borrow(struct kept *k, const char *servers, int64_t timeout_ms)
{
    struct kept_resolver *r = resolver_find(k, servers, timeout_ms);
    if (!r)
        r = resolver_keep(k, servers, timeout_ms);
    if (r)
        r->refs++;
    return r;
}

void kept_resolver_return(struct kept_resolver **rp)
{
    struct kept_resolver *r = *rp;
    *rp = NULL;
    if (!r || --r->refs > 0)
        return;
    list_remove(&r->node);
    resolver_free(&r->resolver);
    free(r->servers);
    free(r);
}

/* -- memcached pools -- */

static bool is_same_server(const struct mc_server_conf *a, const struct mc_server_conf *b)
{
    return slice_eq(a->text, b->text) && slice_eq(a->service, b->service) && a->weight == b->weight;
}

/* Each key has the same places in both. */
static bool has_same_places(const struct mc_conf *a, const struct mc_conf *b)
{
    bool same = a->servers_n == b->servers_n && a->distribution == b->distribution;
    for (size_t i = 0; same && i < a->servers_n; i++)
        same = is_same_server(&a->servers[i], &b->servers[i]);
    return same;
}

static bool is_same_bind(const struct address *a, const struct address *b)
{
    return a->len == 0 || b->len == 0 ? a->len == b->len : address_eq(a, b);
}

static bool has_same_secrets(const struct mc_conf *a, const struct mc_conf *b)
{
    return slice_eq(a->auth.user, b->auth.user) && slice_eq(a->auth.password, b->auth.password) &&
           tls_context_same(a->tls.context, b->tls.context) &&
           a->tls.server_name == b->tls.server_name && slice_eq(a->tls.name, b->tls.name);
}

static bool is_same_pool(const struct mc_conf *a, const struct mc_conf *b)
{
    return slice_eq(a->name, b->name) && has_same_places(a, b) && has_same_secrets(a, b) &&
           a->protocol == b->protocol && is_same_bind(&a->bind, &b->bind) &&
           a->replicas == b->replicas && a->replica_ttl_ms == b->replica_ttl_ms &&
           a->old_places_ms == b->old_places_ms && a->connect_timeout_ms == b->connect_timeout_ms &&
           a->send_timeout_ms == b->send_timeout_ms && a->read_timeout_ms == b->read_timeout_ms &&
           a->breaker_fails == b->breaker_fails && a->breaker_probe_ms == b->breaker_probe_ms &&
           a->pending_max == b->pending_max && a->read_buffer_bytes == b->read_buffer_bytes &&
           a->send_buffer_bytes == b->send_buffer_bytes && a->item_max_bytes == b->item_max_bytes;
}

static struct kept_pool *pool_find(struct kept *k, const struct mc_conf *conf,
                                   const struct kept_resolver *resolver)
{
    list_for_each (it, &k->pools) {
        struct kept_pool *p = list_entry(it, struct kept_pool, node);
        if (p->resolver == resolver && is_same_pool(p->conf, conf))
            return p;
    }
    return NULL;
}

/* Lookups may still be under way at the old servers. */
static void pool_on_follow_end(struct timer *t)
{
    struct kept_pool *p = t->owner;
    if (mc_pool_unfollow(p->pool))
        kept_pool_return(&p->old);
    else
        timer_set(p->kept->worker->loop, t, p->conf->read_timeout_ms);
}

static void stop_following(struct kept_pool *p)
{
    timer_cancel(&p->follow);
    pool_on_follow_end(&p->follow);
}

void kept_pool_follow(struct kept_pool *p, struct kept_pool *old)
{
    bool moved = p != old && p->conf->old_places_ms > 0 && !has_same_places(p->conf, old->conf);
    if (!moved || p->old)
        return;
    stop_following(old);
    old->refs++;
    p->old = old;
    mc_pool_follow(p->pool, old->pool);
    timer_set(p->kept->worker->loop, &p->follow, p->conf->old_places_ms);
}

static struct kept_pool *pool_new(struct kept *k, struct config *config, const struct mc_conf *conf,
                                  struct kept_resolver *resolver)
{
    struct mc_pool *pool = mc_pool_new(k->worker->loop, resolver->resolver, k->worker->log, conf);
    if (!pool)
        return NULL;
    struct kept_pool *p = calloc(1, sizeof *p);
    ASSERT(p);
    mc_pool_guard(pool, k->lock);
    p->kept = k;
    p->pool = pool;
    p->conf = conf;
    p->config = config_ref(config);
    p->resolver = resolver;
    resolver->refs++;
    timer_init(&p->follow, pool_on_follow_end, p);
    pthread_mutex_lock(k->lock);
    list_push_back(&k->pools, &p->node);
    pthread_mutex_unlock(k->lock);
    return p;
}

struct kept_pool *kept_pool_borrow(struct kept *k, struct config *config,
                                   const struct mc_conf *conf, struct kept_resolver *resolver)
{
    struct kept_pool *p = pool_find(k, conf, resolver);
    if (!p)
        p = pool_new(k, config, conf, resolver);
    if (p)
        p->refs++;
    return p;
}

void kept_pool_return(struct kept_pool **pp)
{
    struct kept_pool *p = *pp;
    *pp = NULL;
    if (!p || --p->refs > 0)
        return;
    pthread_mutex_lock(p->kept->lock);
    list_remove(&p->node);
    pthread_mutex_unlock(p->kept->lock);
    timer_cancel(&p->follow);
    mc_pool_free(&p->pool);
    kept_pool_return(&p->old);
    kept_resolver_return(&p->resolver);
    config_unref(&p->config);
    free(p);
}
