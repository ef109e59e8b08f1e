#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
    const char *name;
    struct slice in;
    struct slice out;
};

static const struct row json_rows[] = {
    {"plain", SLICE_INIT("a b"), SLICE_INIT("\"a b\"")},
    {"empty", SLICE_INIT(""), SLICE_INIT("\"\"")},
    {"quote and backslash", SLICE_INIT("a\"b\\c"), SLICE_INIT("\"a\\\"b\\\\c\"")},
    {"control bytes", SLICE_INIT("\n\x01\x7f"), SLICE_INIT("\"\\u000a\\u0001\\u007f\"")},
    {"NUL", SLICE_INIT("a\0b"), SLICE_INIT("\"a\\u0000b\"")},
    {"two bytes", SLICE_INIT("\xc3\xa9"), SLICE_INIT("\"\xc3\xa9\"")},
    {"three bytes", SLICE_INIT("\xe2\x82\xac"), SLICE_INIT("\"\xe2\x82\xac\"")},
    {"four bytes", SLICE_INIT("\xf0\x9f\x98\x80"), SLICE_INIT("\"\xf0\x9f\x98\x80\"")},
    {"cut sequence", SLICE_INIT("\xe2\x82"), SLICE_INIT("\"\\ufffd\\ufffd\"")},
    {"overlong", SLICE_INIT("\xc0\xaf"), SLICE_INIT("\"\\ufffd\\ufffd\"")},
    {"overlong in three", SLICE_INIT("\xe0\x80\xaf"), SLICE_INIT("\"\\ufffd\\ufffd\\ufffd\"")},
    {"surrogate", SLICE_INIT("\xed\xa0\x80"), SLICE_INIT("\"\\ufffd\\ufffd\\ufffd\"")},
    {"beyond the last one", SLICE_INIT("\xf4\x90\x80\x80"),
     SLICE_INIT("\"\\ufffd\\ufffd\\ufffd\\ufffd\"")},
    {"lone continuation", SLICE_INIT("a\x80z"), SLICE_INIT("\"a\\ufffdz\"")},
};

static const struct row label_rows[] = {
    {"plain", SLICE_INIT("10.0.0.1:80"), SLICE_INIT("\"10.0.0.1:80\"")},
    {"quote and backslash", SLICE_INIT("a\"b\\c"), SLICE_INIT("\"a\\\"b\\\\c\"")},
    {"line end", SLICE_INIT("a\nb"), SLICE_INIT("\"a\\nb\"")},
};

static void check_rows(const struct row *rows, size_t n, void (*add)(struct text *, struct slice))
{
    for (size_t i = 0; i < n; i++) {
        struct text t;
        text_init(&t);
        add(&t, rows[i].in);
        if (!slice_eq(buf_slice(&t.buf), rows[i].out))
            fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(buf_slice(&t.buf)));
        assert_false(t.failed);
        text_fini(&t);
    }
}

static void test_json_strings(void **state UNUSED)
{
    check_rows(json_rows, ARRAY_LEN(json_rows), text_json);
}

static void test_label_values(void **state UNUSED)
{
    check_rows(label_rows, ARRAY_LEN(label_rows), text_label);
}

static void test_too_long_a_piece_fails_the_page(void **state UNUSED)
{
    struct text t;
    text_init(&t);
    text_printf(&t, "%1023d", 1);
    assert_false(t.failed);
    assert_int_equal(buf_len(&t.buf), 1023);
    text_printf(&t, "%1024d", 1);
    assert_true(t.failed);
    assert_int_equal(buf_len(&t.buf), 1023);
    text_fini(&t);
}

static void test_too_long_a_page_fails(void **state UNUSED)
{
    static const char block[1024 * 1024];
    struct text t;
    text_init(&t);
    for (int i = 0; i < 16; i++)
        text_add(&t, slice_make(block, sizeof block));
    assert_false(t.failed);
    text_add(&t, SLICE("x"));
    assert_true(t.failed);
    text_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_label_values),
        cmocka_unit_test(test_too_long_a_piece_fails_the_page),
        cmocka_unit_test(test_too_long_a_page_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
