/* Cache-Control and X-Accel-Expires. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/control.h"
#include "cache/heads.h"

/* -- numbers -- */

static void max_age_values(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *lines;
        int64_t want;
    } rows[] = {
        {"absent", "X: y", CACHE_SECONDS_NONE},
        {"plain", "Cache-Control: max-age=3600", 3600},
        {"zero", "Cache-Control: max-age=0", 0},
        {"leading zeros", "Cache-Control: max-age=003600", 3600},
        {"1.2.2: 2^31-1", "Cache-Control: max-age=2147483647", 2147483647},
        {"1.2.2: 2^31", "Cache-Control: max-age=2147483648", 2147483648},
        {"1.2.2: saturates at 2^31", "Cache-Control: max-age=2147483649", 2147483648},
        {"1.2.2: saturates far above", "Cache-Control: max-age=99999999999", 2147483648},
        {"1.2.2: no overflow of 64 bits", "Cache-Control: max-age=99999999999999999999999999",
         2147483648},
        {"4.2.1: negative is stale", "Cache-Control: max-age=-3600", 0},
        {"4.2.1: fraction is stale", "Cache-Control: max-age=3600.0", 0},
        {"4.2.1: letter in front is stale", "Cache-Control: max-age=a3600", 0},
        {"4.2.1: letter behind is stale", "Cache-Control: max-age=3600a", 0},
        {"4.2.1: empty is stale", "Cache-Control: max-age=", 0},
        {"4.2.1: no argument is stale", "Cache-Control: max-age", 0},
        {"5.2: name in any case", "Cache-Control: MaX-aGe=3600", 3600},
        {"5.2: quoted argument", "Cache-Control: max-age=\"3600\"", 3600},
        {"5.2: single quotes are no quotes", "Cache-Control: max-age='3600'", 0},
        {"5.2: unterminated quote is stale", "Cache-Control: max-age=\"3600", 0},
        {"5.2: a quote alone is stale", "Cache-Control: max-age=\"", 0},
        {"5.2: space before =", "Cache-Control: max-age =100", CACHE_SECONDS_NONE},
        {"5.2: space after =", "Cache-Control: max-age= 100", CACHE_SECONDS_NONE},
        {"5.2.3: unknown beside it, in front", "Cache-Control: foobar, max-age=3600", 3600},
        {"5.2.3: unknown beside it, behind", "Cache-Control: max-age=3600, foobar=2", 3600},
        {"name is no prefix", "Cache-Control: max-ages=3600", CACHE_SECONDS_NONE},
        {"name is no suffix", "Cache-Control: x-max-age=3600", CACHE_SECONDS_NONE},
        {"5.6.4: quoted text is no directive, in front",
         "Cache-Control: extension=\"max-age=3600\", max-age=1", 1},
        {"5.6.4: quoted text is no directive, behind",
         "Cache-Control: max-age=1, extension=\"max-age=3600\"", 1},
        {"5.6.4: comma in quotes does not part", "Cache-Control: extension=\"a, max-age=3600\"",
         CACHE_SECONDS_NONE},
        {"5.6.4: escaped quote in quotes", "Cache-Control: e=\"a\\\", max-age=3600, b=\"",
         CACHE_SECONDS_NONE},
        {"4.2.1: first of two on a line", "Cache-Control: max-age=1, max-age=3600", 1},
        {"4.2.1: first of two on a line, longer", "Cache-Control: max-age=3600, max-age=1", 3600},
        {"4.2.1: first of two lines", "Cache-Control: max-age=1\nCache-Control: max-age=3600", 1},
        {"second line only", "Cache-Control: public\nCache-Control: max-age=60", 60},
        {"5.6.1: empty members", "Cache-Control: ,, max-age=60,", 60},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct cache_control c;
        arena_init(&arena, NULL);
        struct fields fields = heads_fields(&arena, rows[i].lines);
        cache_control_parse(&fields, &c);
        if (c.max_age_s != rows[i].want) {
            fail_msg("%s: %lld", rows[i].name, (long long)c.max_age_s);
        }
        arena_fini(&arena);
    }
}

