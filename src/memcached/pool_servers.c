/* The set of a pool's servers, which may change while it is in use. */
#include "base/assert.h"
#include "memcached/copies.h"
#include "memcached/pool_internal.h"

#include <stdlib.h>

/* A server with the settings that it keeps. */
struct member {
    struct mc_server server;
    struct mc_server_conf conf;
    char text[MC_MEMBER_TEXT]; /* of a server that the configuration does not name */
};

static struct mc_server *find(struct mc_server *const *servers, size_t n, struct slice text)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(servers[i]->conf->text, text))
            return servers[i];
    return NULL;
}

static bool is_configured(const struct mc_pool *pool, const struct mc_server_conf *conf)
{
    const struct mc_conf *all = pool->env.conf;
    for (size_t i = 0; i < all->servers_n; i++)
        if (all->servers[i].text.p == conf->text.p)
            return true;
    return false;
}

static struct mc_server *server_new(struct mc_pool *pool, const struct mc_server_conf *conf)
{
    struct member *m = calloc(1, sizeof(*m));
    ASSERT(m != NULL);
    m->conf = *conf;
    if (!is_configured(pool, conf)) {
        ASSERT(slice_to_cstr(conf->text, m->text, sizeof(m->text)));
        m->conf.text = slice_of(m->text);
        ASSERT(endpoint_parse(m->conf.text, &m->conf.endpoint));
    }
    mc_server_init(&m->server, &pool->env, &m->conf);
    return &m->server;
}

/* Lookups under way there fail, stores that are not yet sent are lost. */
static void server_drop(struct mc_pool *pool, struct mc_server *server)
{
    mc_server_leave(server);
    mc_server_fini(server);
    loop_bury(pool->env.loop, container_of(server, struct member, server), free);
}

/* What others read of the pool changes while nobody does. */
static void swap(struct mc_pool *pool, struct mc_ring *ring, struct mc_server **servers, size_t n)
{
    if (pool->guard != NULL)
        pthread_mutex_lock(pool->guard);
    mc_ring_free(&pool->ring);
    pool->ring = ring;
    pool->servers = servers;
    pool->servers_n = n;
    pool->has_copies = pool->env.conf->replicas > 1 && n > 1;
    if (pool->guard != NULL)
        pthread_mutex_unlock(pool->guard);
}

bool mc_pool_take_servers(struct mc_pool *pool, const struct mc_server_conf *confs, size_t n)
{
    struct mc_conf conf = *pool->env.conf;
    conf.servers = confs;
    conf.servers_n = n;
    struct mc_ring *ring = mc_ring_new(&conf);
    if (ring == NULL)
        return false;
    struct mc_server **before = pool->servers;
    size_t before_n = pool->servers_n;
    struct mc_server **servers = calloc(n, sizeof(struct mc_server *));
    ASSERT(servers != NULL);
    for (size_t i = 0; i < n; i++) {
        servers[i] = find(before, before_n, confs[i].text);
        if (servers[i] == NULL)
            servers[i] = server_new(pool, &confs[i]);
    }
    mc_copies_fini(pool);
    swap(pool, ring, servers, n);
    for (size_t i = 0; i < before_n; i++)
        if (find(servers, n, before[i]->conf->text) == NULL)
            server_drop(pool, before[i]);
    free(before);
    return true;
}

void mc_pool_free_servers(struct mc_pool *pool)
{
    for (size_t i = 0; i < pool->servers_n; i++) {
        mc_server_fini(pool->servers[i]);
        free(container_of(pool->servers[i], struct member, server));
    }
    free(pool->servers);
    mc_ring_free(&pool->ring);
}
