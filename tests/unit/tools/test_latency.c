#include "tools/latency.h"

#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_none(void **state)
{
    struct latency l = {0};
    (void)state;
    assert_int_equal(latency_at_us(&l, 500), 0);
    assert_int_equal(latency_at_us(&l, 1000), 0);
}

/* What one value comes back as: itself, or up to a sixteenth above what the bucket begins with. */
static void test_one_value(void **state)
{
    static const int64_t values[] = {0,   1,    15,   16,   31,      32,        33,
                                     100, 1000, 4095, 4096, 1000000, 123456789, INT64_C(1) << 40};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct latency l = {0};
        latency_add(&l, values[i]);
        latency_add(&l, values[i] * 2);
        int64_t half = latency_at_us(&l, 500);
        assert_in_range(half, values[i], values[i] + values[i] / 16);
        assert_int_equal(latency_at_us(&l, 1000), values[i] * 2);
    }
}

static void test_thousand(void **state)
{
    static const unsigned per_mille[] = {1, 500, 900, 990, 999};
    struct latency l = {0};
    (void)state;
    for (int64_t us = 1; us <= 1000; us++)
        latency_add(&l, us);
    assert_int_equal(l.n, 1000);
    assert_int_equal(l.max_us, 1000);
    for (size_t i = 0; i < ARRAY_LEN(per_mille); i++)
        assert_in_range(latency_at_us(&l, per_mille[i]), per_mille[i],
                        per_mille[i] + per_mille[i] / 16);
}

static void test_any_number(void **state)
{
    struct latency l = {0};
    (void)state;
    latency_add(&l, INT64_MAX);
    latency_add(&l, -5);
    assert_int_equal(l.n, 2);
    assert_int_equal(latency_at_us(&l, 500), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_one_value),
        cmocka_unit_test(test_thousand),
        cmocka_unit_test(test_any_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
