/* Range fields against a length (RFC 9110 sections 14.1 and 14.2). */
#include "http/range.h"

#include "http/check.h"

#define MAX "18446744073709551615"

/* What each selects of 10 bytes, at most three ranges: "first+n" each; "whole", "416". */
static const struct {
    const char *name;
    struct slice value;
    const char *want;
} rows[] = {
    {"first bytes", SLICE_INIT("bytes=0-1"), "0+2"},
    {"one byte", SLICE_INIT("bytes=9-9"), "9+1"},
    {"open", SLICE_INIT("bytes=4-"), "4+6"},
    {"all", SLICE_INIT("bytes=0-9"), "0+10"},
    {"14.1.2: end beyond the last", SLICE_INIT("bytes=8-10"), "8+2"},
    {"14.1.2: end that is no number for us", SLICE_INIT("bytes=8-99999999999999999999"), "8+2"},
    {"14.1.2: largest end", SLICE_INIT("bytes=0-" MAX), "0+10"},
    {"14.1.2: suffix", SLICE_INIT("bytes=-3"), "7+3"},
    {"14.1.2: suffix longer than all", SLICE_INIT("bytes=-11"), "0+10"},
    {"14.1.2: largest suffix", SLICE_INIT("bytes=-" MAX), "0+10"},
    {"14.1.2: empty suffix", SLICE_INIT("bytes=-0"), "416"},
    {"14.1.2: begins behind the end", SLICE_INIT("bytes=10-"), "416"},
    {"14.1.2: begins at the largest number", SLICE_INIT("bytes=" MAX "-" MAX), "416"},
    {"14.1.2: several, none within", SLICE_INIT("bytes=10-,20-30,-0"), "416"},
    {"14.1: unit in any case", SLICE_INIT("ByTeS=1-1"), "1+1"},
    {"14.1: other unit", SLICE_INIT("lines=1-1"), "whole"},
    {"14.1: unit only", SLICE_INIT("bytes"), "whole"},
    {"14.1: no unit", SLICE_INIT("1-1"), "whole"},
    {"14.1: no range", SLICE_INIT("bytes="), "whole"},
    {"14.1: empty members only", SLICE_INIT("bytes=, ,"), "whole"},
    {"empty", SLICE_INIT(""), "whole"},
    {"several", SLICE_INIT("bytes=0-0,2-3,-1"), "0+1 2+2 9+1"},
    {"several, not in order", SLICE_INIT("bytes=5-6,0-1"), "5+2 0+2"},
    {"next to each other", SLICE_INIT("bytes=0-4,5-9"), "0+5 5+5"},
    {"5.6.1: white space and empty members", SLICE_INIT("bytes= 0-0 ,,\t2-2,"), "0+1 2+1"},
    {"one of them within", SLICE_INIT("bytes=20-,3-4,30-"), "3+2"},
    {"14.2: as many as allowed", SLICE_INIT("bytes=0-0,2-2,4-4"), "0+1 2+1 4+1"},
    {"14.2: one too many", SLICE_INIT("bytes=0-0,2-2,4-4,6-6"), "whole"},
    {"14.2: those that are not within don't count", SLICE_INIT("bytes=0-0,2-2,10-,4-4"),
     "0+1 2+1 4+1"},
    {"14.2: overlapping", SLICE_INIT("bytes=0-5,5-6"), "whole"},
    {"14.2: twice the same", SLICE_INIT("bytes=1-1,1-1"), "whole"},
    {"14.2: one within another", SLICE_INIT("bytes=3-4,0-"), "whole"},
    {"14.1.1: last before first", SLICE_INIT("bytes=3-2"), "whole"},
    {"14.1.1: letters", SLICE_INIT("bytes=a-b"), "whole"},
    {"14.1.1: letter behind a number", SLICE_INIT("bytes=0-1x"), "whole"},
    {"14.1.1: sign", SLICE_INIT("bytes=+0-1"), "whole"},
    {"14.1.1: white space inside", SLICE_INIT("bytes=0 -1"), "whole"},
    {"14.1.1: dash only", SLICE_INIT("bytes=-"), "whole"},
    {"14.1.1: two dashes", SLICE_INIT("bytes=0-1-2"), "whole"},
    {"14.1.1: no dash", SLICE_INIT("bytes=5"), "whole"},
    {"14.1.1: one of several is not valid", SLICE_INIT("bytes=0-1,x"), "whole"},
};

