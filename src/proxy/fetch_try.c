/* One try with an origin: what the exchange tells, the request's content on its way, and whether
 * another peer is tried (proxy_next_upstream). */
#include "base/assert.h"
#include "cache/purge.h"
#include "proxy/client.h"
#include "proxy/failure.h"
#include "proxy/fetch_internal.h"
#include "proxy/mirror.h"

/* -- one try -- */

enum reply fetch_reply_of(enum exchange_error e)
{
    switch (e) {
    case EXCHANGE_OK: break;
    case EXCHANGE_CONNECT_REFUSED: return REPLY_CONNECT_FAILED;
    case EXCHANGE_CONNECT_TIMEOUT: return REPLY_CONNECT_TIMEOUT;
    case EXCHANGE_LOCAL: return REPLY_LOCAL_LIMIT;
    case EXCHANGE_STALE:
    case EXCHANGE_CLOSED: return REPLY_UPSTREAM_CLOSED;
    case EXCHANGE_WRITE_TIMEOUT: return REPLY_UPSTREAM_WRITE_TIMEOUT;
    case EXCHANGE_READ_TIMEOUT: return REPLY_UPSTREAM_READ_TIMEOUT;
    case EXCHANGE_BAD_HEAD:
    case EXCHANGE_TOO_MANY_INTERIM: return REPLY_UPSTREAM_BAD_RESPONSE;
    case EXCHANGE_HEAD_TOO_LARGE: return REPLY_UPSTREAM_HEAD_TOO_LARGE;
    case EXCHANGE_TRUNCATED:
    case EXCHANGE_BAD_CONTENT: return REPLY_UPSTREAM_TRUNCATED;
    }
    return REPLY_NO_PEER;
}

static void on_connected(struct exchange *ex)
{
    struct fetch *f = exchange_owner(ex);
    f->connected = true;
    f->try->connect_us = loop_now_us(f->worker->loop) - f->try_started_us;
    fetch_run(f);
}

static void on_interim(struct exchange *ex, const struct response_head *head)
{
    struct fetch *f = exchange_owner(ex);
    if (!f->request_live || head->status == 100)
        return;
    struct client *c = f->r->client;
    bool entered = client_enter(c);
    struct fields fields = {0};
    for (size_t i = 0; i < head->fields.n; i++) {
        if (!field_is_hop_by_hop(&head->fields.v[i], &head->fields))
            fields_add(&fields, &f->r->arena, head->fields.v[i].name, head->fields.v[i].value);
    }
    c->codec->send_interim(c, f->r, head->status, &fields);
    client_leave(c, entered);
}

static void on_head(struct exchange *ex, const struct response_head *head)
{
    struct fetch *f = exchange_owner(ex);
    f->has_head = true;
    f->try->status = head->status;
    f->try->header_us = loop_now_us(f->worker->loop) - f->try_started_us;
    f->head = head;
    fetch_run(f);
}

/* For this cache, or for all that is being collected now. */
static bool is_too_much(struct fetch *f, size_t more)
{
    uint64_t max = (uint64_t)f->r->location->rules.max_object_bytes;
    return flight_length(f->writer) + more > max || (!f->fill && flight_over_budget(f->writer));
}

static void store_content(struct fetch *f, struct slice bytes)
{
    fetch_fill_if_large(f, bytes.n);
    if (is_too_much(f, bytes.n))
        fetch_stop_storing(f);
    else if (f->fill)
        fetch_fill_add(f, bytes);
}

static void on_content(struct exchange *ex, struct blob *blob, struct slice bytes)
{
    struct fetch *f = exchange_owner(ex);
    f->try->content_bytes += bytes.n;
    if (!f->writer || !f->response || f->state != FETCH_READ_CONTENT)
        return; /* of a response that is not passed on (a 304, a retried status) */
    if (f->collecting)
        store_content(f, bytes);
    mirror_write(&f->mirror, bytes);
    /* Backpressure: readers that have not taken the window's bytes stop this reader, and so does a
     * store that has not taken the chunks before. */
    if (!flight_append(f->writer, blob, bytes) || !fetch_fill_has_room(f))
        exchange_pause(ex);
}

void fetch_note_try_end(struct fetch *f)
{
    struct counters *c = &f->worker->counters;
    uint64_t sent = exchange_bytes_sent(f->exchange);
    uint64_t received = exchange_bytes_received(f->exchange);
    f->try->response_us = loop_now_us(f->worker->loop) - f->try_started_us;
    f->try->bytes_sent = sent;
    f->try->bytes_received = received;
    counter_add(c, COUNTER_UPSTREAM_BYTES_SENT, sent);
    counter_add(c, COUNTER_UPSTREAM_BYTES_RECEIVED, received);
}

