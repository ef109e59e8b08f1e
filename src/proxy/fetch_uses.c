/* proxy_cache_min_uses over all processes that share a pool: each counts by itself, and who fetches
 * adds what was counted here to a counter in the pool. Those who wait for that fetch are added by
 * the next one. */
#include "proxy/fetch_internal.h"
#include "proxy/uses.h"

/* As long as nginx keeps a key that is not asked for (inactive of proxy_cache_path). */
#define INACTIVE_S 600

struct fetch_uses {
    struct store_get get;
    uint32_t ours;
    uint64_t all;
    bool due;
};

static void take_answer(struct fetch *f, enum store_result result)
{
    struct fetch_uses *u = f->uses;
    u->due = false;
    u->all = result == STORE_HIT ? u->get.count : u->ours;
    if (result != STORE_HIT) /* the pool is out of use: they count later */
        for (uint32_t i = 0; i < u->ours; i++)
            (void)uses_count(f->worker->uses, f->r->key.hash);
}

static void fetch_on_uses(struct store_get *g, enum store_result result)
{
    struct fetch *f = g->owner;
    take_answer(f, result);
    fetch_run(f);
}

void fetch_ask_uses(struct fetch *f)
{
    struct request *r = f->r;
    if (f->uses || r->location->min_uses <= 1 || !f->may_store || f->stale || r->bypass ||
        r->control.only_if_cached)
        return;
    uint32_t ours = uses_take(f->worker->uses, r->key.hash);
    f->uses = ARENA_NEW(&r->arena, struct fetch_uses);
    f->uses->ours = ours > 0 ? ours : 1;
    f->uses->get = (struct store_get){.key = cache_key_uses(&r->key, &r->arena),
                                      .count_add = f->uses->ours,
                                      .count_s = INACTIVE_S,
                                      .fn = fetch_on_uses,
                                      .owner = f};
    enum store_result result = store_get(r->store, &f->uses->get);
    f->uses->due = result == STORE_PENDING;
    if (!f->uses->due)
        take_answer(f, result);
}

bool fetch_uses_known(const struct fetch *f)
{
    return !f->uses || !f->uses->due;
}

bool fetch_uses_too_few(const struct fetch *f)
{
    return f->uses && f->uses->all < f->r->location->min_uses;
}

void fetch_leave_uses(struct fetch *f)
{
    if (f->uses && f->uses->due)
        store_cancel(f->r->store, &f->uses->get);
}
