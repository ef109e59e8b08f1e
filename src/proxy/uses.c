#include "proxy/uses.h"

#include "base/assert.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#define SHARDS 64
#define SETS   1024 /* of a shard */
#define WAYS   4    /* keys of a set */

/* 256 Ki keys, 16 bytes each. */
struct use {
    uint64_t hash;
    uint32_t count; /* 0: free */
    uint32_t last;  /* of the shard's clock */
};

struct shard {
    pthread_mutex_t lock;
    uint32_t clock; /* uses counted; wraps */
    struct use sets[SETS][WAYS];
};

struct uses {
    struct shard shards[SHARDS];
};

struct uses *uses_new(void)
{
    struct uses *u = calloc(1, sizeof *u);
    ASSERT(u);
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&u->shards[i].lock, NULL);
    return u;
}

void uses_free(struct uses **up)
{
    if (!*up)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_destroy(&(*up)->shards[i].lock);
    free(*up);
    *up = NULL;
}

/* The key's place in its set: where it is, else a free one, else the one used longest ago. */
static struct use *place_of(struct use set[WAYS], uint64_t hash, uint32_t clock)
{
    struct use *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct use *u = &set[i];
        if (u->count > 0 && u->hash == hash)
            return u;
        if (oldest->count > 0 && (u->count == 0 || clock - u->last > clock - oldest->last))
            oldest = u;
    }
    *oldest = (struct use){.hash = hash};
    return oldest;
}

uint32_t uses_take(struct uses *u, uint64_t hash)
{
    struct shard *s = &u->shards[hash % SHARDS];
    pthread_mutex_lock(&s->lock);
    struct use *use = place_of(s->sets[hash / SHARDS % SETS], hash, s->clock);
    uint32_t count = use->count;
    use->count = 0;
    pthread_mutex_unlock(&s->lock);
    return count;
}

uint32_t uses_count(struct uses *u, uint64_t hash)
{
    struct shard *s = &u->shards[hash % SHARDS];
    pthread_mutex_lock(&s->lock);
    s->clock++;
    struct use *use = place_of(s->sets[hash / SHARDS % SETS], hash, s->clock);
    if (use->count < UINT32_MAX)
        use->count++;
    use->last = s->clock;
    uint32_t count = use->count;
    pthread_mutex_unlock(&s->lock);
    return count;
}
