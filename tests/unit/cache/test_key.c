/* Cache keys: injective, and told apart from those of variants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/key.h"

#include <stdbool.h>
#include <stdlib.h>

#define SEED 42

/* A part is its first letter: 'v' a value, 'l' a literal; then its text. */
#define PARTS_MAX 6
struct parts {
    const char *name;
    struct slice v[PARTS_MAX];
    size_t n;
};

static struct cache_key build(struct arena *arena, const struct slice *parts, size_t n)
{
    struct cache_key_builder b;
    cache_key_begin(&b, arena);
    for (size_t i = 0; i < n; i++) {
        struct slice text = slice_skip(parts[i], 1);
        if (parts[i].p[0] == 'l') {
            cache_key_literal(&b, text);
        } else {
            cache_key_value(&b, text);
        }
    }
    return cache_key_end(&b, SEED);
}

#define V(text) SLICE_INIT("v" text)
#define L(text) SLICE_INIT("l" text)

static void different_parts_give_different_keys(void **state)
{
    (void)state;
    static const struct parts rows[] = {
        {"usual", {V("http"), V("example.com"), V("/a"), V("?"), V("x=1")}, 5},
        {"split elsewhere: scheme and host", {V("https"), V("example.com"), V("/a")}, 3},
        {"split elsewhere: s with the host", {V("http"), V("sexample.com"), V("/a")}, 3},
        {"? in the path", {V("http"), V("example.com"), V("/a?"), V(""), V("x=1")}, 5},
        {"query in the path", {V("http"), V("example.com"), V("/a?x=1"), V(""), V("")}, 5},
        {"encoded ?", {V("http"), V("example.com"), V("/a%3Fx=1"), V(""), V("")}, 5},
        {"no args", {V("http"), V("example.com"), V("/a"), V(""), V("")}, 5},
        {"empty args", {V("http"), V("example.com"), V("/a"), V("?"), V("")}, 5},
        {"fewer values", {V("http"), V("example.com"), V("/a")}, 3},
        {"all in one value", {V("httpexample.com/a?x=1")}, 1},
        {"literals between", {V("http"), L("://"), V("example.com"), V("/a")}, 4},
        {"value like the literal", {V("http"), V("://"), V("example.com"), V("/a")}, 4},
        {"nothing", {{NULL, 0}}, 0},
        {"one empty value", {V("")}, 1},
        {"two empty values", {V(""), V("")}, 2},
        {"one empty literal", {L("")}, 1},
        {"value with the value's mark",
         {V("a\x01"
            "b")},
         1},
        {"two values", {V("a"), V("b")}, 2},
        {"value with the literal's mark",
         {V("a\x02"
            "b")},
         1},
        {"value and literal", {V("a"), L("b")}, 2},
        {"value with the escape",
         {V("a\x03"
            "b")},
         1},
        {"value with what an escaped byte looks like",
         {V("a\x03\x41"
            "b")},
         1},
        {"value with a NUL",
         {V("a\x00"
            "b")},
         1},
        {"value with what an escaped NUL looks like",
         {V("a\x03\x40"
            "b")},
         1},
        {"value with the variant's mark",
         {V("a\x04"
            "b")},
         1},
    };
    struct arena arena;
    struct cache_key keys[ARRAY_LEN(rows)];
    arena_init(&arena, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        keys[i] = build(&arena, rows[i].v, rows[i].n);
        for (size_t j = 0; j < i; j++) {
            if (slice_eq(keys[i].bytes, keys[j].bytes) || keys[i].hash == keys[j].hash) {
                fail_msg("%s = %s", rows[i].name, rows[j].name);
            }
        }
        struct cache_key again = build(&arena, rows[i].v, rows[i].n);
        assert_true(slice_eq(again.bytes, keys[i].bytes));
        assert_int_equal(again.hash, keys[i].hash);
    }
    arena_fini(&arena);
}

/* Takes a key apart: the inverse that injectivity needs. */
static size_t take_apart(struct slice key, char *text, struct slice *parts, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        if (c == 1 || c == 2) {
            assert_true(n < max);
            parts[n++] = slice_make(text, 0);
            *text = c == 1 ? 'v' : 'l';
        } else {
            assert_true(n > 0 && (unsigned char)c != 4 && c != 0);
            *text = c == 3 ? (char)(key.p[++i] - 0x40) : c;
        }
        text++;
        parts[n - 1].n++;
    }
    return n;
}

