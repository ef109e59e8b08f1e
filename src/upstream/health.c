/* The shared table of peers. A row that nobody uses is kept for a while: at a reload the new
 * configuration may take its peers after the old one has let them go. */
#include "upstream/health.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>

#define UNUSED_KEEP_MS (INT64_C(10) * 60 * 1000)

struct upstream_health *upstream_health_new(void)
{
    struct upstream_health *h = calloc(1, sizeof(*h));
    ASSERT(h != NULL);
    ASSERT(pthread_mutex_init(&h->mutex, NULL) == 0);
    h->seed = hash_seed_new();
    map_init(&h->peers);
    map_init(&h->names);
    list_init(&h->all);
    return h;
}

static void row_free(struct upstream_health *h, struct peer_health *row)
{
    map_remove(&h->peers, &row->node);
    list_remove(&row->in_all);
    free(row);
}

static void name_free(struct map_node *node, void *arg)
{
    map_remove(arg, node);
    free(node); /* the node is the first member of struct known_name */
}

void upstream_health_free(struct upstream_health **hp)
{
    struct upstream_health *h = *hp;
    if (h == NULL) {
        return;
    }
    *hp = NULL;
    list_for_each_safe (it, &h->all) {
        row_free(h, list_entry(it, struct peer_health, in_all));
    }
    map_each(&h->names, name_free, &h->names);
    map_fini(&h->peers);
    map_fini(&h->names);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

/* -- rows -- */

static void sweep_unused(struct upstream_health *h, mono_ms now)
{
    list_for_each_safe (it, &h->all) {
        struct peer_health *row = list_entry(it, struct peer_health, in_all);
        if (row->refs == 0 && now - row->unused_since > UNUSED_KEEP_MS) {
            row_free(h, row);
        }
    }
}

static char *append(char *at, struct slice s)
{
    if (s.n > 0) {
        memcpy(at, s.p, s.n);
    }
    at[s.n] = 0; /* no part holds a NUL, so that two different triples never give one key */
    return at + s.n + 1;
}

static struct peer_health *row_new(struct slice group, struct slice server, struct slice peer)
{
    struct peer_health *row = calloc(1, sizeof(*row) + group.n + server.n + peer.n + 3);
    ASSERT(row != NULL);
    char *server_at = append(row->key, group);
    char *peer_at = append(server_at, server);
    char *end = append(peer_at, peer);
    row->group = slice_make(row->key, group.n);
    row->peer = slice_make(peer_at, peer.n);
    row->node.key = slice_make(row->key, (size_t)(end - row->key));
    list_init(&row->in_all);
    return row;
}

/* The row as new, or the one that is there already. */
static struct peer_health *row_add(struct upstream_health *h, struct peer_health *fresh,
                                   mono_ms now)
{
    uint64_t hash = hash_seeded(fresh->node.key, h->seed);
    struct map_node *found = map_find(&h->peers, fresh->node.key, hash);
    if (found != NULL) {
        free(fresh);
        return container_of(found, struct peer_health, node);
    }
    sweep_unused(h, now);
    map_insert(&h->peers, &fresh->node, fresh->node.key, hash);
    list_push_back(&h->all, &fresh->in_all);
    return fresh;
}

struct peer_health *health_acquire(struct upstream_health *h, struct slice group,
                                   const struct peer_conf *conf, struct slice peer, mono_ms now)
{
    struct peer_health *fresh = row_new(group, conf->text, peer);
    pthread_mutex_lock(&h->mutex);
    struct peer_health *row = row_add(h, fresh, now);
    row->refs++;
    row->max_fails = conf->max_fails;
    row->fail_timeout_ms = conf->fail_timeout_ms;
    row->down = conf->down;
    pthread_mutex_unlock(&h->mutex);
    return row;
}

void health_release(struct upstream_health *h, struct peer_health **rowp, mono_ms now)
{
    struct peer_health *row = *rowp;
    *rowp = NULL;
    pthread_mutex_lock(&h->mutex);
    ASSERT(row->refs > 0);
    row->refs--;
    row->unused_since = now;
    pthread_mutex_unlock(&h->mutex);
}

/* -- failures -- */

static bool has_failed_enough(uint32_t fails, uint32_t max_fails)
{
    return max_fails > 0 && fails >= max_fails;
}

bool health_is_down(const struct peer_health *row, mono_ms now)
{
    return has_failed_enough(row->fails, row->max_fails) &&
           now - row->checked_at <= row->fail_timeout_ms;
}

void health_chosen(struct peer_health *row, mono_ms now)
{
    if (now - row->checked_at > row->fail_timeout_ms) {
        row->checked_at = now;
    }
}

bool health_failed(struct peer_health *row, mono_ms now)
{
    row->failed_at = now;
    row->checked_at = now;
    uint32_t fails = atomic_fetch_add_explicit(&row->fails, 1, memory_order_relaxed) + 1;
    return fails == row->max_fails;
}

bool health_succeeded(struct peer_health *row)
{
    if (row->fails == 0 || row->failed_at >= row->checked_at) {
        return false;
    }
    uint32_t fails = atomic_exchange_explicit(&row->fails, 0, memory_order_relaxed);
    return has_failed_enough(fails, row->max_fails);
}

void health_forgive(struct peer_health *row)
{
    row->fails = 0;
}

void upstream_health_each(struct upstream_health *h, upstream_peer_fn *fn, void *arg)
{
    mono_ms now = clock_mono_ms();
    pthread_mutex_lock(&h->mutex);
    list_for_each (it, &h->all) {
        const struct peer_health *row = list_entry(it, struct peer_health, in_all);
        if (row->refs > 0) {
            bool down = row->down || health_is_down(row, now);
            fn(arg, row->group, row->peer, down, row->fails, row->active);
        }
    }
    pthread_mutex_unlock(&h->mutex);
}
