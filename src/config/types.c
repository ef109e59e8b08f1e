/* Values of the simple types: flags, numbers, sizes, durations, words. Bounds and error texts come
 * from the rows. */
#include "config/loading.h"

#include "base/assert.h"
#include "base/parse.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>

/* -- errors -- */

void value_error(struct loading *l, const struct directive *d, const struct node *at,
                 const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice text = arena_vprintf(&l->errors->arena, fmt, ap);
    va_end(ap);
    error_at(l->errors, &at->at, "%s: %.*s", d->name, SLICE_ARG(text));
}

/* ` (0s to 10m)`, ` (at least 1)`, or nothing. */
static struct slice bounds_text(struct loading *l, const struct directive *d)
{
    struct arena *arena = &l->errors->arena;
    if (d->min != NULL && d->max != NULL) {
        return arena_printf(arena, " (%s to %s)", d->min, d->max);
    }
    return d->min == NULL ? SLICE("") : arena_printf(arena, " (at least %s)", d->min);
}

/* `"5x" is not a duration such as 10s (0s to 10m)` */
static bool not_a(struct loading *l, const struct directive *d, const struct node *at,
                  struct slice text, const char *what)
{
    struct slice bounds = bounds_text(l, d);
    value_error(l, d, at, "\"%.*s\" is not %s%.*s", SLICE_ARG(text), what, SLICE_ARG(bounds));
    return false;
}

/* -- texts -- */

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

bool value_text(struct loading *l, const struct directive *d, const struct node *node, bool empty,
                struct slice *out)
{
    *out = slice_none();
    if (node->kind != NODE_SCALAR) {
        value_error(l, d, node, "a single value is needed, not %s", node_kind_text(node));
        return false;
    }
    struct slice text = node_is_null(node) ? slice_none() : node->text;
    if (text.n > 0 && text.p[text.n - 1] == '\n' && node->quoted) { /* a block scalar (| or >) */
        text.n--;
    }
    if (has_control(text)) {
        value_error(l, d, node, "control characters and line breaks are not allowed");
        return false;
    }
    if (text.n == 0 && !empty) {
        value_error(l, d, node, "a value is needed");
        return false;
    }
    *out = text;
    return true;
}

struct slice next_word(struct slice *rest)
{
    struct slice s = slice_trim(*rest);
    size_t n = 0;
    while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t') {
        n++;
    }
    *rest = slice_trim(slice_skip(s, n));
    return slice_take(s, n);
}

static bool words_of_scalar(struct loading *l, const struct directive *d, const struct node *node,
                            struct slice **words, size_t *n)
{
    struct slice text;
    if (!value_text(l, d, node, true, &text)) {
        return false;
    }
    *words = ARENA_ARRAY(l->arena, struct slice, text.n / 2 + 1);
    for (struct slice word = next_word(&text); word.n > 0; word = next_word(&text)) {
        (*words)[(*n)++] = word;
    }
    return true;
}

bool value_words(struct loading *l, const struct directive *d, const struct node *node,
                 struct slice **words, size_t *n)
{
    *n = 0;
    if (node->kind != NODE_LIST) {
        return words_of_scalar(l, d, node, words, n);
    }
    *words = ARENA_ARRAY(l->arena, struct slice, node->n);
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        struct slice text;
        if (!value_text(l, d, item, false, &text)) {
            return false;
        }
        (*words)[(*n)++] = text;
    }
    return true;
}

bool value_keys(struct loading *l, const struct directive *d, const struct node *map,
                const char *const *allowed)
{
    bool ok = true;
    for (const struct node *m = map->first; m != NULL; m = m->next) {
        size_t i = 0;
        while (allowed[i] != NULL && !slice_eq(m->name, slice_of(allowed[i]))) {
            i++;
        }
        if (allowed[i] == NULL) {
            error_at(l->errors, &m->name_at, "%s: unknown key \"%.*s\"", d->name,
                     SLICE_ARG(m->name));
            ok = false;
        }
    }
    return ok;
}

void *value_field(const struct directive *d, void *block)
{
    return (char *)block + d->field;
}

/* -- numbers -- */

static bool in_bounds(int64_t v, bool has_min, int64_t min, bool has_max, int64_t max)
{
    return (!has_min || v >= min) && (!has_max || v <= max);
}

typedef bool unit_fn(struct slice, int64_t *);

static bool plain_number(struct slice s, int64_t *out)
{
    uint64_t v;
    if (!parse_u64(s, INT64_MAX, &v)) {
        return false;
    }
    *out = (int64_t)v;
    return true;
}

/* A bound of a row, in the unit of its type. */
static int64_t bound(const char *text, unit_fn *unit)
{
    int64_t v = 0;
    ASSERT(text == NULL || unit(slice_of(text), &v));
    return v;
}

/* A number by `unit`, within the row's bounds. */
static bool bounded(struct loading *l, const struct directive *d, const struct node *node,
                    unit_fn *unit, const char *what, int64_t *out)
{
    struct slice text;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    if (!unit(text, out) || !in_bounds(*out, d->min != NULL, bound(d->min, unit), d->max != NULL,
                                       bound(d->max, unit))) {
        return not_a(l, d, node, text, what);
    }
    return true;
}

bool parse_flag_value(struct loading *l, const struct directive *d, const struct node *node,
                      void *block)
{
    struct slice text;
    bool *field = value_field(d, block);
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    return parse_bool(text, field) || not_a(l, d, node, text, "on or off");
}

