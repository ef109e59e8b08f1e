/* What is wrong with a file: a list in order of place. */
#include "config/config.h"
#include "config/node.h"

#include <stdarg.h>
#include <stdlib.h>

#define ERRORS_MAX 200 /* more help nobody */

void config_errors_init(struct config_errors *errors)
{
    *errors = (struct config_errors){0};
    arena_init(&errors->arena, NULL);
}

void config_errors_fini(struct config_errors *errors)
{
    arena_fini(&errors->arena);
    *errors = (struct config_errors){0};
}

static bool stands_before(const struct config_error *a, const struct config_error *b)
{
    if (a->file_order != b->file_order) {
        return a->file_order < b->file_order;
    }
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static void grow(struct config_errors *errors)
{
    size_t cap = errors->cap == 0 ? 16 : errors->cap * 2;
    struct config_error *items = ARENA_ARRAY(&errors->arena, struct config_error, cap);
    if (errors->n > 0) {
        memcpy(items, errors->items, errors->n * sizeof(*items));
    }
    errors->items = items;
    errors->cap = cap;
}

static void insert(struct config_errors *errors, const struct config_error *error)
{
    if (errors->n == errors->cap) {
        grow(errors);
    }
    size_t at = errors->n++;
    for (; at > 0 && stands_before(error, &errors->items[at - 1]); at--) {
        errors->items[at] = errors->items[at - 1];
    }
    errors->items[at] = *error;
}

static void add(struct config_errors *errors, const struct place *at, bool warning, const char *fmt,
                va_list ap)
{
    errors->errors += warning ? 0 : 1;
    if (errors->n >= ERRORS_MAX) {
        return;
    }
    struct config_error error = {
        .file = arena_dup(&errors->arena, at->file),
        .line = at->line,
        .column = at->column,
        .warning = warning,
        .text = arena_vprintf(&errors->arena, fmt, ap),
        .file_order = at->file_order,
    };
    insert(errors, &error);
}

void error_at(struct config_errors *errors, const struct place *at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(errors, at, false, fmt, ap);
    va_end(ap);
}

void warning_at(struct config_errors *errors, const struct place *at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(errors, at, true, fmt, ap);
    va_end(ap);
}

struct slice config_error_format(const struct config_error *e, char *buf, size_t cap)
{
    const char *kind = e->warning ? "warning: " : "";
    int n = e->line == 0
                ? snprintf(buf, cap, "%.*s: %s%.*s", SLICE_ARG(e->file), kind, SLICE_ARG(e->text))
                : snprintf(buf, cap, "%.*s:%u:%u: %s%.*s", SLICE_ARG(e->file), e->line, e->column,
                           kind, SLICE_ARG(e->text));
    size_t len = n < 0 ? 0 : (size_t)n;
    return slice_make(buf, len < cap ? len : cap - 1);
}

void config_errors_print(const struct config_errors *errors, FILE *out)
{
    for (size_t i = 0; i < errors->n; i++) {
        char line[2048];
        struct slice text = config_error_format(&errors->items[i], line, sizeof(line));
        fprintf(out, "%.*s\n", SLICE_ARG(text));
    }
}
