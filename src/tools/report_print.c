#include "base/assert.h"
#include "base/text.h"
#include "tools/report_value.h"

#define COLUMNS_MAX 32
#define INDENT      2
#define GAP         2

static const struct report_value *value_at(const struct list *it)
{
    return list_entry(it, const struct report_value, node);
}

static bool is_plain(const struct report_value *v)
{
    return v->kind == REPORT_TEXT || v->kind == REPORT_RAW;
}

/* -- for people -- */

/* Units stand in the values, words apart. */
static struct slice label_of(struct arena *arena, const char *name)
{
    static const struct slice units[] = {SLICE_INIT("_bytes"), SLICE_INIT("_s"), SLICE_INIT("_us"),
                                         SLICE_INIT("_percent")};
    struct slice text = slice_of(name);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (slice_ends(text, units[i])) {
            text = slice_take(text, text.n - units[i].n);
            break;
        }
    }
    char *p = arena_alloc(arena, text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        p[i] = text.p[i] == '_' ? ' ' : text.p[i];
    return slice_make(p, text.n);
}

/* Cells of people are one column wide: UTF-8 counts by its characters. */
static size_t width_of(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void put(struct text *t, size_t indent, struct slice s)
{
    text_printf(t, "%*s", (int)indent, "");
    text_add(t, s);
}

/* Control bytes of a peer must not reach a terminal. */
static void put_clean(struct text *t, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f)
            text_printf(t, "\\x%02x", c);
        else
            text_add(t, slice_make(s.p + i, 1));
    }
}

static void put_cell(struct text *t, struct slice s, size_t width, bool last)
{
    put_clean(t, s);
    size_t wide = width_of(s);
    if (!last)
        text_printf(t, "%*s", (int)(width > wide ? width - wide + GAP : GAP), "");
}

struct columns {
    size_t n;
    size_t width[COLUMNS_MAX];
};

static void widen(struct columns *c, size_t column, struct slice s)
{
    ASSERT(column < COLUMNS_MAX);
    size_t wide = width_of(s);
    if (column >= c->n)
        c->n = column + 1;
    if (wide > c->width[column])
        c->width[column] = wide;
}

static void measure(struct columns *c, const struct report_value *row, struct arena *arena)
{
    size_t column = 0;
    list_for_each (it, &row->members) {
        const struct report_value *v = value_at(it);
        if (!is_plain(v))
            continue;
        if (row->parent->kind == REPORT_TABLE)
            widen(c, column, label_of(arena, v->name));
        widen(c, column++, v->shown);
    }
}

static void put_row(struct text *t, const struct report_value *row, const struct columns *c,
                    struct arena *arena, bool names)
{
    size_t column = 0;
    list_for_each (it, &row->members) {
        const struct report_value *v = value_at(it);
        if (!is_plain(v))
            continue;
        put_cell(t, names ? label_of(arena, v->name) : v->shown, c->width[column],
                 column + 1 == c->n);
        column++;
    }
    text_add(t, SLICE("\n"));
}

/* What people read, and how wide it may be. */
struct page {
    struct text text;
    struct arena *arena;
    size_t columns; /* of the terminal; 0: any number */
};

static bool is_too_wide(const struct columns *c, size_t indent, const struct page *page)
{
    size_t wide = indent + (c->n > 0 ? (c->n - 1) * GAP : 0);
    for (size_t i = 0; i < c->n; i++)
        wide += c->width[i];
    return page->columns > 0 && wide > page->columns;
}

static void put_object(struct page *page, const struct report_value *object, size_t indent);

