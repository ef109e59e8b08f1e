#include "help.h"

#include <stdlib.h>

struct config *load_with_messages(const char *text, char *messages)
{
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load_text("p.yaml", slice_of(text), &errors);
    FILE *out = fmemopen(messages, 4096, "w");
    assert_non_null(out);
    config_errors_print(&errors, out);
    fputc('\0', out);
    fclose(out);
    assert_int_equal(config == NULL, errors.errors > 0);
    config_errors_fini(&errors);
    return config;
}

struct config *load_ok(const char *text)
{
    char messages[4096];
    struct config *config = load_with_messages(text, messages);
    assert_string_equal(messages, "");
    assert_non_null(config);
    return config;
}

void expect_messages(const char *name, const char *text, const char *expected)
{
    char messages[4096];
    print_message("  %s\n", name);
    struct config *config = load_with_messages(text, messages);
    assert_string_equal(messages, expected);
    config_unref(&config);
}

char *effective_text(const struct config *config)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    config_print_effective(out, config);
    fclose(out);
    return text;
}

const struct location_conf *root_of(const struct config *config, size_t index)
{
    assert_true(index < config->proxy.servers_n);
    return config->proxy.servers[index]->root;
}

const struct location_conf *location_of(const struct config *config, size_t index,
                                        const char *pattern)
{
    assert_true(index < config->proxy.servers_n);
    const struct server_conf *server = config->proxy.servers[index];
    for (size_t i = 0; i < server->locations_n; i++) {
        if (slice_eq(server->locations[i]->pattern, slice_of(pattern))) {
            return server->locations[i];
        }
    }
    return NULL;
}

void expect_slice(struct slice actual, const char *expected)
{
    if (!slice_eq(actual, slice_of(expected))) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(actual), expected);
    }
}

void expect_template(const struct template *t, const char *expected)
{
    assert_non_null(t);
    expect_slice(template_source(t), expected);
}
