#include "tools/explain.h"

#include <stdarg.h>

void explain_say(struct explain *x, const char *what, const char *fmt, ...)
{
    struct report *r = &x->tool->report;
    va_list ap;
    va_start(ap, fmt);
    struct slice says = arena_vprintf(&x->tool->arena, fmt, ap);
    va_end(ap);
    report_row(r);
    report_text(r, "about", slice_of(what));
    report_text(r, "says", says);
    report_end(r);
}

void explain_reason(struct explain *x, const char *what, const char *detail)
{
    const struct reason *reason = reason_of(detail);
    x->detail = detail;
    explain_say(x, what, "detail=%s: %s", detail, reason ? reason->means : "");
    if (reason)
        x->change = reason->change;
}

static void report_verdict(struct explain *x)
{
    struct report *r = &x->tool->report;
    report_text(r, "verdict", slice_of(x->verdict));
    if (x->detail)
        report_text(r, "detail", slice_of(x->detail));
    else
        report_nothing(r, "detail", "-");
    if (x->change && x->change[0])
        report_text(r, "what_would_change_it", slice_of(x->change));
    else
        report_nothing(r, "what_would_change_it", "-");
}

/* The same in numbers, for programs. */
static void report_details_of(struct explain *x)
{
    struct report *r = &x->tool->report;
    const struct record *record = walk_record(&x->walk);
    report_details(r, "record");
    walk_report_place(&x->walk, record);
    if (x->walk.pool)
        report_text(r, "kind", slice_of(record_text(record)));
    if (record->entry && record->entry->view.meta.kind == STORED_RESPONSE) {
        const struct stored_meta *m = &record->entry->view.meta;
        report_seconds(r, "age_s", freshness_age_s(m, loop_wall(x->tool->worker->loop)));
        report_seconds(r, "lifetime_s", m->lifetime_s);
    }
    report_end(r);
}

static int explain(struct explain *x)
{
    struct report *r = &x->tool->report;
    bool answered = true;
    report_text(r, "url", slice_of(x->tool->args.url));
    report_list(r, "steps");
    explain_route(x);
    if (x->walk.cache)
        explain_stored(x);
    if (x->tool->args.ask)
        explain_ask(x);
    if (x->tool->args.fetch)
        answered = explain_fetch(x);
    report_end(r);
    report_verdict(x);
    if (x->walk.cache)
        report_details_of(x);
    return tool_print(x->tool, answered ? TOOL_OK : TOOL_FAILED);
}

int tool_explain(struct tool *t)
{
    struct explain x = {.tool = t, .verdict = "PASS"};
    int status = walk_begin(&x.walk, t) ? explain(&x) : TOOL_MISUSE;
    walk_end(&x.walk);
    return status;
}
