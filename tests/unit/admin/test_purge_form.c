/* What a POST /purge asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/purge_form.h"

#include <string.h>

static const struct {
    const char *name;
    const char *query;
    const char *type;
    const char *content;
    const char *order; /* soft or hard, then what is to be purged */
    const char *wrong;
} rows[] = {
    {"a form", "", "application/x-www-form-urlencoded", "tag=a&tags=b&host=h&prefix=p",
     "soft tag:a tag:b host:h prefix:p ", NULL},
    {"escapes of a form", "", "", "tag=a%26b&url=http%3a%2F%2Fx%2Fy+z",
     "soft tag:a&b url:http://x/y z ", NULL},
    {"a query", "all&hard", "", "", "hard all ", NULL},
    {"query and content", "hard=1", "", "tag=a", "hard tag:a ", NULL},
    {"JSON", "", "application/json; charset=utf-8", "{\"urls\": [\"u\", \"v\"], \"soft\": true}",
     "soft url:u url:v ", NULL},
    {"JSON without its type", "", "", " {\"all\": true, \"hard\": true, \"cache\": \"c\"}",
     "hard all in c", NULL},
    {"soft said to be false", "", "", "all=1&soft=false", "soft all ", NULL},
    {"empty pairs", "", "", "&&tag=a&", "soft tag:a ", NULL},
    {"nothing", "", "", "", NULL, "nothing to purge"},
    {"all said to be false", "", "", "all=0", NULL, "nothing to purge"},
    {"both", "", "", "all&soft&hard", NULL, "not both"},
    {"an unknown name", "", "", "tga=a", NULL, "but no: \"tga\""},
    {"an unknown flag", "", "", "all=maybe", NULL, "all is true or false, not \"maybe\""},
    {"JSON that is none", "", "application/json", "tag=a", NULL, "no JSON object"},
};

static struct slice print(const struct purge_order *order, struct arena *arena)
{
    static const char *const kinds[] = {
        [PURGE_ALL] = "all ", [PURGE_PREFIX] = "prefix:", [PURGE_HOST] = "host:",
        [PURGE_URL] = "url:", [PURGE_KEY] = "key:",       [PURGE_TAG] = "tag:"};
    struct slice out = order->soft ? SLICE("soft ") : SLICE("hard ");
    for (size_t i = 0; i < order->scopes_n; i++) {
        const struct purge_scope *s = &order->scopes[i];
        out = arena_printf(arena, "%.*s%s%.*s%s", SLICE_ARG(out), kinds[s->kind],
                           SLICE_ARG(s->value), s->kind == PURGE_ALL ? "" : " ");
    }
    for (size_t i = 0; i < order->urls_n; i++)
        out = arena_printf(arena, "%.*surl:%.*s ", SLICE_ARG(out), SLICE_ARG(order->urls[i]));
    if (order->cache.n > 0)
        out = arena_printf(arena, "%.*sin %.*s", SLICE_ARG(out), SLICE_ARG(order->cache));
    return out;
}

static void an_order_is_read(void **state)
{
    (void)state;
    struct arena_pool pool;
    arena_pool_init(&pool, 4);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct slice wrong = slice_none();
        arena_init(&arena, &pool);
        const struct purge_order *order =
            purge_form_parse(slice_of(rows[i].query), slice_of(rows[i].type),
                             slice_of(rows[i].content), &arena, &wrong);
        struct slice got = order ? print(order, &arena) : wrong;
        bool ok = rows[i].order ? order && slice_eq(got, slice_of(rows[i].order))
                                : !order && slice_find_slice(got, slice_of(rows[i].wrong)) < got.n;
        if (!ok)
            fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(got));
        arena_fini(&arena);
    }
    arena_pool_fini(&pool);
}

static void too_much_at_once_is_refused(void **state)
{
    (void)state;
    struct arena_pool pool;
    struct arena arena;
    struct slice wrong;
    char text[6 * (PURGE_FORM_ITEMS_MAX + 1)];
    arena_pool_init(&pool, 4);
    arena_init(&arena, &pool);
    for (size_t i = 0; i < sizeof text; i += 6)
        memcpy(text + i, "tag=a&", 6);
    for (size_t more = 0; more < 2; more++) {
        struct slice form = slice_make(text, 6 * (PURGE_FORM_ITEMS_MAX + more));
        bool ok = purge_form_parse(slice_none(), slice_none(), form, &arena, &wrong) != NULL;
        assert_int_equal(ok, more == 0);
    }
    arena_fini(&arena);
    arena_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_read),
        cmocka_unit_test(too_much_at_once_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
