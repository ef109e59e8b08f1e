/* Life of an exchange: the table of its states, beginning, ends. */
#include "upstream/exchange.h"

#include "base/assert.h"
#include "upstream/exchange_state.h"

#include <stdlib.h>

#define BIT(state) (1u << EXCHANGE_##state)
#define ENDS       (BIT(FAILED) | BIT(CANCELLED))

struct exchange_row {
    const char *name;
    exchange_receive_fn *receive; /* what to do with bytes; NULL: none are expected */
    unsigned next;                /* set of legal next states */
};

static const struct exchange_row rows[EXCHANGE_STATES_COUNT] = {
    [EXCHANGE_NEW] = {"new", NULL, BIT(CONNECT) | BIT(CANCELLED)},
    [EXCHANGE_CONNECT] = {"connect", NULL, BIT(READ_HEAD) | ENDS},
    [EXCHANGE_READ_HEAD] = {"read-head", exchange_receive_head,
                            BIT(READ_CONTENT) | BIT(TUNNEL) | ENDS},
    [EXCHANGE_READ_CONTENT] = {"read-content", exchange_receive_content, BIT(DONE) | ENDS},
    [EXCHANGE_TUNNEL] = {"tunnel", NULL, BIT(DONE) | BIT(CANCELLED)},
    [EXCHANGE_DONE] = {"done", NULL, BIT(CANCELLED)},
    [EXCHANGE_FAILED] = {"failed", NULL, BIT(CANCELLED)},
    [EXCHANGE_CANCELLED] = {"cancelled", NULL, 0},
};

void exchange_enter(struct exchange *ex, enum exchange_state next)
{
    const struct exchange_row *row = &rows[ex->state];
    ASSERT_STATE((row->next >> next & 1) != 0, row->name);
    const struct upstream *u = ex->upstream;
    if (!u->closed && log_enabled(u->log, LOG_DEBUG)) {
        log_write(u->log, LOG_DEBUG, "exchange %p: %s -> %s", (void *)ex, row->name,
                  rows[next].name);
    }
    ex->state = next;
}

void exchange_receive(struct exchange *ex)
{
    for (;;) {
        exchange_receive_fn *receive = rows[ex->state].receive;
        if (receive == NULL || ex->paused || !receive(ex)) {
            return;
        }
    }
}

const char *exchange_error_text(enum exchange_error e)
{
    switch (e) {
    case EXCHANGE_OK: return "no error";
    case EXCHANGE_CONNECT_REFUSED: return "connection refused or unreachable";
    case EXCHANGE_CONNECT_TIMEOUT: return "timeout while connecting";
    case EXCHANGE_LOCAL: return "no descriptor, port or memory here";
    case EXCHANGE_STALE: return "idle connection was closed by the origin";
    case EXCHANGE_CLOSED: return "connection closed before a whole response head";
    case EXCHANGE_WRITE_TIMEOUT: return "timeout while sending the request";
    case EXCHANGE_READ_TIMEOUT: return "timeout while reading the response";
    case EXCHANGE_BAD_HEAD: return "malformed response head";
    case EXCHANGE_HEAD_TOO_LARGE: return "response head too large";
    case EXCHANGE_TOO_MANY_INTERIM: return "too many interim responses";
    case EXCHANGE_TRUNCATED: return "response ended before its content was complete";
    case EXCHANGE_BAD_CONTENT: return "malformed chunked content";
    }
    return "";
}

/* -- waits -- */

/* Nobody waits for the origin while the client is what is slow: paused, or content still to come.
 */
void exchange_set_timer(struct exchange *ex)
{
    if (ex->conn == NULL) {
        return;
    }
    struct timer *t = &ex->conn->timer;
    bool expects = ex->state == EXCHANGE_READ_CONTENT || ex->send_stopped || exchange_is_sent(ex);
    if (exchange_has_unsent(ex)) {
        timer_set(ex->upstream->loop, t, ex->req.send_timeout_ms);
    } else if (expects && !ex->paused && ex->state != EXCHANGE_TUNNEL) {
        timer_set(ex->upstream->loop, t, ex->req.read_timeout_ms);
    } else {
        timer_cancel(t);
    }
}

