/* The configuration with all settings spelled out (-T): YAML that loads to the same configuration
 * again. */
#include "config/config.h"

#include "config/loading.h"

/* -- values as flow YAML -- */

static bool is_plain(struct slice s)
{
    bool first = s.n > 0 && (s.p[0] == '/' || s.p[0] == '$' || s.p[0] == '_' ||
                             (s.p[0] | 0x20) >= 'a' || (s.p[0] >= '0' && s.p[0] <= '9'));
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("_./$- ", c) == NULL)) {
            return false;
        }
    }
    return first && s.p[s.n - 1] != ' ' && !slice_eq(s, SLICE("null"));
}

static void print_quoted(FILE *out, struct slice s)
{
    fputc('"', out);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(out, "\\x%02x", c);
        } else {
            fputc(c, out);
        }
    }
    fputc('"', out);
}

static void print_text(FILE *out, struct slice s)
{
    if (is_plain(s)) {
        fprintf(out, "%.*s", SLICE_ARG(s));
    } else {
        print_quoted(out, s);
    }
}

static void print_value(FILE *out, const struct node *node)
{
    if (node->kind == NODE_SCALAR) {
        print_text(out, node_is_null(node) ? slice_none() : node->text);
        return;
    }
    fputc(node->kind == NODE_LIST ? '[' : '{', out);
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        fputs(child == node->first ? "" : ", ", out);
        if (node->kind == NODE_MAP) {
            print_text(out, child->name);
            fputs(": ", out);
        }
        print_value(out, child);
    }
    fputc(node->kind == NODE_LIST ? ']' : '}', out);
}

/* -- blocks -- */

/* Directives of the scope with a value, except those that choose what answers: only the block that
 * has them prints them. */
static const struct node *printed(const struct level *level, size_t index, unsigned scope)
{
    const struct directive *d = directive_at(index);
    bool handler = d->type == TYPE_PROXY_PASS || d->type == TYPE_RETURN;
    return (d->scope & scope) != 0 && !handler ? level->set[index] : NULL;
}

static void print_settings(FILE *out, const struct level *level, unsigned scope, int indent)
{
    if (level->handler != NULL) {
        fprintf(out, "%*s%.*s: ", indent, "", SLICE_ARG(level->handler->name));
        print_value(out, level->handler);
        fputc('\n', out);
    }
    for (size_t i = 0; i < directive_count(); i++) {
        const struct node *value = printed(level, i, scope);
        if (value != NULL) {
            fprintf(out, "%*s%s: ", indent, "", directive_at(i)->name);
            print_value(out, value);
            fputc('\n', out);
        }
    }
}

/* On one line: `{address: …, weight: 1}`. */
static void print_flow(FILE *out, const struct level *level)
{
    const char *separator = "{";
    for (size_t i = 0; i < directive_count(); i++) {
        const struct node *value = printed(level, i, level->scope);
        if (value != NULL) {
            fprintf(out, "%s%s: ", separator, directive_at(i)->name);
            print_value(out, value);
            separator = ", ";
        }
    }
    fputs("}\n", out);
}

static void print_flow_list(FILE *out, const char *name, const struct pointers *levels, int indent)
{
    fprintf(out, "%*s%s:\n", indent, "", name);
    for (size_t i = 0; i < levels->n; i++) {
        fprintf(out, "%*s- ", indent + 2, "");
        print_flow(out, levels->items[i]);
    }
}

/* Upstreams, pools and caches: a map of named blocks. Those that a proxy_pass implies are not
 * printed: it says it itself. */
static void print_named(FILE *out, const char *name, const struct pointers *levels)
{
    bool any = false;
    for (size_t i = 0; i < levels->n; i++) {
        const struct level *level = levels->items[i];
        if (level->handler != NULL) {
            continue;
        }
        fprintf(out, any ? "  " : "%s:\n  ", name);
        any = true;
        print_text(out, level->name);
        fputs(":\n", out);
        if (level->children.n > 0) {
            print_flow_list(out, "servers", &level->children, 4);
        }
        print_settings(out, level, level->scope, 4);
    }
}

static void print_locations(FILE *out, const struct level *of, int indent)
{
    if (of->children.n == 0) {
        return;
    }
    fprintf(out, "%*slocations:\n", indent, "");
    for (size_t i = 0; i < of->children.n; i++) {
        const struct level *location = of->children.items[i];
        fprintf(out, "%*s", indent + 2, "");
        print_text(out, location->name);
        fputs(":\n", out);
        print_settings(out, location, SCOPE_LOCATION, indent + 4);
        print_locations(out, location, indent + 4);
    }
}

static void print_names(FILE *out, const struct level *server, int indent)
{
    if (server->server_name == NULL)
        return;
    fprintf(out, "%*sserver_name: ", indent, "");
    print_value(out, server->server_name);
    fputc('\n', out);
}

static void print_server(FILE *out, const struct level *server)
{
    fputs("  -\n", out);
    print_flow_list(out, "listen", &server->listens, 4);
    print_names(out, server, 4);
    print_settings(out, server, SCOPE_SERVER, 4);
    print_locations(out, server, 4);
}

void config_print_effective(FILE *out, const struct config *config)
{
    const struct config_source *source = config->source;
    struct level process = *source->top;
    process.handler = NULL; /* of the implicit server, which prints it */
    print_settings(out, &process, SCOPE_MAIN, 0);
    if (source->log_formats != NULL) {
        fputs("log_format: ", out);
        print_value(out, source->log_formats);
        fputc('\n', out);
    }
    if (source->admin != NULL) {
        fputs("admin:\n", out);
        print_flow_list(out, "listen", &source->admin->listens, 2);
        print_names(out, source->admin, 2);
    }
    print_named(out, "upstreams", &source->upstreams);
    print_named(out, "memcached_pools", &source->pools);
    print_named(out, "caches", &source->caches);
    fputs("servers:\n", out);
    for (size_t i = 0; i < source->servers.n; i++) {
        print_server(out, source->servers.items[i]);
    }
}
