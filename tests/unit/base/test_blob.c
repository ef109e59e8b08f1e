/* Counted bytes. Leaks and early frees are for the sanitizers to see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/blob.h"

#include <pthread.h>

static void a_new_blob_is_empty_with_one_reference(void **state)
{
    (void)state;
    struct blob *b = blob_new(5);
    assert_non_null(b);
    assert_int_equal(atomic_load(&b->refs), 1);
    assert_int_equal(b->cap, 5);
    assert_true(slice_empty(blob_slice(b)));
    memcpy(b->data, "abcde", 5);
    b->len = 3;
    assert_true(slice_eq(blob_slice(b), SLICE("abc")));
    blob_unref(&b);
    assert_null(b);
}

static void lives_until_the_last_reference(void **state)
{
    (void)state;
    struct blob *first = blob_new(1);
    struct blob *second = blob_ref(first);
    assert_ptr_equal(first, second);
    blob_unref(&first);
    assert_null(first);
    assert_int_equal(atomic_load(&second->refs), 1);
    second->data[0] = 'x';
    blob_unref(&second);
}

static void unref_of_nothing_does_nothing(void **state)
{
    (void)state;
    struct blob *none = NULL;
    blob_unref(&none);
    assert_null(none);
}

static void a_size_that_cannot_be_had_is_null(void **state)
{
    (void)state;
    assert_null(blob_new(SIZE_MAX));
    assert_null(blob_new(SIZE_MAX - sizeof(struct blob) + 1));
}

static void *ref_and_unref(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        struct blob *mine = blob_ref(arg);
        blob_unref(&mine);
    }
    struct blob *given = arg;
    blob_unref(&given);
    return NULL;
}

static void threads_count_together(void **state)
{
    (void)state;
    struct blob *b = blob_new(1);
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, blob_ref(b)), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&b->refs), 1);
    blob_unref(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_blob_is_empty_with_one_reference),
        cmocka_unit_test(lives_until_the_last_reference),
        cmocka_unit_test(unref_of_nothing_does_nothing),
        cmocka_unit_test(a_size_that_cannot_be_had_is_null),
        cmocka_unit_test(threads_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
