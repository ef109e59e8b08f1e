#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_best_of_several(void **state)
{
    static const struct {
        const char *name;
        const char *best;
    } rows[] = {
        {"ping", "ping"},   {"pnig", "ping"},  {"pin", "ping"},
        {"purg", "purge"},  {"statt", "stat"}, {"gett", "get"},
        {"frobnicate", ""}, {"", ""},          {"stat-purge", ""},
    };
    static const char *const words[] = {"ping", "purge", "stat", "get"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct nearest n = nearest_to(slice_of(rows[i].name));
        for (size_t w = 0; w < ARRAY_LEN(words); w++)
            nearest_offer(&n, slice_of(words[w]));
        if (!slice_eq(n.best, slice_of(rows[i].best)))
            fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(n.best));
    }
}

static void test_long_words_resemble_nothing(void **state)
{
    static const char longer[] = "a word of more than forty-eight bytes, which nobody types";
    (void)state;
    struct nearest n = nearest_to(slice_of(longer));
    nearest_offer(&n, slice_of(longer));
    assert_int_equal(n.best.n, 0);
    n = nearest_to(SLICE("a word"));
    nearest_offer(&n, slice_of(longer));
    assert_int_equal(n.best.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_of_several),
        cmocka_unit_test(test_long_words_resemble_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
