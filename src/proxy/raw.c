#include "proxy/raw.h"

#include "cache/freshness.h"
#include "http/uri.h"
#include "proxy/reply.h"

/* -- the key -- */

/* nginx's $uri is decoded, and writers make their keys of it. */
struct slice raw_key(struct request *r)
{
    struct slice path = r->head.path;
    r->head.path = uri_decode(path, &r->arena);
    struct slice key = template_render(r->location->memcached_key, r, &r->arena);
    r->head.path = path;
    return key;
}

/* -- looking -- */

static void raw_on_get(struct raw_get *get, enum raw_result result)
{
    struct request *r = get->owner;
    r->raw->found = result;
    r->raw->pending = false;
    request_run(r);
}

static void ask(struct request *r, uint32_t nth)
{
    struct raw *raw = r->raw;
    raw->get.nth = nth;
    raw->asked_us = loop_now_us(r->worker->loop);
    raw->found = raw_get(raw->store, &raw->get);
    raw->pending = raw->found == RAW_PENDING;
}

/* What is fetched with credentials is for one client. `/a%2Fb` and `/a/b` have one key to nginx,
 * but are two resources: what is read for both is the writer's word, ours it never is. */
static bool may_store(const struct request *r)
{
    const struct location_conf *l = r->location;
    return l->memcached_store && l->raw_origin &&
           !fields_has(&r->head.fields, FIELD_AUTHORIZATION) &&
           !uri_has_encoded_reserved(r->head.path);
}

static void begin(struct request *r)
{
    struct raw_store *store = r->wconf->raws[r->location->raw];
    r->raw = ARENA_NEW(&r->arena, struct raw);
    r->raw->store = store;
    r->raw->key = raw_key(r);
    r->raw->storing = may_store(r);
    r->raw->get = (struct raw_get){.key = r->raw->key,
                                   .fn = raw_on_get,
                                   .owner = r,
                                   .space = arena_alloc(&r->arena, store->get_bytes)};
    ask(r, 0);
}

static uint16_t status_of(enum raw_result found)
{
    switch (found) {
    case RAW_HIT: return 200;
    case RAW_MISS: return 404;
    case RAW_TIMEOUT: return 504;
    case RAW_ERROR:
    case RAW_INVALID:
    case RAW_PENDING: break;
    }
    return 502;
}

/* For $upstream_addr and its companions. */
static void note_try(struct request *r)
{
    const struct raw *raw = r->raw;
    if (raw->get.server.n == 0)
        return;
    if (r->tries_n < UPSTREAM_TRIES_MAX)
        r->tries_n++;
    int64_t us = loop_now_us(r->worker->loop) - raw->asked_us;
    size_t bytes = raw->found == RAW_HIT ? raw->get.blob->len : 0;
    r->tries[r->tries_n - 1] = (struct upstream_try){.peer = raw->get.server,
                                                     .status = status_of(raw->found),
                                                     .connect_us = -1,
                                                     .header_us = us,
                                                     .response_us = us,
                                                     .bytes_received = bytes,
                                                     .content_bytes = bytes};
}

static unsigned bit_of(enum raw_result found)
{
    switch (found) {
    case RAW_MISS: return STORE_NEXT_NOT_FOUND;
    case RAW_ERROR: return STORE_NEXT_ERROR;
    case RAW_TIMEOUT: return STORE_NEXT_TIMEOUT;
    case RAW_INVALID: return STORE_NEXT_INVALID;
    case RAW_HIT:
    case RAW_PENDING: break;
    }
    return 0;
}

/* memcached_next_upstream */
static bool may_ask_next(const struct request *r)
{
    const struct raw *raw = r->raw;
    return (r->location->memcached_next & bit_of(raw->found)) && raw->get.server.n > 0 &&
           raw->get.nth + 1 < raw->store->servers_n;
}

static enum raw_next on_hit(struct request *r)
{
    struct raw *raw = r->raw;
    raw->value = raw->get.blob;
    raw->gzip = (raw->get.flags & r->location->memcached_gzip_flag) != 0;
    r->outcome = OUTCOME_HIT;
    r->tier = TIER_POOL;
    return RAW_DELIVER;
}

