/* When a server is used and when it is tried again. */
#include "memcached/breaker.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_opens_after_consecutive_failures(void **state UNUSED)
{
    struct mc_breaker b;
    mc_breaker_init(&b, 3, 1000);
    assert_false(mc_breaker_fail(&b));
    assert_false(mc_breaker_fail(&b));
    mc_breaker_ok(&b);
    assert_false(mc_breaker_fail(&b));
    assert_false(mc_breaker_fail(&b));
    assert_false(b.open);
    assert_true(mc_breaker_fail(&b));
    assert_true(b.open);
    assert_false(mc_breaker_fail(&b)); /* open already */
}

static void test_attempts_are_apart(void **state UNUSED)
{
    struct mc_breaker b;
    mc_breaker_init(&b, 3, 1000);
    assert_int_equal(mc_breaker_wait_ms(&b, 5000), 0);
    bool seen[251] = {false};
    for (uint64_t random = 0; random < 2000; random += 7) {
        mc_breaker_attempt(&b, 5000, random);
        assert_in_range(mc_breaker_wait_ms(&b, 5000), 1000, 1250);
        seen[mc_breaker_wait_ms(&b, 5000) - 1000] = true;
    }
    for (size_t ms = 0; ms <= 250; ms++) /* those who lost it together don't come back together */
        assert_true(seen[ms]);
    assert_int_equal(mc_breaker_wait_ms(&b, 6250), 0);
}

static void test_answered_probe_closes_on_trial(void **state UNUSED)
{
    struct mc_breaker b;
    mc_breaker_init(&b, 3, 1000);
    for (int i = 0; i < 3; i++)
        (void)mc_breaker_fail(&b);
    mc_breaker_probed(&b);
    assert_false(b.open);
    assert_true(mc_breaker_fail(&b)); /* one failure is enough now */
    mc_breaker_probed(&b);
    mc_breaker_ok(&b);
    assert_false(mc_breaker_fail(&b));
}

/* It answers probes but no lookups: probed ever more rarely, up to 32 times the interval. */
static void test_relapses_space_probes_out(void **state UNUSED)
{
    struct mc_breaker b;
    mc_breaker_init(&b, 1, 1000);
    static const int64_t expected_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 32000};
    for (size_t i = 0; i < ARRAY_LEN(expected_ms); i++) {
        mc_breaker_attempt(&b, 0, 0);
        assert_int_equal(mc_breaker_wait_ms(&b, 0), expected_ms[i]);
        assert_true(mc_breaker_fail(&b));
        mc_breaker_probed(&b);
    }
    mc_breaker_ok(&b);
    mc_breaker_attempt(&b, 0, 0);
    assert_int_equal(mc_breaker_wait_ms(&b, 0), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_after_consecutive_failures),
        cmocka_unit_test(test_attempts_are_apart),
        cmocka_unit_test(test_answered_probe_closes_on_trial),
        cmocka_unit_test(test_relapses_space_probes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
