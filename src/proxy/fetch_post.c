/* The response to a POST that is also what a GET of the same URI would give (RFC 9110
 * section 9.3.3): it says how long it is fresh, and its Content-Location is the URI itself. */
#include "cache/freshness.h"
#include "proxy/fetch_internal.h"
#include "proxy/invalidate.h"
#include "proxy/lookup.h"

static bool says_how_long(const struct fetch *f)
{
    const struct response_head *head = &f->response->head;
    const struct cache_conf *rules = &f->r->location->rules;
    struct cache_control control;
    enum freshness_source source;
    policy_control(&head->fields, rules, &control);
    (void)freshness_lifetime_by(head, &control, rules, f->response->response_time / 1000, &source);
    switch (source) {
    case FRESHNESS_ACCEL:
    case FRESHNESS_CACHE_CONTROL:
    case FRESHNESS_EXPIRES: return true;
    case FRESHNESS_NONE:
    case FRESHNESS_CONFIGURED:
    case FRESHNESS_HEURISTIC: break;
    }
    return false;
}

bool fetch_fills_get(struct fetch *f)
{
    struct request *r = f->r;
    const struct response_head *head = &f->response->head;
    if (f->asked.method != METHOD_POST || !r->location->cache_on || !r->upload.complete ||
        head->status != 200 || !says_how_long(f) ||
        !invalidate_is_own(r, fields_get(&head->fields, FIELD_CONTENT_LOCATION)))
        return false;
    struct cache_key key = invalidate_key(r, r->head.path, r->head.query);
    if (r->keyless)
        return false;
    r->key = key;
    f->asked.method = METHOD_GET;
    f->asked.framing = FRAMING_NONE;
    f->asked.content_length = 0;
    f->may_store = true;
    r->store = r->wconf->stores[r->location->cache];
    flight_begin(f->writer, r->key.hash);
    return true;
}
