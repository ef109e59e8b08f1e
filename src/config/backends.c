/* What requests and responses are exchanged with: groups of origins, pools of memcached servers,
 * caches. */
#include "config/loading.h"

/* Members of the map `name` at the top level, each with its block. */
static void each_member(struct loading *l, const struct node *top, const char *name,
                        void (*member)(struct loading *, const struct node *))
{
    const struct node *map = node_find(top, slice_of(name));
    if (map == NULL || node_is_null(map)) {
        return;
    }
    if (map->kind != NODE_MAP) {
        error_at(l->errors, &map->at, "%s: a map from names to settings is needed, not %s", name,
                 node_kind_text(map));
        return;
    }
    for (const struct node *m = map->first; m != NULL; m = m->next) {
        if (m->name.n == 0) {
            error_at(l->errors, &m->name_at, "%s: a name is needed", name);
        } else {
            member(l, m);
        }
    }
}

static struct level *find_level(const struct pointers *levels, struct slice name)
{
    for (size_t i = 0; i < levels->n; i++) {
        struct level *level = levels->items[i];
        if (slice_eq(level->name, name)) {
            return level;
        }
    }
    return NULL;
}

/* Address of an origin or a memcached server: a host or a unix socket. */
static bool endpoint_value(struct loading *l, const struct node *at, struct slice text,
                           struct endpoint *out)
{
    struct address unused;
    bool ok = endpoint_parse(text, out) && (out->is_unix || out->host.n > 0) &&
              !slice_eq(out->host, SLICE("*")) && !(out->has_port && out->port == 0) &&
              (!out->is_unix || address_from_endpoint(out, &unused));
    if (!ok) {
        error_at(l->errors, &at->at, "\"%.*s\" is not host:port or unix:/path", SLICE_ARG(text));
    }
    return ok;
}

/* -- groups of origins -- */

static void load_peer(struct loading *l, const struct node *item, struct level *upstream)
{
    const struct node *map = options_map(l, item, "servers");
    if (map == NULL) {
        return;
    }
    struct peer_conf *peer = ARENA_NEW(l->arena, struct peer_conf);
    struct level *level = level_new(l, SCOPE_PEER, NULL, slice_none(), &item->at);
    level->own = peer;
    level_read(l, level, map);
    if (peer->text.n > 0 && endpoint_value(l, item, peer->text, &peer->endpoint)) {
        if (!peer->endpoint.is_unix && !peer->endpoint.has_port) {
            peer->endpoint.port = 80;
        }
        pointers_add(&upstream->children, l->arena, level);
    }
}

/* The peers are there as levels; makes the array of them. */
static void finish_peers(struct loading *l, const struct level *level)
{
    struct upstream_conf *conf = level->own;
    struct peer_conf *peers = ARENA_ARRAY(l->arena, struct peer_conf, level->children.n);
    for (size_t i = 0; i < level->children.n; i++) {
        const struct level *child = level->children.items[i];
        peers[conf->servers_n++] = *(const struct peer_conf *)child->own;
    }
    conf->servers = peers;
}

static struct level *upstream_new(struct loading *l, struct slice name, const struct place *at)
{
    struct upstream_conf *conf = ARENA_NEW(l->arena, struct upstream_conf);
    struct level *level = level_new(l, SCOPE_UPSTREAM, NULL, name, at);
    conf->name = name;
    level->own = conf;
    pointers_add(&l->upstreams, l->arena, level);
    return level;
}

static void load_upstream(struct loading *l, const struct node *member)
{
    const struct node *servers = node_find(member, SLICE("servers"));
    struct level *level = upstream_new(l, member->name, &member->name_at);
    level_read(l, level, member);
    if (servers == NULL) {
        error_at(l->errors, &member->name_at, "upstream \"%.*s\" has no servers",
                 SLICE_ARG(member->name));
        return;
    }
    size_t errors = l->errors->errors;
    each_item(l, servers, level, load_peer);
    finish_peers(l, level);
    if (level->children.n == 0 && l->errors->errors == errors) {
        error_at(l->errors, &servers->at, "upstream \"%.*s\" has no servers",
                 SLICE_ARG(member->name));
    }
}

void load_upstreams(struct loading *l, const struct node *top)
{
    each_member(l, top, "upstreams", load_upstream);
}

static size_t index_of_level(const struct pointers *levels, const struct level *level)
{
    size_t i = 0;
    while (i < levels->n && levels->items[i] != level) {
        i++;
    }
    return i;
}

