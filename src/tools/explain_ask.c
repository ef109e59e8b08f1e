/* What a proxy that runs on this machine says, out of its memory or the pool, without its origins.
 */
#include "http/h1.h"
#include "tools/explain.h"
#include "tools/http_call.h"

/* The request as HEAD, and with only-if-cached where it has no words of its own. */
static struct slice head_of(const struct request *r, struct arena *arena)
{
    struct slice head = slice_make(r->raw_line.p, r->head_bytes - 2);
    bool says = fields_has(&r->head.fields, FIELD_CACHE_CONTROL);
    return arena_printf(arena, "HEAD%.*s%sConnection: close\r\n\r\n",
                        SLICE_ARG(slice_skip(head, r->head.method_token.n)),
                        says ? "" : "Cache-Control: only-if-cached\r\n");
}

static struct slice cache_status_of(struct slice answer, struct arena *arena)
{
    static const struct h1_limits limits = {.line_bytes = HTTP_CALL_ANSWER_MAX,
                                            .head_bytes = HTTP_CALL_ANSWER_MAX,
                                            .field_count = 1000};
    size_t scanned = 0;
    struct response_head head;
    struct h1_error error;
    size_t n = h1_head_end(answer, &scanned);
    if (n == 0 || h1_parse_response(slice_take(answer, n), &limits, METHOD_HEAD, arena, &head,
                                    &error) != H1_OK)
        return slice_none();
    return fields_joined(&head.fields, SLICE("Cache-Status"), arena);
}

void explain_ask(struct explain *x)
{
    const struct walk *w = &x->walk;
    const struct request *r = w->request;
    struct arena *arena = &x->tool->arena;
    struct address address = http_call_local(&w->listen->address);
    char printed[ADDRESS_TEXT_MAX];
    struct slice answer = slice_none();
    struct slice name = address_print(&address, printed);
    if ((r->head.method != METHOD_GET && r->head.method != METHOD_HEAD) || !w->cache) {
        explain_say(x, "proxy", "not asked: it would ask the origin");
        return;
    }
    unsigned status = http_call(&address, head_of(r, arena), slice_none(), arena, &answer);
    struct slice cache_status = cache_status_of(answer, arena);
    if (status == 0)
        explain_say(x, "proxy", "none answers at %.*s", SLICE_ARG(name));
    else
        explain_say(x, "proxy", "the one at %.*s answers %u%s%.*s", SLICE_ARG(name), status,
                    cache_status.n > 0 ? "; Cache-Status: " : "", SLICE_ARG(cache_status));
}
