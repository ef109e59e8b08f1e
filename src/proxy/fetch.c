#include "proxy/fetch.h"

#include "base/assert.h"
#include "cache/freshness.h"
#include "cache/purge.h"
#include "proxy/client.h"
#include "proxy/failure.h"
#include "proxy/fetch_internal.h"
#include "proxy/lookup.h"
#include "proxy/stale.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FETCH_MAGIC 0x46455443u

/* -- the table -- */

typedef enum fetch_state fetch_step_fn(struct fetch *);
static fetch_step_fn step_lookup, step_wait, step_pick, step_connect, step_send, step_read_head,
    step_decide, step_read_content, step_store, step_retry, step_failed, step_done;

#define TO(state) (1u << FETCH_##state)
struct fetch_row {
    const char *name;
    fetch_step_fn *step;
    unsigned next;
};

static const struct fetch_row rows[FETCH_COUNT] = {
    [FETCH_LOOKUP] = {"lookup", step_lookup, TO(WAIT) | TO(PICK) | TO(FAILED) | TO(DONE)},
    [FETCH_WAIT] = {"wait", step_wait, TO(LOOKUP) | TO(DONE)},
    [FETCH_PICK] = {"pick", step_pick, TO(CONNECT) | TO(FAILED) | TO(DONE)},
    [FETCH_CONNECT] = {"connect", step_connect, TO(SEND) | TO(RETRY) | TO(DONE)},
    [FETCH_SEND] = {"send", step_send, TO(READ_HEAD) | TO(DECIDE) | TO(RETRY) | TO(DONE)},
    [FETCH_READ_HEAD] = {"read-head", step_read_head, TO(DECIDE) | TO(RETRY) | TO(DONE)},
    [FETCH_DECIDE] = {"decide", step_decide, TO(READ_CONTENT) | TO(PICK) | TO(DONE)},
    [FETCH_READ_CONTENT] = {"read-content", step_read_content, TO(STORE) | TO(FAILED) | TO(DONE)},
    [FETCH_STORE] = {"store", step_store, TO(DONE)},
    [FETCH_RETRY] = {"retry", step_retry, TO(PICK) | TO(FAILED) | TO(DONE)},
    [FETCH_FAILED] = {"failed", step_failed, TO(DONE)},
    [FETCH_DONE] = {"done", step_done, 0},
};

const char *fetch_state_name(enum fetch_state s)
{
    return rows[s].name;
}

void fetch_print_states(void *file)
{
    for (unsigned i = 0; i < FETCH_COUNT; i++) {
        fprintf(file, "  %-12s ->", rows[i].name);
        for (unsigned j = 0; j < FETCH_COUNT; j++) {
            if (rows[i].next & (1u << j))
                fprintf(file, " %s", rows[j].name);
        }
        fprintf(file, "\n");
    }
}

static void go(struct fetch *f, enum fetch_state next)
{
    ASSERT_STATE(rows[f->state].next & (1u << next), rows[f->state].name);
    if (UNLIKELY(log_enabled(f->worker->log, LOG_DEBUG)))
        log_write(f->worker->log, LOG_DEBUG, "*%llu fetch %s -> %s",
                  (unsigned long long)f->r->client->serial, rows[f->state].name, rows[next].name);
    f->state = next;
}

/* Ends it wherever it is; step_done gives everything up. */
static void give_up(struct fetch *f)
{
    f->given_up = true;
    fetch_run(f);
}

static void fetch_free(struct fetch *f)
{
    struct request *r = f->r;
    list_remove(&f->node);
    entry_unref(&f->stale);
    timer_cancel(&f->poll);
    f->magic = 0;
    spares_give(loop_spares(f->worker->loop), f, sizeof *f);
    request_release(&r);
}

void fetch_run(struct fetch *f)
{
    ASSERT(f->magic == FETCH_MAGIC);
    if (f->running) {
        f->again = true;
        return;
    }
    f->running = true;
    for (;;) {
        f->again = false;
        bool stop = f->given_up && f->state != FETCH_DONE;
        enum fetch_state next = stop ? FETCH_DONE : rows[f->state].step(f);
        if (next != FETCH_STAY)
            go(f, next);
        else if (f->state == FETCH_DONE || !f->again)
            break;
    }
    f->running = false;
    if (f->state == FETCH_DONE)
        fetch_free(f);
}