/* A group of one peer, for an address that proxy_pass names. */
static struct level *implicit_upstream(struct loading *l, const struct node *node,
                                       struct slice authority)
{
    struct level *level = upstream_new(l, authority, &node->at);
    struct node *map = node_new(l->arena, NODE_MAP, &node->at);
    struct node *address = node_scalar(l->arena, authority, &node->at);
    address->name = SLICE("address");
    address->quoted = true;
    node_append(map, address);
    level->handler = node; /* not printed: proxy_pass says it */
    level_read(l, level, NULL);
    load_peer(l, map, level);
    finish_peers(l, level);
    return level;
}

bool upstream_index(struct loading *l, const struct node *node, struct slice authority,
                    struct endpoint *endpoint, size_t *out)
{
    *endpoint = (struct endpoint){.host = authority, .port = 80};
    struct level *level = find_level(&l->upstreams, authority);
    bool group = level != NULL && level->handler == NULL;
    if (!group && !endpoint_value(l, node, authority, endpoint)) {
        return false;
    }
    if (!group && !endpoint->is_unix && !endpoint->has_port) {
        endpoint->port = 80;
    }
    if (level == NULL) {
        level = implicit_upstream(l, node, authority);
    }
    *out = index_of_level(&l->upstreams, level);
    return true;
}

/* -- pools of memcached servers -- */

/* The name of the records, made of service and address as nginx makes it. */
static bool name_service(struct loading *l, const struct node *at, struct mc_server_conf *server)
{
    const struct endpoint *e = &server->endpoint;
    if (server->service.n == 0) {
        return true;
    }
    if (e->is_unix || e->is_literal || e->has_port) {
        error_at(l->errors, &at->at, "service: a name without a port is needed, not \"%.*s\"",
                 SLICE_ARG(server->text));
        return false;
    }
    bool whole = slice_find(server->service, '.') < server->service.n;
    server->service = arena_printf(l->arena, whole ? "%.*s.%.*s" : "_%.*s._tcp.%.*s",
                                   SLICE_ARG(server->service), SLICE_ARG(e->host));
    server->text = server->service;
    return true;
}

static void load_node(struct loading *l, const struct node *item, struct level *pool)
{
    const struct node *map = options_map(l, item, "servers");
    if (map == NULL) {
        return;
    }
    struct mc_server_conf *server = ARENA_NEW(l->arena, struct mc_server_conf);
    struct level *level = level_new(l, SCOPE_NODE, NULL, slice_none(), &item->at);
    level->own = server;
    level_read(l, level, map);
    if (server->text.n > 0 && endpoint_value(l, item, server->text, &server->endpoint) &&
        name_service(l, item, server)) {
        pointers_add(&pool->children, l->arena, level);
    }
}

static void report_same_servers(struct loading *l, const struct level *pool)
{
    for (size_t i = 0; i < pool->children.n; i++) {
        const struct level *server = pool->children.items[i];
        struct slice text = ((const struct mc_server_conf *)server->own)->text;
        for (size_t j = 0; j < i; j++) {
            const struct level *first = pool->children.items[j];
            if (slice_eq(text, ((const struct mc_server_conf *)first->own)->text)) {
                error_at(l->errors, &server->at, "\"%.*s\" is in the pool twice", SLICE_ARG(text));
            }
        }
    }
}

/* With nginx's points every unit of weight takes memory. */
static void report_weights(struct loading *l, const struct level *pool)
{
    const struct mc_conf *conf = pool->own;
    uint64_t sum = 0;
    for (size_t i = 0; i < conf->servers_n; i++) {
        sum += conf->servers[i].weight;
    }
    if (conf->distribution == MC_NGINX && sum > MC_WEIGHTS_MAX) {
        error_at(l->errors, &pool->at,
                 "the weights of a pool with distribution nginx are at most %d together",
                 MC_WEIGHTS_MAX);
    }
}

/* A certificate cannot name a socket's path. */
static void report_nameless_servers(struct loading *l, const struct level *pool)
{
    const struct mc_tls *tls = &((const struct mc_conf *)pool->own)->tls;
    if (tls->context == NULL || tls->name.n > 0 || !tls_context_verifies(tls->context)) {
        return;
    }
    for (size_t i = 0; i < pool->children.n; i++) {
        const struct level *server = pool->children.items[i];
        if (((const struct mc_server_conf *)server->own)->endpoint.is_unix) {
            error_at(l->errors, &server->at,
                     "a unix socket has no name for tls to verify: set name, or verify: off");
        }
    }
}

