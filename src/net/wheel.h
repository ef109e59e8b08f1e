/* A hierarchical timing wheel: timers of any duration in constant time. Pure: no clock, no I/O, no
 * allocation. Level 0 has a slot per tick; a slot of level n spans 64 slots of level n - 1 and is
 * spread over the levels below when its first tick has come. A timer that was moved forward
 * meanwhile stays in its slot until then. */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "net/loop.h"

#define WHEEL_TICK_MS 4
#define WHEEL_BITS    6
#define WHEEL_SLOTS   (1 << WHEEL_BITS)
#define WHEEL_LEVELS  7
#define WHEEL_NO_TICK INT64_MAX
#define WHEEL_MAX_MS  (INT64_C(366) * 24 * 3600 * 1000)

struct wheel {
    mono_ms start;
    int64_t tick;                /* every slot up to this tick is done; ticks count from `start` */
    int64_t next_tick;           /* no slot is due before it; exact after wheel_run */
    uint64_t used[WHEEL_LEVELS]; /* a bit per slot that may hold timers */
    struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *, mono_ms now);
/* Sets or moves `t` to `at`. */
void wheel_set(struct wheel *, struct timer *t, mono_ms at, mono_ms now);
/* Calls the function of each timer whose deadline has passed, tick by tick; it may set and cancel
 * any timer. */
void wheel_run(struct wheel *, mono_ms now);
/* Milliseconds from `now` until wheel_run has something to look at, at least 0; -1: nothing is set.
 */
int64_t wheel_wait_ms(const struct wheel *, mono_ms now);
