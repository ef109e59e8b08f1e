#include "proxy/deliver.h"

#include "base/assert.h"
#include "base/parse.h"
#include "cache/conditional.h"
#include "cache/freshness.h"
#include "http/date.h"
#include "proxy/client.h"
#include "proxy/coded.h"
#include "proxy/deliver_chunks.h"
#include "proxy/deliver_head.h"
#include "proxy/deliver_range.h"
#include "proxy/deliver_send.h"
#include "proxy/failure.h"
#include "proxy/outcome.h"
#include "proxy/purge.h"
#include "proxy/raw.h"
#include "proxy/reply.h"

#define BATCH_PIECES 16

static bool status_has_content(unsigned status)
{
    return status >= 200 && status != 204 && status != 304;
}

/* -- content as it comes -- */

static enum coded_step pass_coded(struct request *r, bool *end)
{
    char coded[CODED_STEP_BYTES];
    size_t n;
    enum coded_step step = coded_next(r, coded, &n, end);
    deliver_send_content(r, NULL, slice_make(coded, n));
    return step;
}

/* One batch. */
static enum coded_step pass_content(struct request *r, bool *end)
{
    if (UNLIKELY(coded_changes(r)))
        return pass_coded(r, end);
    struct flight_piece pieces[BATCH_PIECES];
    size_t n = flight_take(r->reader, pieces, BATCH_PIECES, end);
    for (size_t i = 0; i < n; i++) {
        deliver_send_content(r, pieces[i].blob, deliver_range_cut(r, pieces[i].bytes));
        blob_unref(&pieces[i].blob);
    }
    if (r->ranged && r->range_left == 0)
        *end = true;
    return n > 0 ? CODED_SOME : CODED_NOTHING;
}

/* All content has come. What is coded is not what they are about; a range is not the whole. */
static void take_trailers(struct request *r)
{
    if (UNLIKELY(r->location->pass_trailers) && !coded_changes(r) && !r->ranged)
        r->trailers = deliver_trailers(r, flight_trailers(r->reader));
}

static bool is_broken(struct request *r)
{
    return r->reader && flight_state(r->reader) == FLIGHT_BROKEN;
}

/* Backpressure: while the client's queue holds anything no content is taken out of the flight,
 * whose full window then stops the origin's reader. */
static enum deliver_result deliver_content(struct request *r)
{
    struct client *c = r->client;
    bool end = false;
    while (!end) {
        if (client_queued(c) > 0 && !client_flush(c))
            return DELIVER_CUT;
        if (client_queued(c) > 0)
            return DELIVER_WAIT;
        switch (pass_content(r, &end)) {
        case CODED_FAILED:
            return deliver_cut(r, r->coded->decodes ? "content that is not gzip" : "coding failed");
        case CODED_LATER: return DELIVER_WAIT;
        case CODED_SOME: break;
        case CODED_NOTHING:
            if (!end && is_broken(r))
                return deliver_cut(r, reply_row((enum reply)flight_error(r->reader))->text);
            if (!end)
                return DELIVER_WAIT;
        }
        if (!end && deliver_pending(c) >= DELIVER_BATCH_BYTES && !client_flush(c))
            return DELIVER_CUT;
    }
    take_trailers(r);
    return deliver_finish(r);
}

/* -- a stored response -- */

static enum condition evaluate(struct request *r, const struct stored_view *v)
{
    if (!conditional_is_asked(&r->head.fields))
        return CONDITION_PASS;
    return conditional_evaluate(&r->head, v, loop_wall(r->worker->loop) / 1000);
}

static enum deliver_result deliver_ranges(struct request *r, const struct range_answer *a,
                                          struct blob *blob, struct slice content)
{
    deliver_send_head(r, &a->text);
    for (size_t i = 0; i < a->n; i++) {
        deliver_send_content(r, NULL, a->parts[i].head);
        const struct byte_range *range = &a->parts[i].range;
        deliver_send_content(r, blob, slice_make(content.p + range->first, range->n));
    }
    deliver_send_content(r, NULL, a->tail);
    return deliver_finish(r);
}

/* Out of memory, or out of chunks. */
static enum deliver_result deliver_entry_whole(struct request *r)
{
    const struct stored_view *v = &r->entry->view;
    struct response_text t = {.status = v->meta.status};
    bool has_content = r->head.method != METHOD_HEAD && status_has_content(t.status);
    if (UNLIKELY(stored_is_manifest(&v->meta)) && has_content)
        return deliver_chunks_begin(r, NULL);
    deliver_head_stored(r, v, &t);
    deliver_send_head(r, &t);
    if (has_content)
        deliver_send_content(r, r->entry->blob, v->content);
    return deliver_finish(r);
}

