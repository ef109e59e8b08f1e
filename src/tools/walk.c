#include "tools/walk.h"

#include "base/assert.h"
#include "cache/purge.h"
#include "store/memory.h"

#include <stdlib.h>

#define HEAD_BYTES_MAX (64 * 1024)
/* What is looked at must fit into half of a shard. */
#define MEMORY_BYTES ((size_t)4 << 30)
#define KEEP_S       3600

/* -- the URL -- */

struct target {
    struct slice authority; /* empty: none is named */
    struct slice path;      /* with the query */
    uint16_t port;
    bool https;
};

static bool starts_scheme(struct slice *url, struct slice scheme)
{
    if (!slice_starts_nocase(*url, scheme))
        return false;
    *url = slice_skip(*url, scheme.n);
    return true;
}

static struct target target_of(struct slice url)
{
    struct target t = {.port = 80};
    if (slice_starts(url, SLICE("/"))) {
        t.path = url;
        t.port = 0;
        return t;
    }
    t.https = starts_scheme(&url, SLICE("https://"));
    if (t.https)
        t.port = 443;
    else
        (void)starts_scheme(&url, SLICE("http://"));
    size_t n = slice_find(url, '/');
    size_t mark = slice_find(url, '?');
    n = mark < n ? mark : n;
    t.authority = slice_take(url, n);
    t.path = slice_skip(url, n);
    struct endpoint e;
    if (endpoint_parse(t.authority, &e) && e.has_port)
        t.port = e.port;
    return t;
}

static bool names_host(const struct listen_conf *l, struct slice host)
{
    for (size_t i = 0; i < l->names_n; i++) {
        if (l->names[i].kind == NAME_EXACT && slice_eq_nocase(l->names[i].text, host))
            return true;
    }
    return false;
}

/* That of the URL's port; else one that has a server of the name; else the first one. */
static void choose_listen(struct walk *w, const struct target *target)
{
    const struct proxy_conf *p = &w->tool->config->proxy;
    struct slice rest;
    struct slice host = slice_cut(target->authority, ':', &rest);
    const struct listen_conf *named = NULL;
    const struct listen_conf *first = NULL;
    for (size_t i = 0; i < p->listens_n; i++) {
        const struct listen_conf *l = &p->listens[i];
        if (l->admin)
            continue;
        if (target->port != 0 && address_port(&l->address) == target->port && !w->listen_by_port) {
            w->listen = l;
            w->listen_by_port = true;
        }
        first = first ? first : l;
        named = !named && names_host(l, host) ? l : named;
    }
    if (!w->listen_by_port)
        w->listen = named ? named : first;
}

/* -- the head -- */

