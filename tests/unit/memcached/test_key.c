/* Keys on the wire. */
#include "memcached/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

/* nginx's ngx_escape_uri with NGX_ESCAPE_MEMCACHED. */
static void test_every_byte_is_escaped_as_by_nginx(void **state UNUSED)
{
    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        char expected[4];
        bool escaped = c <= 0x20 || c == '%';
        if (escaped)
            (void)snprintf(expected, sizeof(expected), "%%%02X", c);
        else
            expected[0] = byte;
        struct mc_key key;
        char buf[MC_KEY_MAX];
        assert_true(mc_key_escape(slice_make(&byte, 1), &key));
        assert_int_equal(key.n, escaped ? 3 : 1);
        assert_memory_equal(key.text, expected, key.n);
        assert_int_equal(key.escaped, escaped);
        assert_true(slice_eq(mc_key_unescape(&key, buf), slice_make(&byte, 1)));
    }
}

static void test_lengths_of_shared_keys(void **state UNUSED)
{
    static const struct {
        const char *name;
        size_t plain;
        size_t spaces;
        bool possible;
    } rows[] = {
        {"nothing", 0, 0, false},          {"one", 1, 0, true},
        {"the longest", 250, 0, true},     {"one too many", 251, 0, false},
        {"longest escaped", 247, 1, true}, {"escaped it is too long", 248, 1, false},
        {"only escaped", 0, 83, true},     {"too many escaped", 0, 84, false},
        {"very long", 5000, 100, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static char text[6000];
        struct mc_key key;
        print_message("%s\n", rows[i].name);
        memset(text, 'a', rows[i].plain);
        memset(text + rows[i].plain, ' ', rows[i].spaces);
        bool possible = mc_key_escape(slice_make(text, rows[i].plain + rows[i].spaces), &key);
        assert_int_equal(possible, rows[i].possible);
        if (possible)
            assert_int_equal(key.n, rows[i].plain + 3 * rows[i].spaces);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_hashes),
        cmocka_unit_test(test_every_byte_is_escaped_as_by_nginx),
        cmocka_unit_test(test_lengths_of_shared_keys),
        cmocka_unit_test(test_one_maker_makes_many),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
