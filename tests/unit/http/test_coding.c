/* Which coding a client gets (RFC 9110 section 12.5.3). */
#include "http/coding.h"

#include "http/check.h"

#define GZIP (1u << CODING_GZIP)
#define BR   (1u << CODING_BR)
#define ZSTD (1u << CODING_ZSTD)
#define ALL  (GZIP | BR | ZSTD)

static const struct {
    const char *name;
    const char *value; /* of Accept-Encoding; NULL: none */
    unsigned offered;
    enum coding want;
} rows[] = {
    {"12.5.3: no field says nothing", NULL, ALL, CODING_IDENTITY},
    {"12.5.3: an empty one wants no coding", "", ALL, CODING_IDENTITY},
    {"listed", "gzip", ALL, CODING_GZIP},
    {"not offered", "gzip", BR, CODING_IDENTITY},
    {"nothing offered", "gzip, br", 0, CODING_IDENTITY},
    {"8.4.1: names have no case", "GZip", ALL, CODING_GZIP},
    {"8.4.1.3: x-gzip is gzip", "x-gzip", ALL, CODING_GZIP},
    {"x-gzip refused is gzip refused", "x-gzip;q=0, *", GZIP, CODING_IDENTITY},
    {"equal weights: br first", "gzip, deflate, br, zstd", ALL, CODING_BR},
    {"equal weights: zstd before gzip", "gzip, zstd", ALL, CODING_ZSTD},
    {"equal weights said", "gzip;q=0.5, br;q=0.5", ALL, CODING_BR},
    {"order says nothing", "zstd, br, gzip", GZIP | BR, CODING_BR},
    {"12.4.2: the higher weight", "gzip;q=1.0, br;q=0.9", ALL, CODING_GZIP},
    {"12.4.2: no weight is 1", "gzip, br;q=0.999", ALL, CODING_GZIP},
    {"12.4.2: three digits count", "gzip;q=0.501, br;q=0.5", ALL, CODING_GZIP},
    {"12.4.2: smallest weight is accepted", "gzip;q=0.001", ALL, CODING_GZIP},
    {"12.4.2: weight 0 refuses", "gzip;q=0", ALL, CODING_IDENTITY},
    {"12.4.2: 0.000 refuses", "gzip;q=0.000, br", GZIP, CODING_IDENTITY},
    {"12.4.2: Q in any case", "gzip;Q=0, zstd;Q=0.1", ALL, CODING_ZSTD},
    {"12.4.2: white space around the semicolon", "gzip ; q=0.2 , br\t;\tq=0.1", ALL, CODING_GZIP},
    {"12.4.2: four digits are malformed", "gzip;q=0.1234", ALL, CODING_IDENTITY},
    {"12.4.2: more than 1 is malformed", "gzip;q=1.001", ALL, CODING_IDENTITY},
    {"12.4.2: 2 is malformed", "gzip;q=2", ALL, CODING_IDENTITY},
    {"12.4.2: letters are malformed", "gzip;q=high", ALL, CODING_IDENTITY},
    {"12.4.2: an empty weight is malformed", "gzip;q=", ALL, CODING_IDENTITY},
    {"12.4.2: a sign is malformed", "gzip;q=-1", ALL, CODING_IDENTITY},
    {"12.4.2: a point alone", "gzip;q=0.", ALL, CODING_IDENTITY},
    {"12.4.2: one and a point", "gzip;q=1.", ALL, CODING_GZIP},
    {"malformed refuses only that one", "gzip;q=x, br;q=0.1", ALL, CODING_BR},
    {"other parameters don't count", "gzip;level=9;q=0", ALL, CODING_IDENTITY},
    {"12.5.3: * accepts all", "*", ALL, CODING_BR},
    {"12.5.3: * accepts what is offered", "*", GZIP, CODING_GZIP},
    {"12.5.3: * but not what is listed", "br;q=0, *", ALL, CODING_ZSTD},
    {"12.5.3: * weighs less than what is listed", "gzip, *;q=0.5", ALL, CODING_GZIP},
    {"12.5.3: * weighs more", "gzip;q=0.2, *;q=0.5", GZIP | ZSTD, CODING_ZSTD},
    {"12.5.3: * is identity's weight too", "gzip;q=0.2, *;q=0.5", GZIP, CODING_IDENTITY},
    {"12.5.3: *;q=0 refuses the rest", "gzip, *;q=0", BR | ZSTD, CODING_IDENTITY},
    {"12.5.3: *;q=0 spares what is listed", "gzip, *;q=0", ALL, CODING_GZIP},
    {"identity liked better", "gzip;q=0.5, identity;q=0.6", ALL, CODING_IDENTITY},
    {"identity liked as much", "gzip, identity", ALL, CODING_GZIP},
    {"identity liked less", "gzip;q=0.5, identity;q=0.1", ALL, CODING_GZIP},
    {"identity not mentioned is least", "gzip;q=0.001", GZIP, CODING_GZIP},
    {"12.5.3: identity refused", "identity;q=0, gzip;q=0.1", ALL, CODING_GZIP},
    {"12.5.3: nothing acceptable is there", "identity;q=0, deflate", ALL, CODING_IDENTITY},
    {"12.5.3: all refused", "*;q=0", ALL, CODING_IDENTITY},
    {"identity alone", "identity", ALL, CODING_IDENTITY},
    {"unknown codings only", "deflate, compress, sdch", ALL, CODING_IDENTITY},
    {"no part of a name", "gzipped, bro, zstd2", ALL, CODING_IDENTITY},
    {"5.6.1: empty members", ", ,gzip,,", ALL, CODING_GZIP},
    {"the first of two weights counts", "gzip;q=0, gzip", ALL, CODING_IDENTITY},
};

static struct fields request_of(struct arena *arena, const char *value)
{
    struct fields fields = {0};
    if (value)
        fields_add_id(&fields, arena, FIELD_ACCEPT_ENCODING, slice_of(value));
    return fields;
}

static void test_choice(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fields request = request_of(&arena, rows[i].value);
        enum coding got = coding_choose(&request, rows[i].offered);
        if (got != rows[i].want)
            fail_msg("%s: %s", rows[i].name, coding_name(got).p);
    }
    arena_fini(&arena);
}

static void test_several_lines_are_one_list(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    struct fields request = request_of(&arena, "gzip;q=0.5");
    fields_add_id(&request, &arena, FIELD_ACCEPT_ENCODING, SLICE("br;q=0.7"));
    assert_int_equal(coding_choose(&request, ALL), CODING_BR);
    assert_int_equal(coding_choose(&request, GZIP), CODING_GZIP);
    arena_fini(&arena);
}

static void test_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool want;
    } cases[] = {
        {NULL, false},        {"", false},         {"br", false},    {"gzip", true},
        {"x-gzip", true},     {"*", true},         {"*;q=0", false}, {"gzip;q=0, *", false},
        {"gzip;q=0.1", true}, {"identity", false},
    };
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fields request = request_of(&arena, cases[i].value);
        if (coding_is_accepted(&request, CODING_GZIP) != cases[i].want)
            fail_msg("%s", cases[i].value ? cases[i].value : "none");
    }
    arena_fini(&arena);
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CODING_COUNT; i++)
        assert_int_equal(coding_of(coding_name((enum coding)i)), i);
    assert_int_equal(coding_of(SLICE("X-GZIP")), CODING_GZIP);
    assert_int_equal(coding_of(SLICE("deflate")), CODING_COUNT);
    assert_int_equal(coding_of(SLICE("")), CODING_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_several_lines_are_one_list),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
