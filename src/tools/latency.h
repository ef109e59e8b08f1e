/* How long things took: a histogram of bounded size with an error of a sixteenth. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LATENCY_BUCKETS 640

struct latency {
    uint64_t n;
    int64_t max_us;
    uint64_t buckets[LATENCY_BUCKETS];
};
void latency_add(struct latency *, int64_t us);
/* The time that `per_mille` thousandths of all did not exceed; 0 where there are none. */
int64_t latency_at_us(const struct latency *, unsigned per_mille);
