#include "tools/report.h"

#include "base/assert.h"
#include "tools/report_value.h"

#include <stdarg.h>

static struct report_value *value_new(struct report *r, const char *name, enum report_kind kind)
{
    struct report_value *v = ARENA_NEW(r->arena, struct report_value);
    v->name = name;
    v->kind = kind;
    v->parent = r->at;
    list_init(&v->members);
    if (r->at)
        list_push_back(&r->at->members, &v->node);
    return v;
}

void report_init(struct report *r, struct arena *arena)
{
    *r = (struct report){.arena = arena};
    r->root = value_new(r, "", REPORT_OBJECT);
    r->at = r->root;
}

/* -- values -- */

void report_text(struct report *r, const char *name, struct slice text)
{
    value_new(r, name, REPORT_TEXT)->shown = arena_dup(r->arena, text);
}

void report_printf(struct report *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    value_new(r, name, REPORT_TEXT)->shown = arena_vprintf(r->arena, fmt, ap);
    va_end(ap);
}

static void raw(struct report *r, const char *name, struct slice json, struct slice shown)
{
    struct report_value *v = value_new(r, name, REPORT_RAW);
    v->raw = json;
    v->shown = shown;
}

static struct slice digits(struct report *r, int64_t number)
{
    return arena_printf(r->arena, "%lld", (long long)number);
}

void report_number(struct report *r, const char *name, int64_t number)
{
    struct slice text = digits(r, number);
    raw(r, name, text, text);
}

void report_flag(struct report *r, const char *name, bool is)
{
    raw(r, name, is ? SLICE("true") : SLICE("false"), is ? SLICE("yes") : SLICE("no"));
}

void report_nothing(struct report *r, const char *name, const char *shown)
{
    raw(r, name, SLICE("null"), slice_of(shown));
}

struct slice report_size(struct arena *arena, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024)
        return arena_printf(arena, "%llu B", (unsigned long long)bytes);
    size_t unit = 0;
    double n = (double)bytes / 1024;
    for (; n >= 1024 && unit + 1 < ARRAY_LEN(units); unit++)
        n /= 1024;
    return arena_printf(arena, "%.1f %s", n, units[unit]);
}

void report_bytes(struct report *r, const char *name, uint64_t bytes)
{
    raw(r, name, digits(r, (int64_t)bytes), report_size(r->arena, bytes));
}

/* The two largest units that are needed. */
struct slice report_duration(struct arena *arena, int64_t seconds)
{
    static const struct {
        int64_t s;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    const char *sign = seconds < 0 ? "-" : "";
    int64_t left = seconds < 0 ? -seconds : seconds;
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(units) && left < units[i].s)
        i++;
    long long whole = left / units[i].s;
    long long rest = i + 1 < ARRAY_LEN(units) ? left % units[i].s / units[i + 1].s : 0;
    if (rest == 0)
        return arena_printf(arena, "%s%lld %s", sign, whole, units[i].name);
    return arena_printf(arena, "%s%lld %s %lld %s", sign, whole, units[i].name, rest,
                        units[i + 1].name);
}

void report_seconds(struct report *r, const char *name, int64_t seconds)
{
    raw(r, name, digits(r, seconds), report_duration(r->arena, seconds));
}

void report_us(struct report *r, const char *name, int64_t us)
{
    raw(r, name, digits(r, us), arena_printf(r->arena, "%.2f ms", (double)us / 1000));
}

void report_percent(struct report *r, const char *name, uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        report_nothing(r, name, "-");
        return;
    }
    struct slice text = arena_printf(r->arena, "%.1f", 100 * (double)part / (double)whole);
    raw(r, name, text, arena_concat(r->arena, text, SLICE(" %")));
}

/* -- what holds values -- */

void report_object(struct report *r, const char *name)
{
    r->at = value_new(r, name, REPORT_OBJECT);
}

void report_details(struct report *r, const char *name)
{
    r->at = value_new(r, name, REPORT_DETAILS);
}

void report_table(struct report *r, const char *name)
{
    r->at = value_new(r, name, REPORT_TABLE);
}

void report_list(struct report *r, const char *name)
{
    r->at = value_new(r, name, REPORT_LIST);
}

void report_row(struct report *r)
{
    ASSERT(r->at->kind == REPORT_TABLE || r->at->kind == REPORT_LIST);
    r->at = value_new(r, "", REPORT_OBJECT);
}

void report_end(struct report *r)
{
    ASSERT(r->at->parent);
    r->at = r->at->parent;
}
