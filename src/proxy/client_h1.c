/* The HTTP/1 codec of client connections (RFC 9112): bytes to requests, responses to bytes. */
#include "base/assert.h"
#include "base/parse.h"
#include "proxy/client_internal.h"
#include "proxy/reply.h"
#include "proxy/request.h"

/* Content of an answered request is drained to keep the connection when at most this much is left;
 * beyond it closing is cheaper. */
#define DRAIN_BYTES_MAX (64 * 1024)

/* -- requests -- */

static enum reply reply_of(enum h1_result r)
{
    switch (r) {
    case H1_TARGET_TOO_LONG: return REPLY_TARGET_TOO_LONG;
    case H1_HEAD_TOO_LARGE: return REPLY_HEAD_TOO_LARGE;
    case H1_BAD_VERSION: return REPLY_BAD_VERSION;
    case H1_UNKNOWN_CODING: return REPLY_UNKNOWN_CODING;
    case H1_BAD_EXPECTATION: return REPLY_EXPECTATION_FAILED;
    case H1_METHOD_REFUSED: return REPLY_METHOD_REFUSED;
    case H1_OK:
    case H1_PARTIAL:
    case H1_BAD: break;
    }
    return REPLY_BAD_REQUEST;
}

/* After a reload the connection goes on under the new configuration, if that still has its address.
 */
static void adopt_conf(struct client *c)
{
    struct worker_conf *now = c->worker->conf;
    if (c->wconf == now || !now)
        return;
    for (size_t i = 0; i < now->conf->listens_n; i++) {
        const struct listen_conf *l = &now->conf->listens[i];
        if (!address_eq(&l->address, &c->listen->address))
            continue;
        worker_conf_unref(&c->wconf);
        c->wconf = worker_conf_ref(now);
        c->listen = l;
        return;
    }
    c->keep_alive = false;
}

struct h1_limits client_head_limits(const struct server_conf *s)
{
    return (struct h1_limits){.line_bytes = s->line_bytes,
                              .head_bytes = s->head_bytes,
                              .field_count = s->field_count,
                              .merge_slashes = s->merge_slashes,
                              .underscores_in_headers = s->underscores_in_headers};
}

static struct request *begin(struct client *c)
{
    c->keep_alive = true;
    adopt_conf(c);
    list_remove(&c->idle);
    c->state = CLIENT_BUSY;
    c->requests++;
    c->chunked = false;
    c->until_close = false;
    c->expects_continue = false;
    c->drained = 0;
    c->body.state = H1_BODY_DONE;
    c->request = request_new(c->worker, c);
    return c->request;
}

/* Nothing behind a head that was refused can be trusted. */
static void refuse(struct client *c, enum reply reply, const char *why)
{
    struct request *r = begin(c);
    c->keep_alive = false;
    c->http_1_0 = false;
    c->body.state = H1_BODY_ERROR; /* there may be more to read, which nobody will */
    request_refuse(r, reply, why);
}

static void begin_rate(struct client *c)
{
    c->body_since = loop_now(c->worker->loop);
    c->body_bytes = 0;
    c->body_held = false;
}

/* Slower than client_body_min_rate, over at least client_body_timeout: holds a request open on
 * purpose. */
static bool is_too_slow(const struct client *c)
{
    const struct location_conf *l = client_settings(c);
    int64_t ms = loop_now(c->worker->loop) - c->body_since;
    return ms > l->client_body_timeout_ms &&
           c->body_bytes * 1000 / (uint64_t)ms < l->client_body_min_rate;
}

static void note_head(struct client *c, const struct request *r)
{
    const struct location_conf *l = client_settings(c);
    c->http_1_0 = r->head.version_minor == 0;
    c->keep_alive = c->keep_alive && r->head.keep_alive && !c->worker->draining &&
                    c->requests < l->keepalive_requests && l->keepalive_timeout_ms > 0;
    c->expects_continue = r->head.expect_continue;
    h1_body_init(&c->body, r->head.framing, r->head.content_length);
    begin_rate(c);
}

static void on_head(struct client *c, struct slice bytes)
{
    struct request *r = begin(c);
    struct h1_limits limits = client_head_limits(c->listen->default_server);
    struct h1_error err = {H1_OK, ""};
    struct slice head = arena_dup(&r->arena, bytes);
    r->head_bytes = bytes.n;
    enum h1_result result = h1_parse_request(head, &limits, &r->arena, &r->head, &err);
    r->raw_line = slice_take(head, slice_find(head, '\r'));
    if (result != H1_OK) {
        c->keep_alive = false;
        c->http_1_0 = false;
        c->body.state = H1_BODY_ERROR;
        request_refuse(r, reply_of(result), err.what);
        return;
    }
    note_head(c, r);
    request_start(r);
}

/* Content of the request under way: at most what its upload has room for. False: it is not complete
 * yet. */
static bool use_content(struct client *c, struct slice *in)
{
    while (c->body.state == H1_BODY_MORE && in->n > 0) {
        struct request *r = c->request;
        if (r && !upload_has_room(&r->upload)) {
            c->body_held = true;
            return false;
        }
        struct slice content = slice_none();
        enum h1_body_state state = h1_body_next(&c->body, in, &content, NULL, NULL);
        if (state == H1_BODY_ERROR) {
            c->keep_alive = false;
            if (r)
                request_on_bad_content(r);
            else
                client_close(c, false);
            return false;
        }
        if (!r) {
            c->drained += content.n;
            if (c->drained > DRAIN_BYTES_MAX) {
                client_close(c, false);
                return false;
            }
            continue;
        }
        upload_add(&r->upload, content);
        c->body_bytes += content.n;
        if (state == H1_BODY_MORE && is_too_slow(c)) {
            request_on_client_timeout(r);
            return false;
        }
        if (state == H1_BODY_DONE)
            r->upload.complete = true;
        request_on_upload(r);
        if (c->state != CLIENT_BUSY)
            return false;
    }
    return c->body.state != H1_BODY_MORE;
}