static void random_parts_come_back(void **state)
{
    (void)state;
    unsigned short random[3] = {1, 2, 3};
    for (int round = 0; round < 20000; round++) {
        struct arena arena;
        struct slice parts[PARTS_MAX];
        struct slice back[PARTS_MAX];
        char text[PARTS_MAX][40];
        char back_text[PARTS_MAX * 40];
        size_t n = (size_t)nrand48(random) % (PARTS_MAX + 1);
        arena_init(&arena, NULL);
        for (size_t i = 0; i < n; i++) {
            size_t bytes = (size_t)nrand48(random) % 39;
            text[i][0] = nrand48(random) % 2 == 0 ? 'v' : 'l';
            for (size_t j = 1; j <= bytes; j++) {
                text[i][j] = (char)(nrand48(random) % 7); /* all that is escaped, and more */
            }
            parts[i] = slice_make(text[i], bytes + 1);
        }
        struct cache_key key = build(&arena, parts, n);
        assert_int_equal(take_apart(key.bytes, back_text, back, PARTS_MAX), n);
        for (size_t i = 0; i < n; i++) {
            assert_true(slice_eq(parts[i], back[i]));
        }
        arena_fini(&arena);
    }
}

static void long_keys_grow(void **state)
{
    (void)state;
    struct arena arena;
    struct cache_key_builder b;
    char text[1000];
    arena_init(&arena, NULL);
    memset(text, 'x', sizeof(text));
    cache_key_begin(&b, &arena);
    for (int i = 0; i < 50; i++) {
        text[0] = (char)i; /* some of them are escaped */
        cache_key_value(&b, slice_make(text, sizeof(text)));
    }
    struct cache_key key = cache_key_end(&b, SEED);
    assert_int_equal(key.bytes.n, 50 * (1 + sizeof(text)) + 5);
    assert_int_equal(key.hash, hash_seeded(key.bytes, SEED));
    arena_fini(&arena);
}

static void variants_differ_from_all_plain_keys(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    const struct slice a[] = {V("a")};
    const struct slice ab[] = {V("a\x04"
                                 "b")};
    struct cache_key base = build(&arena, a, 1);
    struct cache_key like = build(&arena, ab, 1);
    struct cache_key b = cache_key_variant(&base, 1, SLICE("b"), &arena, SEED);
    struct cache_key c = cache_key_variant(&base, 1, SLICE("c"), &arena, SEED);
    struct cache_key none = cache_key_variant(&base, 1, slice_none(), &arena, SEED);
    assert_false(slice_eq(b.bytes, like.bytes));
    assert_false(slice_eq(b.bytes, c.bytes));
    assert_false(slice_eq(b.bytes, base.bytes));
    assert_false(slice_eq(none.bytes, base.bytes));
    assert_int_equal(b.hash, hash_seeded(b.bytes, SEED));
    arena_fini(&arena);
}

static void variants_of_another_generation_are_others(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    const struct slice a[] = {V("a")};
    const struct slice other[] = {V("b")};
    struct cache_key base = build(&arena, a, 1);
    struct cache_key first = cache_key_variant(&base, 1, SLICE("v"), &arena, SEED);
    struct cache_key second =
        cache_key_variant(&base, UINT64_C(0xfedcba9876543210), SLICE("v"), &arena, SEED);
    assert_false(slice_eq(first.bytes, second.bytes));
    assert_int_equal(cache_key_generation(base.bytes, first.bytes), 1);
    assert_int_equal(cache_key_generation(base.bytes, second.bytes), UINT64_C(0xfedcba9876543210));
    assert_int_equal(cache_key_generation(base.bytes, base.bytes), 0);
    assert_int_equal(cache_key_generation(build(&arena, other, 1).bytes, first.bytes), 0);
    arena_fini(&arena);
}

static void keys_are_printed_without_controls(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    const struct slice parts[] = {V("http"), L("://"), V("a\x7f\nb")};
    struct slice text = cache_key_print(build(&arena, parts, 3).bytes, &arena);
    assert_true(slice_eq(text, SLICE("|http|://|a||b")));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_parts_give_different_keys),
        cmocka_unit_test(random_parts_come_back),
        cmocka_unit_test(long_keys_grow),
        cmocka_unit_test(variants_differ_from_all_plain_keys),
        cmocka_unit_test(variants_of_another_generation_are_others),
        cmocka_unit_test(keys_are_printed_without_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
