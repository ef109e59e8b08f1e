#include "cache/purge.h"
#include "store/purge_sync.h"
#include "tools/walk.h"

/* One copy of the log. False: it is not there. */
static bool learn(struct walk *w, const struct mc_key *key, wall_ms now)
{
    struct mc_get get = {.key = *key};
    bool lacks = false;
    if (tool_get(w->tool, w->pool, &get) != MC_HIT)
        return false;
    bool learned = purge_book_learn(w->purges, blob_slice(get.blob), now, &lacks);
    blob_unref(&get.blob);
    return learned;
}

static bool learn_all(struct walk *w, struct mc_key_maker *keys, wall_ms now)
{
    struct mc_key copies[STORE_SYNC_SERVERS];
    struct purge_sync *places =
        purge_sync_new(w->pool, keys, w->cache->key_prefix, w->cache->name, w->purges);
    size_t n = purge_sync_copies(places, copies);
    bool learned = false;
    purge_sync_free(&places);
    for (size_t i = 0; i < n; i++)
        learned = learn(w, &copies[i], now) || learned;
    return learned;
}

void walk_learn_purges(struct walk *w)
{
    wall_ms now = loop_wall(w->tool->worker->loop);
    struct mc_key_maker *keys = w->pool ? mc_key_maker_new() : NULL;
    if (!keys)
        return;
    w->purges = purge_book_new(true, now);
    if (!learn_all(w, keys, now))
        purge_book_free(&w->purges);
    mc_key_maker_free(&keys);
    w->request->store->purges = w->purges;
}

enum walk_purged walk_purged(const struct walk *w, const struct record *record)
{
    if (!record->entry || !w->purges)
        return WALK_NOT_PURGED;
    struct entry *e = entry_ref(record->entry);
    bool as_it_was = purge_check(w->purges, &e, loop_wall(w->tool->worker->loop));
    enum walk_purged purged = as_it_was ? WALK_NOT_PURGED : e ? WALK_PURGED_SOFT : WALK_PURGED;
    entry_unref(&e);
    return purged;
}
