/* Files that include files: what goes where, and which errors name which file. */
#include "help.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct files {
    char dir[32];
};

static int set_up(void **state)
{
    struct files *f = calloc(1, sizeof(*f));
    memcpy(f->dir, "/tmp/mcproxy-test-XXXXXX", 25);
    *state = f;
    return mkdtemp(f->dir) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct files *f = *state;
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", f->dir);
    int status = system(command);
    free(f);
    return status;
}

static void write_file(const struct files *f, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    (void)mkdir(path, 0700);
    *slash = '/';
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

/* Loads main.yaml. The messages are without the directory. */
static struct config *load_main(const struct files *f, char *messages, size_t cap)
{
    char path[128];
    struct config_errors errors;
    size_t n = 0;
    config_errors_init(&errors);
    snprintf(path, sizeof(path), "%s/main.yaml", f->dir);
    struct config *config = config_load(path, &errors);
    messages[0] = '\0';
    for (size_t i = 0; i < errors.n; i++) {
        char line[512];
        struct slice s = config_error_format(&errors.items[i], line, sizeof(line));
        s = slice_skip(s, strlen(f->dir) + 1);
        n += (size_t)snprintf(messages + n, cap - n, "%.*s\n", SLICE_ARG(s));
        assert_true(n < cap);
    }
    config_errors_fini(&errors);
    return config;
}

static void expect_main(const struct files *f, const char *expected)
{
    char messages[4096];
    struct config *config = load_main(f, messages, sizeof(messages));
    assert_string_equal(messages, expected);
    config_unref(&config);
}

static struct config *load_main_ok(const struct files *f)
{
    char messages[4096];
    struct config *config = load_main(f, messages, sizeof(messages));
    assert_string_equal(messages, "");
    return config;
}

static void lists_and_maps_grow_in_order(void **state)
{
    const struct files *f = *state;
    write_file(f, "main.yaml",
               "servers: [{listen: 1, return: 200}]\n"
               "include: conf.d/*.yaml\n"
               "caches: {c: {memory: 3m}}\n");
    write_file(f, "conf.d/b.yaml",
               "servers: [{listen: 3, return: 200}]\ncaches: {b: {memory: 2m}}\n");
    write_file(f, "conf.d/a.yaml",
               "servers: [{listen: 2, return: 200}]\nworkers: 2\n"
               "caches: {a: {memory: 1m}}\n");
    write_file(f, "conf.d/c.txt", "nonsense: true\n");
    struct config *c = load_main_ok(f);
    assert_int_equal(c->proxy.listens_n, 3);
    for (uint16_t i = 0; i < 3; i++) {
        assert_int_equal(address_port(&c->proxy.listens[i].address), i + 1);
        assert_int_equal(c->proxy.caches[i].memory_bytes, (i + 1) << 20);
    }
    assert_int_equal(c->main.workers, 2);
    config_unref(&c);
}

static void in_servers_and_locations(void **state)
{
    const struct files *f = *state;
    write_file(f, "main.yaml",
               "servers:\n"
               "  - include: list.yaml\n"
               "  - include: one.yaml\n"
               "  - listen: 3\n"
               "    include: settings.yaml\n"
               "    locations:\n"
               "      /a: {return: 201, include: [type.yaml]}\n"
               "      include: locations.yaml\n"
               "      /c: {return: 203}\n");
    write_file(f, "list.yaml", "- {listen: 1, return: 200}\n- {listen: 2, return: 200}\n");
    write_file(f, "one.yaml", "listen: 4\nreturn: 200\n");
    write_file(f, "settings.yaml", "keepalive_requests: 7\nreturn: 404\n");
    write_file(f, "locations.yaml", "/b: {return: 202}\n");
    write_file(f, "type.yaml", "default_type: text/html\n");
    struct config *c = load_main_ok(f);
    assert_int_equal(c->proxy.servers_n, 4);
    assert_int_equal(address_port(&c->proxy.listens[2].address), 4);
    const struct server_conf *server = c->proxy.servers[3];
    assert_int_equal(server->root->keepalive_requests, 7);
    assert_int_equal(server->root->return_status, 404);
    assert_int_equal(server->locations_n, 3);
    for (uint16_t i = 0; i < 3; i++) {
        assert_int_equal(server->locations[i]->return_status, 201 + i);
        assert_int_equal(server->locations[i]->keepalive_requests, 7);
    }
    expect_template(server->locations[0]->default_type, "text/html");
    config_unref(&c);
}

static void relative_to_the_file_it_stands_in(void **state)
{
    const struct files *f = *state;
    write_file(f, "main.yaml", "listen: 1\ninclude: sub/a.yaml\n");
    write_file(f, "sub/a.yaml", "include: b.yaml\n");
    write_file(f, "sub/b.yaml", "return: 204\n");
    struct config *c = load_main_ok(f);
    assert_int_equal(root_of(c, 0)->return_status, 204);
    config_unref(&c);
}

static void errors_name_their_file_in_order_of_reading(void **state)
{
    const struct files *f = *state;
    write_file(f, "main.yaml",
               "listen: 1\nreturn: 200\ninclude: [b.yaml, a.yaml, none-*.yaml]\nworkers: x\n");
    write_file(f, "a.yaml", "keepalive_requests: x\n");
    write_file(f, "b.yaml", "\npid: [a]\n");
    char expected[512];
    snprintf(expected, sizeof(expected),
             "main.yaml:4:10: workers: \"x\" is not auto or a number (1 to 256)\n"
             "b.yaml:2:6: pid: a single value is needed, not a list\n"
             "a.yaml:1:21: keepalive_requests: \"x\" is not a number (1 to 1000000000)\n");
    expect_main(f, expected);
}

static void given_twice(void **state)
{
    const struct files *f = *state;
    char expected[512];
    write_file(f, "main.yaml",
               "listen: 1\nreturn: 200\ncaches: {a: {memory: 1m}}\ninclude: a.yaml\n");
    write_file(f, "a.yaml", "return: 404\ncaches: {a: {memory: 2m}}\n");
    snprintf(expected, sizeof(expected),
             "a.yaml:1:1: \"return\" is given twice; first in %s/main.yaml line 2\n"
             "a.yaml:2:10: \"a\" is given twice; first in %s/main.yaml line 3\n",
             f->dir, f->dir);
    expect_main(f, expected);
}

static void cannot_be_read(void **state)
{
    const struct files *f = *state;
    char expected[512];
    write_file(f, "main.yaml", "listen: 1\nreturn: 200\ninclude: none.yaml\nworkers: 1\n");
    snprintf(expected, sizeof(expected),
             "main.yaml:3:10: cannot read \"%s/none.yaml\": No such file or directory\n", f->dir);
    expect_main(f, expected);
    write_file(f, "main.yaml", "listen: 1\nreturn: 200\ninclude: .\n");
    snprintf(expected, sizeof(expected), "main.yaml:3:10: cannot read \"%s/.\": Is a directory\n",
             f->dir);
    expect_main(f, expected);
    write_file(f, "main.yaml", "listen: 1\nreturn: 200\ninclude: {a: b}\n");
    expect_main(f, "main.yaml:3:10: include: a path or a list of paths is needed\n");
    write_file(f, "main.yaml", "listen: 1\nreturn: 200\ninclude: l.yaml\n");
    write_file(f, "l.yaml", "- a\n");
    expect_main(f, "l.yaml:1:1: the included file has to be a map here, not a list\n");
}

static void files_that_include_themselves(void **state)
{
    const struct files *f = *state;
    write_file(f, "main.yaml", "listen: 1\nreturn: 200\ninclude: a.yaml\n");
    write_file(f, "a.yaml", "include: [a.yaml]\n");
    expect_main(f, "a.yaml:1:11: too many files include each other\n");
}

static void too_large(void **state)
{
    const struct files *f = *state;
    char path[128];
    char expected[256];
    write_file(f, "main.yaml", "listen: 1\nreturn: 200\ninclude: big.yaml\n");
    write_file(f, "big.yaml", "# ");
    snprintf(path, sizeof(path), "%s/big.yaml", f->dir);
    assert_int_equal(truncate(path, 1024 * 1024 + 1), 0);
    snprintf(expected, sizeof(expected),
             "main.yaml:3:10: cannot read \"%s/big.yaml\": larger than 1 MiB\n", f->dir);
    expect_main(f, expected);
}

/* It is a name like any other where directives do not stand. */
static void not_in_other_maps(void **state)
{
    const struct files *f = *state;
    write_file(f, "main.yaml", "listen: 1\nproxy_pass: http://a\nproxy_set_header: {include: x}\n");
    struct config *c = load_main_ok(f);
    expect_slice(root_of(c, 0)->set_headers[0].name, "include");
    config_unref(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_and_maps_grow_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_servers_and_locations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relative_to_the_file_it_stands_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_name_their_file_in_order_of_reading, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(given_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cannot_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_include_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_in_other_maps, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
