/* The lines of `stats settings`. */
#include "memcached/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNTOUCHED 7

struct row {
    const char *name;
    struct slice in;
    enum mc_settings result;
    size_t item_max_bytes;
    size_t line_bytes;
};

static const struct row rows[] = {
    {"the limit", SLICE_INIT("STAT item_size_max 524288\r\nSTAT"), MC_SETTINGS_LINE, 524288, 27},
    {"another setting", SLICE_INIT("STAT maxbytes 67108864\r\n"), MC_SETTINGS_LINE, UNTOUCHED, 24},
    {"a longer name", SLICE_INIT("STAT item_size_max_x 1\r\n"), MC_SETTINGS_LINE, UNTOUCHED, 24},
    {"no value", SLICE_INIT("STAT inter \r\n"), MC_SETTINGS_LINE, UNTOUCHED, 13},
    {"zero", SLICE_INIT("STAT item_size_max 0\r\n"), MC_SETTINGS_LINE, UNTOUCHED, 22},
    {"no number", SLICE_INIT("STAT item_size_max 1m\r\n"), MC_SETTINGS_LINE, UNTOUCHED, 23},
    {"beyond memcached's own limit", SLICE_INIT("STAT item_size_max 1073741825\r\n"),
     MC_SETTINGS_LINE, UNTOUCHED, 31},
    {"the end", SLICE_INIT("END\r\nVA"), MC_SETTINGS_END, UNTOUCHED, 5},
    {"unknown there", SLICE_INIT("ERROR\r\n"), MC_SETTINGS_END, UNTOUCHED, 7},
    {"refused", SLICE_INIT("SERVER_ERROR no\r\n"), MC_SETTINGS_END, UNTOUCHED, 17},
    {"cut", SLICE_INIT("STAT item_size_max 52428"), MC_SETTINGS_MORE, UNTOUCHED, 0},
    {"another reply", SLICE_INIT("HD\r\n"), MC_SETTINGS_BAD, UNTOUCHED, 4},
    {"bare LF", SLICE_INIT("END\n"), MC_SETTINGS_BAD, UNTOUCHED, 0},
};

static void test_lines(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t item_max_bytes = UNTOUCHED;
        size_t line_bytes = 0;
        print_message("%s\n", rows[i].name);
        assert_int_equal(mc_settings_line(rows[i].in, &item_max_bytes, &line_bytes),
                         rows[i].result);
        assert_int_equal(item_max_bytes, rows[i].item_max_bytes);
        assert_int_equal(line_bytes, rows[i].line_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
