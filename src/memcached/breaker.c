#include "memcached/breaker.h"

void mc_breaker_init(struct mc_breaker *b, uint32_t fails_max, int64_t probe_ms)
{
    *b = (struct mc_breaker){.fails_max = fails_max, .probe_ms = probe_ms};
}

void mc_breaker_attempt(struct mc_breaker *b, mono_ms now, uint64_t random)
{
    int64_t apart_ms = b->probe_ms << b->relapses;
    int64_t jitter_ms = (int64_t)(random % (uint64_t)(apart_ms / 4 + 1));
    b->next_attempt = now + apart_ms + jitter_ms;
}

int64_t mc_breaker_wait_ms(const struct mc_breaker *b, mono_ms now)
{
    return now >= b->next_attempt ? 0 : b->next_attempt - now;
}

bool mc_breaker_fail(struct mc_breaker *b)
{
    if (b->fails < UINT32_MAX)
        b->fails++;
    if (b->open || b->fails < b->fails_max)
        return false;
    b->open = true;
    return true;
}

void mc_breaker_probed(struct mc_breaker *b)
{
    if (!b->open)
        return;
    b->open = false;
    b->fails = b->fails_max - 1;
    if (b->relapses < MC_BREAKER_RELAPSES_MAX)
        b->relapses++;
}
