/* The memory tier as a store. */
#include "base/assert.h"
#include "store/memory.h"

#include <stdlib.h>

struct memory_store {
    struct store store;
    struct memory_tier *tier;
};

static struct memory_tier *tier_of(struct store *s)
{
    return container_of(s, struct memory_store, store)->tier;
}

static enum store_result memory_get(struct store *s, struct store_get *get)
{
    if (get->count_add > 0)
        return STORE_MISS; /* no other process counts here */
    get->entry = memory_tier_get(tier_of(s), &get->key, clock_mono_ms());
    get->tier = get->entry != NULL ? TIER_MEMORY : TIER_NONE;
    return get->entry != NULL ? STORE_HIT : STORE_MISS;
}

/* Nothing is ever pending. */
static void memory_cancel(struct store *s, struct store_get *get)
{
    (void)s;
    (void)get;
}

static bool memory_put(struct store *s, struct entry *e, int64_t ttl_s,
                       const struct store_lease *lease)
{
    (void)lease;
    memory_tier_put(tier_of(s), e, ttl_s, clock_mono_ms());
    return true;
}

/* No other process fills this tier: there are no leases. */
static void memory_release(struct store *s, const struct store_lease *lease)
{
    (void)s;
    (void)lease;
}

static void memory_renew(struct store *s, const struct store_lease *lease, uint32_t lease_s)
{
    (void)s;
    (void)lease;
    (void)lease_s;
}

static void memory_del(struct store *s, const struct cache_key *key)
{
    memory_tier_del(tier_of(s), key);
}

/* No other process has it. */
static bool memory_sync(struct store *s, struct store_sync *sync)
{
    (void)s;
    sync->servers = 0;
    sync->failed_n = 0;
    return false;
}

static void memory_cancel_sync(struct store *s, struct store_sync *sync)
{
    (void)s;
    (void)sync;
}

static void memory_free(struct store *s)
{
    free(container_of(s, struct memory_store, store));
}

struct store *memory_store_new(struct memory_tier *tier)
{
    static const struct store_ops ops = {
        .peek = memory_get,
        .get = memory_get,
        .cancel = memory_cancel,
        .put = memory_put,
        .release = memory_release,
        .renew = memory_renew,
        .del = memory_del,
        .sync = memory_sync,
        .cancel_sync = memory_cancel_sync,
        .free = memory_free,
    };
    struct memory_store *m = malloc(sizeof(*m));
    ASSERT(m != NULL);
    *m = (struct memory_store){.store = {.ops = &ops}, .tier = tier};
    return &m->store;
}
