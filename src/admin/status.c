/* /status. */
#include "admin/pages.h"

#include <time.h>

static void add_time(struct text *t, wall_s at)
{
    struct tm tm;
    char buf[32];
    time_t when = (time_t)at;
    if (at == 0 || !gmtime_r(&when, &tm)) {
        text_add(t, SLICE("null"));
        return;
    }
    size_t n = strftime(buf, sizeof buf, "\"%Y-%m-%dT%H:%M:%SZ\"", &tm);
    text_add(t, slice_make(buf, n));
}

static void add_process(const struct admin *a, struct text *t)
{
    text_add(t, SLICE("{\n  \"version\": "));
    text_json(t, slice_of(a->version));
    text_printf(t, ",\n  \"pid\": %d,\n  \"workers\": %zu", (int)a->pid, a->workers);
    text_add(t, SLICE(",\n  \"started\": "));
    add_time(t, a->started);
    text_printf(t, ",\n  \"uptime_s\": %lld",
                (long long)((clock_mono_ms() - a->started_mono) / 1000));
}

static void add_reloads(const struct admin *a, struct arena *arena, struct text *t)
{
    struct admin_reload_view view = admin_reloads_view(a->reloads, arena);
    text_printf(t, ",\n  \"reloads\": %llu,\n  \"reloads_failed\": %llu",
                (unsigned long long)view.done, (unsigned long long)view.failed);
    text_add(t, SLICE(",\n  \"last_reload\": "));
    add_time(t, view.last);
    text_add(t, SLICE(",\n  \"last_reload_error\": "));
    if (view.error.n > 0)
        text_json(t, view.error);
    else
        text_add(t, SLICE("null"));
}

static void add_row(const struct admin_table *table, const struct admin_row *row, struct text *t)
{
    const char *comma = "";
    text_add(t, SLICE("{"));
    if (row->state.n > 0) {
        text_add(t, SLICE("\"state\": "));
        text_json(t, row->state);
        comma = ", ";
    }
    for (size_t i = 0; i < table->columns_n; i++, comma = ", ")
        text_printf(t, "%s\"%s\": %llu", comma, table->columns[i].name,
                    (unsigned long long)row->values[i]);
    text_add(t, SLICE("}"));
}

/* Rows with two labels stand in an object for each value of the first one. */
static void add_table(const struct admin_table *table, struct text *t)
{
    bool nested = table->label_names[1] != NULL;
    text_printf(t, ",\n  \"%s\": {", table->name);
    for (size_t i = 0; i < table->rows_n; i++) {
        const struct admin_row *row = &table->rows[i];
        bool opens = i == 0 || !slice_eq(row->labels[0], row[-1].labels[0]);
        bool closes = i + 1 == table->rows_n || !slice_eq(row->labels[0], row[1].labels[0]);
        if (opens) {
            text_printf(t, "%s\n    ", i == 0 ? "" : ",");
            text_json(t, row->labels[0]);
            text_add(t, nested ? SLICE(": {\n      ") : SLICE(": "));
        } else {
            text_add(t, SLICE(",\n      "));
        }
        if (nested) {
            text_json(t, row->labels[1]);
            text_add(t, SLICE(": "));
        }
        add_row(table, row, t);
        if (nested && closes)
            text_add(t, SLICE("\n    }"));
    }
    text_add(t, table->rows_n > 0 ? SLICE("\n  }") : SLICE("}"));
}

void admin_status(const struct admin *a, struct arena *arena, struct text *out)
{
    struct admin_table tables[ADMIN_TABLES_MAX + 1];
    add_process(a, out);
    add_reloads(a, arena, out);
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        text_printf(out, ",\n  \"%s\": %llu", counter_row((enum counter)i)->name,
                    (unsigned long long)admin_counter_sum(a, (enum counter)i));
    size_t n = admin_tables(a, arena, tables);
    for (size_t i = 0; i < n; i++)
        add_table(&tables[i], out);
    text_add(out, SLICE("\n}\n"));
}
