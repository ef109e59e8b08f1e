/* Last good addresses of the names that upstreams are configured with. One entry a name, replaced
 * whole; there are as many as names have ever been configured in this process. */
#include "upstream/health.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

struct known_name {
    struct map_node node; /* first: upstream_health_free frees through it */
    mono_ms expires;
    size_t count;
    struct address addresses[RESOLVER_ADDRESSES_MAX];
    char key[];
};

#define KEY_MAX 300 /* a name of 255 bytes, a colon, a port */

static struct slice make_key(char *buf, struct slice host, uint16_t port)
{
    int n = snprintf(buf, KEY_MAX, "%.*s:%u", SLICE_ARG(slice_take(host, 255)), port);
    return slice_make(buf, (size_t)n);
}

static struct known_name *find(struct upstream_health *h, struct slice key)
{
    struct map_node *node = map_find(&h->names, key, hash_seeded(key, h->seed));
    return node == NULL ? NULL : container_of(node, struct known_name, node);
}

static struct known_name *find_or_add(struct upstream_health *h, struct slice key)
{
    struct known_name *name = find(h, key);
    if (name != NULL) {
        return name;
    }
    name = calloc(1, sizeof(*name) + key.n);
    ASSERT(name != NULL);
    memcpy(name->key, key.p, key.n);
    map_insert(&h->names, &name->node, slice_make(name->key, key.n), hash_seeded(key, h->seed));
    return name;
}

void health_remember(struct upstream_health *h, struct slice host, uint16_t port,
                     const struct address *addresses, size_t count, mono_ms expires)
{
    char buf[KEY_MAX];
    struct slice key = make_key(buf, host, port);
    pthread_mutex_lock(&h->mutex);
    struct known_name *name = find_or_add(h, key);
    name->count = count < RESOLVER_ADDRESSES_MAX ? count : RESOLVER_ADDRESSES_MAX;
    memcpy(name->addresses, addresses, name->count * sizeof(*addresses));
    name->expires = expires;
    pthread_mutex_unlock(&h->mutex);
}

size_t health_recall(struct upstream_health *h, struct slice host, uint16_t port,
                     struct address *out, mono_ms *expires)
{
    char buf[KEY_MAX];
    struct slice key = make_key(buf, host, port);
    size_t count = 0;
    pthread_mutex_lock(&h->mutex);
    const struct known_name *name = find(h, key);
    if (name != NULL) {
        count = name->count;
        memcpy(out, name->addresses, count * sizeof(*out));
        *expires = name->expires;
    }
    pthread_mutex_unlock(&h->mutex);
    return count;
}