/* A head, as far as it is there. False: not whole. */
static bool use_head(struct client *c, struct slice *in)
{
    size_t end = h1_head_end(*in, &c->scanned);
    if (end > 0) {
        struct slice head = slice_take(*in, end);
        c->scanned = 0;
        *in = slice_skip(*in, end);
        on_head(c, head);
        return true;
    }
    struct h1_limits limits = client_head_limits(c->listen->default_server);
    enum h1_result room = h1_head_room(*in, &limits);
    if (room != H1_OK) {
        refuse(c, reply_of(room), "");
        return false;
    }
    if (in->n > 0 && c->state == CLIENT_IDLE)
        c->state = CLIENT_HEAD;
    return false;
}

void client_h1_input(struct client *c, struct slice *in)
{
    while (in->n > 0 && !c->closing && c->state != CLIENT_CLOSED) {
        if (c->state == CLIENT_LINGER) {
            *in = slice_none();
            return;
        }
        if (c->state != CLIENT_BUSY) {
            if (!use_head(c, in))
                return;
            continue;
        }
        if (c->body.state != H1_BODY_MORE)
            return; /* pipelined: waits for its turn */
        if (!use_content(c, in))
            return;
        if (!c->request && !c->closing && c->state == CLIENT_BUSY)
            client_request_ended(c); /* drained */
    }
}

void client_h1_head_timeout(struct client *c)
{
    refuse(c, REPLY_REQUEST_TIMEOUT, "head did not come within client_header_timeout");
}

/* -- responses -- */

static void put(struct client *c, struct slice s)
{
    out_text(&c->worker->out, &c->queue, s);
}

static void put_number_line(struct client *c, struct slice name, uint64_t v)
{
    char number[24];
    put(c, name);
    put(c, slice_make(number, format_u64(number, v)));
    put(c, SLICE("\r\n"));
}

/* What is left of the request's content decides, too: a client that waits for 100 or has much more
 * to send is told to come back. */
static bool may_keep_alive(const struct client *c)
{
    if (!c->keep_alive || c->worker->draining)
        return false;
    if (c->body.state != H1_BODY_MORE)
        return true;
    if (c->request && !c->request->upload.discard && c->request->fetch)
        return true; /* still being sent on */
    bool little = c->body.framing == FRAMING_CHUNKED || c->body.left <= DRAIN_BYTES_MAX;
    return !c->expects_continue && little;
}

static void h1_send_head(struct client *c, struct request *r, const struct response_text *t)
{
    (void)r;
    c->chunked = t->framing == FRAMING_CHUNKED && !c->http_1_0;
    c->until_close = t->framing == FRAMING_CHUNKED && c->http_1_0;
    c->keep_alive = may_keep_alive(c) && !c->until_close && t->upgrade.n == 0;
    if (t->stored.n > 0)
        put(c, t->stored);
    put(c, t->lines);
    if (t->has_length && !t->length_in_stored)
        put_number_line(c, SLICE("Content-Length: "), t->content_length);
    if (c->chunked)
        put(c, SLICE("Transfer-Encoding: chunked\r\n"));
    if (t->upgrade.n > 0) {
        put(c, SLICE("Connection: upgrade\r\nUpgrade: "));
        put(c, t->upgrade);
        put(c, SLICE("\r\n\r\n"));
    } else if (!c->keep_alive) {
        put(c, SLICE("Connection: close\r\n\r\n"));
    } else if (c->http_1_0) {
        put(c, SLICE("Connection: keep-alive\r\n\r\n"));
    } else {
        put(c, SLICE("\r\n"));
    }
}

static void h1_send_content(struct client *c, struct request *r, struct blob *blob,
                            struct slice bytes)
{
    (void)r;
    if (bytes.n == 0)
        return;
    if (c->chunked) {
        char header[20];
        put(c, slice_make(header, h1_chunk_header(header, bytes.n)));
    }
    if (blob)
        out_blob(&c->worker->out, &c->queue, blob, bytes);
    else
        put(c, bytes);
    if (c->chunked)
        put(c, SLICE("\r\n"));
}

static void h1_send_end(struct client *c, struct request *r)
{
    if (c->chunked) {
        put(c, SLICE("0\r\n"));
        put(c, r->trailers);
        put(c, SLICE("\r\n"));
    }
    c->chunked = false;
}

/* A length or chunks that do not end show the cut by themselves; content that ends with the
 * connection needs a RST. */
static void h1_abort(struct client *c, struct request *r)
{
    (void)r;
    c->keep_alive = false;
    if (c->until_close)
        client_close(c, true);
    else
        c->closing = true;
}

static void h1_send_interim(struct client *c, struct request *r, uint16_t status,
                            const struct fields *fields)
{
    if (c->http_1_0)
        return;
    put(c, h1_write_response_part(&r->arena, status, status_reason(status), fields));
    put(c, SLICE("\r\n"));
}

static void h1_read_on(struct client *c, struct request *r)
{
    (void)r;
    c->resume = true;
    if (c->body_held)
        begin_rate(c);
}

static void h1_send_continue(struct client *c, struct request *r)
{
    (void)r;
    if (!c->expects_continue)
        return;
    c->expects_continue = false;
    put(c, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

const struct client_codec client_h1 = {
    .send_interim = h1_send_interim,
    .send_head = h1_send_head,
    .send_content = h1_send_content,
    .send_end = h1_send_end,
    .abort = h1_abort,
    .read_on = h1_read_on,
    .send_continue = h1_send_continue,
};
