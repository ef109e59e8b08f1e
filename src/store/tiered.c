#include "store/tiered.h"

#include "base/assert.h"
#include "base/clock.h"
#include "cache/freshness.h"

#include <stdlib.h>

#define FREE_GETS_MAX 1024

/* A lookup that the pool is asked for on behalf of `get`. */
struct tiered_get {
    struct store_get inner;
    struct tiered_store *store;
    struct store_get *get;
    struct tiered_get *next_free;
};

struct tiered_store {
    struct store store;
    struct store *memory;
    struct store *pool;
    struct tiered_get *free_gets;
    size_t free_gets_n;
    size_t pending;
};

static const struct store_ops ops;

static struct tiered_store *tiered_of(struct store *s)
{
    ASSERT(s->ops == &ops);
    return container_of(s, struct tiered_store, store);
}

static struct tiered_get *take_get(struct tiered_store *s)
{
    struct tiered_get *tg = s->free_gets;
    if (tg == NULL) {
        tg = malloc(sizeof(*tg));
        ASSERT(tg != NULL);
    } else {
        s->free_gets = tg->next_free;
        s->free_gets_n--;
    }
    s->pending++;
    return tg;
}

static void give_get(struct tiered_store *s, struct tiered_get *tg)
{
    s->pending--;
    if (s->free_gets_n >= FREE_GETS_MAX) {
        free(tg);
        return;
    }
    tg->next_free = s->free_gets;
    s->free_gets = tg;
    s->free_gets_n++;
}

/* What the pool had stays in memory too, for what is left of the time that the pool was told. */
static void keep_in_memory(struct tiered_store *s, struct entry *entry)
{
    const struct stored_meta *meta = &entry->view.meta;
    int64_t since_s = freshness_age_s(meta, clock_wall_ms()) - meta->initial_age_s;
    int64_t left_s = freshness_store_ttl_s(meta) - since_s;
    if (left_s > 0)
        store_put(s->memory, entry, left_s);
}

static enum store_result tiered_peek(struct store *store, struct store_get *get)
{
    return store_peek(tiered_of(store)->memory, get);
}

/* Hands what the pool answered to the user's half. */
static enum store_result take_answer(struct tiered_get *tg, enum store_result result)
{
    struct tiered_store *s = tg->store;
    struct store_get *get = tg->get;
    get->pending = NULL;
    get->entry = tg->inner.entry;
    get->tier = tg->inner.tier;
    if (result == STORE_HIT)
        keep_in_memory(s, get->entry);
    give_get(s, tg);
    return result;
}

static void tiered_on_pool(struct store_get *inner, enum store_result result)
{
    struct tiered_get *tg = container_of(inner, struct tiered_get, inner);
    struct store_get *get = tg->get;
    get->fn(get, take_answer(tg, result));
}

static enum store_result tiered_get(struct store *store, struct store_get *get)
{
    struct tiered_store *s = tiered_of(store);
    if (store_peek(s->memory, get) == STORE_HIT)
        return STORE_HIT;
    struct tiered_get *tg = take_get(s);
    *tg = (struct tiered_get){
        .inner = {.key = get->key, .fn = tiered_on_pool, .owner = tg},
        .store = s,
        .get = get,
    };
    get->pending = tg;
    enum store_result result = store_get(s->pool, &tg->inner);
    return result == STORE_PENDING ? STORE_PENDING : take_answer(tg, result);
}

static void tiered_cancel(struct store *store, struct store_get *get)
{
    struct tiered_store *s = tiered_of(store);
    struct tiered_get *tg = get->pending;
    if (tg == NULL)
        return;
    get->pending = NULL;
    store_cancel(s->pool, &tg->inner);
    give_get(s, tg);
}

static void tiered_put(struct store *store, struct entry *entry, int64_t ttl_s)
{
    struct tiered_store *s = tiered_of(store);
    store_put(s->memory, entry, ttl_s);
    store_put(s->pool, entry, ttl_s);
}

static void tiered_del(struct store *store, const struct cache_key *key)
{
    struct tiered_store *s = tiered_of(store);
    store_del(s->memory, key);
    store_del(s->pool, key);
}

static void tiered_free(struct store *store)
{
    struct tiered_store *s = tiered_of(store);
    ASSERT(s->pending == 0);
    while (s->free_gets != NULL) {
        struct tiered_get *tg = s->free_gets;
        s->free_gets = tg->next_free;
        free(tg);
    }
    s->memory->ops->free(s->memory);
    s->pool->ops->free(s->pool);
    free(s);
}

static const struct store_ops ops = {
    .peek = tiered_peek,
    .get = tiered_get,
    .cancel = tiered_cancel,
    .put = tiered_put,
    .del = tiered_del,
    .free = tiered_free,
};

struct store *store_tiered_new(struct store *memory, struct store *pool)
{
    struct tiered_store *s = calloc(1, sizeof(*s));
    ASSERT(s != NULL);
    s->store.ops = &ops;
    s->memory = memory;
    s->pool = pool;
    return &s->store;
}
