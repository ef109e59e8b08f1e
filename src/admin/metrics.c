/* /metrics, Prometheus text format 0.0.4: all samples of one metric stand together behind its #
 * HELP and # TYPE. */
#include "admin/pages.h"

static void add_head(struct text *t, const char *name, const char *help, bool counter)
{
    text_printf(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, counter ? "counter" : "gauge");
}

static void add_one(struct text *t, const char *name, const char *help, bool counter, uint64_t v)
{
    add_head(t, name, help, counter);
    text_printf(t, "%s %llu\n", name, (unsigned long long)v);
}

static void add_process(const struct admin *a, struct arena *arena, struct text *t)
{
    struct admin_reload_view view = admin_reloads_view(a->reloads, arena);
    add_head(t, "mcproxy_build_info", "Version of mcproxy; always 1", false);
    text_add(t, SLICE("mcproxy_build_info{version="));
    text_label(t, slice_of(a->version));
    text_add(t, SLICE("} 1\n"));
    add_one(t, "mcproxy_start_time_seconds", "When the serving process started, since 1970", false,
            (uint64_t)a->started);
    add_one(t, "mcproxy_workers", "Worker threads", false, a->workers);
    add_one(t, "mcproxy_config_reloads_total", "New configurations taken into use", true,
            view.done);
    add_one(t, "mcproxy_config_reload_failures_total",
            "New configurations that were refused; the old one stayed", true, view.failed);
    add_one(t, "mcproxy_config_last_reload_success", "0: the last reload was refused", false,
            view.error.n == 0);
    add_one(t, "mcproxy_config_last_reload_time_seconds",
            "When the last reload ended, since 1970; 0: there was none", false,
            (uint64_t)view.last);
}

static bool is_gauge(const struct counter_row *row)
{
    return slice_ends(slice_of(row->prometheus), SLICE("_active"));
}

/* Rows of one metric stand side by side in the table of counters. */
static void add_counters(const struct admin *a, struct text *t)
{
    struct slice last = slice_none();
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = counter_row((enum counter)i);
        struct slice name = slice_of(row->prometheus);
        if (!slice_eq(name, last))
            add_head(t, row->prometheus, row->help, !is_gauge(row));
        last = name;
        bool labels = row->labels[0] != '\0';
        text_printf(t, "%s%s%s%s %llu\n", row->prometheus, labels ? "{" : "", row->labels,
                    labels ? "}" : "", (unsigned long long)admin_counter_sum(a, (enum counter)i));
    }
}

static void add_sample(const struct admin_table *table, const struct admin_row *row, size_t column,
                       struct text *t)
{
    const struct admin_column *c = &table->columns[column];
    text_printf(t, "%s_%s%s", table->prefix, c->name, c->counter ? "_total" : "");
    for (size_t i = 0; i < ADMIN_LABELS && table->label_names[i]; i++) {
        text_printf(t, "%s%s=", i == 0 ? "{" : ",", table->label_names[i]);
        text_label(t, row->labels[i]);
    }
    text_printf(t, "} %llu\n", (unsigned long long)row->values[column]);
}

static void add_table(const struct admin_table *table, struct text *t)
{
    for (size_t column = 0; table->rows_n > 0 && column < table->columns_n; column++) {
        const struct admin_column *c = &table->columns[column];
        const char *suffix = c->counter ? "_total" : "";
        text_printf(t, "# HELP %s_%s%s %s\n# TYPE %s_%s%s %s\n", table->prefix, c->name, suffix,
                    c->help, table->prefix, c->name, suffix, c->counter ? "counter" : "gauge");
        for (size_t i = 0; i < table->rows_n; i++)
            add_sample(table, &table->rows[i], column, t);
    }
}

void admin_metrics(const struct admin *a, struct arena *arena, struct text *out)
{
    struct admin_table tables[ADMIN_TABLES_MAX + 1];
    add_process(a, arena, out);
    add_counters(a, out);
    size_t n = admin_tables(a, arena, tables);
    for (size_t i = 0; i < n; i++)
        add_table(&tables[i], out);
}