static bool add(const struct walk *w, struct buf *head, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool add(const struct walk *w, struct buf *head, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice line = arena_vprintf(&w->tool->arena, fmt, ap);
    va_end(ap);
    return buf_append(head, line) && buf_append(head, SLICE("\r\n"));
}

/* The bytes of a line end would begin another field. */
static bool is_one_line(struct slice s)
{
    return slice_find(s, '\r') == s.n && slice_find(s, '\n') == s.n;
}

static bool is_one_word(struct slice s)
{
    return is_one_line(s) && slice_find(s, ' ') == s.n;
}

static bool has_field(const struct tool_args *a, struct slice name)
{
    for (size_t i = 0; i < a->fields_n; i++) {
        if (slice_starts_nocase(slice_of(a->fields[i]), name))
            return true;
    }
    return false;
}

/* The listeners speak http: of https they hear from who ends TLS before them, in a field. */
static bool add_fields(const struct walk *w, struct buf *head, const struct target *target,
                       struct slice host)
{
    const struct tool_args *a = &w->tool->args;
    for (size_t i = 0; i < a->fields_n; i++) {
        struct slice field = slice_of(a->fields[i]);
        if (!is_one_line(field) || !add(w, head, "%.*s", SLICE_ARG(field)))
            return false;
    }
    if (target->https && !has_field(a, SLICE("X-Forwarded-Proto:")) &&
        !add(w, head, "X-Forwarded-Proto: https"))
        return false;
    return has_field(a, SLICE("Host:")) || add(w, head, "Host: %.*s", SLICE_ARG(host));
}

/* As a client would send it. */
static bool write_head(const struct walk *w, const struct target *target, struct buf *head)
{
    const char *method = w->tool->args.method ? w->tool->args.method : "GET";
    struct slice host = target->authority;
    struct slice slash = slice_starts(target->path, SLICE("/")) ? slice_none() : SLICE("/");
    if (host.n == 0)
        host = w->listen->default_server->name;
    if (host.n == 0)
        host = SLICE("localhost");
    return is_one_word(slice_of(method)) && is_one_word(target->path) && is_one_word(host) &&
           add(w, head, "%s %.*s%.*s HTTP/1.1", method, SLICE_ARG(slash),
               SLICE_ARG(target->path)) &&
           add_fields(w, head, target, host) && buf_append(head, SLICE("\r\n"));
}

static bool client_address(const struct walk *w, struct address *out)
{
    const char *text = w->tool->args.client ? w->tool->args.client : "127.0.0.1";
    struct endpoint e;
    return endpoint_parse(slice_of(text), &e) && (e.is_literal || e.is_unix) &&
           address_from_endpoint(&e, out);
}

static bool misuse(const struct walk *w, const char *what, const char *why)
{
    (void)tool_fail(w->tool, "%s: %s", what, why);
    return false;
}

static bool begin(struct walk *w, const struct target *target)
{
    struct rehearsal from = {.listen = w->listen};
    if (!client_address(w, &from.peer))
        return misuse(w, w->tool->args.client, "this is no address of a client");
    struct buf head;
    buf_init(&head, HEAD_BYTES_MAX);
    const char *error = "the URL, the method or a field is malformed or too long";
    if (write_head(w, target, &head)) {
        from.head = buf_slice(&head);
        w->request = rehearse_begin(w->tool->worker, &w->wconf, &from, &error);
    }
    buf_fini(&head);
    return w->request ? true : misuse(w, w->tool->args.url, error);
}

/* -- life -- */

static void nothing_to_free(struct worker_conf *wconf UNUSED)
{
}

/* The caches keep what the pools have in a memory of our own. */
static void make_conf(struct walk *w)
{
    const struct proxy_conf *p = &w->tool->config->proxy;
    w->health = upstream_health_new();
    w->memory = memory_tier_new(MEMORY_BYTES, w->tool->worker->key_seed);
    w->wconf =
        (struct worker_conf){.refs = 1,
                             .worker = w->tool->worker,
                             .conf = p,
                             .stores = calloc(p->caches_n + 1, sizeof(struct store *)),
                             .upstreams = calloc(p->upstreams_n + 1, sizeof(struct upstream *)),
                             .on_free = nothing_to_free};
    ASSERT(w->wconf.stores && w->wconf.upstreams);
    for (size_t i = 0; i < p->caches_n; i++)
        w->wconf.stores[i] = memory_store_new(w->memory);
}

static void choose_cache(struct walk *w)
{
    const struct request *r = w->request;
    if (!r->cacheable)
        return;
    w->cache = &w->tool->config->proxy.caches[r->location->cache];
    if (w->cache->pool >= 0)
        w->pool = tool_pool(w->tool, (size_t)w->cache->pool);
}

bool walk_begin(struct walk *w, struct tool *t)
{
    *w = (struct walk){.tool = t};
    struct target target = target_of(slice_of(t->args.url));
    w->https = target.https;
    make_conf(w);
    if (slice_ends(target.authority, SLICE(":")))
        return misuse(w, t->args.url, "only http:// and https:// are possible");
    choose_listen(w, &target);
    if (!w->listen)
        return misuse(w, t->args.url, "the configuration listens nowhere");
    if (!begin(w, &target))
        return false;
    w->next = rehearse_route(w->request);
    choose_cache(w);
    return true;
}

void walk_end(struct walk *w)
{
    const struct proxy_conf *p = &w->tool->config->proxy;
    if (w->request)
        rehearse_end(&w->request);
    record_fini(&w->base);
    record_fini(&w->variant);
    for (size_t i = 0; i < p->caches_n; i++)
        w->wconf.stores[i]->ops->free(w->wconf.stores[i]);
    for (size_t i = 0; i < p->upstreams_n; i++) {
        if (w->wconf.upstreams[i])
            upstream_free(&w->wconf.upstreams[i]);
    }
    free(w->wconf.stores);
    free(w->wconf.upstreams);
    loop_turn(w->tool->worker->loop, 0); /* what is buried */
    upstream_health_free(&w->health);
    memory_tier_free(&w->memory);
    if (w->purges)
        purge_book_free(&w->purges);
}

/* -- looking -- */

static void look(struct walk *w, const struct cache_key *key, struct record *record)
{
    struct tool *t = w->tool;
    if (!w->pool)
        return;
    record_look(t, w->pool, w->cache->key_prefix, key, record);
    if (record->entry)
        memory_tier_put(w->memory, record->entry, KEEP_S, loop_now(t->worker->loop));
}

/* As the fetch will find, which would count this look too. */
static bool used_too_little(struct walk *w)
{
    struct request *r = w->request;
    if (!w->pool || r->location->min_uses <= 1 || w->found != LOOKUP_JOIN || r->entry ||
        r->control.only_if_cached)
        return false;
    struct cache_key key = cache_key_uses(&r->key, &r->arena);
    return record_count(w->tool, w->pool, w->cache->key_prefix, &key) + 1 < r->location->min_uses;
}

void walk_look(struct walk *w)
{
    struct request *r = w->request;
    ASSERT(w->cache);
    r->key = lookup_key(r);
    r->variant = r->key;
    w->base.key = r->key;
    walk_learn_purges(w);
    look(w, &r->key, &w->base);
    struct entry *index = w->base.entry;
    if (index && index->view.meta.kind == STORED_VARY) {
        lookup_use_index(r, index);
        w->has_variant = true;
        w->variant.key = r->variant;
        look(w, &r->variant, &w->variant);
    }
    w->found = lookup_memory(r);
    if (used_too_little(w))
        lookup_too_few_uses(r);
    w->looked = true;
}

/* -- telling -- */

const struct record *walk_record(const struct walk *w)
{
    return w->has_variant ? &w->variant : &w->base;
}

struct slice walk_server_name(const struct walk *w, const struct record *record)
{
    return mc_pool_server_name(w->pool, record->server);
}

void walk_report_place(struct walk *w, const struct record *record)
{
    struct report *rep = &w->tool->report;
    report_text(rep, "cache_key", cache_key_print(record->key.bytes, &w->tool->arena));
    if (!w->pool)
        return;
    struct mc_server_facts facts;
    mc_pool_server_facts(w->pool, record->server, &facts);
    report_text(rep, "memcached_key", mc_key_slice(&record->mc_key));
    report_text(rep, "server", walk_server_name(w, record));
    if (facts.address.n > 0)
        report_text(rep, "address", facts.address);
    else
        report_nothing(rep, "address", "not known");
    if (record->second != record->server)
        report_text(rep, "second_server", mc_pool_server_name(w->pool, record->second));
}
