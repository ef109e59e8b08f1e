#include "http/date.h"

#include "http/check.h"

#define NOW INT64_C(1767225600) /* 1 January 2026 */
#define BAD INT64_MIN

static const struct {
    const char *name;
    const char *text;
    wall_s want;
} parse_rows[] = {
    {"RFC 9110 5.6.7 fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"RFC 9110 5.6.7 rfc850", "Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"RFC 9110 5.6.7 asctime", "Sun Nov  6 08:49:37 1994", 784111777},
    {"asctime, two-digit day", "Wed Nov 16 08:49:37 1994", 784975777},
    {"the epoch", "Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"before the epoch", "Wed, 31 Dec 1969 23:59:59 GMT", -1},
    {"year 0", "Sat, 01 Jan 0000 00:00:00 GMT", -62167219200},
    {"last second of 9999", "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    {"past 2038", "Tue, 19 Jan 2038 14:14:08 GMT", 2147523248},
    {"past 32 bits unsigned", "Sat, 20 Nov 2286 17:46:39 GMT", 9999999999},
    {"leap day of 2000", "Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
    {"first of March 2100", "Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
    {"leap second", "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
    {"rfc850: 50 means 2050", "Thursday, 18-Aug-50 02:01:18 GMT", 2544400878},
    {"asctime in 2050", "Thu Aug  8 02:01:18 2050", 2543536878},
    {"rfc850: 76 is 50 years ahead", "Wednesday, 01-Jan-76 00:00:00 GMT", 3345062400},
    {"rfc850: 77 is more, so in the past", "Saturday, 01-Jan-77 00:00:00 GMT", 220924800},
    {"rfc850: this year", "Thursday, 01-Jan-26 00:00:00 GMT", NOW},
    {"any case", "sUN, 06 nOV 1994 08:49:37 gMT", 784111777},
    {"any case, THU AUG", "THU, 18 AUG 2050 02:01:18 GMT", 2544400878},
    {"any case, rfc850", "SUNDAY, 06-NOV-94 08:49:37 gmt", 784111777},
    {"wrong weekday is not looked at", "Mon, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"empty", "", BAD},
    {"zero", "0", BAD},
    {"minus one", "-1", BAD},
    {"word", "foo", BAD},
    {"UTC", "Sun, 06 Nov 1994 08:49:37 UTC", BAD},
    {"AEST", "Sun, 06 Nov 1994 08:49:37 AEST", BAD},
    {"offset", "Sun, 06 Nov 1994 08:49:37 +0000", BAD},
    {"no zone", "Sun, 06 Nov 1994 08:49:37", BAD},
    {"two-digit year in fixdate", "Sun, 06 Nov 94 08:49:37 GMT", BAD},
    {"five-digit year", "Sun, 06 Nov 11994 08:49:37 GMT", BAD},
    {"no comma", "Sun 06 Nov 1994 08:49:37 GMT", BAD},
    {"no comma in rfc850", "Sunday 06-Nov-94 08:49:37 GMT", BAD},
    {"double space", "Sun,  06 Nov 1994 08:49:37 GMT", BAD},
    {"double space inside", "Sun, 06  Nov 1994 08:49:37 GMT", BAD},
    {"no space behind the comma", "Sun,06 Nov 1994 08:49:37 GMT", BAD},
    {"dashes in fixdate", "Thu, 18-Aug-2050 02:01:18 GMT", BAD},
    {"four-digit year in rfc850", "Thursday, 18-Aug-2050 02:01:18 GMT", BAD},
    {"dots in the time", "Thu, 18 Aug 2050 02.01.18 GMT", BAD},
    {"one-digit hour", "Thu, 18 Aug 2050 2:01:18 GMT", BAD},
    {"one-digit day", "Sun, 6 Nov 1994 08:49:37 GMT", BAD},
    {"hour 24", "Sun, 06 Nov 1994 24:00:00 GMT", BAD},
    {"minute 60", "Sun, 06 Nov 1994 08:60:37 GMT", BAD},
    {"second 61", "Sun, 06 Nov 1994 08:49:61 GMT", BAD},
    {"day 0", "Sun, 00 Nov 1994 08:49:37 GMT", BAD},
    {"31 November", "Sun, 31 Nov 1994 08:49:37 GMT", BAD},
    {"29 February 1900", "Thu, 29 Feb 1900 08:49:37 GMT", BAD},
    {"29 February 2023", "Wed, 29 Feb 2023 08:49:37 GMT", BAD},
    {"no such month", "Sun, 06 Nob 1994 08:49:37 GMT", BAD},
    {"no such day", "Son, 06 Nov 1994 08:49:37 GMT", BAD},
    {"long month", "Sun, 06 November 1994 08:49:37 GMT", BAD},
    {"something behind", "Sun, 06 Nov 1994 08:49:37 GMT ", BAD},
    {"something behind asctime", "Sun Nov  6 08:49:37 1994 GMT", BAD},
    {"asctime, one space and one digit", "Sun Nov 6 08:49:37 1994", BAD},
    {"asctime, zero-filled two spaces", "Sun Nov  06 08:49:37 1994", BAD},
    {"long day in fixdate", "Sunday, 06 Nov 1994 08:49:37 GMT", BAD},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parse_rows); i++) {
        wall_s got = BAD;
        struct slice text = copy_of(slice_of(parse_rows[i].text));
        if (!http_date_parse(text, NOW, &got)) {
            got = BAD;
        }
        copy_free(text);
        check_number(parse_rows[i].name, "date", got, parse_rows[i].want);
    }
}

static void test_every_prefix_is_refused(void **state)
{
    (void)state;
    static const char *const whole[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        for (size_t n = 0; n < slice_of(whole[i]).n; n++) {
            struct slice text = copy_of(slice_make(whole[i], n));
            wall_s out;
            assert_false(http_date_parse(text, NOW, &out));
            copy_free(text);
        }
    }
}

static const struct {
    const char *name;
    wall_s t;
    const char *want;
} format_rows[] = {
    {"RFC 9110 5.6.7", 784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"epoch", 0, "Thu, 01 Jan 1970 00:00:00 GMT"},
    {"before the epoch", -1, "Wed, 31 Dec 1969 23:59:59 GMT"},
    {"leap day", 951825600, "Tue, 29 Feb 2000 12:00:00 GMT"},
    {"end of 9999", 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"clamped above", INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"clamped below", INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
};

static void test_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(format_rows); i++) {
        char text[HTTP_DATE_BYTES];
        http_date_format(format_rows[i].t, text);
        check_slice(format_rows[i].name, "text", slice_make(text, sizeof(text)),
                    format_rows[i].want);
    }
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    for (wall_s t = -62167219200; t < 253402300799; t += 86399 * 17) {
        char text[HTTP_DATE_BYTES];
        wall_s back = BAD;
        http_date_format(t, text);
        assert_true(http_date_parse(slice_make(text, sizeof(text)), NOW, &back));
        assert_int_equal(back, t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_every_prefix_is_refused),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
