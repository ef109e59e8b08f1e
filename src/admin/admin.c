/* Who may ask, and for what. */
#include "admin/admin.h"

#include "admin/pages.h"
#include "admin/purge_form.h"
#include "proxy/request.h"
#include "proxy/route.h"

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
    *reply =
        (struct admin_reply){.status = status, .type = SLICE("text/plain"), .content = content};
}

/* A name of somebody else's DNS may point here; an address, localhost or a name of the
 * configuration is meant. */
static bool host_is_own(struct request *r)
{
    if (r->listen->address.u.sa.sa_family == AF_UNIX)
        return true;
    struct endpoint e;
    return slice_eq(r->head.host, SLICE("localhost")) ||
           (endpoint_parse(r->head.host, &e) && e.is_literal && !e.has_port) ||
           route_server_name(r->listen, r) != NULL;
}

static void answer_unknown(struct request *r, struct admin_reply *reply)
{
    struct slice list = SLICE("There is no such page here. There are:\n");
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        list = arena_printf(&r->arena, "%.*s  %-10.*s %.*s\n", SLICE_ARG(list),
                            SLICE_ARG(pages[i].path), SLICE_ARG(pages[i].doc));
    list = arena_printf(&r->arena, "%.*s  %-10s %s\n", SLICE_ARG(list), "/purge",
                        "POST: purges what the content names");
    answer(reply, 404, list);
}

/* No page of another site may purge: browsers tell of it by Origin, others have none. */
static void answer_purge(struct request *r, struct admin_reply *reply)
{
    struct slice wrong = slice_none();
    if (fields_joined(&r->head.fields, SLICE("Origin"), &r->arena).p) {
        answer(reply, 403, SLICE("Not from a web page.\n"));
        return;
    }
    *reply = (struct admin_reply){
        .order = purge_form_parse(r->head.query, fields_get(&r->head.fields, FIELD_CONTENT_TYPE),
                                  upload_unsent(&r->upload), &r->arena, &wrong)};
    if (reply->order)
        return;
    struct text text;
    text_init(&text);
    text_add(&text, SLICE("{\"purged\": false, \"error\": "));
    text_json(&text, wrong);
    text_add(&text, SLICE("}\n"));
    *reply = (struct admin_reply){.status = 400,
                                  .type = SLICE("application/json"),
                                  .content = arena_dup(&r->arena, buf_slice(&text.buf))};
    text_fini(&text);
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
        *reply = (struct admin_reply){.status = 200,
                                      .type = page->type,
                                      .content = arena_dup(&r->arena, buf_slice(&text.buf))};
    text_fini(&text);
}

void admin_handle(void *owner, struct request *r, struct admin_reply *reply)
{
    if (!host_is_own(r)) {
        answer(reply, 403,
               SLICE("Ask by IP address, as localhost, or by a server_name of admin.\n"));
        return;
    }
    bool is_purge = slice_eq(r->head.path, SLICE("/purge"));
    if (is_purge && r->head.method == METHOD_POST) {
        answer_purge(r, reply);
        return;
    }
    if (is_purge || (r->head.method != METHOD_GET && r->head.method != METHOD_HEAD)) {
        answer(reply, 405, is_purge ? SLICE("Only POST.\n") : SLICE("Only GET and HEAD.\n"));
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
