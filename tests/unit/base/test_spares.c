/* Memory kept for the next object of its size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/spares.h"

#include <string.h>

/* Under AddressSanitizer nothing is kept. */
extern int __asan_address_is_poisoned(const volatile void *) __attribute__((weak));

/* So that a use after it was given back is seen. */
static void nothing_is_kept(void)
{
    struct spares s;
    spares_init(&s, 4);
    spares_give(&s, spares_take(&s, 100), 100);
    for (size_t i = 0; i < sizeof(s.kept) / sizeof(s.kept[0]); i++) {
        assert_int_equal(s.kept[i], 0);
        assert_null(s.first[i]);
    }
    spares_fini(&s);
}

static void what_was_given_last_is_taken_first(void **state)
{
    (void)state;
    if (__asan_address_is_poisoned != NULL) {
        nothing_is_kept();
        return;
    }
    struct spares s;
    spares_init(&s, 4);
    void *a = spares_take(&s, 100);
    void *b = spares_take(&s, 100);
    uintptr_t a_was = (uintptr_t)a;
    uintptr_t b_was = (uintptr_t)b;
    assert_true(a_was != b_was);
    spares_give(&s, a, 100);
    spares_give(&s, b, 100);
    b = spares_take(&s, 100);
    a = spares_take(&s, 128); /* the same step of sizes */
    assert_int_equal((uintptr_t)b, b_was);
    assert_int_equal((uintptr_t)a, a_was);
    spares_give(&s, a, 128);
    spares_give(&s, b, 100);
    spares_fini(&s);
}

static void objects_of_another_size_are_left_alone(void **state)
{
    (void)state;
    struct spares s;
    spares_init(&s, 4);
    char *small = spares_take(&s, 64);
    spares_give(&s, small, 64);
    char *large = spares_take(&s, 65);
    memset(large, 1, 65);
    char *largest = spares_take(&s, SPARES_MAX_BYTES);
    memset(largest, 1, SPARES_MAX_BYTES);
    spares_give(&s, large, 65);
    spares_give(&s, largest, SPARES_MAX_BYTES);
    spares_fini(&s);
}

static void ztake_clears_what_was_used_before(void **state)
{
    (void)state;
    struct spares s;
    spares_init(&s, 4);
    char *p = spares_take(&s, 200);
    memset(p, 0x5a, 200);
    spares_give(&s, p, 200);
    p = spares_ztake(&s, 200);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(p[i], 0);
    }
    spares_give(&s, p, 200);
    spares_fini(&s);
}

static void no_more_than_the_bound_are_kept(void **state)
{
    (void)state;
    struct spares s;
    void *p[3];
    spares_init(&s, 2);
    for (size_t i = 0; i < 3; i++) {
        p[i] = spares_take(&s, 10);
    }
    for (size_t i = 0; i < 3; i++) {
        spares_give(&s, p[i], 10);
    }
    assert_int_equal(s.kept[0], s.keep_max);
    spares_fini(&s);
    assert_int_equal(s.kept[0], 0);
    assert_null(s.first[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_last_is_taken_first),
        cmocka_unit_test(objects_of_another_size_are_left_alone),
        cmocka_unit_test(ztake_clears_what_was_used_before),
        cmocka_unit_test(no_more_than_the_bound_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
