/* Hash table with chained, intrusive nodes. The number of buckets is a power of two and doubles
 * when nodes outnumber buckets. */
#include "base/map.h"

#include "base/assert.h"

#include <stdlib.h>

#define FIRST_BUCKETS 16

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_fini(struct map *m)
{
    free(m->buckets);
    map_init(m);
}

static void link_node(struct map *m, struct map_node *node)
{
    struct map_node **bucket = &m->buckets[node->hash & m->mask];
    node->next = *bucket;
    *bucket = node;
}

/* Moves a chain into the new table, its first node last, so that among equal keys the newest stays
 * in front. */
static void move_chain(struct map *to, struct map_node *chain)
{
    struct map_node *reversed = NULL;
    while (chain != NULL) {
        struct map_node *next = chain->next;
        chain->next = reversed;
        reversed = chain;
        chain = next;
    }
    while (reversed != NULL) {
        struct map_node *next = reversed->next;
        link_node(to, reversed);
        reversed = next;
    }
}

static void grow(struct map *m)
{
    size_t old_count = m->buckets == NULL ? 0 : m->mask + 1;
    size_t new_count = old_count == 0 ? FIRST_BUCKETS : old_count * 2;
    struct map_node **buckets = calloc(new_count, sizeof(struct map_node *));
    if (buckets == NULL) {
        ASSERT(m->buckets != NULL); /* with a table there are longer chains instead */
        return;
    }
    struct map bigger = {.buckets = buckets, .mask = new_count - 1, .count = m->count};
    for (size_t i = 0; i < old_count; i++) {
        move_chain(&bigger, m->buckets[i]);
    }
    free(m->buckets);
    *m = bigger;
}

static struct map_node *skip_others(struct map_node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash) {
        node = node->next;
    }
    return node;
}

struct map_node *map_find_hash(const struct map *m, uint64_t hash)
{
    return m->buckets == NULL ? NULL : skip_others(m->buckets[hash & m->mask], hash);
}

struct map_node *map_find(const struct map *m, struct slice key, uint64_t hash)
{
    struct map_node *node = map_find_hash(m, hash);
    while (node != NULL && !slice_eq(node->key, key)) {
        node = skip_others(node->next, hash);
    }
    return node;
}

void map_insert(struct map *m, struct map_node *node, struct slice key, uint64_t hash)
{
    if (m->buckets == NULL || m->count > m->mask) {
        grow(m);
    }
    node->hash = hash;
    node->key = key;
    link_node(m, node);
    m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
    ASSERT(m->buckets != NULL);
    struct map_node **at = &m->buckets[node->hash & m->mask];
    while (*at != NULL && *at != node) {
        at = &(*at)->next;
    }
    ASSERT(*at == node);
    *at = node->next;
    node->next = NULL;
    m->count--;
}

void map_each(struct map *m, void (*fn)(struct map_node *, void *arg), void *arg)
{
    size_t bucket_count = m->buckets == NULL ? 0 : m->mask + 1;
    for (size_t i = 0; i < bucket_count; i++) {
        struct map_node *node = m->buckets[i];
        while (node != NULL) {
            struct map_node *next = node->next;
            fn(node, arg);
            node = next;
        }
    }
}
