/* Vary: names, and a request's values in canonical form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/heads.h"
#include "cache/vary.h"

static const struct cache_conf conf = {.vary_fields_max = 3};

static void spec(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *lines;
        enum vary_result want;
        const char *spec;
    } rows[] = {
        {"no Vary", "X: y", VARY_NONE, ""},
        {"empty", "Vary:", VARY_NONE, ""},
        {"one", "Vary: Foo", VARY_FIELDS, "foo"},
        {"sorted, lower case", "Vary: Foo, BAR,Baz", VARY_FIELDS, "bar,baz,foo"},
        {"repeated", "Vary: Foo, foo, FOO, Bar", VARY_FIELDS, "bar,foo"},
        {"two lines", "Vary: Foo\nVary: Bar", VARY_FIELDS, "bar,foo"},
        {"at the limit", "Vary: a, b, c, a, b, c", VARY_FIELDS, "a,b,c"},
        {"beyond the limit", "Vary: a, b, c, d", VARY_NEVER, ""},
        {"4.1: *", "Vary: *", VARY_NEVER, ""},
        {"4.1: *, *", "Vary: *, *", VARY_NEVER, ""},
        {"4.1: two lines of *", "Vary: *\nVary: *", VARY_NEVER, ""},
        {"4.1: , *", "Vary: , *", VARY_NEVER, ""},
        {"4.1: an empty line, then *", "Vary:\nVary: *", VARY_NEVER, ""},
        {"4.1: *, Foo", "Vary: *, Foo", VARY_NEVER, ""},
        {"4.1: Foo, *", "Vary: Foo, *", VARY_NEVER, ""},
        {"no name is never matched", "Vary: Foo Bar", VARY_NEVER, ""},
        {"quoted is no name", "Vary: \"Foo\"", VARY_NEVER, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct slice got;
        arena_init(&arena, NULL);
        struct fields fields = heads_fields(&arena, rows[i].lines);
        enum vary_result result = vary_spec(&fields, &conf, &arena, &got);
        if (result != rows[i].want || !slice_eq(got, slice_of(rows[i].spec))) {
            fail_msg("%s: %d \"%.*s\"", rows[i].name, (int)result, SLICE_ARG(got));
        }
        assert_int_equal(vary_check(&fields, &conf), result);
        arena_fini(&arena);
    }
}

static void vary_can_be_ignored(void **state)
{
    (void)state;
    const struct cache_conf ignoring = {.ignore = IGNORE_VARY, .vary_fields_max = 3};
    struct arena arena;
    struct slice got;
    arena_init(&arena, NULL);
    struct fields fields = heads_fields(&arena, "Vary: *");
    assert_int_equal(vary_spec(&fields, &ignoring, &arena, &got), VARY_NONE);
    assert_int_equal(got.n, 0);
    arena_fini(&arena);
}

static void a_thousand_names_are_too_many(void **state)
{
    (void)state;
    const struct cache_conf generous = {.vary_fields_max = UINT32_MAX};
    struct arena arena;
    struct fields fields = {0};
    struct slice got;
    arena_init(&arena, NULL);
    for (int i = 0; i < 1000; i++) {
        fields_add(&fields, &arena, SLICE("Vary"), arena_printf(&arena, "x-%d", i));
    }
    assert_int_equal(vary_spec(&fields, &generous, &arena, &got), VARY_NEVER);
    arena_fini(&arena);
}

static void unions(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        const char *want;
    } rows[] = {
        {"", "", ""},          {"foo", "", "foo"},        {"", "foo", "foo"},
        {"foo", "foo", "foo"}, {"foo", "bar", "bar,foo"}, {"a,c", "b,c,d", "a,b,c,d"},
        {"a,b", "a", "a,b"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct slice got = vary_union(slice_of(rows[i].a), slice_of(rows[i].b), &arena);
        if (!slice_eq(got, slice_of(rows[i].want))) {
            fail_msg("%s + %s = %.*s", rows[i].a, rows[i].b, SLICE_ARG(got));
        }
        arena_fini(&arena);
    }
}

static void matching(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *spec;
        const char *a; /* request fields of the one */
        const char *b; /* and of the other */
        bool same;
    } rows[] = {
        {"4.1: same value", "foo", "Foo: 1", "Foo: 1", true},
        {"4.1: other value", "foo", "Foo: 1", "Foo: 2", false},
        {"4.1: absent, then present", "foo", "", "Foo: 1", false},
        {"4.1: absent in both", "foo", "", "", true},
        {"absent is not empty", "foo", "", "Foo:", false},
        {"4.1: other fields do not count", "foo", "Foo: 1\nBar: 1", "Foo: 1\nBar: 2", true},
        {"4.1: all of two match, any order", "bar,foo", "Foo: 1\nBar: a", "bar: a\nfoo: 1", true},
        {"4.1: one of two differs", "bar,foo", "Foo: 1\nBar: a", "Foo: 1\nBar: b", false},
        {"one of two absent", "bar,foo", "Foo: 1\nBar: a", "Foo: 1", false},
        {"three", "bar,baz,foo", "Foo: 1\nBar: a\nBaz: x", "Baz: x\nBar: a\nFoo: 1", true},
        {"values do not move to the next field", "bar,foo", "Bar: 1;foo=1:2", "Bar: 1\nFoo: 2",
         false},
        {"values swapped", "bar,foo", "Bar: 1\nFoo: 2", "Bar: 2\nFoo: 1", false},
        {"4.1: repeated lines are one list", "foo", "Foo: 1\nFoo: 2", "Foo: 1, 2", true},
        {"4.1: white space in lists", "foo", "Foo: 1,2", "Foo:  1 ,  2 ", true},
        {"order of members counts", "foo", "Foo: 1, 2", "Foo: 2, 1", false},
        {"case of members counts", "foo", "Foo: a", "Foo: A", false},
        {"comma in quotes is no separator", "foo", "Foo: \"a,b\"", "Foo: \"a, b\"", false},
        {"Accept-Encoding: order", "accept-encoding", "Accept-Encoding: gzip, br",
         "Accept-Encoding: br,gzip", true},
        {"Accept-Encoding: case", "accept-encoding", "Accept-Encoding: GZIP",
         "Accept-Encoding: gzip", true},
        {"Accept-Encoding: weights", "accept-encoding", "Accept-Encoding: gzip;q=0.5, br ; q=1.0",
         "Accept-Encoding: gzip, br", true},
        {"Accept-Encoding: identity says nothing", "accept-encoding",
         "Accept-Encoding: gzip, identity", "Accept-Encoding: gzip", true},
        {"Accept-Encoding: refused is as not listed", "accept-encoding",
         "Accept-Encoding: gzip;q=0, br", "Accept-Encoding: br", true},
        {"Accept-Encoding: refused is not accepted", "accept-encoding",
         "Accept-Encoding: gzip;q=0.000", "Accept-Encoding: gzip;q=0.001", false},
        {"Accept-Encoding: refused out of all", "accept-encoding", "Accept-Encoding: gzip;q=0, *",
         "Accept-Encoding: *", false},
        {"Accept-Encoding: identity refused", "accept-encoding",
         "Accept-Encoding: gzip, identity;q=0", "Accept-Encoding: gzip", false},
        {"Accept-Encoding: identity refused by *", "accept-encoding",
         "Accept-Encoding: gzip, *;q=0", "Accept-Encoding: gzip", false},
        {"Accept-Encoding: identity kept from *;q=0", "accept-encoding",
         "Accept-Encoding: gzip, identity, *;q=0", "Accept-Encoding: gzip, *;q=0", false},
        {"Accept-Encoding: another", "accept-encoding", "Accept-Encoding: gzip",
         "Accept-Encoding: br", false},
        {"Accept-Encoding: empty is identity", "accept-encoding",
         "Accept-Encoding:", "Accept-Encoding: identity", true},
        {"Accept-Encoding: absent is not empty", "accept-encoding", "", "Accept-Encoding:", false},
        {"Accept-Encoding: odd weight stands for itself", "accept-encoding",
         "Accept-Encoding: gzip;q=x", "Accept-Encoding: gzip", false},
        {"Accept-Encoding: odd parameter", "accept-encoding", "Accept-Encoding: gzip;x=1",
         "Accept-Encoding: gzip", false},
        {"Accept-Encoding: refused with an odd parameter", "accept-encoding",
         "Accept-Encoding: gzip;x=1;q=0", "Accept-Encoding: gzip;q=0", true},
        {"Accept-Encoding: weight of two digits", "accept-encoding", "Accept-Encoding: gzip;q=00",
         "Accept-Encoding: gzip;q=0", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct fields a = heads_fields(&arena, rows[i].a);
        struct fields b = heads_fields(&arena, rows[i].b);
        struct slice of_a = vary_values(slice_of(rows[i].spec), &a, &conf, &arena);
        struct slice of_b = vary_values(slice_of(rows[i].spec), &b, &conf, &arena);
        if (slice_eq(of_a, of_b) != rows[i].same) {
            fail_msg("%s: \"%.*s\" \"%.*s\"", rows[i].name, SLICE_ARG(of_a), SLICE_ARG(of_b));
        }
        arena_fini(&arena);
    }
}