/* Readers have made room, or the last one has left. */
static void fetch_on_flight(void *owner)
{
    struct fetch *f = owner;
    bool wanted = f->collecting || f->background || f->may_store;
    if (flight_readers(f->writer) == 0 && !(wanted && f->state < FETCH_READ_CONTENT) &&
        !f->collecting)
        give_up(f);
    else if (f->exchange && f->response && !flight_window_full(f->writer))
        exchange_resume(f->exchange);
}

static struct fetch *fetch_new(struct request *r, struct flight_reader *leader, bool look,
                               struct entry *validate, bool background)
{
    struct fetch *f = spares_take(loop_spares(r->worker->loop), sizeof *f);
    memset(f, 0, offsetof(struct fetch, asked));
    f->magic = FETCH_MAGIC;
    list_push_back(&r->worker->fetches, &f->node);
    f->worker = r->worker;
    f->r = request_hold(r);
    f->background = background;
    f->request_live = !background;
    f->look = look && lookup_has_pool(r);
    f->stale = validate ? entry_ref(validate) : NULL;
    f->may_store = r->cacheable && !r->no_store && !r->pass_range;
    f->state = f->look ? FETCH_LOOKUP : FETCH_PICK;
    f->started = loop_now(f->worker->loop);
    f->writer = flight_attach_writer(leader, f->worker->loop, fetch_on_flight, f);
    fetch_lease_init(f);
    if (!background)
        r->fetch = f;
    return f;
}

struct fetch *fetch_start(struct request *r, struct flight_reader *leader, bool look,
                          struct entry *validate, bool background)
{
    struct fetch *f = fetch_new(r, leader, look, validate, background);
    fetch_run(f);
    return f;
}

/* It leaves the flight before there is anything to see. */
static void nobody_on_flight(struct flight_reader *reader)
{
    (void)reader;
}

void fetch_behind(struct request *r, struct entry *stale, struct store_lease *lease)
{
    bool leader = false;
    struct loop *loop = r->worker->loop;
    struct flight_reader *reader =
        flight_join(r->worker->flights, &r->variant, false, loop, nobody_on_flight, r, &leader);
    if (leader) {
        struct fetch *f = fetch_new(r, reader, false, stale, true);
        f->lease = *lease;
        f->lease_since = f->started;
        lease->version = 0;
        fetch_run(f);
    }
    flight_leave(&reader);
}

/* -- lookup in the pool -- */

static void fetch_on_lookup(struct store_get *g, enum store_result result)
{
    struct fetch *f = g->owner;
    f->lookup_done = true;
    f->lookup_result = result;
    fetch_run(f);
}

/* False: pending. */
static bool look_up(struct fetch *f)
{
    f->looked = true;
    f->lookup_done = false;
    f->get = (struct store_get){
        .key = f->r->variant, .want = fetch_want(f), .fn = fetch_on_lookup, .owner = f};
    f->lookup_result = store_get(f->r->store, &f->get);
    f->lookup_done = f->lookup_result != STORE_PENDING;
    return f->lookup_done;
}

/* With a thousand lookups under way the processor's caches have lost the request by the time its
 * answer comes. It goes on at the end of the turn: what it touches then is fetched behind the
 * answers that are read meanwhile (about a tenth of the user time at 1024 connections). */
static void warm_up(const struct request *r)
{
    const char *client = (const char *)r->client;
    const void *lines[] = {&r->control, &r->head,    &r->head.fields, &r->upload,
                           &r->key,     &r->outcome, &r->sent_fields, r->arena.at};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        PREFETCH(lines[i]);
    for (size_t at = 0; at < sizeof *r->client; at += 64)
        PREFETCH(client + at);
}