static void finish_pool(struct loading *l, struct level *level)
{
    struct mc_conf *conf = level->own;
    report_nameless_servers(l, level);
    if (level->children.n > MC_SERVERS_MAX) {
        error_at(l->errors, &level->at, "a pool has at most %d servers", MC_SERVERS_MAX);
        return;
    }
    report_same_servers(l, level);
    struct mc_server_conf *servers =
        ARENA_ARRAY(l->arena, struct mc_server_conf, level->children.n);
    for (size_t i = 0; i < level->children.n; i++) {
        const struct level *child = level->children.items[i];
        servers[conf->servers_n++] = *(const struct mc_server_conf *)child->own;
    }
    conf->servers = servers;
    report_weights(l, level);
}

static void load_pool_block(struct loading *l, struct slice name, const struct place *at,
                            const struct node *map, const struct node *servers)
{
    struct mc_conf *conf = ARENA_NEW(l->arena, struct mc_conf);
    struct level *level = level_new(l, SCOPE_POOL, NULL, name, at);
    *conf = mc_conf_default();
    conf->name = name;
    level->own = conf;
    level_read(l, level, map);
    size_t errors = l->errors->errors;
    if (servers != NULL) {
        each_item(l, servers, level, load_node);
    }
    finish_pool(l, level);
    if (level->children.n == 0 && l->errors->errors == errors) {
        error_at(l->errors, at, "pool \"%.*s\" has no servers", SLICE_ARG(name));
    }
    pointers_add(&l->pools, l->arena, level);
}

static void load_pool(struct loading *l, const struct node *member)
{
    load_pool_block(l, member->name, &member->name_at, member, node_find(member, SLICE("servers")));
}

void load_pools(struct loading *l, const struct node *top)
{
    const struct node *pools = node_find(top, SLICE("memcached_pools"));
    const struct node *short_form = node_find(top, SLICE("memcached"));
    each_member(l, top, "memcached_pools", load_pool);
    if (short_form == NULL) {
        return;
    }
    if (node_find(pools, SLICE("default")) != NULL) {
        error_at(l->errors, &short_form->name_at,
                 "memcached is the pool \"default\", which is in memcached_pools too");
    } else if (short_form->kind == NODE_SCALAR && slice_eq(short_form->text, SLICE("off"))) {
        return; /* as with an environment variable that is not set */
    } else if (short_form->kind == NODE_MAP && node_find(short_form, SLICE("servers")) != NULL) {
        error_at(l->errors, &short_form->at,
                 "memcached is a list of servers alone; a pool with settings is "
                 "memcached_pools: {default: {servers: …}}");
    } else {
        load_pool_block(l, SLICE("default"), &short_form->name_at, NULL, short_form);
    }
}

int pool_index(const struct loading *l, struct slice name)
{
    const struct level *level = find_level(&l->pools, name);
    return level == NULL ? -1 : (int)index_of_level(&l->pools, level);
}

/* A pool of one server, for an address that memcached_pass names. */
static bool implicit_pool(struct loading *l, const struct node *node, struct slice address)
{
    struct endpoint endpoint;
    bool ok = endpoint_parse(address, &endpoint) && (endpoint.is_unix || endpoint.has_port);
    if (!ok) {
        error_at(l->errors, &node->at,
                 "\"%.*s\" is neither a pool in memcached_pools nor host:port nor unix:/path",
                 SLICE_ARG(address));
        return false;
    }
    size_t errors = l->errors->errors;
    struct node *server = node_scalar(l->arena, address, &node->at);
    server->quoted = true;
    load_pool_block(l, address, &node->at, NULL, server);
    struct level *level = l->pools.items[l->pools.n - 1];
    level->handler = node; /* not printed: memcached_pass says it */
    return l->errors->errors == errors;
}

bool raw_index(struct loading *l, const struct node *node, struct slice text, int *out)
{
    for (size_t i = 0; i < l->raws.n; i++) {
        if (slice_eq(((const struct raw_conf *)l->raws.items[i])->name, text)) {
            *out = (int)i;
            return true;
        }
    }
    if (pool_index(l, text) < 0 && !implicit_pool(l, node, text)) {
        return false;
    }
    struct raw_conf *raw = ARENA_NEW(l->arena, struct raw_conf);
    raw->name = text;
    raw->pool = (size_t)pool_index(l, text);
    const struct level *pool = l->pools.items[raw->pool];
    raw->value_max_bytes = ((const struct mc_conf *)pool->own)->item_max_bytes;
    *out = (int)l->raws.n;
    pointers_add(&l->raws, l->arena, raw);
    return true;
}

