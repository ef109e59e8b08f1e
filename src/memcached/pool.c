#include "memcached/pool.h"

#include "base/assert.h"
#include "memcached/copies.h"
#include "memcached/lookup.h"
#include "memcached/pool_internal.h"
#include "memcached/services.h"

#include <stdlib.h>

static void check_conf(const struct mc_conf *conf)
{
    ASSERT(conf->servers_n > 0 && conf->servers_n <= MC_SERVERS_MAX);
    ASSERT(conf->read_buffer_bytes >= MC_READ_BUFFER_MIN);
    ASSERT(conf->pending_max > 0 && conf->pending_max <= MC_PENDING_LIMIT);
    ASSERT(conf->replicas == 1 || conf->replicas == 2);
    ASSERT(conf->breaker_fails > 0 && conf->breaker_probe_ms > 0);
}

/* Until a service is found, the first one stands for its servers, and is never reached. */
static bool take_configured(struct mc_pool *pool)
{
    const struct mc_conf *conf = pool->env.conf;
    struct mc_server_conf confs[MC_SERVERS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < conf->servers_n; i++)
        if (conf->servers[i].service.n == 0)
            confs[n++] = conf->servers[i];
    if (n == 0)
        confs[n++] = conf->servers[0];
    return mc_pool_take_servers(pool, confs, n);
}

struct mc_pool *mc_pool_new(struct loop *loop, struct resolver *resolver, struct log *log,
                            const struct mc_conf *conf)
{
    check_conf(conf);
    struct mc_pool *pool = calloc(1, sizeof(*pool));
    ASSERT(pool != NULL);
    pool->env = (struct mc_server_env){loop, resolver, log, conf};
    list_init(&pool->copies);
    if (!take_configured(pool)) {
        free(pool);
        return NULL;
    }
    pool->services = mc_services_new(pool);
    return pool;
}

void mc_pool_free(struct mc_pool **pool_p)
{
    struct mc_pool *pool = *pool_p;
    if (pool == NULL)
        return;
    mc_services_free(&pool->services);
    mc_copies_fini(pool);
    mc_pool_free_servers(pool);
    free(pool);
    *pool_p = NULL;
}

void mc_pool_guard(struct mc_pool *pool, pthread_mutex_t *guard)
{
    pool->guard = guard;
}

struct mc_server *mc_pool_first(struct mc_pool *pool, const struct mc_key *key)
{
    return pool->servers[mc_ring_pick(pool->ring, key, 0)];
}

struct mc_server *mc_pool_second(struct mc_pool *pool, const struct mc_key *key)
{
    return pool->servers[mc_ring_pick(pool->ring, key, 1)];
}

struct mc_server *mc_pool_old(struct mc_pool *pool, const struct mc_key *key)
{
    if (pool->old == NULL)
        return NULL;
    struct mc_server *now = mc_pool_first(pool, key);
    struct mc_server *before = mc_pool_first(pool->old, key);
    return slice_eq(now->conf->text, before->conf->text) ? NULL : before;
}

static enum mc_result get_from(struct mc_pool *pool, struct mc_get *get, bool more)
{
    get->blob = NULL;
    get->item = (struct mc_item){0};
    get->server = NULL;
    get->pool = pool;
    get->place = MC_PLACE_FIRST;
    get->failure = MC_FAILURE_ERROR; /* for the case that it fails at once */
    get->more = more;
    size_t server = mc_ring_pick(pool->ring, &get->key, get->nth);
    return mc_server_get(pool->servers[server], get);
}

enum mc_result mc_pool_get(struct mc_pool *pool, struct mc_get *get)
{
    bool more = (pool->has_copies || pool->old != NULL) && !get->ask.no_value && get->nth == 0;
    enum mc_result result = get_from(pool, get, more);
    return result == MC_FAILED && more ? mc_lookup_next(get, MC_FAILED) : result;
}

enum mc_result mc_pool_get_first(struct mc_pool *pool, struct mc_get *get)
{
    return get_from(pool, get, false);
}

void mc_get_cancel(struct mc_get *get)
{
    if (get->server == NULL)
        return;
    mc_server_forget(get->server, get);
    if (get->place != MC_PLACE_FIRST)
        mc_lookup_cancelled(get);
}

bool mc_pool_set(struct mc_pool *pool, const struct mc_key *key, struct blob *value, uint32_t flags,
                 int64_t ttl_s)
{
    return mc_pool_set_over(pool, key, value, flags, ttl_s, 0);
}

/* What was stored before the pool's servers changed is older. */
static void forget_old(struct mc_pool *pool, const struct mc_key *key)
{
    struct mc_server *old = mc_pool_old(pool, key);
    if (old != NULL)
        mc_server_del(old, key, (struct mc_del_line){0});
}

static bool store(struct mc_pool *pool, const struct mc_key *key, struct blob *value,
                  struct mc_store_line line, int64_t ttl_s)
{
    line.exptime = mc_exptime(ttl_s, loop_wall(pool->env.loop) / 1000);
    forget_old(pool, key);
    if (pool->has_copies)
        return mc_copies_set(pool, key, value, line, ttl_s);
    return mc_server_set(mc_pool_first(pool, key), key, value, line, NULL);
}