/* Marked stale by a purge: its age does not count. */
static enum reuse reuse_of(const struct fetch *f, const struct entry *e)
{
    const struct stored_meta *meta = &e->view.meta;
    enum reuse reuse = stale_reuse(f->r, meta);
    if (!f->get.stale || reuse != REUSE_FRESH)
        return reuse;
    return meta->flags & STORED_MUST_REVALIDATE ? REUSE_VALIDATE : REUSE_STALE_REVALIDATE;
}

/* It answers; who has won the right to fetch a newer one does so behind it. */
static enum fetch_state answer_with(struct fetch *f, struct entry *e)
{
    flight_end_entry(&f->writer, e, ENTRY_FROM_POOL);
    if (store_lease_held(&f->lease))
        fetch_behind(f->r, e, &f->lease);
    entry_unref(&e);
    return FETCH_DONE;
}

/* Nothing that answers (`e`: a stale response): who fetches? */
static enum fetch_state take_turn(struct fetch *f, const struct entry *e)
{
    switch (fetch_turn(f, e)) {
    case TURN_OURS: break;
    case TURN_WAIT: fetch_wait(f); return FETCH_WAIT;
    case TURN_CLAIM: f->poll_due = true; return FETCH_WAIT;
    }
    return FETCH_PICK;
}

static enum fetch_state step_wait(struct fetch *f)
{
    if (!f->poll_due)
        return FETCH_STAY;
    f->poll_due = false;
    f->looked = false;
    return FETCH_LOOKUP;
}

static enum fetch_state on_found(struct fetch *f, struct entry *e)
{
    struct request *r = f->r;
    warm_up(r);
    switch (reuse_of(f, e)) {
    case REUSE_STALE_REVALIDATE:
        if (f->background || !r->location->background_update)
            break;
        /* fall through */
    case REUSE_FRESH: return answer_with(f, e);
    case REUSE_ONLY_IF_CACHED: entry_unref(&e); return FETCH_FAILED;
    case REUSE_VALIDATE: break;
    }
    entry_unref(&f->stale);
    f->stale = e;
    if (f->request_live) {
        r->forward = FWD_STALE;
        r->outcome = OUTCOME_EXPIRED;
    }
    return take_turn(f, e);
}

/* What was purged stands where what comes will be stored: whose turn it is goes by it, as if it
 * were stale. Takes `e`. */
static enum fetch_state on_response(struct fetch *f, struct entry *e)
{
    struct entry *usable = entry_ref(e);
    (void)purge_check(f->r->store->purges, &usable, loop_wall(f->worker->loop));
    enum fetch_state next = FETCH_FAILED;
    if (usable) {
        next = on_found(f, usable);
    } else if (!f->r->control.only_if_cached) {
        f->get.stale = true;
        next = take_turn(f, e);
    }
    entry_unref(&e);
    return next;
}

static enum fetch_state step_lookup(struct fetch *f)
{
    struct request *r = f->r;
    if (!f->looked && !look_up(f))
        return FETCH_STAY;
    if (!f->lookup_done)
        return FETCH_STAY;
    struct entry *e = f->lookup_result == STORE_HIT ? f->get.entry : NULL;
    fetch_take_lease(f);
    f->get.entry = NULL;
    if (e && e->view.meta.kind == STORED_VARY && r->vary.n == 0) {
        lookup_use_index(r, e);
        flight_list_variant(f->writer, &r->variant);
        f->looked = false;
        entry_unref(&e);
        return step_lookup(f);
    }
    if (e && e->view.meta.kind == STORED_RESPONSE && !lookup_is_invalidated(r, e))
        return on_response(f, e);
    bool is_mark = e && e->view.meta.kind == STORED_MARK;
    if (is_mark)
        flight_release_others(f->writer);
    entry_unref(&e);
    if (r->control.only_if_cached)
        return FETCH_FAILED;
    return is_mark ? FETCH_PICK : take_turn(f, NULL);
}

/* -- one try -- */

static enum reply reply_of(enum exchange_error e)
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
    return flight_length(f->writer) + more > max || flight_over_budget(f->writer);
}

