/* Keys on the wire. */
#include "memcached/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void make(struct slice prefix, struct slice bytes, struct mc_key *out)
{
    struct mc_key_maker *maker = mc_key_maker_new();
    assert_non_null(maker);
    mc_key_make(maker, prefix, bytes, out);
    mc_key_maker_free(&maker);
    assert_null(maker);
}

static void test_known_hashes(void **state UNUSED)
{
    /* SHA-256 of FIPS 180-4's example and of nothing, in the alphabet of RFC 4648 section 5. */
    static const struct {
        struct slice prefix;
        struct slice bytes;
        const char *expected;
    } rows[] = {
        {SLICE_INIT(""), SLICE_INIT("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"},
        {SLICE_INIT(""), SLICE_INIT(""), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
        {SLICE_INIT("site1"), SLICE_INIT("abc"),
         "site1:ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mc_key key;
        make(rows[i].prefix, rows[i].bytes, &key);
        assert_int_equal(key.n, strlen(rows[i].expected));
        assert_memory_equal(key.text, rows[i].expected, key.n);
    }
}

static void test_one_maker_makes_many(void **state UNUSED)
{
    struct mc_key_maker *maker = mc_key_maker_new();
    struct mc_key a, b, again;
    mc_key_make(maker, SLICE("p"), SLICE("/a b\r\n"), &a);
    mc_key_make(maker, SLICE("p"), SLICE("/a"), &b);
    mc_key_make(maker, SLICE("p"), SLICE("/a b\r\n"), &again);
    assert_false(slice_eq(mc_key_slice(&a), mc_key_slice(&b)));
    assert_true(slice_eq(mc_key_slice(&a), mc_key_slice(&again)));
    mc_key_maker_free(&maker);
}

static void test_prefixes(void **state UNUSED)
{
    static char longest[MC_KEY_PREFIX_MAX + 1];
    memset(longest, 'p', sizeof(longest));
    struct mc_key key;
    assert_true(mc_key_prefix_valid(SLICE("")));
    assert_true(mc_key_prefix_valid(SLICE("site-1.example:v2")));
    assert_false(mc_key_prefix_valid(SLICE("a b")));
    assert_false(mc_key_prefix_valid(SLICE("a\r\nflush_all")));
    assert_false(mc_key_prefix_valid(SLICE("\xc3\xa4")));
    assert_false(mc_key_prefix_valid(SLICE("a\x7f")));
    assert_false(mc_key_prefix_valid(slice_make(longest, sizeof(longest))));
    assert_true(mc_key_prefix_valid(slice_make(longest, MC_KEY_PREFIX_MAX)));
    make(slice_make(longest, MC_KEY_PREFIX_MAX), SLICE("x"), &key);
    assert_int_equal(key.n, MC_KEY_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_hashes),
        cmocka_unit_test(test_one_maker_makes_many),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
