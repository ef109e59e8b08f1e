#include "store/raw.h"

#include "base/assert.h"

#include <stdlib.h>

struct pool_raw {
    struct raw_store store;
    struct mc_pool *pool;
};

/* In raw_get.space, while it is pending. */
struct raw_lookup {
    struct mc_get mc;
    struct raw_get *get;
};

static const struct raw_store_ops ops;

static struct pool_raw *pool_raw_of(struct raw_store *s)
{
    ASSERT(s->ops == &ops);
    return container_of(s, struct pool_raw, store);
}

static enum raw_result failure_of(enum mc_failure failure)
{
    switch (failure) {
    case MC_FAILURE_TIMEOUT: return RAW_TIMEOUT;
    case MC_FAILURE_INVALID: return RAW_INVALID;
    case MC_FAILURE_NONE:
    case MC_FAILURE_ERROR: break;
    }
    return RAW_ERROR;
}

static enum raw_result take_result(struct raw_get *get, struct mc_get *mc, enum mc_result result)
{
    switch (result) {
    case MC_HIT:
        get->blob = mc->blob;
        get->flags = mc->item.flags;
        return RAW_HIT;
    case MC_MISS: return RAW_MISS;
    case MC_PENDING: return RAW_PENDING;
    case MC_FAILED: break;
    }
    return failure_of((enum mc_failure)mc->failure);
}

static void raw_on_get(struct mc_get *mc, enum mc_result result)
{
    struct raw_get *get = container_of(mc, struct raw_lookup, mc)->get;
    get->fn(get, take_result(get, mc, result));
}

static enum raw_result pool_raw_get(struct raw_store *store, struct raw_get *get)
{
    struct pool_raw *s = pool_raw_of(store);
    struct raw_lookup *lookup = get->space;
    *lookup = (struct raw_lookup){
        .mc = {.nth = get->nth, .ask = {.foreign = true}, .fn = raw_on_get, .owner = lookup},
        .get = get};
    get->blob = NULL;
    get->server = slice_none();
    if (!mc_key_escape(get->key, &lookup->mc.key))
        return RAW_MISS;
    get->server = mc_pool_name_of(s->pool, &lookup->mc.key, get->nth);
    return take_result(get, &lookup->mc, mc_pool_get(s->pool, &lookup->mc));
}

static void pool_raw_cancel(struct raw_store *store UNUSED, struct raw_get *get)
{
    struct raw_lookup *lookup = get->space;
    mc_get_cancel(&lookup->mc);
}

static bool pool_raw_set(struct raw_store *store, struct slice key, struct blob *value,
                         uint32_t flags, int64_t ttl_s)
{
    struct mc_key mc_key;
    return mc_key_escape(key, &mc_key) &&
           mc_pool_set(pool_raw_of(store)->pool, &mc_key, value, flags, ttl_s);
}

static void pool_raw_del(struct raw_store *store, struct slice key)
{
    struct mc_key mc_key;
    if (mc_key_escape(key, &mc_key))
        mc_pool_del(pool_raw_of(store)->pool, &mc_key);
}

static void pool_raw_free(struct raw_store *store)
{
    free(pool_raw_of(store));
}

static const struct raw_store_ops ops = {
    .get = pool_raw_get,
    .cancel = pool_raw_cancel,
    .set = pool_raw_set,
    .del = pool_raw_del,
    .free = pool_raw_free,
};

struct raw_store *store_raw_new(struct mc_pool *pool)
{
    struct pool_raw *s = calloc(1, sizeof(*s));
    ASSERT(s != NULL);
    s->store = (struct raw_store){.ops = &ops,
                                  .get_bytes = sizeof(struct raw_lookup),
                                  .servers_n = (uint32_t)mc_pool_servers(pool)};
    s->pool = pool;
    return &s->store;
}