bool mc_pool_set_over(struct mc_pool *pool, const struct mc_key *key, struct blob *value,
                      uint32_t flags, int64_t ttl_s, uint64_t cas)
{
    return store(pool, key, value, (struct mc_store_line){.flags = flags, .cas = cas}, ttl_s);
}

bool mc_pool_set_first(struct mc_pool *pool, const struct mc_key *key, struct blob *value,
                       uint32_t flags, int64_t ttl_s, uint64_t cas)
{
    uint32_t exptime = mc_exptime(ttl_s, loop_wall(pool->env.loop) / 1000);
    struct mc_store_line line = {.flags = flags, .cas = cas, .exptime = exptime};
    return mc_server_set(mc_pool_first(pool, key), key, value, line, NULL);
}

bool mc_pool_add(struct mc_pool *pool, const struct mc_key *key, struct blob *value, uint32_t flags,
                 int64_t ttl_s)
{
    return store(pool, key, value, (struct mc_store_line){.flags = flags, .add = true}, ttl_s);
}

size_t mc_pool_item_max_bytes(const struct mc_pool *pool)
{
    size_t least = pool->env.conf->item_max_bytes;
    for (size_t i = 0; i < pool->servers_n; i++) {
        size_t takes = pool->servers[i]->conn.item_max_bytes;
        least = takes < least ? takes : least;
    }
    return least;
}

bool mc_pool_is_up(const struct mc_pool *pool)
{
    for (size_t i = 0; i < pool->servers_n; i++) {
        if (mc_conn_is_ready(&pool->servers[i]->conn))
            return true;
    }
    return false;
}

void mc_pool_del(struct mc_pool *pool, const struct mc_key *key)
{
    forget_old(pool, key);
    if (pool->has_copies)
        mc_copies_del(pool, key);
    else
        mc_server_del(mc_pool_first(pool, key), key, (struct mc_del_line){0});
}

void mc_pool_touch(struct mc_pool *pool, const struct mc_key *key, uint32_t ttl_s)
{
    mc_server_touch(mc_pool_first(pool, key), key, ttl_s);
}

void mc_pool_del_version(struct mc_pool *pool, const struct mc_key *key, uint64_t cas, bool mark)
{
    mc_server_del(mc_pool_first(pool, key), key, (struct mc_del_line){.cas = cas, .mark = mark});
}

/* -- the pool before a change -- */

void mc_pool_follow(struct mc_pool *pool, struct mc_pool *old)
{
    ASSERT(pool->old == NULL && pool->old_pending == 0 && old->old == NULL);
    pool->old = old;
}

bool mc_pool_unfollow(struct mc_pool *pool)
{
    pool->old = NULL;
    return pool->old_pending == 0;
}

enum mc_result mc_pool_ask(struct mc_pool *pool, size_t server, struct mc_text *text)
{
    struct mc_get *get = &text->get;
    ASSERT(server < pool->servers_n && text->line.n + 2 <= MC_COMMAND_MAX);
    get->blob = NULL;
    get->item = (struct mc_item){0};
    get->server = NULL;
    get->more = false;
    get->place = MC_PLACE_FIRST;
    get->ask = (struct mc_ask){.text = true};
    return mc_server_get(pool->servers[server], get);
}

/* -- for status pages and tools -- */

bool mc_pool_is_settled(const struct mc_pool *pool)
{
    return pool->services == NULL || mc_services_answered(pool->services);
}

size_t mc_pool_server_of(struct mc_pool *pool, const struct mc_key *key)
{
    return mc_ring_pick(pool->ring, key, 0);
}

bool mc_pool_second_of(struct mc_pool *pool, const struct mc_key *key, size_t *server)
{
    if (!pool->has_copies)
        return false;
    *server = mc_ring_pick(pool->ring, key, 1);
    return true;
}

void mc_pool_server_facts(const struct mc_pool *pool, size_t server, struct mc_server_facts *out)
{
    const struct mc_server *s = pool->servers[server];
    *out = (struct mc_server_facts){.trouble = s->trouble[0] ? s->trouble : NULL};
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
    return pool->servers[server]->conf->text;
}

struct slice mc_pool_name_of(struct mc_pool *pool, const struct mc_key *key, uint32_t nth)
{
    return mc_pool_server_name(pool, mc_ring_pick(pool->ring, key, nth));
}

enum mc_server_state mc_pool_server_state(const struct mc_pool *pool, size_t server)
{
    return (enum mc_server_state)atomic_load_explicit(&pool->servers[server]->state,
                                                      memory_order_relaxed);
}

const struct mc_counters *mc_pool_server_counters(const struct mc_pool *pool, size_t server)
{
    return &pool->servers[server]->counters;
}

void mc_pool_sum(const struct mc_pool *pool, uint64_t *sums)
{
    for (size_t i = 0; i < pool->servers_n; i++)
        for (size_t which = 0; which < MC_COUNTER_N; which++)
            sums[which] += mc_counter_read(&pool->servers[i]->counters, (enum mc_counter)which);
}