static void languages(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *a;
        const char *b;
        bool same;
        bool same_sorted;
    } rows[] = {
        {"4.1: white space", "en,de", "en ,  de", true, true},
        {"4.1: case", "en, de", "eN, De", true, true},
        {"4.1: white space around weights", "en;q=0.5", "en ; q=0.5", true, true},
        {"4.1: a weight of 1", "en;q=1.0, de", "en, de;q=1", true, true},
        {"4.1: order", "en, de", "de, en", false, true},
        {"4.1: order with weights", "fr;q=0.5, de;q=1.0", "de, fr;q=0.5", false, true},
        {"4.1: other weights", "en, de;q=0.5", "en;q=0.5, de", false, false},
        {"4.1: other languages", "en", "de", false, false},
        {"4.1: a weight that is none", "en;q=1x", "en", false, false},
        {"4.1: another parameter", "en;x=1", "en", false, false},
    };
    static const struct cache_conf sorting = {.vary_fields_max = 3, .sort_languages = true};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct fields a = {0};
        struct fields b = {0};
        struct slice spec_of = SLICE("accept-language");
        arena_init(&arena, NULL);
        fields_add_id(&a, &arena, FIELD_ACCEPT_LANGUAGE, slice_of(rows[i].a));
        fields_add_id(&b, &arena, FIELD_ACCEPT_LANGUAGE, slice_of(rows[i].b));
        bool same = slice_eq(vary_values(spec_of, &a, &conf, &arena),
                             vary_values(spec_of, &b, &conf, &arena));
        bool same_sorted = slice_eq(vary_values(spec_of, &a, &sorting, &arena),
                                    vary_values(spec_of, &b, &sorting, &arena));
        if (same != rows[i].same || same_sorted != rows[i].same_sorted) {
            fail_msg("%s: %d %d", rows[i].name, same, same_sorted);
        }
        arena_fini(&arena);
    }
}

static void the_spec_is_in_the_values(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    struct fields request = heads_fields(&arena, "A: 1\nB: 1");
    struct slice a = vary_values(SLICE("a"), &request, &conf, &arena);
    struct slice b = vary_values(SLICE("b"), &request, &conf, &arena);
    assert_false(slice_eq(a, b));
    assert_true(slice_eq(a, SLICE("a=1:1;")));
    assert_int_equal(vary_values(slice_none(), &request, &conf, &arena).n, 0);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spec),
        cmocka_unit_test(vary_can_be_ignored),
        cmocka_unit_test(a_thousand_names_are_too_many),
        cmocka_unit_test(unions),
        cmocka_unit_test(matching),
        cmocka_unit_test(languages),
        cmocka_unit_test(the_spec_is_in_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
