/* Which arguments of a query count (proxy_cache_key_args). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "http/args.h"

static const struct slice a_b[] = {SLICE_INIT("a"), SLICE_INIT("b")};
static const struct slice tracking[] = {SLICE_INIT("utm_*"), SLICE_INIT("fbclid")};
static const struct slice all[] = {SLICE_INIT("*")};
#define ONLY_A_B                                       \
    {                                                  \
        .which = ARGS_ONLY, .names = a_b, .names_n = 2 \
    }
#define EXCEPT_TRACKING                                       \
    {                                                         \
        .which = ARGS_EXCEPT, .names = tracking, .names_n = 2 \
    }

static const struct row {
    const char *name;
    struct args_conf conf;
    const char *query;
    const char *selected; /* NULL: none */
} rows[] = {
    {"nothing configured", {0}, "b=2&&a=1", "b=2&&a=1"},
    {"only: some", ONLY_A_B, "x=1&a=2&y=3&b=4", "a=2&b=4"},
    {"only: none there", ONLY_A_B, "x=1&y", NULL},
    {"only: without a value", ONLY_A_B, "a&b=&c", "a&b="},
    {"only: repeated", ONLY_A_B, "a=1&a=2&a=1", "a=1&a=2&a=1"},
    {"only: a longer name is another", ONLY_A_B, "aa=1&ab", NULL},
    {"only: case counts", ONLY_A_B, "A=1", NULL},
    {"only: encoded names are what they mean", ONLY_A_B, "%61=evil&x=1", "%61=evil"},
    {"only: name in a value", ONLY_A_B, "x=a&y=b=a", NULL},
    {"only: a semicolon may be an ampersand elsewhere", ONLY_A_B, "x=1;a=evil&y=2", "x=1;a=evil"},
    {"only: none are named", {.which = ARGS_ONLY}, "a=1", NULL},
    {"except: some", EXCEPT_TRACKING, "utm_source=x&a=1&fbclid=y&utm_=", "a=1"},
    {"except: encoded", EXCEPT_TRACKING, "%75tm_source=x&a=1", "a=1"},
    {"except: the star is at the end only", EXCEPT_TRACKING, "xutm_a=1&utm=2", "xutm_a=1&utm=2"},
    {"except: none are named", {.which = ARGS_EXCEPT}, "a=1&b=2", "a=1&b=2"},
    {"except: all", {.which = ARGS_EXCEPT, .names = all, .names_n = 1}, "a=1&b=2&=3", NULL},
    {"sort: by name", {.sort = true}, "b=1&a=2&c=0", "a=2&b=1&c=0"},
    {"sort: of one name stay in order", {.sort = true}, "b=1&a=2&b=0&a=1", "a=2&a=1&b=1&b=0"},
    {"sort: encoded names too", {.sort = true}, "b=1&%61=2&a=1", "%61=2&a=1&b=1"},
    {"sort: a prefix comes first", {.sort = true}, "ab=1&a=2&a!=3", "a=2&a!=3&ab=1"},
    {"empty arguments are none", {.sort = true}, "&&a=1&&", "a=1"},
    {"empty query", {.sort = true}, "", NULL},
    {"a bad encoding stays", EXCEPT_TRACKING, "%zz=1&utm_%=2", "%zz=1"},
};

static void selects(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct slice got = args_select(slice_of(rows[i].query), &rows[i].conf, &arena);
        bool right = rows[i].selected ? slice_eq(got, slice_of(rows[i].selected)) : got.p == NULL;
        if (!right)
            fail_msg("%s: \"%.*s\"", rows[i].name, SLICE_ARG(got));
        arena_fini(&arena);
    }
}

static void no_query_stays_none(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    const struct args_conf sort = {.sort = true};
    assert_null(args_select(slice_none(), &sort, &arena).p);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selects),
        cmocka_unit_test(no_query_stays_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