static void on_content(struct exchange *ex, struct blob *blob, struct slice bytes)
{
    struct fetch *f = exchange_owner(ex);
    f->try->content_bytes += bytes.n;
    if (!f->writer || !f->response || f->state != FETCH_READ_CONTENT)
        return; /* of a response that is not passed on (a 304, a retried status) */
    if (f->collecting && is_too_much(f, bytes.n)) {
        f->collecting = false;
        flight_stop_collecting(f->writer);
        fetch_release_lease(f);
    }
    /* Backpressure: readers that have not taken the window's bytes stop this reader. */
    if (!flight_append(f->writer, blob, bytes))
        exchange_pause(ex);
}

static void note_try_end(struct fetch *f)
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
    note_try_end(f);
    fetch_run(f);
}

static void on_fail(struct exchange *ex, enum exchange_error error)
{
    struct fetch *f = exchange_owner(ex);
    f->failed = true;
    f->error = error;
    f->r->why = exchange_error_detail(ex);
    if (f->try->status == 0) /* as nginx shows it */
        f->try->status = reply_row(reply_of(error))->status;
    note_try_end(f);
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

static enum fetch_state step_pick(struct fetch *f)
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
    f->purge_seq = r->store ? purge_book_seq(r->store->purges) : 0;
    f->exchange = exchange_new(f->upstream, &events, f);
    exchange_start(f->exchange, peer, &f->out, f->fresh);
    counter_add(&f->worker->counters, COUNTER_UPSTREAM_REQUESTS, 1);
    return FETCH_CONNECT;
}

static enum fetch_state step_connect(struct fetch *f)
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

static enum fetch_state step_send(struct fetch *f)
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

static enum fetch_state step_read_head(struct fetch *f)
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

static unsigned bit_of_error(enum exchange_error e)
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

static unsigned bit_of_status(unsigned status)
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

static bool may_try_next(struct fetch *f, unsigned bit)
{
    f->tries++;
    return (f->r->location->next_upstream & bit) && may_resend(f) && tries_left(f) &&
           upload_rewind(&f->r->upload);
}

static enum fetch_state step_retry(struct fetch *f)
{
    struct counters *c = &f->worker->counters;
    bool again;
    if (f->error == EXCHANGE_STALE) { /* nobody's failure: the pooled connection had been closed */
        f->picked = f->picked_before;
        again = may_resend(f) && upload_rewind(&f->r->upload);
    } else {
        counter_add(c, COUNTER_UPSTREAM_ERRORS, 1);
        if (bit_of_error(f->error) == NEXT_TIMEOUT)
            counter_add(c, COUNTER_UPSTREAM_TIMEOUTS, 1);
        if (f->error != EXCHANGE_LOCAL)
            peer_failed(exchange_peer(f->exchange), loop_now(f->worker->loop));
        again = may_try_next(f, bit_of_error(f->error));
    }
    f->fresh = f->error == EXCHANGE_STALE;
    exchange_cancel(&f->exchange);
    if (!again)
        return FETCH_FAILED;
    counter_add(c, COUNTER_UPSTREAM_RETRIES, 1);
    if (!f->fresh)
        failure_log(f->r, LOG_ERROR, reply_row(reply_of(f->error))->text,
                    "trying the next upstream");
    f->r->why = NULL;
    return FETCH_PICK;
}

/* -- the response -- */

static enum fetch_state end_with_stale(struct fetch *f)
{
    flight_end_entry(&f->writer, f->stale, ENTRY_STALE);
    return FETCH_DONE;
}

static enum fetch_state on_not_modified(struct fetch *f)
{
    struct entry *e = fetch_freshen(f, f->head);
    if (!e) {
        f->error = EXCHANGE_LOCAL;
        flight_end(&f->writer, FLIGHT_BROKEN, REPLY_LOCAL_LIMIT);
        return FETCH_DONE;
    }
    flight_end_entry(&f->writer, e, ENTRY_VALIDATED);
    entry_unref(&e);
    return FETCH_READ_CONTENT; /* there is none, but the connection is kept once the exchange has
                                  ended */
}

