#include "proxy/template.h"

#include "base/assert.h"
#include "base/nearest.h"
#include "proxy/escape.h"
#include "proxy/variables.h"

#include <stdio.h>

/* A run of literal text, or one variable. */
struct template_part {
    bool is_variable;
    struct slice text;
    struct variable_use use;
};

struct template
{
    struct slice source;
    enum template_escape escape;
    size_t n;
    struct template_part parts[];
};

/* -- compile -- */

struct compile {
    struct slice text;
    size_t at;
    const struct slice *groups;
    size_t groups_n;
    struct arena *arena;
    struct template *out;
    char *error;
};

#define ERROR_BYTES 256

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* NULL: the name resembles none. */
static const struct variable *most_like(struct slice name)
{
    struct nearest nearest = nearest_to(name);
    const struct variable *best = NULL;
    for (size_t i = 0; variable_row(i); i++) {
        struct slice candidate = slice_of(variable_row(i)->name);
        nearest_offer(&nearest, candidate);
        if (nearest.best.p == candidate.p)
            best = variable_row(i);
    }
    return best;
}

static void explain_unknown(struct slice name, char *error)
{
    const struct variable *near = most_like(name);
    int n =
        snprintf(error, ERROR_BYTES, "unknown variable \"$%.*s\"", SLICE_ARG(slice_take(name, 80)));
    if (near)
        snprintf(error + n, ERROR_BYTES - (size_t)n, ", did you mean \"$%s%s\"?", near->name,
                 variable_is_family(near) ? "NAME" : "");
}

static struct slice lower_copy(struct slice s, struct arena *arena)
{
    char *p = arena_alloc(arena, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = ascii_lower(s.p[i]);
    return slice_make(p, s.n);
}

/* Number of the field that a family's variable names ("user_agent": User-Agent). */
static enum field_id field_of(struct slice name, struct arena *arena)
{
    char *p = arena_alloc(arena, name.n + 1);
    for (size_t i = 0; i < name.n; i++)
        p[i] = name.p[i] == '_' ? '-' : name.p[i];
    return field_id_of(slice_make(p, name.n));
}

static bool resolve_group(struct compile *c, struct slice name, struct variable_use *use)
{
    for (size_t i = 0; i < c->groups_n; i++) {
        if (slice_eq_nocase(c->groups[i], name)) {
            use->name = arena_dup(c->arena, c->groups[i]);
            return true;
        }
    }
    return false;
}

/* $1 … $9, a variable, or a named group. Names of variables may be written in any case, as in
 * nginx. */
static bool resolve(struct compile *c, struct slice name, struct variable_use *use)
{
    *use = (struct variable_use){.field = FIELD_OTHER};
    if (name.n == 1 && name.p[0] >= '1' && name.p[0] <= '9') {
        use->group = name.p[0] - '0';
        return true;
    }
    use->variable = variable_find(lower_copy(name, c->arena), &use->name);
    if (!use->variable && !resolve_group(c, name, use)) {
        explain_unknown(name, c->error);
        return false;
    }
    if (use->variable && variable_is_family(use->variable))
        use->field = field_of(use->name, c->arena);
    return true;
}

/* The name behind the '$' at c->at, and the place behind it. A digit stands alone: `$10` is `$1`
 * and a zero. */
static bool read_name(const struct compile *c, struct slice *name, size_t *next)
{
    struct slice rest = slice_skip(c->text, c->at + 1);
    bool braced = rest.n > 0 && rest.p[0] == '{';
    if (braced)
        rest = slice_skip(rest, 1);
    size_t n = 0;
    while (n < rest.n && is_name_byte(rest.p[n]))
        n++;
    if (!braced && n > 1 && rest.p[0] >= '1' && rest.p[0] <= '9')
        n = 1;
    *name = slice_take(rest, n);
    *next = c->at + 1 + (braced ? 2 : 0) + n;
    return n > 0 && (!braced || (n < rest.n && rest.p[n] == '}'));
}

static bool add_variable(struct compile *c)
{
    struct slice name;
    size_t next = 0;
    if (!read_name(c, &name, &next)) {
        snprintf(c->error, ERROR_BYTES, "\"$\" without the name of a variable");
        return false;
    }
    struct template_part *part = &c->out->parts[c->out->n];
    if (!resolve(c, name, &part->use))
        return false;
    part->is_variable = true;
    c->out->n++;
    c->at = next;
    return true;
}

static void add_literal(struct compile *c)
{
    struct slice rest = slice_skip(c->text, c->at);
    struct slice literal = slice_take(rest, slice_find(rest, '$'));
    c->out->parts[c->out->n++] = (struct template_part){.text = literal};
    c->at += literal.n;
}

/* Each '$' makes one part and at most one literal behind it. */
static size_t parts_max(struct slice text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '$' ? 2 : 0;
    return n;
}

const struct template *template_compile(struct slice text, enum template_escape escape,
                                        const struct slice *known_groups, size_t known_groups_n,
                                        struct arena *arena, char *error, size_t *error_at)
{
    size_t bytes = sizeof(struct template) + parts_max(text) * sizeof(struct template_part);
    struct template *t = arena_zalloc(arena, bytes);
    t->source = arena_dup(arena, text);
    t->escape = escape;
    struct compile c = {.text = t->source,
                        .groups = known_groups,
                        .groups_n = known_groups_n,
                        .arena = arena,
                        .out = t,
                        .error = error};
    while (c.at < c.text.n) {
        if (c.text.p[c.at] != '$')
            add_literal(&c);
        else if (!add_variable(&c)) {
            *error_at = c.at;
            return NULL;
        }
    }
    return t;
}

/* -- render -- */

static struct slice part_value(const struct template_part *p, struct request *r,
                               struct arena *arena)
{
    return p->is_variable ? variable_value(&p->use, r, arena) : p->text;
}

static struct slice concat(const struct slice *values, size_t n, struct arena *arena)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += values[i].n;
    char *out = arena_alloc(arena, bytes + 1);
    char *at = out;
    for (size_t i = 0; i < n; i++) {
        if (values[i].n > 0)
            memcpy(at, values[i].p, values[i].n);
        at += values[i].n;
    }
    return slice_make(out, bytes);
}

