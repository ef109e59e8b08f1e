/* Peers: their references, what of them counts as under way, their failures. */
#include "base/assert.h"
#include "upstream/group.h"
#include "upstream/origin.h"

#include <stdlib.h>

static bool index_is_used(const struct upstream *u, uint8_t index)
{
    list_for_each (it, &u->peers) {
        if (list_entry(it, struct peer, node)->index == index) {
            return true;
        }
    }
    return false;
}

/* Goes round, so that the number of a removed peer is not soon another's: requests remember by
 * number whom they have tried. */
static uint8_t free_index(struct upstream *u)
{
    while (index_is_used(u, u->next_index)) {
        u->next_index++;
    }
    return u->next_index++;
}

bool peer_add(struct upstream *u, const struct peer_conf *conf, const struct address *address,
              struct list *after)
{
    if (u->peers_n == UPSTREAM_PEERS_MAX) {
        return false;
    }
    struct peer *p = calloc(1, sizeof(*p));
    ASSERT(p != NULL);
    p->upstream = upstream_ref(u);
    p->refs = 1;
    p->conf = conf;
    p->address = *address;
    p->name = address_print(address, p->name_text);
    p->index = free_index(u);
    p->backup = conf->backup;
    p->down = conf->down;
    p->max_conns = conf->max_conns;
    p->weight = conf->weight > 0 ? conf->weight : 1;
    p->effective_weight = p->weight;
    list_init(&p->idle);
    p->health = health_acquire(u->health, u->conf->name, conf, p->name, loop_now(u->loop));
    list_push_front(after, &p->node);
    u->peers_n++;
    return true;
}

void peer_remove(struct peer *p)
{
    list_remove(&p->node);
    p->conf = NULL;
    p->upstream->peers_n--;
    origin_close_idle(p);
    peer_unref(&p);
}

struct peer *peer_ref(struct peer *p)
{
    p->refs++;
    return p;
}

void peer_unref(struct peer **pp)
{
    struct peer *p = *pp;
    *pp = NULL;
    ASSERT(p->refs > 0);
    if (--p->refs > 0) {
        return;
    }
    ASSERT(peer_is_removed(p) && list_empty(&p->idle) && p->under_way == 0);
    health_release(p->upstream->health, &p->health, loop_now(p->upstream->loop));
    upstream_unref(&p->upstream);
    free(p);
}

void peer_picked(struct peer *p)
{
    peer_ref(p);
    p->under_way++;
    atomic_fetch_add_explicit(&p->health->active, 1, memory_order_relaxed);
}

void peer_ended(struct peer *p)
{
    ASSERT(p->under_way > 0);
    p->under_way--;
    atomic_fetch_sub_explicit(&p->health->active, 1, memory_order_relaxed);
}

void peer_release(struct peer **pp)
{
    if (*pp != NULL) {
        peer_ended(*pp);
        peer_unref(pp);
    }
}

struct slice peer_name(const struct peer *p)
{
    return p->name;
}

/* -- outcome of a try -- */

static void log_change(const struct peer *p, enum log_level level, const char *what)
{
    const struct upstream *u = p->upstream;
    if (!u->closed) {
        log_write(u->log, level, "upstream \"%.*s\": %.*s %s", SLICE_ARG(u->conf->name),
                  SLICE_ARG(p->name), what);
    }
}

void peer_failed(struct peer *p, mono_ms now)
{
    uint32_t max_fails = p->health->max_fails;
    if (max_fails > 0) {
        p->effective_weight -= p->weight / max_fails;
        p->effective_weight = p->effective_weight > 0 ? p->effective_weight : 0;
    }
    if (health_failed(p->health, now)) {
        log_change(p, LOG_WARN, "is temporarily disabled");
    }
}

void peer_succeeded(struct peer *p)
{
    if (health_succeeded(p->health)) {
        log_change(p, LOG_NOTICE, "is back");
    }
}
