#include "proxy/purge.h"

#include "base/text.h"
#include "cache/purge.h"
#include "cache/tags.h"
#include "http/uri.h"
#include "proxy/client.h"
#include "proxy/lookup.h"
#include "proxy/purge_client.h"
#include "proxy/route.h"

/* What is purged in one cache. */
struct target {
    struct purge *purge;
    size_t cache;
    struct purge_scope *scopes;
    size_t scopes_n;
    uint64_t seq;
    bool syncing;
    struct store_sync sync;
};

struct purge {
    struct request *r;
    const struct purge_order *order;
    struct target *targets;
    size_t targets_n;
    size_t syncing;
    bool started;
    struct admin_reply reply;
};

/* -- what the order means for each cache -- */

static struct store *store_of(const struct target *t)
{
    return t->purge->r->wconf->stores[t->cache];
}

static void target_add(struct target *t, enum purge_kind kind, struct slice value)
{
    t->scopes[t->scopes_n++] = (struct purge_scope){kind, value};
}

/* In the process at once, in the pool where its key is one: a fetch under way elsewhere loses its
 * lease. */
static void add_key(struct target *t, struct request *r)
{
    struct cache_key key = lookup_key(r);
    target_add(t, PURGE_KEY, key.bytes);
    if (!t->purge->order->soft)
        store_del(store_of(t), &key);
}

static struct target *target_of(struct purge *p, const struct location_conf *l)
{
    for (size_t i = 0; l && i < p->targets_n; i++)
        if (l->handler == HANDLER_PROXY && l->cache_on && p->targets[i].cache == l->cache)
            return &p->targets[i];
    return NULL;
}

/* The key that a GET for the URL has in the location that takes it at each listener. */
static void add_keys_of_url(struct purge *p, struct request *r)
{
    const struct proxy_conf *conf = r->wconf->conf;
    for (size_t i = 0; i < conf->listens_n; i++) {
        if (conf->listens[i].admin)
            continue;
        r->listen = &conf->listens[i];
        r->server = route_server(r->listen, r);
        r->location = route_location(r->server, r);
        struct target *t = target_of(p, r->location);
        if (t)
            add_key(t, r);
    }
}

static struct slice skip_scheme(struct slice text)
{
    static const struct slice schemes[] = {SLICE_INIT("http://"), SLICE_INIT("https://")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (slice_starts_nocase(text, schemes[i]))
            return slice_skip(text, schemes[i].n);
    }
    return text;
}

/* `example.com/a` of `https://Example.com/a`. */
static struct slice clean_url(struct slice text, struct arena *arena)
{
    text = skip_scheme(text);
    struct slice copy = arena_dup(arena, text);
    char *p = (char *)copy.p;
    for (size_t i = 0; i < copy.n && p[i] != '/'; i++)
        p[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + ('a' - 'A') : p[i]);
    return copy;
}

/* As a request for it would stand here. False: it is no URL. */
static bool take_url(struct request *r, struct slice url)
{
    struct request_head *head = &r->head;
    url = clean_url(url, &r->arena);
    size_t slash = slice_find(url, '/');
    struct slice target = slash < url.n ? slice_skip(url, slash) : SLICE("/");
    head->method = METHOD_GET;
    head->method_token = SLICE("GET");
    head->authority = slice_take(url, slash);
    head->fields = (struct fields){0};
    head->target = target;
    bool other_scheme =
        slice_ends(head->authority, SLICE(":")) && slice_starts(target, SLICE("//"));
    return !other_scheme && authority_parse(head->authority, &r->arena, &head->host, &head->port) &&
           uri_normalise(target, false, &r->arena, &head->path, &head->query);
}

static bool add_url(struct purge *p, struct slice url)
{
    struct request *r = p->r;
    struct request_head asked = r->head;
    const struct listen_conf *listen = r->listen;
    const struct server_conf *server = r->server;
    const struct location_conf *location = r->location;
    bool ok = take_url(r, url);
    if (ok) {
        struct slice name = lookup_url(&r->head, &r->arena);
        for (size_t i = 0; i < p->targets_n; i++)
            target_add(&p->targets[i], PURGE_URL, name);
        add_keys_of_url(p, r);
    }
    r->head = asked;
    r->listen = listen;
    r->server = server;
    r->location = location;
    return ok;
}

/* -- the answer -- */

static void answer(struct purge *p, uint16_t status, struct slice content)
{
    p->reply = (struct admin_reply){
        .status = status, .type = SLICE("application/json"), .content = content};
}

