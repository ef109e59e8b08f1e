/* When a server may be used and when the next attempt to reach it is due. Pure: time is an
 * argument. Closed: in use. After `fails` consecutive failures it opens: lookups are misses at
 * once, and one probe at a time, `probe_ms` apart, finds out whether the server is back. A server
 * that answers the probe and then fails again in use has its probes spaced out, twice as far each
 * time. */
#pragma once

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct mc_breaker {
    uint32_t fails_max;
    int64_t probe_ms;
    uint32_t fails;    /* consecutive */
    uint32_t relapses; /* consecutive openings without a lookup answered between them */
    bool open;
    mono_ms next_attempt; /* no connection is tried before it */
};

#define MC_BREAKER_RELAPSES_MAX 5 /* 32 times probe_ms */

void mc_breaker_init(struct mc_breaker *, uint32_t fails_max, int64_t probe_ms);
/* A connection is tried now; `random` spreads the next attempt by up to a quarter. */
void mc_breaker_attempt(struct mc_breaker *, mono_ms now, uint64_t random);
/* Milliseconds until the next attempt is allowed, 0: now. */
int64_t mc_breaker_wait_ms(const struct mc_breaker *, mono_ms now);
/* Timeout, refused, garbage, lost with work under way. True: it has opened now. */
bool mc_breaker_fail(struct mc_breaker *);
/* The probe was answered: half-open becomes closed, but the next failure opens it again. */
void mc_breaker_probed(struct mc_breaker *);
/* A command of use was answered. */
static inline void mc_breaker_ok(struct mc_breaker *b)
{
    b->fails = 0;
    b->relapses = 0;
}