void exchange_on_timeout(struct exchange *ex)
{
    if (ex->state == EXCHANGE_CONNECT) {
        return; /* the idle connection's deadline, in the very turn in which it was taken */
    }
    exchange_fail(ex, exchange_has_unsent(ex) ? EXCHANGE_WRITE_TIMEOUT : EXCHANGE_READ_TIMEOUT,
                  NULL);
}

/* -- beginning -- */

static void connected(struct exchange *ex)
{
    exchange_enter(ex, EXCHANGE_READ_HEAD);
    stream_want_read(&ex->conn->stream, !ex->paused);
    if (ex->events->on_connected != NULL) {
        ex->events->on_connected(ex);
    }
    exchange_flush(ex);
    if (exchange_is_under_way(ex)) {
        exchange_set_timer(ex);
    }
}

static const struct address *bind_of(const struct exchange *ex)
{
    return ex->req.bind == NULL ? NULL : &ex->bind;
}

static void exchange_on_dial(struct dial *d, enum dial_result result, int fd)
{
    struct exchange *ex = d->owner;
    switch (result) {
    case DIAL_OK:
        upstream_count(&ex->upstream->counters.connects, 1);
        ex->conn = origin_open(ex->upstream, ex->peer, fd, bind_of(ex), ex);
        connected(ex);
        return;
    case DIAL_REFUSED:
        exchange_fail(ex, EXCHANGE_CONNECT_REFUSED, dial_result_text(result));
        return;
    case DIAL_TIMEOUT: exchange_fail(ex, EXCHANGE_CONNECT_TIMEOUT, NULL); return;
    case DIAL_LOCAL:
        origin_shed(ex->upstream); /* so that the next try finds a descriptor */
        exchange_fail(ex, EXCHANGE_LOCAL, dial_result_text(result));
        return;
    }
}

static void exchange_on_kick(struct turn_end *t)
{
    struct exchange *ex = t->owner;
    if (ex->state == EXCHANGE_CONNECT) {
        connected(ex);
        return;
    }
    exchange_flush(ex);
    exchange_receive(ex);
    if (exchange_is_under_way(ex)) {
        exchange_set_timer(ex);
    }
}

struct exchange *exchange_new(struct upstream *u, const struct exchange_events *events, void *owner)
{
    struct exchange *ex = spares_ztake(loop_spares(u->loop), sizeof(*ex));
    ex->upstream = upstream_ref(u);
    ex->events = events;
    ex->owner = owner;
    ex->keep_ms = INT64_MAX;
    dial_init(&ex->dial, u->loop, exchange_on_dial, ex);
    turn_end_init(&ex->kick, exchange_on_kick, ex);
    buf_init(&ex->out, SIZE_MAX / 2);
    arena_init(&ex->arena, loop_arenas(u->loop));
    return ex;
}

static void set_request(struct exchange *ex, const struct exchange_request *req)
{
    ex->req = *req;
    ex->limits = *req->limits;
    ex->head_left = req->head;
    ex->content_left = req->framing == FRAMING_LENGTH ? req->content_length : 0;
    ex->content_ended = req->framing != FRAMING_CHUNKED && ex->content_left == 0;
    if (req->bind != NULL) {
        ex->bind = *req->bind;
    }
}

void exchange_start(struct exchange *ex, struct peer *p, const struct exchange_request *req,
                    bool fresh)
{
    exchange_enter(ex, EXCHANGE_CONNECT);
    set_request(ex, req);
    ex->peer = p;
    ex->counted = true;
    ex->conn = fresh ? NULL : origin_take(p, bind_of(ex), ex);
    ex->reused = ex->conn != NULL;
    if (ex->reused) {
        /* What the origin has sent or done until the end of this turn is seen before the request is
         * written, and shows that the connection is not to be used. */
        upstream_count(&ex->upstream->counters.reused, 1);
        turn_end_schedule(ex->upstream->loop, &ex->kick);
        return;
    }
    bool is_unix = p->address.u.sa.sa_family == AF_UNIX;
    dial_start(&ex->dial, &p->address, is_unix ? NULL : bind_of(ex), req->connect_timeout_ms);
}

