#include "proxy/fetch.h"

#include "base/assert.h"
#include "proxy/client.h"
#include "proxy/failure.h"
#include "proxy/fetch_internal.h"
#include "proxy/lookup.h"
#include "proxy/mirror.h"
#include "proxy/stale.h"

#include <stdio.h>
#include <stdlib.h>

#define FETCH_MAGIC 0x46455443u

/* -- the table -- */

static fetch_step_fn step_decide, step_read_content, step_store, step_failed, step_done;

#define TO(state) (1u << FETCH_##state)
struct fetch_row {
    const char *name;
    fetch_step_fn *step;
    unsigned next;
};

static const struct fetch_row rows[FETCH_COUNT] = {
    [FETCH_LOOKUP] = {"lookup", fetch_step_lookup, TO(WAIT) | TO(PICK) | TO(FAILED) | TO(DONE)},
    [FETCH_WAIT] = {"wait", fetch_step_wait, TO(LOOKUP) | TO(DONE)},
    [FETCH_PICK] = {"pick", fetch_step_pick, TO(CONNECT) | TO(FAILED) | TO(DONE)},
    [FETCH_CONNECT] = {"connect", fetch_step_connect, TO(SEND) | TO(RETRY) | TO(DONE)},
    [FETCH_SEND] = {"send", fetch_step_send, TO(READ_HEAD) | TO(DECIDE) | TO(RETRY) | TO(DONE)},
    [FETCH_READ_HEAD] = {"read-head", fetch_step_read_head, TO(DECIDE) | TO(RETRY) | TO(DONE)},
    [FETCH_DECIDE] = {"decide", step_decide, TO(INDEX) | TO(READ_CONTENT) | TO(PICK) | TO(DONE)},
    [FETCH_INDEX] = {"index", fetch_step_index, TO(READ_CONTENT) | TO(DONE)},
    [FETCH_READ_CONTENT] = {"read-content", step_read_content, TO(STORE) | TO(FAILED) | TO(DONE)},
    [FETCH_STORE] = {"store", step_store, TO(DONE)},
    [FETCH_RETRY] = {"retry", fetch_step_retry, TO(PICK) | TO(FAILED) | TO(DONE)},
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
    entry_unref(&f->part);
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

void fetch_on_room(struct fetch *f)
{
    bool wanted = f->collecting || f->background || f->may_store;
    if (flight_readers(f->writer) == 0 && !(wanted && f->state < FETCH_READ_CONTENT) &&
        !f->collecting && !f->mirror)
        give_up(f);
    else if (f->exchange && f->state == FETCH_READ_CONTENT && fetch_fill_has_room(f) &&
             !flight_window_full(f->writer))
        exchange_resume(f->exchange);
}

static void fetch_on_flight(void *owner)
{
    fetch_on_room(owner);
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
    f->look = look && !r->raw && lookup_has_pool(r); /* a raw value was looked for already */
    f->stale = validate ? entry_ref(validate) : NULL;
    f->may_store = r->cacheable && r->no_store == STORE_YES && !r->pass_range;
    f->state = f->look ? FETCH_LOOKUP : FETCH_PICK;
    f->started = loop_now(f->worker->loop);
    f->writer = flight_attach_writer(leader, f->worker->loop, fetch_on_flight, f);
    flight_begin(f->writer, r->key.hash);
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

/* -- the response -- */

static enum fetch_state end_with_stale(struct fetch *f)
{
    flight_end_entry(&f->writer, f->stale, ENTRY_STALE);
    return FETCH_DONE;
}

static enum fetch_state on_not_modified(struct fetch *f)
{
    enum flight_entry_from from;
    struct entry *e = fetch_freshen(f, f->head, &from);
    if (!e) {
        f->error = EXCHANGE_LOCAL;
        flight_end(&f->writer, FLIGHT_BROKEN, REPLY_LOCAL_LIMIT);
        return FETCH_DONE;
    }
    flight_end_entry(&f->writer, e, from);
    entry_unref(&e);
    return FETCH_READ_CONTENT; /* there is none, but the connection is kept once the exchange has
                                  ended */
}

/* The rest of a stored part does not fit to it, or a 304 is about nothing that is stored: nobody's
 * failure. */
static enum fetch_state ask_for_the_whole(struct fetch *f)
{
    fetch_note_try_end(f);
    exchange_cancel(&f->exchange);
    f->picked = f->picked_before;
    f->head_text = slice_none();
    return FETCH_PICK;
}

static enum fetch_state step_decide(struct fetch *f)
{
    uint16_t status = f->head->status;
    unsigned bit = fetch_bit_of_status(status);
    bool failure = bit != 0 && status != 403 && status != 404;
    if (bit && (f->r->location->next_upstream & bit)) {
        if (failure)
            peer_failed(exchange_peer(f->exchange), loop_now(f->worker->loop));
        if (fetch_may_try_next(f, bit)) {
            fetch_note_try_end(f);
            exchange_cancel(&f->exchange);
            counter_add(&f->worker->counters, COUNTER_UPSTREAM_RETRIES, 1);
            return FETCH_PICK;
        }
    } else {
        peer_succeeded(exchange_peer(f->exchange));
    }
    if (f->validating && status == 304 && !f->stale && !fetch_select_variant(f))
        return ask_for_the_whole(f);
    /* RFC 9111 sections 4.3.3 and 4.3.5; another 200 replaces it below */
    if ((f->validating && status == 304) || fetch_head_agrees(f, f->head))
        return on_not_modified(f);
    if (f->stale && bit && stale_on_failure(f->r, &f->stale->view.meta, bit))
        return end_with_stale(f);
    if (!fetch_take_rest(f))
        return ask_for_the_whole(f);
    fetch_take_head(f, f->head);
    if (f->collecting && f->response->vary.n > 0)
        return FETCH_INDEX;
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
    if (f->writer) {
        if (f->collecting && flight_is_outdated(f->writer))
            fetch_stop_storing(f);
        fetch_take_trailers(f);
        if (f->collecting)
            fetch_store_response(f);
        fetch_end_mirror(f);
        flight_end(&f->writer, FLIGHT_COMPLETE, REPLY_NONE);
    }
    return fetch_fill_is_over(f) ? FETCH_DONE : FETCH_STAY;
}

/* -- the end -- */

static enum reply failure(const struct fetch *f)
{
    if (f->error != EXCHANGE_OK)
        return fetch_reply_of(f->error);
    if (!f->head_text.p)
        return REPLY_ONLY_IF_CACHED; /* ended before an origin was chosen */
    return upstream_peer_count(f->upstream) == 0 ? REPLY_NAME_NOT_RESOLVED : REPLY_NO_PEER;
}

static enum fetch_state step_failed(struct fetch *f)
{
    enum reply reply = failure(f);
    if (f->stale && !f->response && reply != REPLY_ONLY_IF_CACHED &&
        stale_on_failure(f->r, &f->stale->view.meta, fetch_bit_of_error(f->error))) {
        failure_log(f->r, LOG_ERROR, reply_row(reply)->text, "a stale response is served");
        return end_with_stale(f);
    }
    if (f->collecting && f->error == EXCHANGE_TRUNCATED && !flight_is_outdated(f->writer))
        fetch_store_beginning(f);
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
    if (f->looked && !f->lookup_done)
        store_cancel(f->r->store, &f->get);
    fetch_leave_uses(f);
    fetch_leave_part(f);
    fetch_leave_index(f);
    fetch_release_lease(f);
    mirror_abort(&f->mirror);
    fetch_fill_free(f);
    entry_unref(&f->manifest);
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
    return f->collecting || f->mirror || flight_readers(f->writer) > 1;
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
    fetch_note_try_end(f);
    fetch_run(f);
    return fd;
}