/* -- caches -- */

static struct level *cache_new(struct loading *l, struct slice name, const struct place *at,
                               const struct node *map)
{
    struct cache_store_conf *conf = ARENA_NEW(l->arena, struct cache_store_conf);
    struct level *level = level_new(l, SCOPE_CACHE, NULL, name, at);
    conf->name = name;
    conf->pool = -1;
    level->own = conf;
    level_read(l, level, map);
    pointers_add(&l->caches, l->arena, level);
    if (conf->memory_bytes == 0 && conf->pool < 0) {
        warning_at(l->errors, at,
                   "cache \"%.*s\" has neither memory nor a memcached pool: it holds nothing",
                   SLICE_ARG(name));
    }
    return level;
}

static void load_cache(struct loading *l, const struct node *member)
{
    (void)cache_new(l, member->name, &member->name_at, member);
}

void load_caches(struct loading *l, const struct node *top)
{
    each_member(l, top, "caches", load_cache);
}

size_t cache_index(struct loading *l, struct slice name)
{
    struct level *level = find_level(&l->caches, name);
    if (level == NULL && slice_eq(name, SLICE("default"))) {
        struct place nowhere = {.file = SLICE("default")};
        level = cache_new(l, SLICE("default"), &nowhere, NULL);
    }
    return level == NULL ? SIZE_MAX : index_of_level(&l->caches, level);
}

/* -- into the configuration -- */

static bool is_used(const struct loading *l, size_t pool)
{
    for (size_t i = 0; i < l->caches.n; i++) {
        const struct level *cache = l->caches.items[i];
        if (((const struct cache_store_conf *)cache->own)->pool == (int)pool) {
            return true;
        }
    }
    for (size_t i = 0; i < l->raws.n; i++) {
        if (((const struct raw_conf *)l->raws.items[i])->pool == pool) {
            return true;
        }
    }
    return false;
}

/* A pool that no cache uses is most likely a cache without `memcached: name`. */
static void report_unused_pools(struct loading *l)
{
    for (size_t i = 0; i < l->pools.n; i++) {
        const struct level *pool = l->pools.items[i];
        if (pool->handler == NULL && !is_used(l, i)) {
            warning_at(l->errors, &pool->at, "no cache uses the memcached pool \"%.*s\"",
                       SLICE_ARG(pool->name));
        }
    }
}

void finish_backends(struct loading *l)
{
    struct proxy_conf *proxy = &l->config->proxy;
    struct upstream_conf *upstreams = ARENA_ARRAY(l->arena, struct upstream_conf, l->upstreams.n);
    struct mc_conf *pools = ARENA_ARRAY(l->arena, struct mc_conf, l->pools.n);
    struct cache_store_conf *caches = ARENA_ARRAY(l->arena, struct cache_store_conf, l->caches.n);
    struct raw_conf *raws = ARENA_ARRAY(l->arena, struct raw_conf, l->raws.n);
    struct slice *files = ARENA_ARRAY(l->arena, struct slice, l->log_files.n);
    for (size_t i = 0; i < l->upstreams.n; i++) {
        upstreams[i] = *(struct upstream_conf *)((struct level *)l->upstreams.items[i])->own;
    }
    for (size_t i = 0; i < l->pools.n; i++) {
        pools[i] = *(struct mc_conf *)((struct level *)l->pools.items[i])->own;
    }
    for (size_t i = 0; i < l->caches.n; i++) {
        caches[i] = *(struct cache_store_conf *)((struct level *)l->caches.items[i])->own;
    }
    for (size_t i = 0; i < l->raws.n; i++) {
        raws[i] = *(struct raw_conf *)l->raws.items[i];
    }
    for (size_t i = 0; i < l->log_files.n; i++) {
        files[i] = *(struct slice *)l->log_files.items[i];
    }
    proxy->upstreams = upstreams;
    proxy->upstreams_n = l->upstreams.n;
    proxy->caches = caches;
    proxy->caches_n = l->caches.n;
    proxy->raws = raws;
    proxy->raws_n = l->raws.n;
    proxy->log_files = files;
    proxy->log_files_n = l->log_files.n;
    l->config->pools = pools;
    l->config->pools_n = l->pools.n;
    report_unused_pools(l);
}