static void each_number_has_its_place(void **state)
{
    (void)state;
    struct arena arena;
    struct cache_control c;
    arena_init(&arena, NULL);
    struct fields fields =
        heads_fields(&arena, "Cache-Control: max-age=1, s-maxage=2, max-stale=3, min-fresh=4\n"
                             "cache-control: stale-while-revalidate=5, stale-if-error=6");
    cache_control_parse(&fields, &c);
    assert_int_equal(c.max_age_s, 1);
    assert_int_equal(c.s_maxage_s, 2);
    assert_int_equal(c.max_stale_s, 3);
    assert_false(c.max_stale_any);
    assert_int_equal(c.min_fresh_s, 4);
    assert_int_equal(c.stale_while_revalidate_s, 5);
    assert_int_equal(c.stale_if_error_s, 6);

    fields = heads_fields(&arena, "Cache-Control: no-transform");
    cache_control_parse(&fields, &c);
    assert_int_equal(c.s_maxage_s, CACHE_SECONDS_NONE);
    assert_int_equal(c.max_stale_s, CACHE_SECONDS_NONE);
    assert_int_equal(c.min_fresh_s, CACHE_SECONDS_NONE);
    assert_int_equal(c.stale_while_revalidate_s, CACHE_SECONDS_NONE);
    assert_int_equal(c.stale_if_error_s, CACHE_SECONDS_NONE);

    fields = heads_fields(&arena, "Cache-Control: max-stale");
    cache_control_parse(&fields, &c);
    assert_true(c.max_stale_any);
    assert_int_equal(c.max_stale_s, CACHE_SECONDS_NONE);
    arena_fini(&arena);
}

/* -- flags -- */

enum flag {
    NO_STORE = 1 << 0,
    NO_CACHE = 1 << 1,
    NO_CACHE_FIELDS = 1 << 2,
    PRIVATE = 1 << 3,
    PUBLIC = 1 << 4,
    MUST = 1 << 5,
    PROXY = 1 << 6,
    UNDERSTAND = 1 << 7,
    NO_TRANSFORM = 1 << 8,
    ONLY = 1 << 9,
    IMMUTABLE = 1 << 10,
};

static unsigned flags_of(const struct cache_control *c)
{
    return (c->no_store ? NO_STORE : 0) | (c->no_cache ? NO_CACHE : 0) |
           (c->no_cache_fields ? NO_CACHE_FIELDS : 0) | (c->is_private ? PRIVATE : 0) |
           (c->is_public ? PUBLIC : 0) | (c->must_revalidate ? MUST : 0) |
           (c->proxy_revalidate ? PROXY : 0) | (c->must_understand ? UNDERSTAND : 0) |
           (c->no_transform ? NO_TRANSFORM : 0) | (c->only_if_cached ? ONLY : 0) |
           (c->immutable ? IMMUTABLE : 0);
}

static void flags(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        unsigned want;
    } rows[] = {
        {"5.2.2.5", "no-store", NO_STORE},
        {"5.2.2.5 in any case", "No-StOrE", NO_STORE},
        {"5.2.2.5 with an argument still forbids", "no-store=1", NO_STORE},
        {"5.2.2.5 with spaces still forbids", "no-store = 1", NO_STORE},
        {"5.2.2.4", "no-cache", NO_CACHE},
        {"5.2.2.4 in any case", "NO-cache", NO_CACHE},
        {"5.2.2.4 qualified", "no-cache=\"a\"", NO_CACHE_FIELDS},
        {"5.2.2.4 qualified, two", "no-cache=\"a, b\"", NO_CACHE_FIELDS},
        {"5.2.2.4 qualified by a token", "no-cache=a", NO_CACHE_FIELDS},
        {"5.2.2.4 qualified by nothing", "no-cache=\"\"", NO_CACHE},
        {"5.2.2.4 both forms", "no-cache=\"a\", no-cache", NO_CACHE | NO_CACHE_FIELDS},
        {"5.2.2.4 malformed counts as the strict form", "no-cache =\"a\"", NO_CACHE},
        {"5.2.2.7", "private", PRIVATE},
        {"5.2.2.7 qualified", "private=\"x-a\"", PRIVATE},
        {"5.2.2.9", "public", PUBLIC},
        {"5.2.2.9 takes no argument", "public=1", 0},
        {"5.2.2.2", "must-revalidate", MUST},
        {"5.2.2.8", "proxy-revalidate", PROXY},
        {"5.2.2.3", "must-understand, no-store", UNDERSTAND | NO_STORE},
        {"5.2.2.6", "no-transform", NO_TRANSFORM},
        {"5.2.1.7", "only-if-cached", ONLY},
        {"RFC 8246", "immutable", IMMUTABLE},
        {"5.2.3 unknown alone", "foobar", 0},
        {"5.6.4 quoted text sets nothing", "foo=\"no-store, private\"", 0},
        {"contradictory: all are seen", "public, private, no-store", PUBLIC | PRIVATE | NO_STORE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct cache_control c;
        struct fields fields = {0};
        arena_init(&arena, NULL);
        fields_add(&fields, &arena, SLICE("cache-control"), slice_of(rows[i].value));
        cache_control_parse(&fields, &c);
        assert_true(c.present);
        if (flags_of(&c) != rows[i].want) {
            fail_msg("%s: %#x", rows[i].name, flags_of(&c));
        }
        arena_fini(&arena);
    }
}

