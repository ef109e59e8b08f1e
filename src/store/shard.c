/* A shard of the memory tier. */
#include "store/shard.h"

#include "base/assert.h"

#include <stdlib.h>

/* Two buckets in the worst case of a table that doubles, and the allocator's header and rounding
 * for each of the three blocks. */
#define OVERHEAD_BYTES (2 * sizeof(void *) + 3 * 16)

void shard_init(struct shard *s)
{
    *s = (struct shard){0};
    map_init(&s->map);
    list_init(&s->order);
    s->hand = &s->order;
}

void shard_fini(struct shard *s)
{
    while (!list_empty(&s->order)) {
        struct shard_node *node = list_entry(s->order.next, struct shard_node, order);
        shard_remove(s, node);
        shard_free_all(node);
    }
    map_fini(&s->map);
}

size_t shard_cost_bytes(const struct entry *e)
{
    return sizeof(struct shard_node) + sizeof(struct entry) + sizeof(struct blob) + e->blob->cap +
           OVERHEAD_BYTES;
}

void shard_insert(struct shard *s, struct entry *e, uint64_t hash, size_t cost_bytes,
                  mono_ms expires_ms)
{
    struct shard_node *node = malloc(sizeof(*node));
    ASSERT(node != NULL);
    *node = (struct shard_node){
        .entry = entry_ref(e), .cost_bytes = cost_bytes, .expires_ms = expires_ms};
    list_push_front(&s->order, &node->order);
    map_insert(&s->map, &node->node, e->view.key, hash);
    s->bytes += cost_bytes;
}

/* Of many entries hardly one is in the processor's caches: it is fetched while the key, which lies
 * elsewhere, is compared. */
static void warm_up(const struct map_node *likely)
{
    const char *entry = (const char *)container_of(likely, struct shard_node, node)->entry;
    for (size_t at = 0; at < sizeof(struct entry); at += 64) {
        PREFETCH(entry + at);
    }
}

struct shard_node *shard_find(const struct shard *s, struct slice key, uint64_t hash)
{
    struct map_node *likely = map_find_hash(&s->map, hash);
    if (likely == NULL) {
        return NULL;
    }
    warm_up(likely);
    struct map_node *found = map_find(&s->map, key, hash);
    return found == NULL ? NULL : container_of(found, struct shard_node, node);
}

void shard_remove(struct shard *s, struct shard_node *node)
{
    if (s->hand == &node->order) {
        s->hand = node->order.prev;
    }
    list_remove(&node->order);
    map_remove(&s->map, &node->node);
    s->bytes -= node->cost_bytes;
    node->next_gone = NULL;
}

struct shard_node *shard_victim(struct shard *s, mono_ms now)
{
    while (!list_empty(&s->order)) {
        if (s->hand == &s->order) {
            s->hand = s->order.prev;
        }
        struct shard_node *node = list_entry(s->hand, struct shard_node, order);
        if (!node->visited || node->expires_ms <= now) {
            return node;
        }
        node->visited = false;
        s->hand = node->order.prev;
    }
    return NULL;
}

void shard_free_all(struct shard_node *node)
{
    while (node != NULL) {
        struct shard_node *next = node->next_gone;
        entry_unref(&node->entry);
        free(node);
        node = next;
    }
}