static void answer_error(struct purge *p, uint16_t status, struct slice what, struct slice value)
{
    struct text text;
    text_init(&text);
    text_add(&text, SLICE("{\"purged\": false, \"error\": "));
    text_json(&text, arena_printf(&p->r->arena, "%.*s: %.*s", SLICE_ARG(what), SLICE_ARG(value)));
    text_add(&text, SLICE("}\n"));
    answer(p, status, arena_dup(&p->r->arena, buf_slice(&text.buf)));
    text_fini(&text);
}

static bool has_failed(const struct target *t)
{
    return t->sync.servers > 0 && t->sync.failed_n == t->sync.servers;
}

static void put_target(struct text *text, const struct target *t)
{
    text_add(text, SLICE("{\"cache\": "));
    text_json(text, t->purge->r->wconf->conf->caches[t->cache].name);
    text_printf(text, ", \"seq\": %llu, \"servers\": %zu, \"failed\": [",
                (unsigned long long)t->seq, t->sync.servers);
    for (size_t i = 0; i < t->sync.failed_n; i++) {
        text_add(text, i > 0 ? SLICE(", ") : slice_none());
        text_json(text, t->sync.failed[i]);
    }
    text_add(text, SLICE("]}"));
}

/* A purge that no server has taken counts here, and is sent again until one does. */
static void answer_done(struct purge *p)
{
    struct text text;
    bool failed = false;
    for (size_t i = 0; i < p->targets_n; i++)
        failed = failed || has_failed(&p->targets[i]);
    text_init(&text);
    text_printf(&text, "{\"purged\": %s, \"soft\": %s, ", failed ? "false" : "true",
                p->order->soft ? "true" : "false");
    if (failed)
        text_add(&text, SLICE("\"error\": \"no server of the pool took it: other proxies do not "
                              "know of it yet; it is sent again\", "));
    text_add(&text, SLICE("\"caches\": ["));
    for (size_t i = 0; i < p->targets_n; i++) {
        text_add(&text, i > 0 ? SLICE(", ") : slice_none());
        put_target(&text, &p->targets[i]);
    }
    text_add(&text, SLICE("]}\n"));
    answer(p, failed ? 503 : 200, arena_dup(&p->r->arena, buf_slice(&text.buf)));
    text_fini(&text);
}

const struct admin_reply *purge_reply(const struct request *r)
{
    return &r->purge->reply;
}

/* -- running -- */

static void purge_on_sync(struct store_sync *sync)
{
    struct target *t = sync->owner;
    struct purge *p = t->purge;
    t->syncing = false;
    if (--p->syncing == 0)
        request_run(p->r);
}

static void target_start(struct target *t)
{
    struct purge *p = t->purge;
    struct request *r = p->r;
    wall_ms now = loop_wall(r->worker->loop);
    t->seq = purge_book_add(store_of(t)->purges, t->scopes, t->scopes_n, p->order->soft, now);
    t->sync = (struct store_sync){.fn = purge_on_sync, .owner = t};
    t->syncing = store_sync(store_of(t), &t->sync);
    p->syncing += t->syncing ? 1 : 0;
}

static bool make_targets(struct purge *p)
{
    const struct proxy_conf *conf = p->r->wconf->conf;
    const struct purge_order *order = p->order;
    struct arena *arena = &p->r->arena;
    size_t most = order->scopes_n + order->urls_n * (1 + conf->listens_n) + 2;
    p->targets = ARENA_ARRAY(arena, struct target, conf->caches_n + 1);
    for (size_t i = 0; i < conf->caches_n; i++) {
        if (order->cache.n > 0 && !slice_eq(order->cache, conf->caches[i].name))
            continue;
        struct target *t = &p->targets[p->targets_n++];
        t->purge = p;
        t->cache = i;
        t->scopes = ARENA_ARRAY(arena, struct purge_scope, most);
        for (size_t j = 0; j < order->scopes_n; j++)
            target_add(t, order->scopes[j].kind, order->scopes[j].value);
    }
    return p->targets_n > 0;
}

/* What is wrong with a scope, NULL where nothing is. */
static const char *scope_error(struct purge_scope *scope, struct arena *arena)
{
    struct slice rest = scope->value;
    struct slice first;
    switch (scope->kind) {
    case PURGE_HOST:
        scope->value = clean_url(scope->value, arena);
        return scope->value.n == 0 || slice_find(scope->value, '/') < scope->value.n
                   ? "a host is a name or an address without a port"
                   : NULL;
    case PURGE_PREFIX:
        scope->value = clean_url(scope->value, arena);
        return scope->value.n == 0 || scope->value.n > PURGE_PREFIX_BYTES_MAX
                   ? "a prefix begins with a host, and has 255 bytes at most"
                   : NULL;
    case PURGE_TAG:
        return !tags_next(&rest, &first) || !slice_eq(first, scope->value)
                   ? "a tag holds no white space and no comma"
                   : NULL;
    case PURGE_ALL:
    case PURGE_URL:
    case PURGE_KEY: break;
    }
    return NULL;
}

