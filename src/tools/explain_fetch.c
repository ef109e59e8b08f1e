/* One question to the origin, by the proxy's own fetch; what it would store goes nowhere. */
#include "proxy/fetch.h"
#include "proxy/reply.h"
#include "tools/explain.h"

#define TURN_MS 50

static void fetch_on_progress(struct flight_reader *reader)
{
    bool *progress = reader->owner;
    *progress = true;
}

static void open_upstream(struct walk *w)
{
    const struct proxy_conf *p = &w->tool->config->proxy;
    size_t index = w->request->location->upstream;
    upstream_first_lookup(&p->upstreams[index], w->health, p->resolvers, p->resolver_timeout_ms,
                          &w->tool->log);
    w->wconf.upstreams[index] = upstream_new(&p->upstreams[index], w->health, w->tool->worker->loop,
                                             w->tool->worker->resolver, &w->tool->log);
}

static void say_storing(struct explain *x, const struct flight_response *response)
{
    if (response->stored) {
        explain_say(x, "storing", "it would be stored");
        explain_lifetime(x, &response->head, &response->meta);
        if (response->vary.n > 0)
            explain_say(x, "vary", "it varies by %.*s: one response for each of their values",
                        SLICE_ARG(response->vary));
        return;
    }
    const char *detail = response->detail;
    explain_reason(x, "storing", detail ? detail : store_verdict_text(STORE_NO_CACHE));
}

static bool say_response(struct explain *x, struct flight_reader *reader)
{
    const struct request *r = x->walk.request;
    const struct flight_response *response = flight_response(reader);
    explain_say(x, "response", "%u from %.*s", response->head.status, SLICE_ARG(response->peer));
    struct slice control = fields_get(&response->head.fields, FIELD_CACHE_CONTROL);
    if (control.n > 0)
        explain_say(x, "response", "Cache-Control: %.*s", SLICE_ARG(control));
    if (r->cacheable)
        say_storing(x, response);
    return true;
}

static bool ask(struct explain *x, struct request *r)
{
    bool progress = false;
    bool leader = false;
    bool answered = false;
    struct worker *w = x->tool->worker;
    struct flight_reader *reader =
        flight_join(w->flights, &r->variant, true, w->loop, fetch_on_progress, &progress, &leader);
    (void)fetch_start(r, reader, false, NULL, false);
    while (flight_state(reader) == FLIGHT_PENDING)
        loop_turn(w->loop, TURN_MS);
    if (flight_has_response(reader))
        answered = say_response(x, reader);
    else
        explain_say(x, "response", "none: %s", reply_row((enum reply)flight_error(reader))->text);
    flight_leave(&reader);
    fetch_give_up_all(w);
    loop_turn(w->loop, 0);
    return answered;
}

bool explain_fetch(struct explain *x)
{
    struct walk *w = &x->walk;
    struct request *r = w->request;
    bool safe = (r->head.method == METHOD_GET || r->head.method == METHOD_HEAD) &&
                r->head.framing == FRAMING_NONE;
    bool no_origin = w->next == REHEARSED_RAW && !r->location->raw_origin;
    if (w->next == REHEARSED_REPLY || no_origin) {
        explain_say(x, "response", "no origin has a part in it");
        return true;
    }
    if (!safe) {
        explain_say(x, "response",
                    "not asked for: only GET and HEAD without content change nothing "
                    "at the origin");
        return true;
    }
    entry_unref(&r->entry);
    open_upstream(w);
    return ask(x, r);
}
