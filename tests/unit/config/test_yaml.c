/* What of YAML is accepted, what is refused and where, and `${env:NAME}`. */
#include "help.h"

#include <stdlib.h>

#define TOP "listen: 80\nreturn: 200\n"

static const struct row {
    const char *name, *text, *message;
} rows[] = {
    {"comments and documents' marks", "---\n# a\n" TOP "...\n", ""},
    {"empty", "", "p.yaml:1:1: listen is missing, for example listen: 8080\n"},
    {"a list", "- a\n", "p.yaml:1:1: a map of directives (name: value) is needed, not a list\n"},
    {"a text", "hello\n",
     "p.yaml:1:1: a map of directives (name: value) is needed, not a single value\n"},
    {"two documents", TOP "---\n" TOP, "p.yaml:3:1: a second document (---) is not supported\n"},
    {"key twice", TOP "workers: 1\nworkers: 2\n",
     "p.yaml:4:1: \"workers\" is given twice; first in line 3\n"},
    {"key twice inside", TOP "error_log: {path: a, path: b}\n",
     "p.yaml:3:22: \"path\" is given twice; first in line 3\n"},
    {"anchor", TOP "pid: &a b\n", "p.yaml:3:6: YAML anchors (&name) are not supported\n"},
    {"alias", TOP "pid: *a\n", "p.yaml:3:6: YAML aliases (*name) are not supported\n"},
    {"alias as a key", TOP "*a : b\n", "p.yaml:3:1: YAML aliases (*name) are not supported\n"},
    {"merge key", TOP "<<: {pid: a}\n", "p.yaml:3:1: unknown directive \"<<\"\n"},
    {"tag", TOP "pid: !!str a\n",
     "p.yaml:3:6: YAML tags (!name) are not supported; quote a text that begins with !\n"},
    {"key that is a list", TOP "[a]: b\n", "p.yaml:3:1: a key has to be a text\n"},
    {"NUL", TOP "pid: \"a\\0b\"\n", "p.yaml:3:6: a NUL is not allowed in a value\n"},
    {"tabs", TOP "admin:\n\tlisten: 1\n",
     "p.yaml:4:1: a tab character: YAML is indented with spaces\n"},
    {"no tab", TOP "pid: @a\n",
     "p.yaml:3:6: found character that cannot start any token (while scanning for the next token "
     "that starts at line 3)\n"},
    {"bracket without its end", TOP "workers: [1\n",
     "p.yaml:4:1: did not find expected ',' or ']' (while parsing a flow sequence that starts at "
     "line 3)\n"},
    {"not UTF-8", TOP "pid: \xff\n",
     "p.yaml:1:1: not UTF-8 text: invalid leading UTF-8 octet at byte 28\n"},
    {"all errors at once, in order",
     "lisen: 80\nreturn: x\nworkers: 0\nlocations:\n  /: {proxy_cache_vald: 1m, proxy_cache_lock: "
     "1}\n",
     "p.yaml:1:1: unknown directive \"lisen\", did you mean \"listen\"?\n"
     "p.yaml:1:1: listen is missing, for example listen: 8080\n"
     "p.yaml:2:9: return: \"x\" is not a status (200 to 599) or a URL\n"
     "p.yaml:3:10: workers: \"0\" is not auto or a number (1 to 256)\n"
     "p.yaml:5:7: unknown directive \"proxy_cache_vald\", did you mean \"proxy_cache_valid\"?\n"
     "p.yaml:5:47: proxy_cache_lock: \"1\" is not one of off, host, fleet, on\n"},
};

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect_messages(rows[i].name, rows[i].text, rows[i].message);
    }
}

/* `n` times `part` behind TOP and `before`, then `after`. */
static char *repeated(const char *before, const char *part, size_t n, const char *after)
{
    size_t part_n = strlen(part);
    char *text = malloc(strlen(TOP) + strlen(before) + part_n * n + strlen(after) + 1);
    char *p = stpcpy(stpcpy(text, TOP), before);
    for (size_t i = 0; i < n; i++) {
        p = stpcpy(p, part);
    }
    stpcpy(p, after);
    return text;
}

static void expect_refused(char *text, const char *part_of_message)
{
    char messages[4096];
    assert_null(load_with_messages(text, messages));
    if (strstr(messages, part_of_message) == NULL) {
        fail_msg("\"%s\" is not in: %s", part_of_message, messages);
    }
    free(text);
}

static void bombs(void **state)
{
    (void)state;
    expect_refused(repeated("pid: ", "[", 33, ""), "nested too deeply");
    expect_refused(repeated("pid: ", "[", 100000, ""), "nested too deeply");
    expect_refused(repeated("pid: ", "{a: ", 40, ""), "nested too deeply");
    expect_refused(repeated("proxy_hide_header: [", "a,", 70000, "a]\n"), "too many values");
    expect_refused(repeated("a: &a [x,x]\nb: ", "[*a,*a]", 1, "\n"), "anchors");
}

