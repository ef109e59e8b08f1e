#include "tools/latency.h"

/* Below 32 a bucket a microsecond, then 16 for each power of two. */
#define STEPS 16

static size_t bucket_of(uint64_t us)
{
    if (us < 2 * STEPS)
        return (size_t)us;
    unsigned top = 63 - (unsigned)__builtin_clzll(us);
    unsigned shift = top - 4;
    size_t bucket = (size_t)STEPS * shift + (size_t)(us >> shift);
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The largest time that belongs to it. */
static int64_t top_of(size_t bucket)
{
    if (bucket < 2 * STEPS)
        return (int64_t)bucket;
    unsigned shift = (unsigned)(bucket / STEPS - 1);
    return (int64_t)(((uint64_t)(bucket % STEPS + STEPS + 1) << shift) - 1);
}

void latency_add(struct latency *l, int64_t us)
{
    l->n++;
    l->max_us = us > l->max_us ? us : l->max_us;
    l->buckets[bucket_of(us > 0 ? (uint64_t)us : 0)]++;
}

int64_t latency_at_us(const struct latency *l, unsigned per_mille)
{
    uint64_t wanted = (l->n * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS && wanted > 0; i++) {
        seen += l->buckets[i];
        if (seen >= wanted)
            return top_of(i) < l->max_us ? top_of(i) : l->max_us;
    }
    return 0;
}
