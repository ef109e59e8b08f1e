/* Two clocks that must not be mixed: monotonic time drives timers, wall time only HTTP dates. */
#pragma once

#include <stdint.h>

typedef int64_t mono_ms; /* milliseconds of the monotonic clock */
typedef int64_t wall_s;  /* seconds since 1970 UTC */
typedef int64_t wall_ms; /* milliseconds since 1970 UTC */

mono_ms clock_mono_ms(void);
int64_t clock_mono_us(void);
wall_ms clock_wall_ms(void);