/* No coded form is kept: content coded for this client alone. */
static enum deliver_result deliver_entry_coded(struct request *r)
{
    const struct stored_view *v = &r->entry->view;
    bool with_content = r->head.method != METHOD_HEAD;
    struct response_text t = {.status = v->meta.status};
    if (with_content)
        coded_begin(r, v->meta.content_length);
    if (!coded_changes(r) || (with_content && stored_is_manifest(&v->meta)))
        return deliver_entry_whole(r);
    deliver_head_stored(r, v, &t);
    if (!with_content)
        t.framing = FRAMING_NONE;
    deliver_send_head(r, &t);
    return with_content ? deliver_content(r) : deliver_finish(r);
}

/* Conditions are about the response as it is stored, ranges too; only the whole is coded. */
static enum deliver_result deliver_entry_begin(struct request *r)
{
    const struct stored_view *v = &r->entry->view;
    struct response_text t = {.status = v->meta.status};
    switch (evaluate(r, v)) {
    case CONDITION_NOT_MODIFIED:
        deliver_head_not_modified(r, v, &t);
        deliver_send_head(r, &t);
        return deliver_finish(r);
    case CONDITION_FAILED:
        r->reply = REPLY_PRECONDITION_FAILED;
        deliver_reply(r);
        return DELIVER_DONE;
    case CONDITION_PASS: break;
    }
    if (UNLIKELY(coded_changes(r))) {
        switch (coded_find(r)) {
        case CODED_WAIT: return DELIVER_WAIT;
        case CODED_STREAM: return deliver_entry_coded(r);
        case CODED_ENTRY: return deliver_entry_whole(r);
        }
    }
    if (UNLIKELY(fields_has(&r->head.fields, FIELD_RANGE))) {
        const struct range_answer *ranges = deliver_range_of_entry(r, v);
        if (ranges && ranges->n > 0 && stored_is_manifest(&v->meta))
            return deliver_chunks_begin(r, ranges);
        if (ranges)
            return deliver_ranges(r, ranges, r->entry->blob, v->content);
    }
    return deliver_entry_whole(r);
}

static enum deliver_result deliver_entry(struct request *r)
{
    if (r->delivered)
        return deliver_finish(r);
    if (UNLIKELY(r->chunks != NULL))
        return deliver_chunks_run(r);
    if (r->head_sent)
        return deliver_content(r);
    if (UNLIKELY(r->location->codes))
        coded_choose_entry(r);
    return deliver_entry_begin(r);
}

/* -- a raw value: it has no validators, so that conditions do not apply, as in nginx -- */

static enum deliver_result deliver_value(struct request *r)
{
    struct stored_view v;
    struct response_text t = {.status = 200, .has_length = true};
    if (r->delivered)
        return deliver_finish(r);
    deliver_head_value(r, &v);
    if (fields_has(&r->head.fields, FIELD_RANGE)) {
        const struct range_answer *ranges = deliver_range_of_entry(r, &v);
        if (ranges)
            return deliver_ranges(r, ranges, r->raw->value, v.content);
    }
    deliver_head_stored(r, &v, &t);
    deliver_send_head(r, &t);
    if (r->head.method != METHOD_HEAD)
        deliver_send_content(r, r->raw->value, v.content);
    return deliver_finish(r);
}

/* -- a response as it arrives -- */

/* The client holds what the response would be: answered as from the store. */
static enum condition evaluate_response(struct request *r, struct stored_view *v)
{
    const struct flight_response *resp = r->response;
    if (!resp->conditional || resp->head.status != 200)
        return CONDITION_PASS;
    v->meta.status = resp->head.status;
    v->meta.received_ms = resp->response_time;
    v->meta.last_modified = -1;
    v->etag = fields_get(&resp->head.fields, FIELD_ETAG);
    wall_s now = loop_wall(r->worker->loop) / 1000;
    struct slice modified = fields_get(&resp->head.fields, FIELD_LAST_MODIFIED);
    if (modified.p && !http_date_parse(modified, now, &v->meta.last_modified))
        v->meta.last_modified = -1;
    return evaluate(r, v);
}

/* Of another length than the origin's, which nobody knows yet. */
static void begin_coded(struct request *r, struct response_text *t)
{
    if (r->want_content)
        coded_begin(r, t->has_length ? t->content_length : 0);
    if (!coded_changes(r))
        return;
    t->framing = r->want_content ? FRAMING_CHUNKED : t->framing;
    t->has_length = false;
}

/* The whole came at once, and with trailers: it goes on in chunks, as it came. */
static void keep_trailers(struct request *r, struct response_text *t)
{
    const struct response_head *head = &r->response->head;
    if (head->framing != FRAMING_CHUNKED || t->framing != FRAMING_LENGTH || r->ranged ||
        !r->location->pass_trailers || r->head.version_minor == 0 ||
        r->head.method == METHOD_HEAD || coded_changes(r) ||
        deliver_trailers(r, flight_trailers(r->reader)).n == 0)
        return;
    t->framing = FRAMING_CHUNKED;
    t->has_length = false;
}

