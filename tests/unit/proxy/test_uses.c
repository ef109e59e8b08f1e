/* Counting uses of keys in a table of fixed size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "proxy/uses.h"

#include <pthread.h>

static void each_key_has_its_own_count(void **state)
{
    (void)state;
    struct uses *u = uses_new();
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(uses_count(u, 0), i);
        assert_int_equal(uses_count(u, 1), i);
        assert_int_equal(uses_count(u, UINT64_MAX), i);
    }
    uses_free(&u);
    assert_null(u);
}

/* Hashes that share their low 16 bits share a set of four places. */
static void a_full_set_forgets_the_key_used_longest_ago(void **state)
{
    (void)state;
    struct uses *u = uses_new();
    for (uint64_t key = 0; key < 4; key++)
        assert_int_equal(uses_count(u, key << 16), 1);
    assert_int_equal(uses_count(u, 0), 2);
    assert_int_equal(uses_count(u, UINT64_C(4) << 16), 1); /* instead of 1 */
    assert_int_equal(uses_count(u, 0), 3);
    assert_int_equal(uses_count(u, UINT64_C(2) << 16), 2);
    assert_int_equal(uses_count(u, UINT64_C(1) << 16), 1); /* forgotten; instead of 3 */
    assert_int_equal(uses_count(u, UINT64_C(3) << 16), 1);
    uses_free(&u);
}

static void what_is_taken_is_counted_no_more(void **state)
{
    (void)state;
    struct uses *u = uses_new();
    assert_int_equal(uses_take(u, 7), 0);
    (void)uses_count(u, 7);
    (void)uses_count(u, 7);
    assert_int_equal(uses_take(u, 7), 2);
    assert_int_equal(uses_take(u, 7), 0);
    assert_int_equal(uses_count(u, 7), 1);
    uses_free(&u);
}

#define THREADS 4
#define USES    20000

static void *use_keys(void *arg)
{
    for (uint64_t i = 0; i < USES; i++)
        (void)uses_count(arg, i % 100 * 1234567);
    return NULL;
}

static void threads_lose_no_use(void **state)
{
    (void)state;
    struct uses *u = uses_new();
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_keys, u), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (uint64_t key = 0; key < 100; key++)
        assert_int_equal(uses_count(u, key * 1234567), THREADS * USES / 100 + 1);
    uses_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_has_its_own_count),
        cmocka_unit_test(a_full_set_forgets_the_key_used_longest_ago),
        cmocka_unit_test(what_is_taken_is_counted_no_more),
        cmocka_unit_test(threads_lose_no_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
