/* When a serving process that has crashed is followed by the next. Pure. */
#pragma once

#include "base/clock.h"

#define RESTARTS_FREE      5 /* crashes within the window that are repaired at once */
#define RESTARTS_WINDOW_MS 10000
#define RESTARTS_MIN_MS    100
#define RESTARTS_MAX_MS    5000

struct restarts {
    mono_ms at[RESTARTS_FREE]; /* of the last crashes, in a ring */
    unsigned n;                /* crashes so far */
    int64_t wait_ms;           /* the last wait; 0: none */
};

/* A crash at `now`: milliseconds to wait before the next start, 0 until more than RESTARTS_FREE
 * have come within the window, then doubling. */
int64_t restarts_after_crash(struct restarts *, mono_ms now);
