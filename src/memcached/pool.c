#include "memcached/pool.h"

#include "base/assert.h"
#include "memcached/ring.h"
#include "memcached/server.h"

#include <stdlib.h>

struct mc_pool {
    struct mc_server_env env;
    struct mc_ring *ring;
    size_t servers_n;
    struct mc_server servers[];
};

static void check_conf(const struct mc_conf *conf)
{
    ASSERT(conf->servers_n > 0 && conf->servers_n <= MC_SERVERS_MAX);
    ASSERT(conf->read_buffer_bytes >= MC_READ_BUFFER_MIN);
    ASSERT(conf->pending_max > 0 && conf->pending_max <= MC_PENDING_LIMIT);
    ASSERT(conf->breaker_fails > 0 && conf->breaker_probe_ms > 0);
}

struct mc_pool *mc_pool_new(struct loop *loop, struct resolver *resolver, struct log *log,
                            const struct mc_conf *conf)
{
    check_conf(conf);
    struct mc_ring *ring = mc_ring_new(conf);
    if (ring == NULL)
        return NULL;
    struct mc_pool *pool = calloc(1, sizeof(*pool) + conf->servers_n * sizeof(pool->servers[0]));
    ASSERT(pool != NULL);
    pool->env = (struct mc_server_env){loop, resolver, log, conf};
    pool->ring = ring;
    pool->servers_n = conf->servers_n;
    for (size_t i = 0; i < conf->servers_n; i++)
        mc_server_init(&pool->servers[i], &pool->env, &conf->servers[i]);
    return pool;
}

void mc_pool_free(struct mc_pool **pool_p)
{
    struct mc_pool *pool = *pool_p;
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->servers_n; i++)
        mc_server_fini(&pool->servers[i]);
    mc_ring_free(&pool->ring);
    free(pool);
    *pool_p = NULL;
}

static struct mc_server *server_of(struct mc_pool *pool, const struct mc_key *key)
{
    return &pool->servers[mc_ring_pick(pool->ring, mc_key_slice(key))];
}

enum mc_result mc_pool_get(struct mc_pool *pool, struct mc_get *get)
{
    get->blob = NULL;
    get->item = (struct mc_item){0};
    get->server = NULL;
    return mc_server_get(server_of(pool, &get->key), get);
}

void mc_get_cancel(struct mc_get *get)
{
    if (get->server != NULL)
        mc_server_forget(get->server, get);
}

bool mc_pool_set(struct mc_pool *pool, const struct mc_key *key, struct blob *value, uint32_t flags,
                 int64_t ttl_s)
{
    return mc_pool_set_over(pool, key, value, flags, ttl_s, 0);
}

static uint32_t exptime_of(const struct mc_pool *pool, int64_t ttl_s)
{
    return mc_exptime(ttl_s, loop_wall(pool->env.loop) / 1000);
}

bool mc_pool_set_over(struct mc_pool *pool, const struct mc_key *key, struct blob *value,
                      uint32_t flags, int64_t ttl_s, uint64_t cas)
{
    return mc_server_set(
        server_of(pool, key), key, value,
        (struct mc_store_line){.flags = flags, .exptime = exptime_of(pool, ttl_s), .cas = cas});
}

bool mc_pool_add(struct mc_pool *pool, const struct mc_key *key, struct blob *value, uint32_t flags,
                 int64_t ttl_s)
{
    return mc_server_set(
        server_of(pool, key), key, value,
        (struct mc_store_line){.flags = flags, .exptime = exptime_of(pool, ttl_s), .add = true});
}

void mc_pool_del(struct mc_pool *pool, const struct mc_key *key)
{
    mc_server_del(server_of(pool, key), key, (struct mc_del_line){0});
}

void mc_pool_touch(struct mc_pool *pool, const struct mc_key *key, uint32_t ttl_s)
{
    mc_server_touch(server_of(pool, key), key, ttl_s);
}

void mc_pool_del_version(struct mc_pool *pool, const struct mc_key *key, uint64_t cas, bool mark)
{
    mc_server_del(server_of(pool, key), key, (struct mc_del_line){.cas = cas, .mark = mark});
}

enum mc_result mc_pool_ask(struct mc_pool *pool, size_t server, struct mc_text *text)
{
    struct mc_get *get = &text->get;
    ASSERT(server < pool->servers_n && text->line.n + 2 <= MC_COMMAND_MAX);
    get->blob = NULL;
    get->item = (struct mc_item){0};
    get->server = NULL;
    get->ask = (struct mc_ask){.text = true};
    return mc_server_get(&pool->servers[server], get);
}

/* -- for status pages and tools -- */

size_t mc_pool_server_of(struct mc_pool *pool, const struct mc_key *key)
{
    return mc_ring_pick(pool->ring, mc_key_slice(key));
}

void mc_pool_server_facts(const struct mc_pool *pool, size_t server, struct mc_server_facts *out)
{
    const struct mc_server *s = &pool->servers[server];
    *out = (struct mc_server_facts){.trouble = s->trouble};
    if (s->addresses_n > 0)
        out->address = address_print(&s->addresses[s->address_at], out->address_text);
    if (s->conn.protocol != NULL)
        out->protocol = s->conn.protocol->name;
    out->version = slice_make(s->conn.version, s->conn.version_n);
}

const char *mc_server_state_text(enum mc_server_state state)
{
    switch (state) {
    case MC_SERVER_DOWN: return "down";
    case MC_SERVER_CONNECTING: return "connecting";
    case MC_SERVER_UP: return "up";
    }
    return "";
}

size_t mc_pool_servers(const struct mc_pool *pool)
{
    return pool->servers_n;
}

struct slice mc_pool_server_name(const struct mc_pool *pool, size_t server)
{
    return pool->servers[server].conf->text;
}

enum mc_server_state mc_pool_server_state(const struct mc_pool *pool, size_t server)
{
    return (enum mc_server_state)atomic_load_explicit(&pool->servers[server].state,
                                                      memory_order_relaxed);
}

const struct mc_counters *mc_pool_server_counters(const struct mc_pool *pool, size_t server)
{
    return &pool->servers[server].counters;
}

void mc_pool_sum(const struct mc_pool *pool, uint64_t *sums)
{
    for (size_t i = 0; i < pool->servers_n; i++)
        for (size_t which = 0; which < MC_COUNTER_N; which++)
            sums[which] += mc_counter_read(&pool->servers[i].counters, (enum mc_counter)which);
}
