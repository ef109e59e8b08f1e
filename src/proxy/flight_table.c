/* The flights of all workers, found by key: who joins one, and who leads the next. */
#include "base/assert.h"
#include "proxy/flight_internal.h"

#include <stdlib.h>

struct flight_table *flight_table_new(void)
{
    struct flight_table *t = calloc(1, sizeof *t);
    ASSERT(t);
    t->budget = SIZE_MAX;
    changes_init(&t->changes);
    for (size_t i = 0; i < FLIGHT_SHARDS; i++) {
        pthread_mutex_init(&t->shards[i].lock, NULL);
        map_init(&t->shards[i].map);
    }
    return t;
}

void flight_table_set_budget(struct flight_table *t, size_t bytes)
{
    atomic_store_explicit(&t->budget, bytes, memory_order_relaxed);
}

bool flight_over_budget(struct flight_writer *w)
{
    struct flight_table *t = w->flight->table;
    return atomic_load_explicit(&t->kept, memory_order_relaxed) >
           atomic_load_explicit(&t->budget, memory_order_relaxed);
}

void flight_table_free(struct flight_table **t)
{
    if (!*t)
        return;
    for (size_t i = 0; i < FLIGHT_SHARDS; i++) {
        map_fini(&(*t)->shards[i].map);
        pthread_mutex_destroy(&(*t)->shards[i].lock);
    }
    free(*t);
    *t = NULL;
}

static struct flight_shard *shard_of(struct flight_table *t, uint64_t hash)
{
    return &t->shards[hash >> 58 & (FLIGHT_SHARDS - 1)];
}

/* -- the table -- */

/* With the shard locked. */
static void listing_add(struct flight *f, struct listing *l, const struct cache_key *key,
                        struct flight_shard *shard)
{
    bool fits = l == &f->base && key->bytes.n <= sizeof f->short_key;
    l->key = fits ? f->short_key : malloc(key->bytes.n);
    ASSERT(l->key);
    memcpy(l->key, key->bytes.p, key->bytes.n);
    l->flight = f;
    l->listed = true;
    map_insert(&shard->map, &l->node, slice_make(l->key, key->bytes.n), key->hash);
}

static void listing_remove(struct flight_table *t, struct listing *l)
{
    if (!l->key)
        return;
    struct flight_shard *shard = shard_of(t, l->node.hash);
    pthread_mutex_lock(&shard->lock);
    if (l->listed)
        map_remove(&shard->map, &l->node);
    l->listed = false;
    pthread_mutex_unlock(&shard->lock);
}

void flight_hide(struct flight *f)
{
    listing_remove(f->table, &f->base);
    listing_remove(f->table, &f->variant);
}

void flight_unlist(struct flight_reader *r)
{
    flight_hide(r->flight);
}

bool flight_exists(struct flight_table *t, const struct cache_key *key)
{
    struct flight_shard *shard = shard_of(t, key->hash);
    pthread_mutex_lock(&shard->lock);
    bool found = map_find(&shard->map, key->bytes, key->hash) != NULL;
    pthread_mutex_unlock(&shard->lock);
    return found;
}

void flight_list_variant(struct flight_writer *w, const struct cache_key *key)
{
    struct flight *f = w->flight;
    if (f->variant.key || !f->base.key)
        return;
    struct flight_shard *shard = shard_of(f->table, key->hash);
    pthread_mutex_lock(&shard->lock);
    if (!map_find(&shard->map, key->bytes, key->hash))
        listing_add(f, &f->variant, key, shard);
    pthread_mutex_unlock(&shard->lock);
}

/* -- changes of its URI -- */

static bool is_outdated(const struct flight *f)
{
    return f->begun != 0 && changes_since(&f->table->changes, f->uri_hash, f->begun);
}

void flight_table_changed(struct flight_table *t, uint64_t uri_hash)
{
    changes_note(&t->changes, uri_hash);
}

void flight_begin(struct flight_writer *w, uint64_t uri_hash)
{
    struct flight *f = w->flight;
    flight_lock(f);
    f->uri_hash = uri_hash;
    f->begun = changes_now(&f->table->changes);
    flight_unlock(f);
}

bool flight_is_outdated(struct flight_writer *w)
{
    return is_outdated(w->flight);
}

/* -- joining -- */

void flight_second_from(struct flight_reader *leader, mono_ms at)
{
    struct flight *f = leader->flight;
    flight_lock(f);
    f->second_at = at;
    flight_unlock(f);
}

static bool is_overdue(struct flight *f, mono_ms now)
{
    flight_lock(f);
    bool overdue = f->second_at != 0 && now >= f->second_at && f->state == FLIGHT_PENDING;
    overdue = overdue || is_outdated(f);
    flight_unlock(f);
    return overdue;
}

static struct listing *listing_find(struct flight_shard *shard, const struct cache_key *key)
{
    struct map_node *node = map_find(&shard->map, key->bytes, key->hash);
    return node ? container_of(node, struct listing, node) : NULL;
}

/* With the shard locked: one that may be joined, or that may be no more. */
static struct listing *listing_to_join(struct flight_shard *shard, const struct cache_key *key,
                                       struct loop *loop)
{
    struct listing *l = listing_find(shard, key);
    if (l && is_overdue(l->flight, loop_now(loop))) {
        map_remove(&shard->map, &l->node);
        l->listed = false;
        l = NULL;
    }
    return l;
}

/* NULL: its beginning is gone. */
static struct flight_reader *join_found(struct flight *f, struct loop *loop,
                                        flight_progress_fn *on_progress, void *owner)
{
    flight_lock(f);
    if (f->passed) {
        flight_unlock(f);
        return NULL;
    }
    struct flight_reader *r = flight_reader_new(f, loop, on_progress, owner);
    r->chunk = f->first;
    if (f->state != FLIGHT_PENDING)
        flight_tell_reader(r, loop);
    flight_unlock(f);
    return r;
}

static struct flight_reader *lead(struct flight_table *t, bool alone, struct loop *loop,
                                  flight_progress_fn *on_progress, void *owner)
{
    struct flight *f = flight_new(t, alone, loop);
    struct flight_reader *r = flight_reader_new(f, loop, on_progress, owner);
    r->leader = true;
    return r;
}

struct flight_reader *flight_join(struct flight_table *t, const struct cache_key *key, bool alone,
                                  struct loop *loop, flight_progress_fn *on_progress, void *owner,
                                  bool *leader)
{
    *leader = true;
    if (alone)
        return lead(t, true, loop, on_progress, owner);
    struct flight_shard *shard = shard_of(t, key->hash);
    pthread_mutex_lock(&shard->lock);
    struct listing *l = listing_to_join(shard, key, loop);
    struct flight_reader *r = l ? join_found(l->flight, loop, on_progress, owner) : NULL;
    if (r) {
        *leader = false;
    } else {
        r = lead(t, l != NULL, loop, on_progress, owner);
        r->late = l != NULL;
        if (!l)
            listing_add(r->flight, &r->flight->base, key, shard);
    }
    pthread_mutex_unlock(&shard->lock);
    return r;
}
