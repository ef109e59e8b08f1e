/* Hashes: the checksum is part of what is stored, so its values must never change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

static void checksum_is_xxh3(void **state)
{
    (void)state;
    assert_int_equal(hash_checksum(slice_none()),
                     UINT64_C(0x2d06800538d394c2)); /* XXH3 of nothing */
    assert_int_equal(hash_checksum(SLICE("")), UINT64_C(0x2d06800538d394c2));
    assert_int_equal(hash_checksum(SLICE("abc")), UINT64_C(0x78af5f94892f3950));
}

static void checksum_sees_each_byte(void **state)
{
    (void)state;
    char bytes[600] = {0}; /* long, middle and short inputs have different code inside */
    static const size_t lengths[] = {1, 8, 16, 17, 128, 200, 241, 600};
    for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
        struct slice s = slice_make(bytes, lengths[k]);
        uint64_t before = hash_checksum(s);
        for (size_t i = 0; i < lengths[k]; i++) {
            bytes[i] = 1;
            assert_int_not_equal(hash_checksum(s), before);
            bytes[i] = 0;
        }
        assert_int_equal(hash_checksum(s), before);
    }
}

/* Whatever code the processor gets, what one machine has stored all others read. */
static void checksum_is_the_same_on_every_machine(void **state)
{
    (void)state;
    static char bytes[20000];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 31 % 251);
    static const size_t lengths[] = {239, 240, 241, 1023, 1024, 1025, 4096, 19000};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct slice s = slice_make(bytes + i, lengths[i]);
        assert_int_equal(hash_checksum(s), hash_seeded(s, 0)); /* portable code */
    }
    assert_int_equal(hash_checksum(slice_make(bytes, sizeof(bytes))), UINT64_C(0xa02d9c65a42085e4));
}

static void seeds_change_the_hash(void **state)
{
    (void)state;
    struct slice key = SLICE("GET http://a.example/");
    assert_int_equal(hash_seeded(key, 1), hash_seeded(key, 1));
    assert_int_not_equal(hash_seeded(key, 1), hash_seeded(key, 2));
    assert_int_not_equal(hash_seeded(slice_none(), 1), hash_seeded(slice_none(), 2));
    assert_int_equal(hash_seeded(key, 0), hash_checksum(key));
}

static void seeds_are_not_repeated(void **state)
{
    (void)state;
    assert_int_not_equal(hash_seed_new(), hash_seed_new());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_is_xxh3),
        cmocka_unit_test(checksum_sees_each_byte),
        cmocka_unit_test(checksum_is_the_same_on_every_machine),
        cmocka_unit_test(seeds_change_the_hash),
        cmocka_unit_test(seeds_are_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