bool parse_number(struct loading *l, const struct directive *d, const struct node *node,
                  void *block)
{
    int64_t v;
    uint32_t *field = value_field(d, block);
    if (!bounded(l, d, node, plain_number, "a number", &v)) {
        return false;
    }
    *field = (uint32_t)v; /* the rows bound it */
    return true;
}

bool parse_number_or_auto(struct loading *l, const struct directive *d, const struct node *node,
                          void *block)
{
    uint32_t *field = value_field(d, block);
    if (node->kind == NODE_SCALAR && slice_eq(node->text, SLICE("auto"))) {
        *field = 0;
        return true;
    }
    int64_t v;
    if (!bounded(l, d, node, plain_number, "auto or a number", &v)) {
        return false;
    }
    *field = (uint32_t)v;
    return true;
}

bool parse_count(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    int64_t v;
    size_t *field = value_field(d, block);
    if (!bounded(l, d, node, plain_number, "a number", &v)) {
        return false;
    }
    *field = (size_t)v;
    return true;
}

bool parse_int(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    int64_t v;
    int *field = value_field(d, block);
    if (!bounded(l, d, node, plain_number, "a number", &v)) {
        return false;
    }
    *field = (int)v;
    return true;
}

_Static_assert(sizeof(size_t) == sizeof(int64_t), "TYPE_SIZE serves both");

bool parse_size(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    int64_t v;
    if (!bounded(l, d, node, parse_size_bytes, "a size such as 8k", &v)) {
        return false;
    }
    memcpy(value_field(d, block), &v, sizeof(v));
    return true;
}

bool parse_int_size(struct loading *l, const struct directive *d, const struct node *node,
                    void *block)
{
    int64_t v;
    int *field = value_field(d, block);
    if (!bounded(l, d, node, parse_size_bytes, "a size such as 8k", &v)) {
        return false;
    }
    *field = (int)v;
    return true;
}

bool parse_duration(struct loading *l, const struct directive *d, const struct node *node,
                    void *block)
{
    int64_t *field = value_field(d, block);
    int64_t v;
    if (!bounded(l, d, node, parse_duration_ms, "a duration such as 10s", &v)) {
        return false;
    }
    *field = v;
    return true;
}

bool parse_seconds_or_off(struct loading *l, const struct directive *d, const struct node *node,
                          void *block)
{
    int64_t *field = value_field(d, block);
    bool on = true;
    if (node->kind == NODE_SCALAR && parse_bool(node->text, &on) && !on) {
        *field = 0;
        return true;
    }
    int64_t v;
    if (!bounded(l, d, node, parse_duration_ms, "off or a duration", &v)) {
        return false;
    }
    *field = v / 1000;
    return true;
}

/* -- words -- */

/* `off, host, on` */
static struct slice choices_text(struct loading *l, const struct directive *d)
{
    struct arena *arena = &l->errors->arena;
    struct slice text = slice_of(d->choices[0].word);
    for (size_t i = 1; d->choices[i].word != NULL; i++) {
        text = arena_printf(arena, "%.*s, %s", SLICE_ARG(text), d->choices[i].word);
    }
    return text;
}

static const struct choice *choice_find(struct loading *l, const struct directive *d,
                                        const struct node *at, struct slice word)
{
    for (const struct choice *c = d->choices; c->word != NULL; c++) {
        if (slice_eq_nocase(slice_of(c->word), word)) {
            return c;
        }
    }
    struct slice all = choices_text(l, d);
    value_error(l, d, at, "\"%.*s\" is not one of %.*s", SLICE_ARG(word), SLICE_ARG(all));
    return NULL;
}

bool parse_choice(struct loading *l, const struct directive *d, const struct node *node,
                  void *block)
{
    struct slice text;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    const struct choice *c = choice_find(l, d, node, text);
    if (c == NULL) {
        return false;
    }
    memcpy(value_field(d, block), &c->value, sizeof(c->value)); /* enums have the size of int */
    return true;
}

bool parse_bits(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    struct slice *words;
    size_t n;
    unsigned bits = 0;
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct choice *c = choice_find(l, d, node, words[i]);
        if (c == NULL) {
            return false;
        }
        if (c->value == 0 && n > 1) {
            value_error(l, d, node, "\"%s\" has to stand alone", c->word);
            return false;
        }
        bits |= (unsigned)c->value;
    }
    if (n == 0) {
        value_error(l, d, node, "a value is needed");
        return false;
    }
    unsigned *field = value_field(d, block);
    *field = bits;
    return true;
}

/* -- plain texts -- */

static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~') {
            return false;
        }
    }
    return true;
}

bool parse_text(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    struct slice *field = value_field(d, block);
    struct slice text;
    if (!value_text(l, d, node, d->max != NULL, &text)) {
        return false;
    }
    if (d->max != NULL && (text.n > (size_t)bound(d->max, plain_number) || !is_printable(text))) {
        value_error(l, d, node, "at most %s printable bytes without spaces are possible", d->max);
        return false;
    }
    *field = text;
    return true;
}

bool parse_file(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    const char **field = value_field(d, block);
    struct slice text;
    char path[PATH_MAX];
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    if (!node_path(node, path, sizeof(path))) {
        value_error(l, d, node, "the path is too long");
        return false;
    }
    *field = arena_dup(l->arena, slice_of(path)).p;
    return true;
}

bool parse_path(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    const char **field = value_field(d, block);
    struct slice text;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    *field = slice_eq(text, SLICE("off")) ? NULL : arena_dup(l->arena, text).p;
    return true;
}
