#include "proxy/lookup.h"

#include "cache/freshness.h"
#include "cache/purge.h"
#include "cache/vary.h"
#include "http/range.h"
#include "proxy/parts.h"
#include "proxy/stale.h"
#include "proxy/uses.h"

bool lookup_has_pool(const struct request *r)
{
    return r->wconf->conf->caches[r->location->cache].pool >= 0;
}

/* proxy_cache_key_args: the request as if it had only the arguments that count. */
static void keep_args(struct request *r)
{
    struct request_head *h = &r->head;
    struct slice path = slice_take(h->target, slice_find(h->target, '?'));
    h->query = args_select(h->query, &r->location->key_args, &r->arena);
    h->target = path;
    if (h->query.p)
        h->target = arena_printf(&r->arena, "%.*s?%.*s", SLICE_ARG(path), SLICE_ARG(h->query));
}

/* The name of the cache is part of the key: two caches share one table of flights. */
struct cache_key lookup_key(struct request *r)
{
    struct cache_key_builder b;
    cache_key_begin(&b, &r->arena);
    cache_key_value(&b, r->wconf->conf->caches[r->location->cache].name);
    if (r->head.method != METHOD_GET && r->head.method != METHOD_HEAD)
        cache_key_value(&b, r->head.method_token); /* POST's response is not GET's */
    struct slice query = r->head.query;
    struct slice target = r->head.target;
    const struct args_conf *args = &r->location->key_args;
    if (query.p && (args->which != ARGS_ALL || args->sort))
        keep_args(r);
    r->keyless = !template_render_key(r->location->cache_key, r, &b);
    r->head.query = query;
    r->head.target = target;
    return cache_key_end(&b, r->worker->key_seed);
}

