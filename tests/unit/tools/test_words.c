#include "tools/words.h"

#include "base/slice.h"
#include "config/directives.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_every_verdict_has_a_reason(void **state)
{
    (void)state;
    for (int v = STORE_YES; v < STORE_VERDICT_COUNT; v++) {
        const char *detail = store_verdict_text((enum store_verdict)v);
        if (!reason_of(detail))
            fail_msg("%s has no row", detail);
    }
    assert_null(reason_of("no such word"));
    assert_null(reason_of(NULL));
}

/* A directive that a hint names is one: what begins with `proxy_` and `max_`. */
static void test_hints_name_directives(void **state)
{
    (void)state;
    for (size_t i = 0; reason_row(i); i++) {
        struct slice rest = slice_of(reason_row(i)->change);
        while (rest.n > 0) {
            struct slice word = slice_cut(rest, ' ', &rest);
            size_t n = 0;
            while (n < word.n && (word.p[n] == '_' || (word.p[n] >= 'a' && word.p[n] <= 'z')))
                n++;
            word = slice_take(word, n);
            bool named = slice_starts(word, SLICE("proxy_")) || slice_starts(word, SLICE("max_"));
            if (named && !directive_find(word, ~0U))
                fail_msg("%s: there is no directive %.*s", reason_row(i)->detail, SLICE_ARG(word));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_verdict_has_a_reason),
        cmocka_unit_test(test_hints_name_directives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