/* One below the other, each value in a line of its own. */
/* NOLINTNEXTLINE(misc-no-recursion): a row is an object */
static void put_rows_as_objects(struct page *page, const struct report_value *table, size_t indent)
{
    list_for_each (it, &table->members) {
        if (it != table->members.next)
            text_add(&page->text, SLICE("\n"));
        put_object(page, value_at(it), indent);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as put_object */
static void put_table(struct page *page, const struct report_value *table, size_t indent)
{
    struct text *t = &page->text;
    struct arena *arena = page->arena;
    struct columns c = {0};
    list_for_each (it, &table->members)
        measure(&c, value_at(it), arena);
    if (list_empty(&table->members))
        return;
    if (table->kind == REPORT_TABLE && is_too_wide(&c, indent, page)) {
        put_rows_as_objects(page, table, indent);
        return;
    }
    if (table->kind == REPORT_TABLE) {
        put(t, indent, slice_none());
        put_row(t, value_at(table->members.next), &c, arena, true);
    }
    list_for_each (it, &table->members) {
        put(t, indent, slice_none());
        put_row(t, value_at(it), &c, arena, false);
    }
}

static void put_heading(struct text *t, const struct report_value *v, size_t indent,
                        struct arena *arena)
{
    if (t->buf.end > 0)
        text_add(t, SLICE("\n"));
    put(t, indent, label_of(arena, v->name));
    text_add(t, SLICE(":\n"));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a tool has nested it */
static void put_object(struct page *page, const struct report_value *object, size_t indent)
{
    struct text *t = &page->text;
    struct arena *arena = page->arena;
    struct columns names = {0};
    list_for_each (it, &object->members) {
        if (is_plain(value_at(it)))
            widen(&names, 0, label_of(arena, value_at(it)->name));
    }
    bool behind_table = false;
    list_for_each (it, &object->members) {
        const struct report_value *v = value_at(it);
        if (behind_table && is_plain(v))
            text_add(t, SLICE("\n"));
        behind_table =
            (v->kind == REPORT_TABLE || v->kind == REPORT_LIST) && !list_empty(&v->members);
        switch (v->kind) {
        case REPORT_TEXT:
        case REPORT_RAW:
            put(t, indent, slice_none());
            put_cell(t, label_of(arena, v->name), names.width[0], false);
            put_clean(t, v->shown);
            text_add(t, SLICE("\n"));
            break;
        case REPORT_OBJECT:
            put_heading(t, v, indent, arena);
            put_object(page, v, indent + INDENT);
            break;
        case REPORT_TABLE:
        case REPORT_LIST:
            if (t->buf.end > 0 && !list_empty(&v->members))
                text_add(t, SLICE("\n"));
            put_table(page, v, indent);
            break;
        case REPORT_DETAILS: break;
        }
    }
}

/* -- for programs -- */

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a tool has nested it */
static void put_json(struct text *t, const struct report_value *v)
{
    bool rows = v->kind == REPORT_TABLE || v->kind == REPORT_LIST;
    if (v->kind == REPORT_TEXT) {
        text_json(t, v->shown);
        return;
    }
    if (v->kind == REPORT_RAW) {
        text_add(t, v->raw);
        return;
    }
    text_add(t, rows ? SLICE("[") : SLICE("{"));
    list_for_each (it, &v->members) {
        if (it != v->members.next)
            text_add(t, SLICE(", "));
        if (!rows) {
            text_json(t, slice_of(value_at(it)->name));
            text_add(t, SLICE(": "));
        }
        put_json(t, value_at(it));
    }
    text_add(t, rows ? SLICE("]") : SLICE("}"));
}

bool report_print(const struct report *r, FILE *out, bool json, size_t columns)
{
    struct page page = {.arena = r->arena, .columns = columns};
    struct text *t = &page.text;
    ASSERT(r->at == r->root);
    text_init(t);
    if (json) {
        put_json(t, r->root);
        text_add(t, SLICE("\n"));
    } else {
        put_object(&page, r->root, 0);
    }
    struct slice all = buf_slice(&t->buf);
    bool ok = !t->failed && (all.n == 0 || fwrite(all.p, 1, all.n, out) == all.n);
    text_fini(t);
    return ok && fflush(out) == 0;
}
