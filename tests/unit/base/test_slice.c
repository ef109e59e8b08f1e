/* Byte strings: comparing, searching, cutting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

static struct slice of(const char *s)
{
    return slice_of(s);
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void of_a_c_string(void **state)
{
    (void)state;
    assert_true(slice_eq(slice_of("abc"), SLICE("abc")));
    assert_int_equal(slice_of("").n, 0);
    assert_int_equal(slice_of(NULL).n, 0);
}

static const struct compare_row {
    const char *name, *a, *b;
    bool eq, eq_nocase, a_starts_b, a_starts_b_nocase, a_ends_b;
    int cmp;
} compare_rows[] = {
    {"both empty", "", "", true, true, true, true, true, 0},
    {"empty second", "a", "", false, false, true, true, true, 1},
    {"empty first", "", "a", false, false, false, false, false, -1},
    {"same", "host", "host", true, true, true, true, true, 0},
    {"other case", "Host", "hOST", false, true, false, true, false, -1},
    {"prefix", "host: a", "host", false, false, true, true, false, 1},
    {"prefix in other case", "Content-Length: 3", "content-LENGTH", false, false, false, true,
     false, -1},
    {"suffix", "a.example", ".example", false, false, false, false, true, 1},
    {"suffix in other case", "a.Example", ".example", false, false, false, false, false, 1},
    {"eight in other case", "LOCATION", "location", false, true, false, true, false, -1},
    {"eight, last differs", "LOCATIOX", "location", false, false, false, false, false, -1},
    {"nine, last differs", "LOCATIONX", "locationy", false, false, false, false, false, -1},
    {"eleven, middle differs", "abcdeXghijk", "abcdefghijk", false, false, false, false, false, -1},
    {"eleven, first differs", "Xbcdefghijk", "abcdefghijk", false, false, false, false, false, -1},
    {"sixteen in other case", "ABCDEFGHIJKLMNOP", "abcdefghijklmnop", false, true, false, true,
     false, -1},
    {"seven, last differs", "abcdefX", "abcdefg", false, false, false, false, false, -1},
    {"not letters: @ and `", "@@@@@@@@", "````````", false, false, false, false, false, -1},
    {"not letters: [ and {", "[[[[[[[[", "{{{{{{{{", false, false, false, false, false, -1},
    {"not letters, short: [ and {", "[", "{", false, false, false, false, false, -1},
    {"no folding of high bytes", "\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1",
     "\xe1\xe1\xe1\xe1\xe1\xe1\xe1\xe1", false, false, false, false, false, -1},
    {"high bytes beside capitals", "\xff\x80ZA\xfe\x81YB", "\xff\x80za\xfe\x81yb", false, true,
     false, true, false, -1},
    {"bytes are unsigned", "\x80", "\x7f", false, false, false, false, false, 1},
};

static void compare(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(compare_rows); i++) {
        const struct compare_row *r = &compare_rows[i];
        struct slice a = of(r->a), b = of(r->b);
        print_message("  %s\n", r->name);
        assert_int_equal(slice_eq(a, b), r->eq);
        assert_int_equal(slice_eq_nocase(a, b), r->eq_nocase);
        assert_int_equal(slice_eq_nocase(b, a), r->eq_nocase);
        assert_int_equal(slice_starts(a, b), r->a_starts_b);
        assert_int_equal(slice_starts_nocase(a, b), r->a_starts_b_nocase);
        assert_int_equal(slice_ends(a, b), r->a_ends_b);
        assert_int_equal(sign(slice_cmp(a, b)), r->cmp);
        assert_int_equal(sign(slice_cmp(b, a)), -r->cmp);
    }
}

/* Each byte against each byte, at each place of a word, as ascii_lower has it. */
static void nocase_agrees_with_ascii_lower_for_all_bytes(void **state)
{
    (void)state;
    for (int x = 0; x < 256; x++) {
        for (int y = 0; y < 256; y++) {
            char a[8], b[8];
            memset(a, 'q', sizeof(a));
            memset(b, 'Q', sizeof(b));
            size_t at = (size_t)(x + y) % 8;
            a[at] = (char)x;
            b[at] = (char)y;
            bool equal = ascii_lower((char)x) == ascii_lower((char)y);
            assert_int_equal(slice_eq_nocase(slice_make(a, 8), slice_make(b, 8)), equal);
        }
    }
}

