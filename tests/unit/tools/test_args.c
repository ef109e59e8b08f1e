#include "tools/args.h"

#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARGS_MAX 8

static bool parse(const char *const *args, unsigned options, bool takes_url, struct tool_args *out,
                  char *err, size_t err_bytes)
{
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    for (; args[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc];
    memset(err, 0, err_bytes);
    FILE *f = fmemopen(err, err_bytes, "w");
    *out = tool_args_default();
    bool ok = tool_args_parse(argc, argv, "tool", options | TOOL_COMMON, takes_url, out, f);
    (void)fclose(f);
    return ok;
}

static void test_all_forms(void **state)
{
    static const char *const forms[][ARGS_MAX] = {
        {"-c", "a", "--timeout", "3s", "u", "--json"},
        {"-ca", "--timeout=3s", "--json", "u"},
        {"--config=a", "--json", "--timeout=3s", "--", "u"},
        {"u", "--config", "a", "--json", "--timeout=3000ms"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct tool_args a;
        char err[512];
        assert_true(parse(forms[i], 0, true, &a, err, sizeof err));
        assert_string_equal(a.config_path, "a");
        assert_string_equal(a.url, "u");
        assert_int_equal(a.timeout_ms, 3000);
        assert_true(a.json);
        assert_string_equal(err, "");
    }
}

static void test_defaults(void **state)
{
    static const char *const none[] = {NULL};
    struct tool_args a;
    char err[512];
    (void)state;
    assert_true(parse(none, 0, false, &a, err, sizeof err));
    assert_null(a.config_path);
    assert_null(a.url);
    assert_false(a.json || a.help || a.content || a.fetch);
    assert_int_equal(a.fields_n, 0);
    assert_int_equal(a.timeout_ms, 2000);
}

static void test_values(void **state)
{
    static const char *const args[] = {"-H", "A: b", "-HC:d", "--value=2k", "--gets",
                                       "0",  "-X",   "POST",  NULL};
    struct tool_args a;
    char err[512];
    (void)state;
    assert_true(
        parse(args, TOOL_REQUEST | TOOL_VALUE_BYTES | TOOL_GETS, false, &a, err, sizeof err));
    assert_int_equal(a.fields_n, 2);
    assert_string_equal(a.fields[0], "A: b");
    assert_string_equal(a.fields[1], "C:d");
    assert_int_equal(a.value_bytes, 2048);
    assert_int_equal(a.gets_percent, 0);
    assert_string_equal(a.method, "POST");
}

static void test_wrong_use(void **state)
{
    static const struct {
        const char *args[ARGS_MAX];
        bool takes_url;
        const char *said;
    } rows[] = {
        {{"--jsno"},
         false,
         "mcproxy tool: --jsno: there is no such option; did you mean --json?\n"},
        {{"--fetch"}, false, "mcproxy tool: --fetch: there is no such option\n"},
        {{"-q"}, false, "mcproxy tool: -q: there is no such option\n"},
        {{"x"}, false, "mcproxy tool: x: there is no such argument\n"},
        {{NULL}, true, "mcproxy tool: a URL is missing\n"},
        {{"a", "b"}, true, "mcproxy tool: b: one URL at a time\n"},
        {{"-c"}, false, "mcproxy tool: -c: a value is missing behind it\n"},
        {{"--json=1"}, false, "mcproxy tool: 1: this option takes no value\n"},
        {{"--timeout", "0s"}, false, "mcproxy tool: 0s: --timeout takes 1ms to 10m\n"},
        {{"--timeout", "x"}, false, "mcproxy tool: x: --timeout takes 1ms to 10m\n"},
        {{"-H", "no colon"}, false, "mcproxy tool: no colon: a field is 'Name: value'\n"},
        {{"-H", ":x"}, false, "mcproxy tool: :x: a field is 'Name: value'\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tool_args a;
        char err[512];
        assert_false(parse(rows[i].args, TOOL_FIELD, rows[i].takes_url, &a, err, sizeof err));
        assert_string_equal(err, rows[i].said);
    }
}

static void test_too_many_fields(void **state)
{
    struct tool_args a = tool_args_default();
    static char field[] = "-HA:b";
    char *argv[TOOL_FIELDS_MAX + 1];
    char err[512] = "";
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(argv); i++)
        argv[i] = field;
    FILE *f = fmemopen(err, sizeof err, "w");
    assert_false(tool_args_parse(TOOL_FIELDS_MAX + 1, argv, "tool", TOOL_FIELD, false, &a, f));
    (void)fclose(f);
    assert_string_equal(err, "mcproxy tool: A:b: too many fields\n");
}

static void test_help_needs_no_url(void **state)
{
    static const char *const args[] = {"-h", NULL};
    struct tool_args a;
    char err[512];
    (void)state;
    assert_true(parse(args, 0, true, &a, err, sizeof err));
    assert_true(a.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms),       cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),          cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_too_many_fields), cmocka_unit_test(test_help_needs_no_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
