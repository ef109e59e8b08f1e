/* The memory tier. Bytes are counted over all shards, so that one large entry may take more than a
 * shard's share: room is reserved first, made by evicting where there is too much, and only then is
 * the entry put in. So what is held is never more than the bound. */
#include "store/memory.h"

#include "base/assert.h"
#include "store/shard.h"

#include <pthread.h>
#include <stdlib.h>

#define SHARD_BITS  6
#define SHARD_COUNT (1U << SHARD_BITS)
#define CACHE_LINE  64

struct locked_shard {
    _Alignas(CACHE_LINE) pthread_mutex_t lock;
    struct shard shard;
    struct memory_stats counts; /* only what is counted by the shard */
};

struct memory_tier {
    struct locked_shard shards[SHARD_COUNT];
    uint64_t seed;
    atomic_size_t max_bytes;
    _Alignas(CACHE_LINE) atomic_size_t used_bytes; /* held and reserved */
    atomic_uint next_shard; /* whose turn it is to give room to another shard */
};

struct memory_tier *memory_tier_new(size_t max_bytes, uint64_t seed)
{
    struct memory_tier *t = aligned_alloc(CACHE_LINE, sizeof(*t));
    ASSERT(t != NULL);
    t->seed = seed;
    atomic_init(&t->max_bytes, max_bytes);
    atomic_init(&t->used_bytes, 0);
    atomic_init(&t->next_shard, 0);
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    /* Sections are shorter than a sleep: spin first. */
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        pthread_mutex_init(&t->shards[i].lock, &attr);
        shard_init(&t->shards[i].shard);
        t->shards[i].counts = (struct memory_stats){0};
    }
    pthread_mutexattr_destroy(&attr);
    return t;
}

void memory_tier_free(struct memory_tier **tier)
{
    struct memory_tier *t = *tier;
    *tier = NULL;
    if (t == NULL) {
        return;
    }
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        shard_fini(&t->shards[i].shard);
        pthread_mutex_destroy(&t->shards[i].lock);
    }
    free(t);
}

/* The high bits: the table inside of a shard uses the low ones. */
static struct locked_shard *shard_of(struct memory_tier *t, uint64_t hash)
{
    return &t->shards[hash >> (64 - SHARD_BITS)];
}

static void lock(struct locked_shard *s)
{
    pthread_mutex_lock(&s->lock);
}

static void unlock(struct locked_shard *s)
{
    pthread_mutex_unlock(&s->lock);
}

/* Takes a node out, by the shard's holder, and pushes it on the chain of those to be freed. */
static void take_out(struct memory_tier *t, struct locked_shard *s, struct shard_node *node,
                     struct shard_node **gone)
{
    atomic_fetch_sub_explicit(&t->used_bytes, node->cost_bytes, memory_order_relaxed);
    shard_remove(&s->shard, node);
    node->next_gone = *gone;
    *gone = node;
}

/* -- room -- */

static bool is_over(struct memory_tier *t)
{
    return atomic_load_explicit(&t->used_bytes, memory_order_relaxed) >
           atomic_load_explicit(&t->max_bytes, memory_order_relaxed);
}

/* By the shard's holder. False: it is empty. */
static bool evict_one(struct memory_tier *t, struct locked_shard *s, mono_ms now,
                      struct shard_node **gone)
{
    struct shard_node *victim = shard_victim(&s->shard, now);
    if (victim == NULL) {
        return false;
    }
    if (victim->expires_ms <= now) {
        s->counts.expirations++;
    } else {
        s->counts.evictions++;
    }
    take_out(t, s, victim, gone);
    return true;
}

/* Evicts from a shard that holds more than its share. */
static void shrink_to_share(struct memory_tier *t, struct locked_shard *s, mono_ms now)
{
    size_t share = atomic_load_explicit(&t->max_bytes, memory_order_relaxed) / SHARD_COUNT;
    struct shard_node *gone = NULL;
    lock(s);
    bool more = true;
    while (more && is_over(t) && s->shard.bytes > share) {
        more = evict_one(t, s, now, &gone);
    }
    unlock(s);
    shard_free_all(gone);
}

/* Evicts from all shards in turn, one entry each. False: they are empty and it is still too much,
 * because others have reserved it. */
static bool shrink_in_turn(struct memory_tier *t, mono_ms now)
{
    unsigned empty = 0;
    while (is_over(t) && empty < SHARD_COUNT) {
        unsigned turn = atomic_fetch_add_explicit(&t->next_shard, 1, memory_order_relaxed);
        struct locked_shard *s = &t->shards[turn % SHARD_COUNT];
        struct shard_node *gone = NULL;
        lock(s);
        empty = evict_one(t, s, now, &gone) ? 0 : empty + 1;
        unlock(s);
        shard_free_all(gone);
    }
    return !is_over(t);
}