static struct slice outcome(struct arena *arena, struct slice value, uint64_t length, size_t max)
{
    struct byte_range out[3];
    size_t n = 99;
    switch (range_select(value, length, max, out, &n)) {
    case RANGE_WHOLE: return SLICE("whole");
    case RANGE_UNSATISFIABLE: return SLICE("416");
    case RANGE_PARTIAL: break;
    }
    struct slice text = slice_none();
    for (size_t i = 0; i < n; i++) {
        struct slice one =
            arena_printf(arena, "%s%llu+%llu", i == 0 ? "" : " ", (unsigned long long)out[i].first,
                         (unsigned long long)out[i].n);
        text = arena_concat(arena, text, one);
    }
    return text;
}

static void test_select(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct slice value = copy_of(rows[i].value);
        check_slice(rows[i].name, "outcome", outcome(&arena, value, 10, 3), rows[i].want);
        copy_free(value);
        arena_fini(&arena);
    }
}

static void test_select_at_the_bounds(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    check_slice("no ranges wanted", "outcome", outcome(&arena, SLICE("bytes=0-1"), 10, 0), "whole");
    check_slice("of nothing", "outcome", outcome(&arena, SLICE("bytes=0-"), 0, 3), "416");
    check_slice("14.1.2: suffix of nothing", "outcome", outcome(&arena, SLICE("bytes=-1"), 0, 3),
                "whole");
    check_slice("of the most there can be", "outcome",
                outcome(&arena, SLICE("bytes=18446744073709551614-,0-0"), UINT64_MAX, 3),
                "18446744073709551614+1 0+1");
    arena_fini(&arena);
}

static void test_begins_below(void **state)
{
    (void)state;
    static const struct {
        struct slice value;
        bool want; /* below 4 */
    } below[] = {
        {SLICE_INIT("bytes=0-"), true},      {SLICE_INIT("bytes=3-9"), true},
        {SLICE_INIT("bytes=4-9"), false},    {SLICE_INIT("bytes=0-1,3-"), true},
        {SLICE_INIT("bytes=0-1,4-"), false}, {SLICE_INIT("bytes=-1"), false},
        {SLICE_INIT("bytes=x"), false},      {SLICE_INIT("bytes="), false},
        {SLICE_INIT("lines=0-"), false},     {SLICE_INIT(""), false},
    };
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        check_number(below[i].value.p, "below", range_begins_below(below[i].value, 4),
                     below[i].want);
    }
}

static void test_content_range(void **state)
{
    (void)state;
    static const struct {
        struct slice value;
        bool valid;
        uint64_t first;
        uint64_t n;
        uint64_t length;
    } parts[] = {
        {SLICE_INIT("bytes 0-4/10"), true, 0, 5, 10},
        {SLICE_INIT("BYTES 9-9/10"), true, 9, 1, 10},
        {SLICE_INIT("bytes 0-0/9223372036854775807"), true, 0, 1, INT64_MAX},
        {SLICE_INIT("bytes 0-9/9"), false, 0, 0, 0},
        {SLICE_INIT("bytes 5-4/10"), false, 0, 0, 0},
        {SLICE_INIT("bytes 0-4/*"), false, 0, 0, 0},
        {SLICE_INIT("bytes */10"), false, 0, 0, 0},
        {SLICE_INIT("bytes 0-18446744073709551615/18446744073709551616"), false, 0, 0, 0},
        {SLICE_INIT("bytes 0-4"), false, 0, 0, 0},
        {SLICE_INIT("bytes 0/10"), false, 0, 0, 0},
        {SLICE_INIT("bytes -4/10"), false, 0, 0, 0},
        {SLICE_INIT("bytes=0-4/10"), false, 0, 0, 0},
        {SLICE_INIT("items 0-4/10"), false, 0, 0, 0},
        {SLICE_INIT(""), false, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct byte_range range = {0};
        uint64_t length = 0;
        const char *name = parts[i].value.p;
        bool valid = content_range_parse(parts[i].value, &range, &length);
        check_number(name, "valid", valid, parts[i].valid);
        if (valid) {
            check_number(name, "first", (long long)range.first, (long long)parts[i].first);
            check_number(name, "n", (long long)range.n, (long long)parts[i].n);
            check_number(name, "length", (long long)length, (long long)parts[i].length);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_select_at_the_bounds),
        cmocka_unit_test(test_begins_below),
        cmocka_unit_test(test_content_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