/* Flights are found by the raw key in its pool; no cache's key begins with a literal. */
static enum raw_next on_nothing(struct request *r)
{
    r->outcome = OUTCOME_MISS;
    r->forward = FWD_URI_MISS;
    if (!r->location->raw_origin)
        return RAW_FAIL;
    if (!r->raw->storing)
        return RAW_ALONE;
    struct cache_key_builder b;
    cache_key_begin(&b, &r->arena);
    cache_key_literal(&b, SLICE("raw"));
    cache_key_value(&b, r->wconf->conf->raws[r->location->raw].name);
    cache_key_value(&b, r->raw->key);
    r->key = cache_key_end(&b, r->worker->key_seed);
    r->variant = r->key;
    r->cacheable = true;
    return RAW_JOIN;
}

enum raw_next raw_run(struct request *r)
{
    if (!r->raw)
        begin(r);
    while (!r->raw->pending) {
        note_try(r);
        if (r->raw->found == RAW_HIT)
            return on_hit(r);
        if (!may_ask_next(r))
            return on_nothing(r);
        ask(r, r->raw->get.nth + 1);
    }
    return RAW_WAIT;
}

int raw_failure(const struct raw *raw)
{
    switch (raw->found) {
    case RAW_MISS: return REPLY_VALUE_NOT_FOUND;
    case RAW_TIMEOUT: return REPLY_MEMCACHED_TIMEOUT;
    case RAW_INVALID: return REPLY_MEMCACHED_INVALID;
    case RAW_ERROR:
    case RAW_HIT:
    case RAW_PENDING: break;
    }
    return REPLY_MEMCACHED_FAILED;
}

void raw_end(struct raw *raw)
{
    if (raw->pending)
        raw_cancel(raw->store, &raw->get);
    raw->pending = false;
    blob_unref(&raw->value);
}

/* -- storing -- */

static int64_t ttl_s(struct request *r, const struct stored_meta *meta)
{
    return meta->lifetime_s - freshness_age_s(meta, loop_wall(r->worker->loop));
}

/* Does the key tell apart what the response varies by? Without a coding the content is for all who
 * accept one, too. */
static bool key_has_vary(struct request *r, const struct response_head *head)
{
    bool coded = fields_has(&head->fields, FIELD_CONTENT_ENCODING);
    struct slice vary = fields_joined(&head->fields, SLICE("Vary"), &r->arena);
    struct slice name;
    if (r->location->rules.ignore & IGNORE_VARY)
        return true;
    while (list_member_next(&vary, &name)) {
        bool plain = !coded && slice_eq_nocase(name, SLICE("Accept-Encoding"));
        if (!plain && !template_has_field(r->location->memcached_key, name))
            return false;
    }
    return true;
}

/* A reader gives every value the type of its own configuration, and knows of one coding. */
static bool reads_the_same(struct request *r, const struct response_head *head)
{
    const struct location_conf *l = r->location;
    struct slice type = fields_get(&head->fields, FIELD_CONTENT_TYPE);
    struct slice coding = fields_get(&head->fields, FIELD_CONTENT_ENCODING);
    bool coding_told =
        !coding.p || (l->memcached_gzip_flag != 0 && slice_eq_nocase(coding, SLICE("gzip")));
    return coding_told &&
           (!type.p || slice_eq_nocase(type, template_render(l->default_type, r, &r->arena)));
}

enum store_verdict raw_storable(struct request *r, const struct response_head *head,
                                const struct stored_meta *meta)
{
    if (head->status != 200)
        return STORE_NO_STATUS;
    if ((meta->flags & STORED_NO_CACHE) || ttl_s(r, meta) < 1)
        return STORE_NO_FRESHNESS;
    if (!key_has_vary(r, head))
        return STORE_NO_VARY;
    return reads_the_same(r, head) ? STORE_YES : STORE_NO_RAW;
}

void raw_put(struct request *r, const struct response_head *head, const struct stored_meta *meta,
             struct blob *content)
{
    bool gzip = fields_has(&head->fields, FIELD_CONTENT_ENCODING);
    uint32_t flags = gzip ? r->location->memcached_gzip_flag : 0;
    if (content->len > 0 && raw_set(r->raw->store, r->raw->key, content, flags, ttl_s(r, meta)))
        counter_add(&r->worker->counters, COUNTER_CACHE_STORED, 1);
}

void raw_invalidate(struct request *r, const struct response_head *head)
{
    const struct location_conf *l = r->location;
    bool changed =
        head->status >= 200 && head->status < 400 && !http_method_is_safe(r->head.method);
    if (l->handler != HANDLER_MEMCACHED || !l->memcached_store || !changed)
        return;
    struct request_head asked = r->head;
    r->head.method = METHOD_GET;
    r->head.method_token = SLICE("GET");
    struct slice key = raw_key(r);
    r->head = asked;
    raw_del(r->wconf->raws[l->raw], key);
}