static void unreserve(struct memory_tier *t, size_t bytes)
{
    atomic_fetch_sub_explicit(&t->used_bytes, bytes, memory_order_relaxed);
}

/* Counts `bytes` as used and makes room for them, from the shard where they will be first. */
static bool reserve(struct memory_tier *t, struct locked_shard *s, size_t bytes, mono_ms now)
{
    if (bytes > atomic_load_explicit(&t->max_bytes, memory_order_relaxed) / 2) {
        return false;
    }
    atomic_fetch_add_explicit(&t->used_bytes, bytes, memory_order_relaxed);
    if (is_over(t)) {
        shrink_to_share(t, s, now);
        if (!shrink_in_turn(t, now)) {
            unreserve(t, bytes);
            return false;
        }
    }
    return true;
}

/* -- operations -- */

/* What the shard holds for the key, if it has not expired; what has, goes to `gone`. */
static struct shard_node *find_live(struct memory_tier *t, struct locked_shard *s,
                                    const struct cache_key *key, mono_ms now,
                                    struct shard_node **gone)
{
    struct shard_node *node = shard_find(&s->shard, key->bytes, key->hash);
    if (node != NULL && node->expires_ms <= now) {
        s->counts.expirations++;
        take_out(t, s, node, gone);
        return NULL;
    }
    return node;
}

struct entry *memory_tier_get(struct memory_tier *t, const struct cache_key *key, mono_ms now)
{
    struct locked_shard *s = shard_of(t, key->hash);
    struct shard_node *gone = NULL;
    struct entry *found = NULL;
    lock(s);
    struct shard_node *node = find_live(t, s, key, now, &gone);
    if (node != NULL) {
        node->visited = true;
        found = entry_ref(node->entry);
        s->counts.hits++;
    } else {
        s->counts.misses++;
    }
    unlock(s);
    shard_free_all(gone);
    if (found != NULL) { /* soon looked at, after the entry itself */
        PREFETCH(found->blob);
        PREFETCH(found->view.head.p);
    }
    return found;
}

/* Takes out what the key has, by the shard's holder. */
static void take_out_key(struct memory_tier *t, struct locked_shard *s, struct slice key,
                         uint64_t hash, struct shard_node **gone)
{
    struct shard_node *node = shard_find(&s->shard, key, hash);
    if (node != NULL) {
        take_out(t, s, node, gone);
    }
}

static mono_ms expiry_ms(int64_t ttl_s, mono_ms now)
{
    int64_t most_s = (INT64_MAX - now) / 1000;
    return now + (ttl_s < most_s ? ttl_s : most_s) * 1000;
}

void memory_tier_put(struct memory_tier *t, struct entry *e, int64_t ttl_s, mono_ms now)
{
    struct slice key = e->view.key;
    uint64_t hash = hash_seeded(key, t->seed);
    struct locked_shard *s = shard_of(t, hash);
    size_t cost_bytes = shard_cost_bytes(e);
    bool has_room = ttl_s > 0 && reserve(t, s, cost_bytes, now);
    struct shard_node *gone = NULL;
    lock(s);
    take_out_key(t, s, key, hash, &gone);
    if (has_room) {
        shard_insert(&s->shard, e, hash, cost_bytes, expiry_ms(ttl_s, now));
        s->counts.puts++;
    } else {
        s->counts.refused++;
    }
    unlock(s);
    shard_free_all(gone);
}

void memory_tier_del(struct memory_tier *t, const struct cache_key *key)
{
    struct locked_shard *s = shard_of(t, key->hash);
    struct shard_node *gone = NULL;
    lock(s);
    take_out_key(t, s, key->bytes, key->hash, &gone);
    unlock(s);
    shard_free_all(gone);
}

void memory_tier_resize(struct memory_tier *t, size_t max_bytes, mono_ms now)
{
    atomic_store_explicit(&t->max_bytes, max_bytes, memory_order_relaxed);
    /* What is reserved at this moment may still come in; the next put evicts for it. */
    (void)shrink_in_turn(t, now);
}

void memory_tier_stats(struct memory_tier *t, struct memory_stats *out)
{
    *out = (struct memory_stats){.max_bytes =
                                     atomic_load_explicit(&t->max_bytes, memory_order_relaxed)};
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        struct locked_shard *s = &t->shards[i];
        lock(s);
        out->bytes += s->shard.bytes;
        out->entries += s->shard.map.count;
        out->hits += s->counts.hits;
        out->misses += s->counts.misses;
        out->puts += s->counts.puts;
        out->evictions += s->counts.evictions;
        out->expirations += s->counts.expirations;
        out->refused += s->counts.refused;
        unlock(s);
    }
}
