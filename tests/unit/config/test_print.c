/* -T, the reference, the example: what is written about the configuration is true. */
#include "help.h"

#include "config/directives.h"
#include "config/loading.h"

#include <stdlib.h>

static char *read_all(const char *path)
{
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        fail_msg("cannot open %s (tests run at the top of the repository)", path);
    }
    char *text = calloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, in);
    assert_true(n > 0);
    fclose(in);
    return text;
}

static const char *const configs[] = {
    "listen: 80\nproxy_pass: http://a\n",
    "listen: 80\nreturn: '200 \"quoted\" \\ text: # [x] {y}'\n",
    "listen: 80\nreturn: \"200 two\\nlines\\ttab \xc3\xa9\"\n",
    "listen: ['80 default_server backlog=5', 'unix:/tmp/s']\nserver_name: ['~^(?<a>.)\\d\"$', "
    "'*.x']\nreturn: 404\n",
    "listen: 80\nproxy_pass: http://a/base/\nlocations:\n  /x/: {}\n  '~ \\.php$': {proxy_pass: "
    "http://b}\n"
    "  /y/:\n    locations: {/y/z: {proxy_set_header: ['X-A b c']}}\n",
    "listen: 80\nproxy_pass: http://app\nupstreams: {app: {servers: [a weight=2 backup, "
    "'unix:/s']}}\n"
    "memcached: [m:1]\ncaches: {pages: {memory: 1m, max_object: 1k}}\nproxy_cache: pages\n"
    "proxy_cache_valid: {200: 1d, '301 302': 1h}\nadmin: '127.0.0.1:81'\nlog_format: {x: "
    "'escape=none $status'}\n"
    "access_log: [{path: /a, format: x}]\nproxy_set_header: {X-Empty: '', X-Null: 'null', X-T: "
    "'~', Y: 'on'}\n"
    "error_log: {path: /e, level: info}\nuser: a b\nresolver: ['127.0.0.1', "
    "'[::1]:5']\nproxy_no_cache: [$arg_a]\n",
};

/* Loading what was printed prints the same again, and means the same. */
static void printed_text_loads_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
        char messages[4096];
        struct config *first = load_with_messages(configs[i], messages);
        if (first == NULL) {
            fail_msg("%s", messages);
        }
        char *once = effective_text(first);
        struct config *second = load_with_messages(once, messages);
        if (second == NULL) {
            fail_msg("%s in:\n%s", messages, once);
        }
        char *twice = effective_text(second);
        assert_string_equal(once, twice);
        assert_int_equal(first->proxy.caches_n, second->proxy.caches_n);
        assert_int_equal(first->proxy.upstreams_n, second->proxy.upstreams_n);
        assert_int_equal(first->pools_n, second->pools_n);
        const struct location_conf *a = root_of(first, 0);
        const struct location_conf *b = root_of(second, 0);
        assert_int_equal(a->set_headers_n, b->set_headers_n);
        if (a->return_text != NULL) {
            assert_true(slice_eq(template_source(a->return_text), template_source(b->return_text)));
        }
        free(once);
        free(twice);
        config_unref(&first);
        config_unref(&second);
    }
}

static void inherited_values_are_printed_where_they_work(void **state)
{
    (void)state;
    struct config *c = load_ok(
        "proxy_read_timeout: 7s\nservers: [{listen: 80, proxy_pass: 'http://a/b/', locations: "
        "{/x: {proxy_read_timeout: 8s, locations: {/x/y: {}}}}}]\n");
    char *text = effective_text(c);
    static const char *const lines[] = {
        "\n    proxy_read_timeout: 7s\n", /* the server */
        "\n        proxy_read_timeout: 8s\n",
        "\n            proxy_read_timeout: 8s\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_non_null(strstr(text, lines[i]));
    }
    const char *pass = strstr(text, "proxy_pass: ");
    assert_non_null(pass);
    assert_null(strstr(
        pass + 1, "proxy_pass: ")); /* printed once: elsewhere it would replace another prefix */
    free(text);
    config_unref(&c);
}

static void reference_is_up_to_date(void **state)
{
    (void)state;
    char *written = read_all("conf/REFERENCE.md");
    char *printed = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&printed, &n);
    config_print_reference(out);
    fclose(out);
    if (strcmp(written, printed) != 0) {
        fail_msg("conf/REFERENCE.md is not what the table says: run `make docs`");
    }
    free(written);
    free(printed);
}