static enum fetch_state step_decide(struct fetch *f)
{
    uint16_t status = f->head->status;
    unsigned bit = bit_of_status(status);
    bool failure = bit != 0 && status != 403 && status != 404;
    if (bit && (f->r->location->next_upstream & bit)) {
        if (failure)
            peer_failed(exchange_peer(f->exchange), loop_now(f->worker->loop));
        if (may_try_next(f, bit)) {
            note_try_end(f);
            exchange_cancel(&f->exchange);
            counter_add(&f->worker->counters, COUNTER_UPSTREAM_RETRIES, 1);
            return FETCH_PICK;
        }
    } else {
        peer_succeeded(exchange_peer(f->exchange));
    }
    /* RFC 9111 sections 4.3.3 and 4.3.5; another 200 replaces it below */
    if ((f->validating && status == 304) || fetch_head_agrees(f, f->head))
        return on_not_modified(f);
    if (f->stale && bit && stale_on_failure(f->r, &f->stale->view.meta, bit))
        return end_with_stale(f);
    fetch_take_head(f, f->head);
    fetch_publish(f);
    return FETCH_READ_CONTENT;
}

static enum fetch_state step_read_content(struct fetch *f)
{
    if (!f->writer)
        return f->done || f->failed ? FETCH_DONE : FETCH_STAY;
    if (f->failed)
        return FETCH_FAILED;
    return f->done ? FETCH_STORE : FETCH_STAY;
}

static enum fetch_state step_store(struct fetch *f)
{
    if (f->collecting)
        fetch_store_response(f);
    flight_end(&f->writer, FLIGHT_COMPLETE, REPLY_NONE);
    return FETCH_DONE;
}

/* -- the end -- */

static enum reply failure(const struct fetch *f)
{
    if (f->error != EXCHANGE_OK)
        return reply_of(f->error);
    if (!f->head_text.p)
        return REPLY_ONLY_IF_CACHED; /* ended before an origin was chosen */
    return upstream_peer_count(f->upstream) == 0 ? REPLY_NAME_NOT_RESOLVED : REPLY_NO_PEER;
}

static enum fetch_state step_failed(struct fetch *f)
{
    enum reply reply = failure(f);
    if (f->stale && !f->response && reply != REPLY_ONLY_IF_CACHED &&
        stale_on_failure(f->r, &f->stale->view.meta, bit_of_error(f->error))) {
        failure_log(f->r, LOG_ERROR, reply_row(reply)->text, "a stale response is served");
        return end_with_stale(f);
    }
    flight_end(&f->writer, FLIGHT_BROKEN, reply);
    return FETCH_DONE;
}

void fetch_give_up_all(struct worker *w)
{
    list_for_each_safe (it, &w->fetches) {
        give_up(list_entry(it, struct fetch, node));
    }
}

static enum fetch_state step_done(struct fetch *f)
{
    timer_cancel(&f->poll);
    if (f->look && f->looked && !f->lookup_done)
        store_cancel(f->r->store, &f->get);
    fetch_release_lease(f);
    if (f->exchange)
        exchange_cancel(&f->exchange);
    if (f->writer)
        flight_end(&f->writer, FLIGHT_BROKEN, REPLY_UPSTREAM_CLOSED);
    if (f->request_live)
        f->r->fetch = NULL;
    return FETCH_STAY;
}

static bool goes_on_alone(const struct fetch *f)
{
    if (!f->writer)
        return true;
    if (f->r->head.framing != FRAMING_NONE && !f->r->upload.complete)
        return false;
    if (f->state < FETCH_READ_CONTENT)
        return f->may_store;
    return f->collecting || flight_readers(f->writer) > 1;
}

void fetch_request_gone(struct fetch **fp, struct request *r)
{
    struct fetch *f = *fp;
    *fp = NULL;
    ASSERT(f->r == r);
    f->request_live = false;
    if (f->state == FETCH_DONE || goes_on_alone(f))
        return;
    give_up(f);
}

int fetch_take_fd(struct fetch *f, struct slice *early)
{
    struct slice bytes;
    int fd = exchange_take_fd(f->exchange, &bytes);
    *early = arena_dup(&f->r->arena, bytes);
    f->done = true;
    note_try_end(f);
    fetch_run(f);
    return fd;
}
