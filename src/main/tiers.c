#include "main/tiers.h"

#include "base/assert.h"

#include <stdlib.h>

void tiers_init(struct tiers *t, uint64_t seed)
{
    ASSERT(pthread_mutex_init(&t->lock, NULL) == 0);
    list_init(&t->all);
    t->seed = seed;
}

void tiers_fini(struct tiers *t)
{
    ASSERT(list_empty(&t->all));
    (void)pthread_mutex_destroy(&t->lock);
}

static struct tier *tier_find(struct tiers *t, struct slice name)
{
    list_for_each (it, &t->all) {
        struct tier *tier = list_entry(it, struct tier, node);
        if (slice_eq(tier->name, name))
            return tier;
    }
    return NULL;
}

static struct tier *tier_new(struct tiers *t, struct slice name, size_t bytes, bool pooled)
{
    struct tier *tier = calloc(1, sizeof *tier + name.n);
    ASSERT(tier);
    if (name.n > 0)
        memcpy(tier->name_text, name.p, name.n);
    tier->name = slice_make(tier->name_text, name.n);
    tier->memory = memory_tier_new(bytes, t->seed);
    tier->purges = purge_book_new(pooled, clock_wall_ms());
    list_push_back(&t->all, &tier->node);
    return tier;
}

struct tier *tiers_ref(struct tiers *t, struct slice name, size_t bytes, bool pooled)
{
    pthread_mutex_lock(&t->lock);
    struct tier *tier = tier_find(t, name);
    if (!tier)
        tier = tier_new(t, name, bytes, pooled);
    else if (pooled)
        purge_book_expect_pool(tier->purges);
    tier->refs++;
    pthread_mutex_unlock(&t->lock);
    return tier;
}

void tiers_unref(struct tiers *t, struct tier **tier_p)
{
    struct tier *tier = *tier_p;
    *tier_p = NULL;
    if (!tier)
        return;
    pthread_mutex_lock(&t->lock);
    bool last = --tier->refs == 0;
    if (last)
        list_remove(&tier->node);
    pthread_mutex_unlock(&t->lock);
    if (!last)
        return;
    memory_tier_free(&tier->memory);
    purge_book_free(&tier->purges);
    free(tier);
}

void tiers_resize(struct tiers *t, struct slice name, size_t bytes)
{
    pthread_mutex_lock(&t->lock);
    struct tier *tier = tier_find(t, name);
    if (tier)
        memory_tier_resize(tier->memory, bytes, clock_mono_ms());
    pthread_mutex_unlock(&t->lock);
}

void tiers_each(struct tiers *t, tier_fn *fn, void *arg)
{
    pthread_mutex_lock(&t->lock);
    list_for_each (it, &t->all)
        fn(arg, list_entry(it, struct tier, node));
    pthread_mutex_unlock(&t->lock);
}