struct slice lookup_url(const struct request_head *head, struct arena *arena)
{
    struct slice mark = head->query.p ? SLICE("?") : slice_none();
    const struct slice parts[] = {head->host, head->path, mark, head->query};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

struct slice lookup_vary_values(struct request *r, struct slice spec)
{
    return vary_values(spec, &r->head.fields, &r->location->rules, &r->arena);
}

static struct cache_key variant_key(struct request *r, struct slice spec, uint64_t generation)
{
    return cache_key_variant(&r->key, generation, lookup_vary_values(r, spec), &r->arena,
                             r->worker->key_seed);
}

void lookup_use_index(struct request *r, const struct entry *index)
{
    r->vary = arena_dup(&r->arena, index->view.vary);
    r->vary_generation = index->view.meta.generation;
    r->variant = variant_key(r, r->vary, r->vary_generation);
}

/* What was purged is none. */
static struct entry *peek(struct request *r, const struct cache_key *key, bool *unchecked)
{
    struct store_get get = {.key = *key};
    if (store_peek(r->store, &get) != STORE_HIT)
        return NULL;
    (void)purge_check(r->store->purges, &get.entry, loop_wall(r->worker->loop));
    *unchecked = get.unchecked;
    return get.entry;
}

struct entry *lookup_peek(struct request *r, const struct cache_key *key)
{
    bool unchecked;
    return peek(r, key, &unchecked);
}

/* The record that answers this request: a vary index leads on to the variant. `*unchecked`: if the
 * pool says that it still does. */
static struct entry *find(struct request *r, bool *unchecked)
{
    r->variant = r->key;
    r->forward = FWD_URI_MISS;
    struct entry *e = peek(r, &r->key, unchecked);
    if (!e || e->view.meta.kind != STORED_VARY || *unchecked)
        return e;
    lookup_use_index(r, e);
    r->forward = FWD_VARY_MISS;
    entry_unref(&e);
    e = peek(r, &r->variant, unchecked);
    if (e)
        entry_note_use(e, loop_now(r->worker->loop));
    return e;
}

static enum lookup_result on_entry(struct request *r)
{
    wall_ms now = loop_wall(r->worker->loop);
    bool fresh = freshness_is_fresh(&r->entry->view.meta, now);
    switch (stale_reuse(r, &r->entry->view.meta)) {
    case REUSE_FRESH:
        r->tier = TIER_MEMORY;
        r->outcome = fresh ? OUTCOME_HIT : OUTCOME_STALE;
        return LOOKUP_FRESH;
    case REUSE_STALE_REVALIDATE:
        r->tier = TIER_MEMORY;
        r->outcome = OUTCOME_STALE;
        return LOOKUP_STALE;
    case REUSE_ONLY_IF_CACHED: return LOOKUP_REFUSED;
    case REUSE_VALIDATE: break;
    }
    r->forward = fresh ? FWD_REQUEST : FWD_STALE;
    r->outcome = fresh ? OUTCOME_BYPASS : OUTCOME_EXPIRED;
    return LOOKUP_JOIN;
}

/* A range of something that will not be stored: the origin answers it. RFC 9110 section 14.2: only
 * a GET has ranges. */
static void pass_any_range(struct request *r)
{
    r->pass_range = r->head.method != METHOD_HEAD && fields_has(&r->head.fields, FIELD_RANGE);
}

/* proxy_cache_max_range_offset: below it the whole is fetched and the range cut out of it; beyond,
 * that could cost far more than was asked for. */
static bool range_to_pass(struct request *r)
{
    pass_any_range(r);
    if (r->pass_range && r->head.method == METHOD_GET)
        r->pass_range = !range_begins_below(fields_get(&r->head.fields, FIELD_RANGE),
                                            r->location->max_range_offset);
    return r->pass_range;
}

/* proxy_cache_min_uses: before that many requests the response is not stored, so nobody needs to
 * wait for it. With a pool the fetch asks how often all processes were asked. */
static bool used_too_little(struct request *r)
{
    return r->location->min_uses > 1 &&
           uses_count(r->worker->uses, r->key.hash) < r->location->min_uses && !lookup_has_pool(r);
}

void lookup_too_few_uses(struct request *r)
{
    r->no_store = STORE_NO_USES;
    pass_any_range(r);
    r->detail = "min_uses";
}

/* A key of nothing would be one for all. */
static enum lookup_result without_key(struct request *r)
{
    r->no_store = STORE_NO_KEY;
    r->detail = store_verdict_text(STORE_NO_KEY);
    r->forward = FWD_BYPASS;
    r->outcome = OUTCOME_BYPASS;
    pass_any_range(r);
    return r->control.only_if_cached ? LOOKUP_REFUSED : LOOKUP_ALONE;
}

/* What others have stored answers; what is fetched then is for nobody else to wait for. */
static enum lookup_result for_itself(struct request *r)
{
    r->lone = true;
    return lookup_has_pool(r) ? LOOKUP_POOL : LOOKUP_ALONE;
}

enum lookup_result lookup_memory(struct request *r)
{
    if (!r->key.bytes.p)
        r->key = lookup_key(r);
    r->variant = r->key;
    r->lone = false;
    if (r->keyless)
        return without_key(r);
    if (r->bypass)
        return LOOKUP_ALONE;
    bool unchecked = false;
    r->entry = find(r, &unchecked);
    if (r->entry && unchecked) {
        entry_unref(&r->entry);
        r->outcome = OUTCOME_MISS;
        return LOOKUP_JOIN; /* what the pool has answers: it is asked at once */
    }
    if (r->entry && r->entry->view.meta.kind == STORED_MARK) {
        entry_unref(&r->entry);
        r->outcome = OUTCOME_MISS;
        r->detail = "hit-for-miss";
        pass_any_range(r);
        return r->control.only_if_cached ? LOOKUP_REFUSED : LOOKUP_ALONE;
    }
    if (r->entry)
        return on_entry(r);
    if (UNLIKELY(fields_has(&r->head.fields, FIELD_RANGE)) && parts_answer(r))
        return on_entry(r);
    r->outcome = OUTCOME_MISS;
    if (r->control.only_if_cached)
        return lookup_has_pool(r) ? LOOKUP_JOIN : LOOKUP_REFUSED;
    if (range_to_pass(r))
        return for_itself(r);
    if (used_too_little(r)) {
        lookup_too_few_uses(r);
        return LOOKUP_ALONE;
    }
    /* What is fetched with credentials is seldom for others: nobody waits for it. */
    return fields_has(&r->head.fields, FIELD_AUTHORIZATION) ? for_itself(r) : LOOKUP_JOIN;
}

bool lookup_head_alone(const struct request *r)
{
    return r->head.method == METHOD_HEAD && (r->entry || !r->location->convert_head);
}

bool lookup_entry_is_ours(struct request *r)
{
    const struct stored_view *v = &r->entry->view;
    if (v->meta.kind != STORED_RESPONSE)
        return false;
    if (v->meta.status == 206)
        return parts_is_answer(r, r->entry);
    r->variant = v->vary.n > 0 ? variant_key(r, v->vary, cache_key_generation(r->key.bytes, v->key))
                               : r->key;
    return slice_eq(r->variant.bytes, v->key);
}

bool lookup_response_is_ours(struct request *r, const struct flight_response *response)
{
    const struct purge_subject subject = {r->key.bytes, response->tags};
    if (r->store && !purge_is_current(r->store->purges, &subject, response->purge_seq)) {
        flight_unlist(r->reader);
        return false;
    }
    if (!stale_answers_others(r, &response->meta)) { /* its content takes longer than it lives */
        flight_unlist(r->reader);
        return false;
    }
    if (response->vary.n == 0)
        return true;
    return slice_eq(lookup_vary_values(r, response->vary), response->variant);
}

enum cache_outcome lookup_outcome(struct request *r, enum flight_entry_from from)
{
    switch (from) {
    case ENTRY_FOR_LEADER:
    case ENTRY_VALIDATED: return OUTCOME_REVALIDATED;
    case ENTRY_STALE: return OUTCOME_STALE;
    case ENTRY_FROM_POOL: break;
    }
    wall_ms now = loop_wall(r->worker->loop);
    bool fresh = freshness_is_fresh(&r->entry->view.meta, now);
    return fresh ? OUTCOME_HIT : OUTCOME_STALE;
}
