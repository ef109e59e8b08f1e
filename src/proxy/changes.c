#include "proxy/changes.h"

#include <stddef.h>

void changes_init(struct changes *c)
{
    atomic_init(&c->now, 1);
    for (size_t i = 0; i < CHANGES_PLACES; i++)
        atomic_init(&c->last[i], 0);
}

uint64_t changes_now(const struct changes *c)
{
    return atomic_load(&c->now);
}

void changes_note(struct changes *c, uint64_t hash)
{
    uint64_t now = atomic_fetch_add(&c->now, 1) + 1;
    _Atomic uint64_t *last = &c->last[hash % CHANGES_PLACES];
    uint64_t before = atomic_load(last);
    while (before < now && !atomic_compare_exchange_weak(last, &before, now))
        continue;
}

bool changes_since(const struct changes *c, uint64_t hash, uint64_t since)
{
    /* Mostly nothing has changed anywhere, and the place is in no cache of the processor. */
    return changes_now(c) > since && atomic_load(&c->last[hash % CHANGES_PLACES]) > since;
}