static void on_done(struct exchange *ex)
{
    struct fetch *f = exchange_owner(ex);
    f->done = true;
    fetch_note_try_end(f);
    fetch_run(f);
}

static void on_fail(struct exchange *ex, enum exchange_error error)
{
    struct fetch *f = exchange_owner(ex);
    f->failed = true;
    f->error = error;
    f->r->why = exchange_error_detail(ex);
    if (f->try->status == 0) /* as nginx shows it */
        f->try->status = reply_row(fetch_reply_of(error))->status;
    fetch_note_try_end(f);
    fetch_run(f);
}

static void on_writable(struct exchange *ex)
{
    struct fetch *f = exchange_owner(ex);
    f->send_full = false;
    fetch_run(f);
}

static const struct exchange_events events = {
    .on_connected = on_connected,
    .on_interim = on_interim,
    .on_head = on_head,
    .on_content = on_content,
    .on_done = on_done,
    .on_fail = on_fail,
    .on_writable = on_writable,
};

/* The record of this try in the request; when there are more than it keeps, the last one is
 * overwritten. */
static void note_try(struct fetch *f, struct peer *peer)
{
    struct request *r = f->r;
    if (r->tries_n < UPSTREAM_TRIES_MAX)
        r->tries_n++;
    f->try = &r->tries[r->tries_n - 1];
    *f->try = (struct upstream_try){.peer = arena_dup(&r->arena, peer_name(peer)),
                                    .connect_us = -1,
                                    .header_us = -1,
                                    .response_us = -1};
    f->try_started_us = loop_now_us(f->worker->loop);
}

/* Also where only the response tells that it will be stored (fetch_post.c). */
static uint64_t newest_purge(const struct request *r)
{
    const struct location_conf *l = r->location;
    const struct store *store = l->cache_on ? r->wconf->stores[l->cache] : r->store;
    return store ? purge_book_seq(store->purges) : 0;
}

enum fetch_state fetch_step_pick(struct fetch *f)
{
    struct request *r = f->r;
    if (!f->head_text.p) {
        fetch_make_request(f);
        f->upstream = r->wconf->upstreams[r->location->upstream];
        if (f->request_live && !r->upload.complete && r->head.framing != FRAMING_NONE) {
            bool entered = client_enter(r->client);
            r->client->codec->send_continue(r->client, r);
            client_leave(r->client, entered);
        }
    }
    f->picked_before = f->picked;
    struct peer *peer = upstream_pick(f->upstream, &f->picked, loop_now(f->worker->loop));
    if (!peer)
        return FETCH_FAILED;
    note_try(f, peer);
    f->connected = false;
    f->failed = false;
    f->has_head = false;
    f->done = false;
    f->send_full = false;
    f->send_ended = false;
    f->request_time = loop_wall(f->worker->loop);
    f->purge_seq = newest_purge(r);
    f->exchange = exchange_new(f->upstream, &events, f);
    exchange_start(f->exchange, peer, &f->out, f->fresh);
    counter_add(&f->worker->counters, COUNTER_UPSTREAM_REQUESTS, 1);
    return FETCH_CONNECT;
}

enum fetch_state fetch_step_connect(struct fetch *f)
{
    if (f->failed)
        return FETCH_RETRY;
    return f->connected ? FETCH_SEND : FETCH_STAY;
}

/* Gives the exchange what it takes; then the client may send more. */
static void pump(struct fetch *f)
{
    struct request *r = f->r;
    struct upload *u = &r->upload;
    while (!f->send_full) {
        struct slice more = upload_unsent(u);
        if (more.n == 0)
            break;
        f->send_full = !exchange_send(f->exchange, more);
        upload_sent(u, more.n);
    }
    if (u->complete && upload_unsent(u).n == 0 && !f->send_ended) {
        f->send_ended = true;
        exchange_send_end(f->exchange);
    } else if (!u->complete && upload_has_room(u)) {
        bool entered = client_enter(r->client);
        r->client->codec->read_on(r->client, r);
        client_leave(r->client, entered);
    }
}

