#include "proxy/mend.h"

#include "cache/conditional.h"
#include "proxy/fetch_internal.h"

/* In the request's arena. */
struct mend {
    struct request *r;
    mend_fn *fn;
    uint64_t first;
    size_t length;
    struct exchange_request out;
    struct upstream *upstream;
    struct pick_state picked;
    struct exchange *exchange;
    struct blob *blob; /* what came of it */
    bool again;        /* on a fresh connection */
};

static const struct exchange_events events;

static bool start(struct mend *m)
{
    struct worker *w = m->r->worker;
    struct peer *peer = upstream_pick(m->upstream, &m->picked, loop_now(w->loop));
    if (!peer)
        return false;
    m->exchange = exchange_new(m->upstream, &events, m);
    exchange_start(m->exchange, peer, &m->out, m->again);
    counter_add(&w->counters, COUNTER_UPSTREAM_REQUESTS, 1);
    return true;
}

static void end(struct mend *m, bool good)
{
    struct blob *blob = m->blob;
    m->blob = NULL;
    exchange_cancel(&m->exchange);
    if (!good)
        blob_unref(&blob);
    m->fn(m, blob);
}

/* -- what the origin says -- */

static bool is_same_representation(const struct mend *m, const struct response_head *head)
{
    const struct stored_view *v = &m->r->entry->view;
    if (v->etag.n > 0)
        return etag_matches_strong(v->etag, fields_get(&head->fields, FIELD_ETAG));
    struct slice modified = fields_get(&head->fields, FIELD_LAST_MODIFIED);
    return !modified.p || slice_eq(modified, stored_field(v, SLICE("Last-Modified")));
}

static bool is_our_part(struct mend *m, const struct response_head *head)
{
    struct arena *arena = &m->r->arena;
    struct slice part = arena_printf(arena, "bytes %llu-%llu/%llu", (unsigned long long)m->first,
                                     (unsigned long long)(m->first + m->length - 1),
                                     (unsigned long long)m->r->entry->view.meta.content_length);
    return head->status == 206 && fields_count(&head->fields, FIELD_CONTENT_RANGE) == 1 &&
           slice_eq(fields_get(&head->fields, FIELD_CONTENT_RANGE), part) &&
           is_same_representation(m, head);
}

static void mend_on_head(struct exchange *ex, const struct response_head *head)
{
    struct mend *m = exchange_owner(ex);
    m->blob = is_our_part(m, head) ? blob_new(m->length) : NULL;
    if (!m->blob)
        end(m, false);
}

static void mend_on_content(struct exchange *ex, struct blob *blob, struct slice bytes)
{
    struct mend *m = exchange_owner(ex);
    (void)blob;
    if (bytes.n > m->length - m->blob->len) {
        end(m, false);
        return;
    }
    memcpy(m->blob->data + m->blob->len, bytes.p, bytes.n);
    m->blob->len += bytes.n;
}

static void mend_on_done(struct exchange *ex)
{
    struct mend *m = exchange_owner(ex);
    end(m, m->blob->len == m->length);
}

/* A pooled connection that turns out closed is nobody's failure. */
static void mend_on_fail(struct exchange *ex, enum exchange_error error)
{
    struct mend *m = exchange_owner(ex);
    bool again = error == EXCHANGE_STALE && !m->again;
    if (!again) {
        counter_add(&m->r->worker->counters, COUNTER_UPSTREAM_ERRORS, 1);
        if (error != EXCHANGE_LOCAL)
            peer_failed(exchange_peer(ex), loop_now(m->r->worker->loop));
        end(m, false);
        return;
    }
    m->again = true;
    m->picked = (struct pick_state){0};
    exchange_cancel(&m->exchange);
    if (!start(m))
        end(m, false);
}

static const struct exchange_events events = {
    .on_head = mend_on_head,
    .on_content = mend_on_content,
    .on_done = mend_on_done,
    .on_fail = mend_on_fail,
};

/* -- asking -- */

struct mend *mend_start(struct request *r, const struct store_chunk *chunk, mend_fn *fn)
{
    struct slice validator = conditional_range_validator(&r->entry->view);
    if (r->head.method != METHOD_GET || validator.n == 0)
        return NULL;
    struct mend *m = ARENA_NEW(&r->arena, struct mend);
    m->r = r;
    m->fn = fn;
    m->first = chunk->offset;
    m->length = chunk->length;
    m->upstream = r->wconf->upstreams[r->location->upstream];
    fetch_make_range_request(r, m->first, m->length, validator, &m->out);
    return start(m) ? m : NULL;
}

struct request *mend_owner(const struct mend *m)
{
    return m->r;
}

void mend_cancel(struct mend **mp)
{
    struct mend *m = *mp;
    *mp = NULL;
    if (!m)
        return;
    if (m->exchange)
        exchange_cancel(&m->exchange);
    blob_unref(&m->blob);
}
