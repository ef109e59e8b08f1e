/* An upstream's life. It goes when its owner and all that it has handed out have gone. */
#include "upstream/upstream.h"

#include "base/assert.h"
#include "upstream/group.h"
#include "upstream/origin.h"

#include <stdlib.h>

struct upstream *upstream_new(const struct upstream_conf *conf, struct upstream_health *health,
                              struct loop *loop, struct resolver *resolver, struct log *log)
{
    struct upstream *u = calloc(1, sizeof(*u));
    ASSERT(u != NULL);
    u->refs = 1;
    u->conf = conf;
    u->health = health;
    u->loop = loop;
    u->resolver = resolver;
    u->log = log;
    list_init(&u->peers);
    list_init(&u->idle);
    names_start(u);
    return u;
}

void upstream_free(struct upstream **up)
{
    struct upstream *u = *up;
    if (u == NULL) {
        return;
    }
    names_stop(u);
    u->closed = true;
    list_for_each_safe (it, &u->peers) {
        peer_remove(list_entry(it, struct peer, node));
    }
    upstream_unref(up);
}

static void bury(void *arg)
{
    struct upstream *u = arg;
    for (size_t i = 0; i < u->spares_n; i++) {
        blob_unref(&u->spares[i]);
    }
    free(u);
}

struct upstream *upstream_ref(struct upstream *u)
{
    u->refs++;
    return u;
}

void upstream_unref(struct upstream **up)
{
    struct upstream *u = *up;
    *up = NULL;
    ASSERT(u->refs > 0);
    if (--u->refs == 0) {
        ASSERT(u->closed && list_empty(&u->idle));
        loop_bury(u->loop, u, bury);
    }
}

const struct upstream_counters *upstream_counters(const struct upstream *u)
{
    return &u->counters;
}

size_t upstream_peer_count(const struct upstream *u)
{
    return u->peers_n;
}

/* -- blobs: a steady rate of exchanges allocates none -- */

struct blob *upstream_blob(struct upstream *u, size_t cap)
{
    if (u->spares_n > 0) {
        struct blob *b = u->spares[--u->spares_n];
        if (b->cap == cap) {
            b->len = 0;
            return b;
        }
        blob_unref(&b);
    }
    return blob_new(cap);
}

void upstream_blob_return(struct upstream *u, struct blob **bp)
{
    struct blob *b = *bp;
    bool mine = b != NULL && atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
    if (mine && !u->closed && u->spares_n < UPSTREAM_SPARES_MAX) {
        *bp = NULL;
        u->spares[u->spares_n++] = b;
        return;
    }
    blob_unref(bp);
}