static void map_of_too_many_keys(void **state)
{
    (void)state;
    char *text = malloc(200000);
    char *p = stpcpy(text, TOP "proxy_set_header:\n");
    for (int i = 0; i < 4097; i++) {
        p += snprintf(p, 64, "  X-%d: a\n", i);
    }
    expect_refused(text, "p.yaml:4100:3: a map of more than 4096 keys");
}

static void deep_but_allowed(void **state)
{
    (void)state;
    char messages[4096];
    char *text = repeated("pid: ", "[", 31, "");
    char *closed = malloc(strlen(text) + 40);
    char *p = stpcpy(closed, text);
    for (int i = 0; i < 31; i++) {
        p = stpcpy(p, "]");
    }
    assert_null(load_with_messages(closed, messages));
    assert_string_equal(messages, "p.yaml:3:6: pid: a single value is needed, not a list\n");
    free(text);
    free(closed);
}

static const struct row env_rows[] = {
    {"set", "pid: /run/${env:MC_TEST_A}.pid", "/run/one.pid"},
    {"several", "pid: ${env:MC_TEST_A}-${env:MC_TEST_B}", "one-[two: 2]"},
    {"default not needed", "pid: \"${env:MC_TEST_A:-x}\"", "one"},
    {"default needed", "pid: ${env:MC_TEST_NONE:-/a b}", "/a b"},
    {"default empty", "pid: a${env:MC_TEST_NONE:-}b", "ab"},
    {"default for an empty variable", "pid: ${env:MC_TEST_EMPTY:-x}", "x"},
    {"empty variable", "pid: a${env:MC_TEST_EMPTY}b", "ab"},
    {"not looked at again", "pid: ${env:MC_TEST_LOOP}", "${env:MC_TEST_A}"},
    {"no YAML in it", "pid: ${env:MC_TEST_B}", "[two: 2]"},
    {"left open", "pid: ${env:MC_TEST_A", "${env:MC_TEST_A"},
};

static void environment(void **state)
{
    (void)state;
    setenv("MC_TEST_A", "one", 1);
    setenv("MC_TEST_B", "[two: 2]", 1);
    setenv("MC_TEST_EMPTY", "", 1);
    setenv("MC_TEST_LOOP", "${env:MC_TEST_A}", 1);
    unsetenv("MC_TEST_NONE");
    for (size_t i = 0; i < ARRAY_LEN(env_rows); i++) {
        char text[256];
        print_message("  %s\n", env_rows[i].name);
        snprintf(text, sizeof(text), TOP "%s\n", env_rows[i].text);
        struct config *c = load_ok(text);
        assert_string_equal(c->main.pid_path, env_rows[i].message);
        config_unref(&c);
    }
    expect_messages("not set", TOP "workers: 1\npid: a${env:MC_TEST_NONE}\n",
                    "p.yaml:4:6: MC_TEST_NONE is not set in the environment "
                    "(${env:MC_TEST_NONE:-default} would do)\n");
    expect_messages("in a default", TOP "pid: ${env:MC_TEST_NONE:-${env:MC_TEST_A}}\n",
                    "p.yaml:3:6: the default of ${env:MC_TEST_NONE} cannot hold another ${env:\n");
    expect_messages("no name", TOP "pid: ${env:}\n", "p.yaml:3:6: ${env:NAME} without a name\n");
}

static void environment_in_keys_and_templates(void **state)
{
    (void)state;
    setenv("MC_TEST_A", "one", 1);
    struct config *c = load_ok("listen: 80\nlocations:\n  \"/${env:MC_TEST_A}\": {return: "
                               "\"200 ${env:MC_TEST_A} ${host} $uri\"}\n");
    const struct location_conf *l = location_of(c, 0, "/one");
    assert_non_null(l);
    expect_template(l->return_text, "one ${host} $uri");
    config_unref(&c);
}

static void environment_has_a_limit(void **state)
{
    (void)state;
    char *big = malloc(100001);
    memset(big, 'a', 100000);
    big[100000] = '\0';
    setenv("MC_TEST_BIG", big, 1);
    expect_refused(repeated("pid: ", "${env:MC_TEST_BIG}", 11, "\n"),
                   "too much comes from the environment");
    expect_refused(repeated("proxy_hide_header: [a", ", \"${env:MC_TEST_BIG}\"", 50, "]\n"),
                   "too much comes from the environment");
    unsetenv("MC_TEST_BIG");
    free(big);
}

static void missing_file(void **state)
{
    (void)state;
    struct config_errors errors;
    char line[256];
    config_errors_init(&errors);
    assert_null(config_load("/nonexistent/p.yaml", &errors));
    assert_int_equal(errors.n, 1);
    expect_slice(config_error_format(&errors.items[0], line, sizeof(line)),
                 "/nonexistent/p.yaml: cannot read: No such file or directory");
    config_errors_fini(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(bombs),
        cmocka_unit_test(map_of_too_many_keys),
        cmocka_unit_test(deep_but_allowed),
        cmocka_unit_test(environment),
        cmocka_unit_test(environment_in_keys_and_templates),
        cmocka_unit_test(environment_has_a_limit),
        cmocka_unit_test(missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