static void pragma_counts_in_requests_alone(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *lines;
        bool want;
    } rows[] = {
        {"without Cache-Control", "Pragma: no-cache", true},
        {"in any case, in a list", "Pragma: foo, No-Cache", true},
        {"beside Cache-Control: ignored", "Pragma: no-cache\nCache-Control: max-age=3600", false},
        {"beside an unknown directive: ignored", "Pragma: no-cache\nCache-Control: foo", false},
        {"unknown pragma", "Pragma: foo", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct cache_control c;
        arena_init(&arena, NULL);
        struct fields fields = heads_fields(&arena, rows[i].lines);
        cache_control_parse_request(&fields, &c);
        if (c.no_cache != rows[i].want) {
            fail_msg("%s", rows[i].name);
        }
        cache_control_parse(&fields, &c);
        assert_false(c.no_cache);
        arena_fini(&arena);
    }
}

static void withheld_fields(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        bool want;
    } rows[] = {
        {"Cache-Control: no-cache=\"Set-Cookie\"", true},
        {"Cache-Control: max-age=1, no-cache=\"a, set-cookie , b\"", true},
        {"Cache-Control: max-age=1\nCache-Control: no-cache=set-cookie", true},
        {"Cache-Control: no-cache", false},
        {"Cache-Control: no-cache=\"set-cookie2\"", false},
        {"Cache-Control: private=\"set-cookie\"", false},
        {"Cache-Control: x=\"no-cache=set-cookie\"", false},
        {"X: no-cache=\"set-cookie\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct fields fields = heads_fields(&arena, rows[i].lines);
        if (cache_control_withholds(&fields, SLICE("Set-Cookie")) != rows[i].want) {
            fail_msg("%s", rows[i].lines);
        }
        arena_fini(&arena);
    }
}

/* -- X-Accel-Expires -- */

static void accel_expires(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool usable;
        int64_t want;
    } rows[] = {
        {"0", true, 0},
        {"60", true, 60},
        {"99999999999", true, CACHE_SECONDS_MAX},
        {"99999999999999999999999", true, CACHE_SECONDS_MAX},
        {"@1700000060", true, 60},
        {"@1700000000", true, 0},
        {"@1699999999", true, 0},
        {"@99999999999999999999999", true, CACHE_SECONDS_MAX},
        {"", false, 0},
        {"@", false, 0},
        {"off", false, 0},
        {"-1", false, 0},
        {"60s", false, 0},
        {"@-1", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct fields fields = {0};
        int64_t lifetime_s = -7;
        arena_init(&arena, NULL);
        fields_add(&fields, &arena, SLICE("x-accel-expires"), slice_of(rows[i].value));
        bool usable = accel_expires_parse(&fields, NOW_S, &lifetime_s);
        if (usable != rows[i].usable || lifetime_s != (usable ? rows[i].want : -7)) {
            fail_msg("\"%s\": %d, %lld", rows[i].value, usable, (long long)lifetime_s);
        }
        arena_fini(&arena);
    }
    struct fields none = {0};
    int64_t lifetime_s;
    assert_false(accel_expires_parse(&none, NOW_S, &lifetime_s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(max_age_values),  cmocka_unit_test(each_number_has_its_place),
        cmocka_unit_test(flags),           cmocka_unit_test(pragma_counts_in_requests_alone),
        cmocka_unit_test(withheld_fields), cmocka_unit_test(accel_expires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