/* False: the answer needs no content. */
static bool deliver_response_head(struct request *r)
{
    const struct response_head *head = &r->response->head;
    struct response_text t = {.status = head->status,
                              .framing =
                                  head->framing == FRAMING_NONE ? FRAMING_NONE : FRAMING_CHUNKED,
                              .has_length = head->has_length,
                              .content_length = head->content_length};
    struct stored_view view = {0};
    if (evaluate_response(r, &view) == CONDITION_NOT_MODIFIED) {
        t.status = 304;
        t.framing = FRAMING_NONE;
        t.has_length = false;
    } else if (head->framing == FRAMING_LENGTH) {
        t.framing = FRAMING_LENGTH;
    } else if (head->framing != FRAMING_NONE && flight_whole(r->reader, &t.content_length)) {
        t.framing = FRAMING_LENGTH;
        t.has_length = true;
    }
    if (UNLIKELY(r->location->codes))
        coded_choose_response(r, t.has_length || head->has_length,
                              t.has_length ? t.content_length : head->content_length);
    if (t.framing == FRAMING_LENGTH && fields_has(&r->head.fields, FIELD_RANGE) &&
        !coded_changes(r))
        deliver_range_of_response(r, &view, t.content_length, &t);
    keep_trailers(r, &t);
    r->want_content = t.framing != FRAMING_NONE && r->head.method != METHOD_HEAD;
    if (coded_changes(r))
        begin_coded(r, &t);
    deliver_head_response(r, &t);
    if (!r->want_content)
        t.framing = FRAMING_NONE;
    deliver_send_head(r, &t);
    return r->want_content;
}

static enum deliver_result deliver_flight(struct request *r)
{
    if (r->delivered)
        return deliver_finish(r);
    if (!r->head_sent && !deliver_response_head(r))
        return deliver_finish(r);
    return deliver_content(r);
}

enum deliver_result deliver_run(struct request *r)
{
    if (r->entry && !r->response)
        return deliver_entry(r);
    return r->reader ? deliver_flight(r) : deliver_value(r);
}

/* -- answers made here -- */

static void send_text(struct request *r, struct response_text *t, struct slice content)
{
    t->has_length = status_has_content(t->status);
    t->framing = FRAMING_LENGTH;
    t->content_length = content.n;
    deliver_send_head(r, t);
    if (r->head.method != METHOD_HEAD && t->has_length)
        deliver_send_content(r, NULL, content);
    r->client->codec->send_end(r->client, r);
}

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static struct slice default_content(struct request *r, unsigned status)
{
    struct slice reason = status_reason(status);
    return arena_printf(&r->arena, "%u %.*s\n", status, SLICE_ARG(reason));
}

/* `return` of a location. 444 closes without a word, as in nginx. */
static void deliver_return(struct request *r)
{
    const struct location_conf *l = r->location;
    struct response_text t = {.status = l->return_status};
    if (l->return_status == 444) {
        r->status = 444;
        r->client->keep_alive = false;
        return;
    }
    struct slice text =
        l->return_text ? template_render(l->return_text, r, &r->arena) : slice_none();
    struct slice location = is_redirect(t.status) ? text : slice_none();
    struct slice content = location.n > 0 || !l->return_text ? default_content(r, t.status) : text;
    struct slice type = l->default_type && content.p == text.p
                            ? template_render(l->default_type, r, &r->arena)
                            : SLICE("text/plain");
    deliver_head_local(r, &t, type, location, NULL);
    send_text(r, &t, content);
}

static void deliver_admin_reply(struct request *r, const struct admin_reply *a)
{
    struct response_text t = {.status = a->status};
    deliver_head_local(r, &t, a->type, slice_none(), NULL);
    send_text(r, &t, a->content);
}

static void deliver_admin(struct request *r)
{
    struct admin_reply a = {
        .status = 404,
        .type = SLICE("text/plain"),
    };
    r->worker->admin(r->worker->admin_owner, r, &a);
    deliver_admin_reply(r, &a);
}

static void log_reply(struct request *r, const struct reply_row *row)
{
    bool ours = row->status >= 500 && row->status != 501 && row->status != 505 &&
                r->reply != REPLY_ONLY_IF_CACHED;
    failure_log(r, ours ? LOG_ERROR : LOG_INFO, row->text, NULL);
}

void deliver_reply(struct request *r)
{
    if (r->reply == REPLY_NONE && r->purge) {
        deliver_admin_reply(r, purge_reply(r));
        return;
    }
    if (r->reply == REPLY_NONE && r->location->handler == HANDLER_ADMIN) {
        deliver_admin(r);
        return;
    }
    if (r->reply == REPLY_NONE) {
        deliver_return(r);
        return;
    }
    const struct reply_row *row = reply_row((enum reply)r->reply);
    log_reply(r, row);
    struct response_text t = {.status = row->status};
    deliver_head_local(r, &t, SLICE("text/plain"), slice_none(), row);
    send_text(r, &t, default_content(r, row->status));
}

void deliver_upgrade(struct request *r)
{
    struct response_text t = {.status = 101,
                              .upgrade = fields_get(&r->response->head.fields, FIELD_UPGRADE)};
    deliver_head_response(r, &t);
    deliver_send_head(r, &t);
}
