#include "memcached/lookup.h"

#include "memcached/pool_internal.h"

/* -- a value that was found elsewhere -- */

/* The first server has said that it has nothing, and may have given us the lease. */
static bool keep(struct mc_get *get)
{
    const struct mc_item *found = &get->item;
    uint64_t cas = get->first_item.won ? get->first_item.cas : 0;
    if (!get->keep || found->ttl_s <= 0 || get->first_item.taken)
        return false;
    wall_s now = loop_wall(get->pool->env.loop) / 1000;
    struct mc_store_line line = {
        .flags = found->flags, .exptime = mc_exptime(found->ttl_s, now), .cas = cas};
    return mc_server_set(mc_pool_first(get->pool, &get->key), &get->key, get->blob, line, NULL);
}

/* A lease that is not used up makes others wait for nothing. */
static void give_lease_back(struct mc_get *get)
{
    struct mc_del_line line = {.cas = get->first_item.cas};
    if (get->first_item.won)
        mc_server_del(mc_pool_first(get->pool, &get->key), &get->key, line);
}

static enum mc_result found_elsewhere(struct mc_get *get)
{
    struct mc_server *first = mc_pool_first(get->pool, &get->key);
    mc_count(&first->counters, get->place == MC_PLACE_SECOND ? MC_SECOND_HITS : MC_OLD_HITS, 1);
    if (get->first == MC_MISS && !keep(get))
        give_lease_back(get);
    get->item = (struct mc_item){.flags = get->item.flags, .ttl_s = get->item.ttl_s};
    get->doubtful = false;
    return MC_HIT;
}

/* -- from place to place -- */

static struct mc_server *server_at(struct mc_get *get, enum mc_place place)
{
    bool missed = get->first == MC_MISS;
    switch (place) {
    case MC_PLACE_FIRST: break;
    case MC_PLACE_SECOND:
        if (!get->pool->has_copies || !(get->next & (missed ? MC_NEXT_NOT_FOUND : get->failure)))
            return NULL;
        return mc_pool_second(get->pool, &get->key);
    case MC_PLACE_OLD: return missed ? mc_pool_old(get->pool, &get->key) : NULL;
    }
    return NULL;
}

static bool ask_at(struct mc_get *get, enum mc_place place)
{
    struct mc_server *server = server_at(get, place);
    if (server == NULL)
        return false;
    get->place = (uint8_t)place;
    get->ask = (struct mc_ask){.origin = true, .foreign = get->ask.foreign};
    get->item = (struct mc_item){0};
    bool asked = mc_server_get(server, get) == MC_PENDING;
    if (asked && place == MC_PLACE_OLD)
        get->pool->old_pending++;
    return asked;
}

static bool is_usable(const struct mc_get *get, enum mc_result result)
{
    return result == MC_HIT && get->place != MC_PLACE_FIRST && !get->item.stale;
}

enum mc_result mc_lookup_next(struct mc_get *get, enum mc_result result)
{
    if (is_usable(get, result))
        return found_elsewhere(get);
    blob_unref(&get->blob);
    if (get->place == MC_PLACE_FIRST) {
        get->first = result;
        get->first_item = get->item;
    }
    for (enum mc_place at = get->place + 1; at <= MC_PLACE_OLD; at++)
        if (ask_at(get, at))
            return MC_PENDING;
    get->item = get->first_item;
    return get->first;
}

void mc_lookup_cancelled(struct mc_get *get)
{
    if (get->place == MC_PLACE_OLD)
        get->pool->old_pending--;
    give_lease_back(get);
}

void mc_lookup_end(struct mc_get *get, enum mc_result result, enum mc_failure why)
{
    get->server = NULL;
    if (get->more && get->place == MC_PLACE_OLD)
        get->pool->old_pending--;
    if (get->place == MC_PLACE_FIRST)
        get->failure = (uint8_t)why;
    if (get->more && (result != MC_HIT || get->place != MC_PLACE_FIRST))
        result = mc_lookup_next(get, result);
    if (result != MC_PENDING)
        get->fn(get, result);
}