struct slice template_render(const struct template *t, struct request *r, struct arena *arena)
{
    if (t->n == 0)
        return SLICE("");
    if (t->n == 1)
        return part_value(&t->parts[0], r, arena);
    struct slice *values = ARENA_ARRAY(arena, struct slice, t->n);
    for (size_t i = 0; i < t->n; i++)
        values[i] = part_value(&t->parts[i], r, arena);
    return concat(values, t->n, arena);
}

bool template_render_key(const struct template *t, struct request *r, struct cache_key_builder *b)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct slice value = part_value(&t->parts[i], r, &r->arena);
        n += value.n;
        if (t->parts[i].is_variable)
            cache_key_value(b, value);
        else
            cache_key_literal(b, value);
    }
    return n > 0;
}

static size_t append_plain(struct slice s, char *out, size_t cap)
{
    size_t n = s.n < cap ? s.n : cap;
    if (n > 0)
        memcpy(out, s.p, n);
    return n;
}

static size_t append_value(enum template_escape escape, struct slice s, char *out, size_t cap)
{
    switch (escape) {
    case TEMPLATE_PLAIN: return append_plain(s, out, cap);
    case TEMPLATE_LOG:
        return s.n == 0 ? append_plain(SLICE("-"), out, cap) : escape_log(s, out, cap);
    case TEMPLATE_JSON: return escape_json(s, out, cap);
    }
    return 0;
}

size_t template_render_into(const struct template *t, struct request *r, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n && n < cap; i++) {
        const struct template_part *p = &t->parts[i];
        if (!p->is_variable) {
            n += append_plain(p->text, out + n, cap - n);
            continue;
        }
        variable_write_fn *write = p->use.variable ? p->use.variable->write : NULL;
        size_t written = 0;
        if (write && cap - n >= VARIABLE_WRITE_MAX)
            written = write(r, out + n);
        n += written > 0
                 ? written
                 : append_value(t->escape, variable_value(&p->use, r, &r->arena), out + n, cap - n);
    }
    return n;
}

bool template_is_true(const struct template *t, struct request *r)
{
    struct slice value = template_render(t, r, &r->arena);
    return value.n > 0 && !slice_eq(value, SLICE("0"));
}

/* -- what it is -- */

bool template_is_constant(const struct template *t, struct slice *text)
{
    if (t->n > 1 || (t->n == 1 && t->parts[0].is_variable))
        return false;
    *text = t->n == 1 ? t->parts[0].text : SLICE("");
    return true;
}

bool template_has_field(const struct template *t, struct slice name)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct variable_use *use = &t->parts[i].use;
        if (t->parts[i].is_variable && use->variable &&
            slice_eq(slice_of(use->variable->name), SLICE("http_")) &&
            variable_names_field(use->name, name))
            return true;
    }
    return false;
}

struct slice template_source(const struct template *t)
{
    return t->source;
}

const char *template_variable_name(size_t index)
{
    const struct variable *v = variable_row(index);
    return v ? v->name : NULL;
}

const char *template_variable_doc(size_t index)
{
    const struct variable *v = variable_row(index);
    return v ? v->doc : NULL;
}
