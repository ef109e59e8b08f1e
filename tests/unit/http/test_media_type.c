/* Media types and the patterns that name them (RFC 9110 section 8.3.1). */
#include "http/media_type.h"

#include "http/check.h"

static const struct {
    const char *name;
    struct slice pattern;
    bool valid;
} patterns[] = {
    {"a type", SLICE_INIT("text/css"), true},
    {"a type in any case", SLICE_INIT("Text/CSS"), true},
    {"every subtype", SLICE_INIT("text/*"), true},
    {"a suffix", SLICE_INIT("application/*+json"), true},
    {"any", SLICE_INIT("*"), true},
    {"two stars", SLICE_INIT("*/*"), false},
    {"no subtype", SLICE_INIT("text"), false},
    {"an empty subtype", SLICE_INIT("text/"), false},
    {"an empty type", SLICE_INIT("/css"), false},
    {"three parts", SLICE_INIT("text/css/x"), false},
    {"a parameter", SLICE_INIT("text/css;charset=utf-8"), false},
    {"a space", SLICE_INIT("text/ css"), false},
    {"nothing", SLICE_INIT(""), false},
};

static void test_patterns(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
        check_number(patterns[i].name, "valid", media_type_is_pattern(patterns[i].pattern),
                     patterns[i].valid);
}

static const struct {
    const char *name;
    struct slice pattern;
    struct slice content_type;
    bool matches;
} rows[] = {
    {"the same", SLICE_INIT("text/css"), SLICE_INIT("text/css"), true},
    {"in another case", SLICE_INIT("text/css"), SLICE_INIT("TEXT/Css"), true},
    {"with parameters", SLICE_INIT("text/css"), SLICE_INIT("text/css ; charset=utf-8"), true},
    {"longer", SLICE_INIT("text/css"), SLICE_INIT("text/css2"), false},
    {"shorter", SLICE_INIT("text/css"), SLICE_INIT("text/cs"), false},
    {"of every subtype", SLICE_INIT("text/*"), SLICE_INIT("Text/html"), true},
    {"of another type", SLICE_INIT("text/*"), SLICE_INIT("image/text"), false},
    {"by its suffix", SLICE_INIT("application/*+json"), SLICE_INIT("application/ld+JSON"), true},
    {"start and suffix overlap", SLICE_INIT("ab*ba/x"), SLICE_INIT("aba/x"), false},
    {"any", SLICE_INIT("*"), SLICE_INIT("text/css"), true},
};

static void test_matches(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_number(rows[i].name, "matches",
                     media_type_matches(rows[i].pattern, media_type_of(rows[i].content_type)),
                     rows[i].matches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