static struct slice cache_names(const struct request *r, struct arena *arena)
{
    const struct proxy_conf *conf = r->wconf->conf;
    struct slice names = slice_none();
    for (size_t i = 0; i < conf->caches_n; i++)
        names = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(names), i > 0 ? ", " : "",
                             SLICE_ARG(conf->caches[i].name));
    return names;
}

/* False: the order cannot be carried out, and the answer says why. */
static bool prepare(struct purge *p)
{
    for (size_t i = 0; i < p->order->scopes_n; i++) {
        struct slice value = p->order->scopes[i].value;
        const char *wrong = scope_error(&p->order->scopes[i], &p->r->arena);
        if (wrong) {
            answer_error(p, 400, slice_of(wrong), value);
            return false;
        }
    }
    if (!make_targets(p)) {
        answer_error(p, 400, SLICE("there is no such cache; there are"),
                     cache_names(p->r, &p->r->arena));
        return false;
    }
    for (size_t i = 0; i < p->order->urls_n; i++) {
        if (!add_url(p, p->order->urls[i])) {
            answer_error(p, 400, SLICE("this is no URL"), p->order->urls[i]);
            return false;
        }
    }
    return true;
}

/* The key is that of a GET for the same, with the fields of the PURGE. */
static void add_own_key(struct purge *p)
{
    struct request *r = p->r;
    struct request_head asked = r->head;
    struct target *t = target_of(p, r->location);
    r->head.method = METHOD_GET;
    r->head.method_token = SLICE("GET");
    if (t) {
        target_add(t, PURGE_URL, lookup_url(&r->head, &r->arena));
        add_key(t, r);
    }
    r->head = asked;
}

static void start(struct purge *p, const struct purge_order *order, bool with_own_key)
{
    p->order = order;
    if (!prepare(p))
        return;
    if (with_own_key)
        add_own_key(p);
    for (size_t i = 0; i < p->targets_n; i++)
        target_start(&p->targets[i]);
    counter_add(&p->r->worker->counters, COUNTER_CACHE_PURGES, 1);
}

/* A client's own PURGE. */
static void start_client(struct purge *p)
{
    struct request *r = p->r;
    const char *wrong = NULL;
    bool own_key = false;
    const struct purge_order *order = purge_client_order(r, &own_key, &wrong);
    if (order)
        start(p, order, own_key);
    else
        answer_error(p, 400, SLICE("Mcproxy-Purge"), slice_of(wrong));
}

/* The admin listener reads the order out of the content, or answers something else. */
static void start_admin(struct purge *p)
{
    struct request *r = p->r;
    struct admin_reply reply = {.status = 404, .type = SLICE("text/plain")};
    r->worker->admin(r->worker->admin_owner, r, &reply);
    p->reply = reply;
    if (reply.order)
        start(p, reply.order, false);
}

static void wait_for_content(struct request *r)
{
    r->upload.hold_bytes = PURGE_CONTENT_MAX + 1;
    r->client->codec->send_continue(r->client, r);
    r->client->codec->read_on(r->client, r);
}

static struct purge *purge_new(struct request *r)
{
    struct purge *p = ARENA_NEW(&r->arena, struct purge);
    p->r = r;
    if (!r->upload.complete)
        wait_for_content(r);
    return p;
}

bool purge_run(struct request *r)
{
    if (!r->purge)
        r->purge = purge_new(r);
    struct purge *p = r->purge;
    bool admin = r->location->handler == HANDLER_ADMIN;
    if (!p->started && admin && r->upload.received > PURGE_CONTENT_MAX) {
        answer_error(p, 413, SLICE("the content is too long"), SLICE("256k at most"));
        return true;
    }
    if (!p->started && admin && !r->upload.complete)
        return false;
    if (!p->started) {
        p->started = true;
        if (admin)
            start_admin(p);
        else
            start_client(p);
    }
    if (p->syncing > 0)
        return false;
    if (p->reply.status == 0 || p->reply.order)
        answer_done(p);
    return true;
}

void purge_cancel(struct request *r)
{
    struct purge *p = r->purge;
    for (size_t i = 0; p && i < p->targets_n; i++) {
        struct target *t = &p->targets[i];
        if (t->syncing)
            store_cancel_sync(store_of(t), &t->sync);
        t->syncing = false;
    }
}