static void lower_changes_only_capitals(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char expected = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        assert_int_equal(ascii_lower((char)c), expected);
    }
}

static const struct find_row {
    const char *name, *s, *needle;
    size_t at;
} find_rows[] = {
    {"first", "abc", "a", 0},
    {"last", "abc", "c", 2},
    {"the first of two", "abab", "b", 1},
    {"absent", "abc", "x", 3},
    {"in nothing", "", "x", 0},
    {"two bytes", "a\r\n", "\r\n", 1},
    {"half of it", "a\r", "\r\n", 2},
    {"longer than all", "a", "aa", 1},
    {"nothing is at once", "abc", "", 0},
};

static void find(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(find_rows); i++) {
        const struct find_row *r = &find_rows[i];
        print_message("  %s\n", r->name);
        assert_int_equal(slice_find_slice(of(r->s), of(r->needle)), r->at);
        if (strlen(r->needle) == 1) {
            assert_int_equal(slice_find(of(r->s), r->needle[0]), r->at);
        }
    }
    assert_int_equal(slice_find(slice_none(), 'a'), 0);
    assert_int_equal(slice_find_slice(slice_none(), SLICE("a")), 0);
}

static const struct trim_row {
    const char *name, *in, *out;
} trim_rows[] = {
    {"nothing to do", "a b", "a b"},      {"both ends", " \ta\t ", "a"},
    {"only space", " \t ", ""},           {"empty", "", ""},
    {"CR and LF stay", "\ra\n", "\ra\n"},
};

static void trim(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(trim_rows); i++) {
        print_message("  %s\n", trim_rows[i].name);
        assert_true(slice_eq(slice_trim(of(trim_rows[i].in)), of(trim_rows[i].out)));
    }
}

static const struct cut_row {
    const char *name, *in, *before, *rest;
} cut_rows[] = {
    {"in two", "a=b", "a", "b"},   {"only the first", "a=b=c", "a", "b=c"},
    {"none", "ab", "ab", ""},      {"at the start", "=b", "", "b"},
    {"at the end", "a=", "a", ""}, {"empty", "", "", ""},
};

static void cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cut_rows); i++) {
        const struct cut_row *r = &cut_rows[i];
        print_message("  %s\n", r->name);
        struct slice rest = of(r->in); /* may be the one that is cut */
        struct slice before = slice_cut(rest, '=', &rest);
        assert_true(slice_eq(before, of(r->before)));
        assert_true(slice_eq(rest, of(r->rest)));
    }
}

static void skip_and_take_stay_inside(void **state)
{
    (void)state;
    assert_true(slice_eq(slice_skip(SLICE("abc"), 1), SLICE("bc")));
    assert_true(slice_eq(slice_skip(SLICE("abc"), 3), SLICE("")));
    assert_true(slice_eq(slice_skip(SLICE("abc"), 4), SLICE("")));
    assert_true(slice_eq(slice_take(SLICE("abc"), 2), SLICE("ab")));
    assert_true(slice_eq(slice_take(SLICE("abc"), 4), SLICE("abc")));
    assert_true(slice_empty(slice_skip(slice_none(), 1)));
}

static void to_cstr(void **state)
{
    (void)state;
    char buf[4] = "xyz";
    assert_true(slice_to_cstr(SLICE("abc"), buf, sizeof(buf)));
    assert_string_equal(buf, "abc");
    assert_false(slice_to_cstr(SLICE("abcd"), buf, sizeof(buf)));
    assert_false(slice_to_cstr(SLICE("a\0b"), buf, sizeof(buf)));
    assert_false(slice_to_cstr(SLICE(""), buf, 0));
    assert_true(slice_to_cstr(slice_none(), buf, 1));
    assert_string_equal(buf, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_c_string),
        cmocka_unit_test(compare),
        cmocka_unit_test(nocase_agrees_with_ascii_lower_for_all_bytes),
        cmocka_unit_test(lower_changes_only_capitals),
        cmocka_unit_test(find),
        cmocka_unit_test(trim),
        cmocka_unit_test(cut),
        cmocka_unit_test(skip_and_take_stay_inside),
        cmocka_unit_test(to_cstr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
