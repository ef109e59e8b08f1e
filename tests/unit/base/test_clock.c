/* The two clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#include <time.h>

static void monotonic_time_never_goes_back(void **state)
{
    (void)state;
    int64_t last = clock_mono_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us();
        assert_true(now >= last);
        last = now;
    }
}

static void milliseconds_and_microseconds_are_of_one_clock(void **state)
{
    (void)state;
    int64_t before_us = clock_mono_us();
    mono_ms ms = clock_mono_ms();
    int64_t after_us = clock_mono_us();
    assert_true(before_us / 1000 <= ms && ms <= after_us / 1000);
}

static void wall_time_is_since_1970(void **state)
{
    (void)state;
    struct timespec before, after;
    clock_gettime(CLOCK_REALTIME, &before);
    wall_ms ms = clock_wall_ms();
    clock_gettime(CLOCK_REALTIME, &after);
    assert_true(before.tv_sec <= ms / 1000 && ms / 1000 <= after.tv_sec);
    assert_true(before.tv_sec * 1000 + before.tv_nsec / 1000000 <= ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(milliseconds_and_microseconds_are_of_one_clock),
        cmocka_unit_test(wall_time_is_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
