#include "main/restarts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_first_crashes_are_repaired_at_once(void **state)
{
    (void)state;
    struct restarts r = {0};
    for (int i = 0; i < RESTARTS_FREE; i++)
        assert_int_equal(restarts_after_crash(&r, 1000 + i), 0);
    assert_int_equal(restarts_after_crash(&r, 1100), RESTARTS_MIN_MS);
}

static void test_rare_crashes_never_wait(void **state)
{
    (void)state;
    struct restarts r = {0};
    for (int i = 0; i < 100; i++)
        assert_int_equal(restarts_after_crash(&r, i * (RESTARTS_WINDOW_MS / RESTARTS_FREE + 1)), 0);
}

static void test_loop_waits_twice_as_long_each_time_up_to_a_limit(void **state)
{
    (void)state;
    struct restarts r = {0};
    mono_ms now = 0;
    int64_t last_ms = 0;
    for (int i = 0; i < 30; i++) {
        int64_t wait_ms = restarts_after_crash(&r, now);
        assert_true(wait_ms <= RESTARTS_MAX_MS);
        if (i > RESTARTS_FREE && last_ms < RESTARTS_MAX_MS / 2)
            assert_int_equal(wait_ms, last_ms * 2);
        if (i > 15)
            assert_int_equal(wait_ms, RESTARTS_MAX_MS);
        last_ms = wait_ms;
        now += wait_ms + 10;
    }
}

static void test_calm_time_makes_it_forget(void **state)
{
    (void)state;
    struct restarts r = {0};
    mono_ms now = 0;
    for (int i = 0; i < 10; i++)
        now += restarts_after_crash(&r, now) + 1;
    now += 10 * RESTARTS_WINDOW_MS;
    assert_int_equal(restarts_after_crash(&r, now), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_crashes_are_repaired_at_once),
        cmocka_unit_test(test_rare_crashes_never_wait),
        cmocka_unit_test(test_loop_waits_twice_as_long_each_time_up_to_a_limit),
        cmocka_unit_test(test_calm_time_makes_it_forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