/* -- ends -- */

static void stop_work(struct exchange *ex)
{
    turn_end_cancel(&ex->kick);
    dial_cancel(&ex->dial);
    if (ex->conn != NULL) {
        /* A reset tells the origin that the request was cut and must not be acted upon. */
        origin_close(&ex->conn, !exchange_is_sent(ex));
    }
}

static void uncount(struct exchange *ex)
{
    if (ex->counted) {
        ex->counted = false;
        peer_ended(ex->peer);
    }
}

static bool may_pool(const struct exchange *ex)
{
    return ex->head.keep_alive && ex->head.framing != FRAMING_EOF && !ex->send_stopped &&
           exchange_is_sent(ex) && !exchange_has_unused(ex);
}

void exchange_finish(struct exchange *ex)
{
    turn_end_cancel(&ex->kick);
    if (may_pool(ex)) {
        origin_keep(&ex->conn, ex->keep_ms);
    } else {
        origin_close(&ex->conn, false);
    }
    uncount(ex);
    exchange_enter(ex, EXCHANGE_DONE);
    ex->events->on_done(ex);
}

static void count_failure(struct upstream_counters *c, enum exchange_error error)
{
    if (error == EXCHANGE_STALE) {
        upstream_count(&c->stale, 1);
        return;
    }
    upstream_count(&c->errors, 1);
    if (error == EXCHANGE_CONNECT_TIMEOUT || error == EXCHANGE_WRITE_TIMEOUT ||
        error == EXCHANGE_READ_TIMEOUT) {
        upstream_count(&c->timeouts, 1);
    }
}

void exchange_fail(struct exchange *ex, enum exchange_error error, const char *detail)
{
    ex->detail = detail;
    stop_work(ex);
    uncount(ex);
    count_failure(&ex->upstream->counters, error);
    exchange_enter(ex, EXCHANGE_FAILED);
    ex->events->on_fail(ex, error);
}

static void bury(void *arg)
{
    struct exchange *ex = arg;
    struct spares *spares = loop_spares(ex->upstream->loop);
    if (ex->peer != NULL) {
        peer_unref(&ex->peer);
    }
    blob_unref(&ex->head_blob);
    upstream_blob_return(ex->upstream, &ex->in);
    buf_fini(&ex->out);
    arena_fini(&ex->arena);
    upstream_unref(&ex->upstream);
    spares_give(spares, ex, sizeof(*ex));
}

void exchange_cancel(struct exchange **exp)
{
    struct exchange *ex = *exp;
    if (ex == NULL) {
        return;
    }
    *exp = NULL;
    stop_work(ex);
    uncount(ex);
    exchange_enter(ex, EXCHANGE_CANCELLED);
    loop_bury(ex->upstream->loop, ex, bury);
}

int exchange_take_fd(struct exchange *ex, struct slice *early)
{
    ASSERT_STATE(ex->state == EXCHANGE_TUNNEL, rows[ex->state].name);
    *early = slice_make(ex->in->data + ex->in_at, ex->in->len - ex->in_at);
    turn_end_cancel(&ex->kick);
    int fd = origin_detach(&ex->conn);
    exchange_enter(ex, EXCHANGE_DONE); /* it counts as under way until exchange_cancel */
    return fd;
}

/* -- what is known of it -- */

void *exchange_owner(const struct exchange *ex)
{
    return ex->owner;
}

uint64_t exchange_bytes_sent(const struct exchange *ex)
{
    return ex->bytes_sent;
}

uint64_t exchange_bytes_received(const struct exchange *ex)
{
    return ex->bytes_received;
}

bool exchange_reused_connection(const struct exchange *ex)
{
    return ex->reused;
}

struct peer *exchange_peer(const struct exchange *ex)
{
    return ex->peer;
}

const struct fields *exchange_trailers(const struct exchange *ex)
{
    return &ex->trailers;
}

struct blob *exchange_head_blob(const struct exchange *ex)
{
    return ex->head_blob;
}

const char *exchange_error_detail(const struct exchange *ex)
{
    return ex->detail;
}
