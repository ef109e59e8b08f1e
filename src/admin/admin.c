/* Who may ask, and for what. */
#include "admin/admin.h"

#include "admin/pages.h"
#include "proxy/request.h"

static void health_page(const struct admin *a UNUSED, struct arena *arena UNUSED, struct text *out)
{
    text_add(out, SLICE("ok\n"));
}

struct page {
    struct slice path;
    struct slice type;
    admin_page_fn *fn;
    struct slice doc;
};

static const struct page pages[] = {
    {SLICE_INIT("/status"), SLICE_INIT("application/json"), admin_status,
     SLICE_INIT("counters and state as JSON")},
    {SLICE_INIT("/metrics"), SLICE_INIT("text/plain; version=0.0.4"), admin_metrics,
     SLICE_INIT("the same for Prometheus")},
    {SLICE_INIT("/healthz"), SLICE_INIT("text/plain"), health_page,
     SLICE_INIT("200 while serving, 503 while shutting down")},
};

static void answer(struct admin_reply *reply, uint16_t status, struct slice content)
{
    *reply = (struct admin_reply){status, SLICE("text/plain"), content};
}

/* A name of somebody else's DNS may point here; an address or localhost is meant. */
static bool host_is_own(const struct request *r)
{
    if (r->listen->address.u.sa.sa_family == AF_UNIX)
        return true;
    struct endpoint e;
    return slice_eq(r->head.host, SLICE("localhost")) ||
           (endpoint_parse(r->head.host, &e) && e.is_literal && !e.has_port);
}

static void answer_unknown(struct request *r, struct admin_reply *reply)
{
    struct slice list = SLICE("There is no such page here. There are:\n");
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        list = arena_printf(&r->arena, "%.*s  %-10.*s %.*s\n", SLICE_ARG(list),
                            SLICE_ARG(pages[i].path), SLICE_ARG(pages[i].doc));
    answer(reply, 404, list);
}

static void answer_page(const struct admin *a, const struct page *page, struct request *r,
                        struct admin_reply *reply)
{
    struct text text;
    text_init(&text);
    page->fn(a, &r->arena, &text);
    if (text.failed)
        answer(reply, 500, SLICE("the page is too long\n"));
    else
        *reply = (struct admin_reply){200, page->type, arena_dup(&r->arena, buf_slice(&text.buf))};
    text_fini(&text);
}

void admin_handle(void *owner, struct request *r, struct admin_reply *reply)
{
    if (!host_is_own(r)) {
        answer(reply, 403, SLICE("Ask by IP address or as localhost.\n"));
        return;
    }
    if (r->head.method != METHOD_GET && r->head.method != METHOD_HEAD) {
        answer(reply, 405, SLICE("Only GET and HEAD.\n"));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (!slice_eq(r->head.path, pages[i].path))
            continue;
        if (pages[i].fn == health_page && r->worker->draining)
            answer(reply, 503, SLICE("draining\n"));
        else
            answer_page(owner, &pages[i], r, reply);
        return;
    }
    answer_unknown(r, reply);
}
