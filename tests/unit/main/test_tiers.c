#include "main/tiers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MIB ((size_t)1024 * 1024)

static size_t max_bytes(const struct tier *t)
{
    struct memory_stats stats;
    memory_tier_stats(t->memory, &stats);
    return stats.max_bytes;
}

static void count(void *arg, const struct tier *t UNUSED)
{
    ++*(size_t *)arg;
}

static void test_same_name_is_the_same_tier(void **state UNUSED)
{
    struct tiers tiers;
    size_t n = 0;
    tiers_init(&tiers, 1);
    struct tier *first = tiers_ref(&tiers, SLICE("pages"), MIB, false);
    struct tier *again = tiers_ref(&tiers, SLICE("pages"), 2 * MIB, false);
    struct tier *other = tiers_ref(&tiers, SLICE("page"), 3 * MIB, false);
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, other);
    assert_int_equal(max_bytes(first), MIB); /* only tiers_resize changes it */
    assert_int_equal(max_bytes(other), 3 * MIB);
    tiers_resize(&tiers, SLICE("pages"), 2 * MIB);
    assert_int_equal(max_bytes(first), 2 * MIB);
    tiers_each(&tiers, count, &n);
    assert_int_equal(n, 2);
    tiers_unref(&tiers, &first);
    assert_null(first);
    tiers_unref(&tiers, &again);
    tiers_unref(&tiers, &other);
    tiers_fini(&tiers);
}

static void test_tier_that_nobody_names_is_gone(void **state UNUSED)
{
    struct tiers tiers;
    size_t n = 0;
    tiers_init(&tiers, 1);
    struct tier *t = tiers_ref(&tiers, SLICE("pages"), MIB, false);
    tiers_unref(&tiers, &t);
    tiers_each(&tiers, count, &n);
    assert_int_equal(n, 0);
    tiers_resize(&tiers, SLICE("pages"), MIB); /* does no harm */
    tiers_unref(&tiers, &t);                   /* nor does NULL */
    tiers_fini(&tiers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_name_is_the_same_tier),
        cmocka_unit_test(test_tier_that_nobody_names_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
