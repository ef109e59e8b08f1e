/* The list of a URL's variants, in its vary index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cache/variants.h"

static struct arena arena;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct slice list_of(const char *const *names, size_t n)
{
    struct slice list = slice_none();
    for (size_t i = 0; i < n; i++)
        list = variants_with(list, slice_of(names[i]), &arena);
    return list;
}

static void last_one_is_first(void **state)
{
    (void)state;
    struct slice rest = list_of((const char *const[]){"a", "", "ccc"}, 3);
    struct slice one;
    assert_int_equal(variants_count(rest), 3);
    assert_true(variants_next(&rest, &one) && slice_eq(one, SLICE("ccc")));
    assert_true(variants_next(&rest, &one) && one.n == 0);
    assert_true(variants_next(&rest, &one) && slice_eq(one, SLICE("a")));
    assert_false(variants_next(&rest, &one));
}

static void one_is_found_and_taken_out(void **state)
{
    (void)state;
    struct slice list = list_of((const char *const[]){"a", "b", "c"}, 3);
    assert_true(variants_have(list, SLICE("b")));
    assert_false(variants_have(list, SLICE("")));
    list = variants_without(list, SLICE("b"), &arena);
    assert_false(variants_have(list, SLICE("b")));
    assert_true(variants_have(list, SLICE("a")) && variants_have(list, SLICE("c")));
    assert_int_equal(variants_without(slice_none(), SLICE("a"), &arena).n, 0);
}

static void number_and_bytes_are_bounded(void **state)
{
    (void)state;
    struct slice list = list_of((const char *const[]){"a", "b"}, 2);
    assert_true(variants_have_room(list, SLICE("c"), 3));
    assert_false(variants_have_room(list, SLICE("c"), 2));
    struct slice large = slice_make(arena_zalloc(&arena, VARIANT_VALUES_MAX), VARIANT_VALUES_MAX);
    size_t n = 0;
    for (list = slice_none(); variants_have_room(list, large, SIZE_MAX); n++)
        list = variants_with(list, large, &arena);
    assert_in_range(n, 8, VARIANTS_BYTES_MAX / VARIANT_VALUES_MAX);
    assert_true(list.n <= VARIANTS_BYTES_MAX);
}

static void what_is_no_list_ends(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct slice bytes;
        size_t count;
    } rows[] = {
        {"nothing", {"", 0}, 0},
        {"part of a length", {"\1\0\0", 3}, 0},
        {"longer than what is there", {"\2\0\0\0a", 5}, 0},
        {"far longer",
         {"\xff\xff\xff\xff"
          "a",
          5},
         0},
        {"one, then a part", {"\1\0\0\0a\1\0", 7}, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (variants_count(rows[i].bytes) != rows[i].count)
            fail_msg("%s", rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(last_one_is_first, begin, end),
        cmocka_unit_test_setup_teardown(one_is_found_and_taken_out, begin, end),
        cmocka_unit_test_setup_teardown(number_and_bytes_are_bounded, begin, end),
        cmocka_unit_test(what_is_no_list_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
