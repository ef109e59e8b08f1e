/* Changes of URIs, in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/changes.h"

static int begin(void **state)
{
    struct changes *c = malloc(sizeof *c);
    assert_non_null(c);
    changes_init(c);
    *state = c;
    return 0;
}

static int end(void **state)
{
    free(*state);
    return 0;
}

static void nothing_has_changed_at_first(void **state)
{
    assert_int_not_equal(changes_now(*state), 0);
    assert_false(changes_since(*state, 7, changes_now(*state)));
}

static void what_began_before_is_outdated_and_what_begins_after_is_not(void **state)
{
    uint64_t before = changes_now(*state);
    changes_note(*state, 7);
    assert_true(changes_since(*state, 7, before));
    assert_false(changes_since(*state, 7, changes_now(*state)));
    assert_false(changes_since(*state, 8, before));
}

static void changes_of_others_do_not_hide_one(void **state)
{
    uint64_t before = changes_now(*state);
    changes_note(*state, 7);
    for (uint64_t i = 100; i < 100000; i++)
        changes_note(*state, i);
    assert_true(changes_since(*state, 7, before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_has_changed_at_first, begin, end),
        cmocka_unit_test_setup_teardown(what_began_before_is_outdated_and_what_begins_after_is_not,
                                        begin, end),
        cmocka_unit_test_setup_teardown(changes_of_others_do_not_hide_one, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
