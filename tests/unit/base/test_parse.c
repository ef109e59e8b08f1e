/* Numbers and units in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/parse.h"

#define UNTOUCHED 77

static const struct u64_row {
    const char *name, *in;
    uint64_t max;
    bool ok;
    uint64_t out;
    bool saturate_ok;
    uint64_t saturated;
} u64_rows[] = {
    {"zero", "0", UINT64_MAX, true, 0, true, 0},
    {"leading zeros", "000000000000000000000000000012", UINT64_MAX, true, 12, true, 12},
    {"largest", "18446744073709551615", UINT64_MAX, true, UINT64_MAX, true, UINT64_MAX},
    {"one more", "18446744073709551616", UINT64_MAX, false, 0, true, UINT64_MAX},
    {"overflow in the product", "99999999999999999999", UINT64_MAX, false, 0, true, UINT64_MAX},
    {"overflow that wraps to little", "184467440737095516160000000001", 100, false, 0, true, 100},
    {"at the bound", "100", 100, true, 100, true, 100},
    {"above the bound", "101", 100, false, 0, true, 100},
    {"empty", "", 100, false, 0, false, 0},
    {"minus", "-1", 100, false, 0, false, 0},
    {"plus", "+1", 100, false, 0, false, 0},
    {"space before", " 1", 100, false, 0, false, 0},
    {"space behind", "1 ", 100, false, 0, false, 0},
    {"hexadecimal", "0x10", 100, false, 0, false, 0},
    {"letters after an overflow", "99999999999999999999x", 100, false, 0, false, 0},
    {"slash, before 0", "/", 100, false, 0, false, 0},
    {"colon, behind 9", ":", 100, false, 0, false, 0},
};

static void u64(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(u64_rows); i++) {
        const struct u64_row *r = &u64_rows[i];
        uint64_t out = UNTOUCHED, saturated = UNTOUCHED;
        print_message("  %s\n", r->name);
        assert_int_equal(parse_u64(slice_of(r->in), r->max, &out), r->ok);
        assert_int_equal(out, r->ok ? r->out : UNTOUCHED);
        assert_int_equal(parse_u64_saturate(slice_of(r->in), r->max, &saturated), r->saturate_ok);
        assert_int_equal(saturated, r->saturate_ok ? r->saturated : UNTOUCHED);
    }
    uint64_t out;
    assert_false(parse_u64(SLICE("1\0"), 100, &out));
    assert_false(parse_u64(slice_none(), 100, &out));
}

struct i64_row {
    const char *name, *in;
    bool ok;
    int64_t out;
};

static void check_i64(const struct i64_row *rows, size_t count,
                      bool (*parse)(struct slice, int64_t *))
{
    for (size_t i = 0; i < count; i++) {
        const struct i64_row *r = &rows[i];
        int64_t out = UNTOUCHED;
        print_message("  %s\n", r->name);
        assert_int_equal(parse(slice_of(r->in), &out), r->ok);
        assert_int_equal(out, r->ok ? r->out : UNTOUCHED);
    }
}

static void i64(void **state)
{
    (void)state;
    static const struct i64_row rows[] = {
        {"zero", "0", true, 0},
        {"minus zero", "-0", true, 0},
        {"negative", "-12", true, -12},
        {"largest", "9223372036854775807", true, INT64_MAX},
        {"above", "9223372036854775808", false, 0},
        {"smallest", "-9223372036854775808", true, INT64_MIN},
        {"below", "-9223372036854775809", false, 0},
        {"only a minus", "-", false, 0},
        {"two", "--1", false, 0},
        {"plus", "+1", false, 0},
        {"empty", "", false, 0},
    };
    check_i64(rows, ARRAY_LEN(rows), parse_i64);
}

#define SECOND INT64_C(1000)
#define DAY    (86400 * SECOND)

static void durations(void **state)
{
    (void)state;
    static const struct i64_row rows[] = {
        {"bare number is seconds", "30", true, 30 * SECOND},
        {"zero", "0", true, 0},
        {"milliseconds", "250ms", true, 250},
        {"seconds", "10s", true, 10 * SECOND},
        {"minutes", "5m", true, 300 * SECOND},
        {"hours", "2h", true, 7200 * SECOND},
        {"days", "1d", true, DAY},
        {"weeks", "1w", true, 7 * DAY},
        {"months", "1M", true, 30 * DAY},
        {"years", "1y", true, 365 * DAY},
        {"two units", "1h30m", true, 5400 * SECOND},
        {"all units", "1y1M1w1d1h1m1s1ms", true, 403 * DAY + 3661 * SECOND + 1},
        {"spaces between", "1h  30m", true, 5400 * SECOND},
        {"bare number at the end", "1m 30", true, 90 * SECOND},
        {"any order", "1ms1m", true, 60 * SECOND + 1},
        {"a unit twice", "1h1h", false, 0},
        {"seconds twice, once bare", "1s1", false, 0},
        {"bare number not at the end", "30 1h", false, 0},
        {"space before the unit", "1 h", false, 0},
        {"space before", " 1h", false, 0},
        {"space behind", "1h ", false, 0},
        {"no number", "h", false, 0},
        {"no number for the second", "1hm", false, 0},
        {"unknown unit", "5x", false, 0},
        {"case matters", "5S", false, 0},
        {"fraction", "1.5s", false, 0},
        {"negative", "-1s", false, 0},
        {"empty", "", false, 0},
        {"largest", "9223372036854775807ms", true, INT64_MAX},
        {"above", "9223372036854775808ms", false, 0},
        {"product overflows", "9223372036854776s", false, 0},
        {"product overflows 64 bits", "18446744073709551615y", false, 0},
        {"sum overflows", "9223372036854775s9000ms", false, 0},
        {"number overflows", "99999999999999999999ms", false, 0},
    };
    check_i64(rows, ARRAY_LEN(rows), parse_duration_ms);
}

static void sizes(void **state)
{
    (void)state;
    static const struct i64_row rows[] = {
        {"bytes", "512", true, 512},
        {"zero", "0", true, 0},
        {"k", "8k", true, 8192},
        {"K", "8K", true, 8192},
        {"m", "16m", true, 16 << 20},
        {"M", "16M", true, 16 << 20},
        {"g", "1g", true, 1 << 30},
        {"G", "1G", true, 1 << 30},
        {"two letters", "1kb", false, 0},
        {"two units", "1m1k", false, 0},
        {"unknown unit", "1t", false, 0},
        {"no number", "k", false, 0},
        {"space", "1 k", false, 0},
        {"negative", "-1k", false, 0},
        {"empty", "", false, 0},
        {"largest", "9223372036854775807", true, INT64_MAX},
        {"above", "9223372036854775808", false, 0},
        {"product at the bound", "8589934591g", true, INT64_C(8589934591) << 30},
        {"product above", "8589934592g", false, 0},
        {"product wraps", "17179869185g", false, 0},
    };
    check_i64(rows, ARRAY_LEN(rows), parse_size_bytes);
}

static const struct hex_row {
    const char *name, *in;
    bool ok;
    uint64_t out;
} hex_rows[] = {
    {"one digit", "f", true, 15},
    {"both cases", "aBcDeF", true, 0xabcdef},
    {"sixteen", "ffffffffffffffff", true, UINT64_MAX},
    {"seventeen", "00000000000000001", false, 0},
    {"empty", "", false, 0},
    {"prefix", "0x1", false, 0},
    {"not a digit", "12g", false, 0},
    {"space", " 1", false, 0},
};

static void hex(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hex_rows); i++) {
        const struct hex_row *r = &hex_rows[i];
        uint64_t out = UNTOUCHED;
        print_message("  %s\n", r->name);
        assert_int_equal(parse_hex_u64(slice_of(r->in), &out), r->ok);
        assert_int_equal(out, r->ok ? r->out : UNTOUCHED);
    }
}

static void hex_digit_knows_22_bytes(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    for (int c = 0; c < 256; c++) {
        char lower = (char)(c >= 'A' && c <= 'F' ? c + 32 : c);
        const char *at = c == 0 ? NULL : strchr(digits, lower);
        assert_int_equal(parse_hex_digit((char)c), at == NULL ? -1 : (int)(at - digits));
    }
}

static const struct bool_row {
    const char *in;
    bool ok, out;
} bool_rows[] = {
    {"on", true, true},   {"off", true, false},   {"yes", true, true}, {"no", true, false},
    {"true", true, true}, {"false", true, false}, {"ON", true, true},  {"False", true, false},
    {"1", false, false},  {"", false, false},     {"o", false, false}, {"onn", false, false},
};

static void bools(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bool_rows); i++) {
        const struct bool_row *r = &bool_rows[i];
        bool out = !r->out;
        print_message("  \"%s\"\n", r->in);
        assert_int_equal(parse_bool(slice_of(r->in), &out), r->ok);
        assert_int_equal(out, r->ok ? r->out : !r->out);
    }
}

static void assert_written(const char *buf, size_t n, const char *expected)
{
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(buf, expected, n);
}

static void format_u64_writes_all_digits(void **state)
{
    (void)state;
    char buf[24];
    assert_written(buf, format_u64(buf, 0), "0");
    assert_written(buf, format_u64(buf, 10), "10");
    assert_written(buf, format_u64(buf, UINT64_MAX), "18446744073709551615");
}

static const struct format_row {
    int64_t value;
    const char *text;
} duration_texts[] =
    {
        {0, "0s"},
        {1, "1ms"},
        {250, "250ms"},
        {1500, "1500ms"},
        {90 * SECOND, "90s"},
        {300 * SECOND, "5m"},
        {3600 * SECOND, "1h"},
        {DAY, "1d"},
        {7 * DAY, "1w"},
        {30 * DAY, "1M"},
        {730 * DAY, "2y"},
        {-90 * SECOND, "-90s"},
        {INT64_MAX, "9223372036854775807ms"},
        {INT64_MIN, "-9223372036854775808ms"},
},
  size_texts[] = {
      {0, "0"},
      {512, "512"},
      {1024, "1k"},
      {1025, "1025"},
      {10 << 20, "10m"},
      {1536 << 10, "1536k"},
      {INT64_C(4) << 30, "4g"},
      {INT64_MAX, "9223372036854775807"},
      {INT64_MIN, "-8589934592g"},
};

static void format_duration_is_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(duration_texts); i++) {
        const struct format_row *r = &duration_texts[i];
        char buf[24];
        size_t n = format_duration_ms(buf, r->value);
        assert_written(buf, n, r->text);
        int64_t back = -1;
        assert_int_equal(parse_duration_ms(slice_make(buf, n), &back), r->value >= 0);
        assert_int_equal(back, r->value >= 0 ? r->value : -1);
    }
}

static void format_size_is_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(size_texts); i++) {
        const struct format_row *r = &size_texts[i];
        char buf[24];
        size_t n = format_size_bytes(buf, r->value);
        assert_written(buf, n, r->text);
        int64_t back = -1;
        assert_int_equal(parse_size_bytes(slice_make(buf, n), &back), r->value >= 0);
        assert_int_equal(back, r->value >= 0 ? r->value : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u64),
        cmocka_unit_test(i64),
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(hex),
        cmocka_unit_test(hex_digit_knows_22_bytes),
        cmocka_unit_test(bools),
        cmocka_unit_test(format_u64_writes_all_digits),
        cmocka_unit_test(format_duration_is_read_back),
        cmocka_unit_test(format_size_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
