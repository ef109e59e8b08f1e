/* Flat JSON objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/json.h"

#include <string.h>

struct seen {
    struct arena arena;
    struct slice text; /* `name=value;` of each */
};

static bool on_member(void *owner, struct slice name, struct slice value)
{
    struct seen *s = owner;
    s->text = arena_printf(&s->arena, "%.*s%.*s=%.*s;", SLICE_ARG(s->text), SLICE_ARG(name),
                           SLICE_ARG(value));
    return !slice_eq(name, SLICE("stop"));
}

static const struct {
    const char *json;
    const char *seen; /* NULL: refused */
} rows[] = {
    {"{}", ""},
    {" {\t}\r\n", ""},
    {"{\"a\": \"b\"}", "a=b;"},
    {"{\"a\":true,\"b\":false,\"c\":-1.5e3}", "a=true;b=false;c=-1.5e3;"},
    {"{\"a\": [\"x\", \"y\"], \"b\": []}", "a=x;a=y;"},
    {"{\"a\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a=\"\\/\b\f\n\r\t;"},
    {"{\"a\": \"\\u0041\\u00fc\\u20ac\\ud83d\\ude00\"}",
     "a=A\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80;"},
    {"{\"a\": \"\"}", "a=;"},
    {"", NULL},
    {"[]", NULL},
    {"{", NULL},
    {"{\"a\"}", NULL},
    {"{\"a\":}", NULL},
    {"{\"a\": \"b\"", NULL},
    {"{\"a\": \"b\",}", NULL},
    {"{\"a\": \"b\"} x", NULL},
    {"{\"a\": \"b}", NULL},
    {"{\"a\": \"b\\\"}", NULL},
    {"{\"a\": [\"x\"", NULL},
    {"{\"a\": [\"x\",]}", NULL},
    {"{\"a\": [[\"x\"]]}", NULL},
    {"{\"a\": {}}", NULL},
    {"{a: 1}", NULL},
    {"{\"a\": \"\\x\"}", NULL},
    {"{\"a\": \"\\u12\"}", NULL},
    {"{\"a\": \"\\u12g4\"}", NULL},
    {"{\"a\": \"\\ud83d\"}", NULL},
    {"{\"a\": \"\\ud83d\\u0041\"}", NULL},
    {"{\"a\": \"\\ude00\"}", NULL},
    {"{\"a\": \"x\ny\"}", NULL},
    {"{\"stop\": 1, \"a\": 2}", NULL},
};

static void members_are_told_in_order(void **state)
{
    (void)state;
    struct arena_pool pool;
    arena_pool_init(&pool, 4);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seen s = {.text = SLICE("")};
        const char *wrong = NULL;
        arena_init(&s.arena, &pool);
        bool ok = json_each_member(slice_of(rows[i].json), &s.arena, on_member, &s, &wrong);
        if (ok != (rows[i].seen != NULL) || (ok && !slice_eq(s.text, slice_of(rows[i].seen))))
            fail_msg("%s: %.*s", rows[i].json, SLICE_ARG(s.text));
        if (!ok && strstr(rows[i].json, "stop") == NULL)
            assert_non_null(wrong);
        arena_fini(&s.arena);
    }
    arena_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_told_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
