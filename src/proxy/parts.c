#include "proxy/parts.h"

#include "cache/conditional.h"
#include "cache/freshness.h"
#include "cache/purge.h"
#include "proxy/lookup.h"
#include "proxy/stale.h"

struct cache_key parts_key(struct request *r, const struct cache_key *key)
{
    return cache_key_part(key, &r->arena, r->worker->key_seed);
}

static struct entry *peek(struct request *r, struct store *store, const struct cache_key *key,
                          bool *unchecked)
{
    struct store_get get = {.key = parts_key(r, key)};
    if (store_peek(store, &get) == STORE_HIT)
        (void)purge_check(store->purges, &get.entry, loop_wall(r->worker->loop));
    *unchecked = get.unchecked;
    return get.entry;
}

bool parts_place(const struct stored_view *v, struct byte_range *place, uint64_t *length)
{
    return v->meta.status == 206 && !stored_is_manifest(&v->meta) &&
           content_range_parse(stored_field(v, SLICE("Content-Range")), place, length) &&
           place->n == v->content.n;
}

/* One range, all of it within the part. */
static bool holds(struct request *r, const struct stored_view *v)
{
    struct byte_range place;
    struct byte_range asked;
    uint64_t length;
    size_t n = 0;
    return parts_place(v, &place, &length) &&
           range_select(fields_get(&r->head.fields, FIELD_RANGE), length, 1, &asked, &n) ==
               RANGE_PARTIAL &&
           asked.first >= place.first && asked.first + asked.n <= place.first + place.n &&
           conditional_range_holds(&r->head.fields, v, loop_wall(r->worker->loop) / 1000);
}

bool parts_may_answer(const struct request *r)
{
    return r->head.method == METHOD_GET && r->location->max_ranges > 0 &&
           fields_count(&r->head.fields, FIELD_RANGE) == 1;
}

bool parts_is_answer(struct request *r, const struct entry *e)
{
    return e->view.meta.status == 206 && slice_eq(e->view.key, parts_key(r, &r->key).bytes) &&
           stale_reuse(r, &e->view.meta) == REUSE_FRESH && holds(r, &e->view);
}

bool parts_answer(struct request *r)
{
    bool unchecked = false;
    if (!parts_may_answer(r))
        return false;
    struct entry *e = peek(r, r->store, &r->key, &unchecked);
    if (e && !unchecked && parts_is_answer(r, e)) {
        r->entry = e;
        return true;
    }
    entry_unref(&e);
    return false;
}

struct entry *parts_beginning(struct request *r)
{
    struct byte_range place;
    uint64_t length;
    bool unchecked; /* the origin says whether it still holds */
    if (r->head.method != METHOD_GET || r->vary.n > 0)
        return NULL;
    struct entry *e = peek(r, r->store, &r->key, &unchecked);
    if (e && slice_starts(e->view.etag, SLICE("\"")) && parts_place(&e->view, &place, &length) &&
        place.first == 0 && place.n < length)
        return e;
    entry_unref(&e);
    return NULL;
}

void parts_forget(struct request *r, struct store *store, const struct cache_key *key)
{
    struct cache_key part = parts_key(r, key);
    store_del(store, &part);
}

void parts_replaced(struct request *r)
{
    bool unchecked;
    struct entry *e = peek(r, r->store, &r->key, &unchecked);
    if (e)
        parts_forget(r, r->store, &r->key);
    entry_unref(&e);
}
