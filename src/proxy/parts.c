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

static struct entry *peek(struct request *r, struct store *store, const struct cache_key *key)
{
    struct store_get get = {.key = parts_key(r, key)};
    if (store_peek(store, &get) == STORE_HIT)
        (void)purge_check(store->purges, &get.entry, loop_wall(r->worker->loop));
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

bool parts_answer(struct request *r)
{
    if (r->head.method != METHOD_GET || r->location->max_ranges == 0 ||
        fields_count(&r->head.fields, FIELD_RANGE) != 1)
        return false;
    struct entry *e = peek(r, r->store, &r->key);
    if (e && stale_reuse(r, &e->view.meta) == REUSE_FRESH && holds(r, &e->view)) {
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
    if (r->head.method != METHOD_GET || r->vary.n > 0)
        return NULL;
    struct entry *e = peek(r, r->store, &r->key);
    if (e && parts_place(&e->view, &place, &length) && place.first == 0 && place.n < length)
        return e;
    entry_unref(&e);
    return NULL;
}

void parts_forget(struct request *r, struct store *store, const struct cache_key *key)
{
    struct entry *e = peek(r, store, key);
    if (e) {
        struct cache_key part = {e->view.key, parts_key(r, key).hash};
        store_del(store, &part);
    }
    entry_unref(&e);
}