/* Times that `name:` stands in the text as a key, a comment's start not counted. */
static size_t count_key(const char *text, const char *name)
{
    size_t found = 0;
    size_t n = strlen(name);
    for (const char *p = strstr(text, name); p != NULL; p = strstr(p + n, name)) {
        bool starts = p > text && strchr("\n {-", p[-1]) != NULL;
        found += starts && p[n] == ':' ? 1 : 0;
    }
    return found;
}

static void example_has_every_directive(void **state)
{
    (void)state;
    char *text = read_all("proxy.yaml.example");
    for (size_t i = 0; i < directive_count(); i++) {
        const char *name = directive_at(i)->name;
        size_t rows = 0;
        for (size_t j = 0; j < directive_count(); j++) {
            rows += strcmp(directive_at(j)->name, name) == 0 ? 1 : 0;
        }
        if (count_key(text, name) < rows) {
            fail_msg("proxy.yaml.example has \"%s\" %zu times, the table %zu times", name,
                     count_key(text, name), rows);
        }
    }
    free(text);
}

/* A value of the example that stands at the top level and is not marked as an example is the
 * default. */
static void example_shows_defaults(void **state)
{
    (void)state;
    struct config_errors errors;
    config_errors_init(&errors);
    char *text = read_all("proxy.yaml.example");
    struct config *c = config_load("proxy.yaml.example", &errors);
    assert_int_equal(errors.n, 0);
    assert_non_null(c);
    for (size_t i = 0; i < directive_count(); i++) {
        const struct directive *d = directive_at(i);
        const struct node *value = c->source->top->set[i];
        if ((d->scope & (SCOPE_MAIN | SCOPE_HTTP)) == 0 || value == NULL || d->dflt == NULL) {
            continue;
        }
        char line[256];
        bool map = value->kind == NODE_MAP;
        snprintf(line, sizeof(line), "\n%s: %s", d->name, d->dflt);
        if (!map && strstr(text, line) == NULL) {
            fail_msg("proxy.yaml.example does not have the line: %s", line + 1);
        }
    }
    config_unref(&c);
    free(text);
    config_errors_fini(&errors);
}

static void quickstart_loads(void **state)
{
    (void)state;
    struct config_errors errors;
    config_errors_init(&errors);
    setenv("APP_PORT", "3000", 1);
    setenv("PORT", "8123", 1);
    struct config *c = config_load("conf/quickstart.yaml", &errors);
    assert_int_equal(errors.n, 0);
    expect_slice(c->proxy.listens[0].text, "127.0.0.1:8123");
    expect_slice(root_of(c, 0)->proxy_host, "127.0.0.1:3000");
    config_unref(&c);
    config_errors_fini(&errors);
}

/* Bounds are in the unit of the type and the default lies between them; both are proven by loading
 * them. */
static void rows_agree_with_themselves(void **state)
{
    (void)state;
    for (size_t i = 0; i < directive_count(); i++) {
        const struct directive *d = directive_at(i);
        assert_true(d->doc != NULL && d->doc[strlen(d->doc) - 1] == '.');
        assert_true(strcmp(d->source, "nginx") == 0 || strcmp(d->source, "mcproxy") == 0);
        assert_int_equal(d->type == TYPE_CHOICE || d->type == TYPE_BITS, d->choices != NULL);
        bool pair = d->type == TYPE_BUFFERS || d->type == TYPE_HEAD_BUFFERS || d->type == TYPE_TEXT;
        if ((d->scope & SCOPE_HTTP) == 0 || d->min == NULL || pair) {
            continue;
        }
        for (int bound = 0; bound < 2; bound++) {
            const char *value = bound == 0 ? d->min : d->max;
            char text[256];
            char messages[4096];
            snprintf(text, sizeof(text), "listen: 80\nproxy_pass: http://a\n%s: %s\n", d->name,
                     value == NULL ? d->min : value);
            struct config *c = load_with_messages(text, messages);
            if (c == NULL) {
                fail_msg("%s", messages);
            }
            config_unref(&c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_text_loads_again),
        cmocka_unit_test(inherited_values_are_printed_where_they_work),
        cmocka_unit_test(reference_is_up_to_date),
        cmocka_unit_test(example_has_every_directive),
        cmocka_unit_test(example_shows_defaults),
        cmocka_unit_test(quickstart_loads),
        cmocka_unit_test(rows_agree_with_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
