#include "main/options.h"

#include "base/slice.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARGS_MAX 6

static bool parse(const char *const args[], struct options *out, char *err, size_t err_bytes)
{
    char *argv[ARGS_MAX + 2] = {(char *)(uintptr_t) "mcproxy"};
    int argc = 1;
    for (; args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    FILE *f = fmemopen(err, err_bytes, "w");
    bool ok = options_parse(argc, argv, out, f);
    (void)fclose(f);
    return ok;
}

static void test_right_use(void **state UNUSED)
{
    static const struct {
        const char *args[ARGS_MAX];
        enum mode mode;
        const char *path;
        int signal;
        const char *url;
    } rows[] = {
        {{"-c", "a"}, MODE_RUN, "a", 0, NULL},
        {{"-c", "-"}, MODE_RUN, "-", 0, NULL},
        {{"-ca", "-t"}, MODE_CHECK, "a", 0, NULL},
        {{"-tc", "a"}, MODE_CHECK, "a", 0, NULL},
        {{"-T", "-c", "a"}, MODE_PRINT, "a", 0, NULL},
        {{"-v"}, MODE_VERSION, NULL, 0, NULL},
        {{"--version"}, MODE_VERSION, NULL, 0, NULL},
        {{"-V"}, MODE_BUILD, NULL, 0, NULL},
        {{"-h"}, MODE_HELP, NULL, 0, NULL},
        {{"--help"}, MODE_HELP, NULL, 0, NULL},
        {{"-s", "stop"}, MODE_SIGNAL, NULL, SIGTERM, NULL},
        {{"-s", "quit"}, MODE_SIGNAL, NULL, SIGQUIT, NULL},
        {{"-s", "reload", "-c", "a"}, MODE_SIGNAL, "a", SIGHUP, NULL},
        {{"-s", "reopen"}, MODE_SIGNAL, NULL, SIGUSR1, NULL},
        {{"--states"}, MODE_STATES, NULL, 0, NULL},
        {{"--reference"}, MODE_REFERENCE, NULL, 0, NULL},
        {{"--healthcheck"}, MODE_HEALTHCHECK, NULL, 0, NULL},
        {{"--healthcheck", "http://a/"}, MODE_HEALTHCHECK, NULL, 0, "http://a/"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct options o;
        char err[4096] = "";
        assert_true(parse(rows[i].args, &o, err, sizeof err));
        assert_int_equal(o.mode, rows[i].mode);
        assert_int_equal(o.signal, rows[i].signal);
        assert_non_null(o.config_path);
        if (rows[i].path)
            assert_string_equal(o.config_path, rows[i].path);
        if (rows[i].url)
            assert_string_equal(o.url, rows[i].url);
        assert_string_equal(err, "");
    }
}

/* What follows the word is the tool's, errors too. */
static void test_tools(void **state UNUSED)
{
    static const struct {
        const char *args[ARGS_MAX];
        const char *path;
        int tool_argc;
    } rows[] = {
        {{"cache"}, NULL, 1},
        {{"cache", "ping", "-x"}, NULL, 3},
        {{"explain", "/a", "-c", "b"}, NULL, 4},
        {{"-c", "a", "cache", "stat"}, "a", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct options o;
        char err[4096] = "";
        assert_true(parse(rows[i].args, &o, err, sizeof err));
        assert_int_equal(o.mode, MODE_TOOL);
        assert_int_equal(o.tool_argc, rows[i].tool_argc);
        assert_true(slice_eq(slice_of(o.config_path ? o.config_path : ""),
                             slice_of(rows[i].path ? rows[i].path : "")));
        assert_string_equal(err, "");
    }
}

static void test_wrong_use_is_explained(void **state UNUSED)
{
    static const struct {
        const char *args[ARGS_MAX];
        struct slice text;
    } rows[] = {
        {{"-x"}, SLICE_INIT("mcproxy: there is no option -x\n")},
        {{"--no-such"}, SLICE_INIT("mcproxy: there is no option --no-such\n")},
        {{"-s"}, SLICE_INIT("mcproxy: a value is missing behind -s\n")},
        {{"-c"}, SLICE_INIT("mcproxy: a value is missing behind -c\n")},
        {{"-s", "dance"},
         SLICE_INIT("mcproxy: -s takes stop, quit, reload or reopen, not dance\n")},
        {{"a.yaml"}, SLICE_INIT("mcproxy: there is no argument a.yaml\n")},
        {{"--healthcheck", "a", "b"}, SLICE_INIT("mcproxy: there is no argument b\n")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct options o;
        char err[4096] = "";
        assert_false(parse(rows[i].args, &o, err, sizeof err));
        if (!slice_starts(slice_of(err), rows[i].text))
            fail_msg("%zu: %s", i, err);
        assert_true(slice_find_slice(slice_of(err), SLICE("usage: ")) < sizeof err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_use),
        cmocka_unit_test(test_tools),
        cmocka_unit_test(test_wrong_use_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
