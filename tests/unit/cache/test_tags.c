/* Tags out of response fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/tags.h"

static const struct slice names[] = {SLICE_INIT("surrogate-key"), SLICE_INIT("cache-tag")};

static const struct {
    const char *name;
    const char *key;
    const char *tag;
    const char *all;
} rows[] = {
    {"none", NULL, NULL, "example.com/"},
    {"empty", "", NULL, "example.com/"},
    {"only separators", " ,\t, ", NULL, "example.com/"},
    {"one", "red", NULL, "example.com/ red"},
    {"separated by spaces", "red  green\tblue ", NULL, "example.com/ red green blue"},
    {"separated by commas", NULL, "red,green, blue", "example.com/ red green blue"},
    {"in both fields", "red", "green", "example.com/ red green"},
    {"as they are", "Red \xc3\xbc;x=1", NULL, "example.com/ Red \xc3\xbc;x=1"},
};

static void tags_are_collected(void **state)
{
    (void)state;
    struct arena_pool pool;
    struct arena arena;
    arena_pool_init(&pool, 4);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fields fields = {0};
        struct slice all;
        arena_init(&arena, &pool);
        fields_add(&fields, &arena, SLICE("X-Other"), SLICE("no tag"));
        if (rows[i].key)
            fields_add(&fields, &arena, SLICE("Surrogate-Key"), slice_of(rows[i].key));
        if (rows[i].tag)
            fields_add(&fields, &arena, SLICE("CACHE-TAG"), slice_of(rows[i].tag));
        assert_true(tags_collect(&fields, names, 2, SLICE("example.com/"), &arena, &all));
        if (!slice_eq(all, slice_of(rows[i].all)))
            fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(all));
        arena_fini(&arena);
    }
    arena_pool_fini(&pool);
}

static void too_many_are_told(void **state)
{
    (void)state;
    struct arena_pool pool;
    struct arena arena;
    struct slice all;
    char text[2 * (TAGS_MAX + 1)];
    arena_pool_init(&pool, 4);
    arena_init(&arena, &pool);
    for (size_t i = 0; i < sizeof text; i += 2) {
        text[i] = 'a';
        text[i + 1] = ' ';
    }
    for (size_t more = 0; more < 2; more++) {
        struct fields fields = {0};
        fields_add(&fields, &arena, SLICE("Cache-Tag"), slice_make(text, 2 * (TAGS_MAX + more)));
        assert_int_equal(tags_collect(&fields, names, 2, slice_none(), &arena, &all), more == 0);
    }
    arena_fini(&arena);
    arena_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_collected),
        cmocka_unit_test(too_many_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