enum fetch_state fetch_step_send(struct fetch *f)
{
    if (f->failed)
        return FETCH_RETRY;
    if (f->has_head)
        return FETCH_DECIDE;
    if (f->out.framing == FRAMING_NONE)
        return FETCH_READ_HEAD;
    pump(f);
    return f->send_ended ? FETCH_READ_HEAD : FETCH_STAY;
}

enum fetch_state fetch_step_read_head(struct fetch *f)
{
    if (f->failed)
        return FETCH_RETRY;
    return f->has_head ? FETCH_DECIDE : FETCH_STAY;
}

void fetch_on_upload(struct fetch *f)
{
    if (f->state == FETCH_SEND)
        fetch_run(f);
}

/* -- trying again (proxy_next_upstream) -- */

unsigned fetch_bit_of_error(enum exchange_error e)
{
    switch (e) {
    case EXCHANGE_CONNECT_TIMEOUT:
    case EXCHANGE_WRITE_TIMEOUT:
    case EXCHANGE_READ_TIMEOUT: return NEXT_TIMEOUT;
    case EXCHANGE_BAD_HEAD:
    case EXCHANGE_HEAD_TOO_LARGE:
    case EXCHANGE_TOO_MANY_INTERIM: return NEXT_INVALID_HEADER;
    case EXCHANGE_OK:
    case EXCHANGE_CONNECT_REFUSED:
    case EXCHANGE_LOCAL:
    case EXCHANGE_STALE:
    case EXCHANGE_CLOSED:
    case EXCHANGE_TRUNCATED:
    case EXCHANGE_BAD_CONTENT: break;
    }
    return NEXT_ERROR;
}

unsigned fetch_bit_of_status(unsigned status)
{
    switch (status) {
    case 500: return NEXT_500;
    case 502: return NEXT_502;
    case 503: return NEXT_503;
    case 504: return NEXT_504;
    case 403: return NEXT_403;
    case 404: return NEXT_404;
    case 429: return NEXT_429;
    default: return 0;
    }
}

/* May the request be sent again? Never one that changes something and may have arrived (nginx:
 * POST, LOCK, PATCH), unless configured. */
static bool may_resend(struct fetch *f)
{
    const struct request *r = f->r;
    bool unsafe = f->asked.method == METHOD_POST || f->asked.method == METHOD_LOCK ||
                  f->asked.method == METHOD_PATCH;
    if (unsafe && !(r->location->next_upstream & NEXT_NON_IDEMPOTENT) &&
        exchange_bytes_sent(f->exchange) > 0)
        return false;
    return f->out.framing == FRAMING_NONE || f->request_live;
}

static bool tries_left(struct fetch *f)
{
    const struct location_conf *l = f->r->location;
    mono_ms now = loop_now(f->worker->loop);
    if (l->next_upstream_timeout_ms > 0 && now - f->started >= l->next_upstream_timeout_ms)
        return false;
    uint32_t most = l->next_upstream_tries;
    uint32_t peers = (uint32_t)upstream_peer_count(f->upstream);
    if (most == 0 || most > peers)
        most = peers;
    return f->tries < most;
}

bool fetch_may_try_next(struct fetch *f, unsigned bit)
{
    f->tries++;
    return (f->r->location->next_upstream & bit) && may_resend(f) && tries_left(f) &&
           upload_rewind(&f->r->upload);
}

enum fetch_state fetch_step_retry(struct fetch *f)
{
    struct counters *c = &f->worker->counters;
    bool again;
    if (f->error == EXCHANGE_STALE) { /* nobody's failure: the pooled connection had been closed */
        f->picked = f->picked_before;
        again = may_resend(f) && upload_rewind(&f->r->upload);
    } else {
        counter_add(c, COUNTER_UPSTREAM_ERRORS, 1);
        if (fetch_bit_of_error(f->error) == NEXT_TIMEOUT)
            counter_add(c, COUNTER_UPSTREAM_TIMEOUTS, 1);
        if (f->error != EXCHANGE_LOCAL)
            peer_failed(exchange_peer(f->exchange), loop_now(f->worker->loop));
        again = fetch_may_try_next(f, fetch_bit_of_error(f->error));
    }
    f->fresh = f->error == EXCHANGE_STALE;
    exchange_cancel(&f->exchange);
    if (!again)
        return FETCH_FAILED;
    counter_add(c, COUNTER_UPSTREAM_RETRIES, 1);
    if (!f->fresh)
        failure_log(f->r, LOG_ERROR, reply_row(fetch_reply_of(f->error))->text,
                    "trying the next upstream");
    f->r->why = NULL;
    return FETCH_PICK;
}
