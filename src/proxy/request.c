#include "proxy/request.h"

#include "base/assert.h"
#include "cache/policy.h"
#include "proxy/access_log.h"
#include "proxy/client.h"
#include "proxy/coded.h"
#include "proxy/deliver.h"
#include "proxy/deliver_chunks.h"
#include "proxy/fetch.h"
#include "proxy/outcome.h"
#include "proxy/purge_client.h"
#include "proxy/raw.h"
#include "proxy/reply.h"
#include "proxy/route.h"
#include "proxy/tunnel.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REQUEST_MAGIC     0x52455153u
#define FREE_REQUESTS_MAX 1024

/* -- the table -- */

typedef enum request_state request_step_fn(struct request *);
static request_step_fn step_read_head, step_deliver, step_purge, step_reply, step_tunnel, step_log,
    step_end;

#define TO(state) (1u << REQ_##state)
struct request_row {
    const char *name;
    request_step_fn *step;
    unsigned next; /* states that may follow */
};

static const struct request_row rows[REQ_COUNT] = {
    [REQ_READ_HEAD] = {"read-head", step_read_head, TO(ROUTE) | TO(REPLY) | TO(LOG)},
    [REQ_ROUTE] = {"route", request_route,
                   TO(RAW) | TO(LOOKUP) | TO(FETCH) | TO(PURGE) | TO(REPLY) | TO(LOG)},
    [REQ_RAW] = {"raw", request_step_raw,
                 TO(DELIVER) | TO(COLLAPSE) | TO(FETCH) | TO(REPLY) | TO(LOG)},
    [REQ_LOOKUP] = {"lookup", request_step_lookup,
                    TO(DELIVER) | TO(COLLAPSE) | TO(FETCH) | TO(REPLY) | TO(LOG)},
    [REQ_COLLAPSE] = {"collapse", request_step_collapse,
                      TO(DELIVER) | TO(LOOKUP) | TO(FETCH) | TO(REPLY) | TO(LOG)},
    [REQ_FETCH] = {"fetch", request_step_fetch,
                   TO(DELIVER) | TO(LOOKUP) | TO(REPLY) | TO(TUNNEL) | TO(LOG)},
    [REQ_DELIVER] = {"deliver", step_deliver, TO(LOOKUP) | TO(FETCH) | TO(LOG)},
    [REQ_PURGE] = {"purge", step_purge, TO(REPLY) | TO(LOG)},
    [REQ_REPLY] = {"reply", step_reply, TO(LOG)},
    [REQ_TUNNEL] = {"tunnel", step_tunnel, TO(LOG)},
    [REQ_LOG] = {"log", step_log, TO(END)},
    [REQ_END] = {"end", step_end, 0},
};

const char *request_state_name(enum request_state s)
{
    return rows[s].name;
}

void request_print_states(void *file)
{
    for (unsigned i = 0; i < REQ_COUNT; i++) {
        fprintf(file, "  %-10s ->", rows[i].name);
        for (unsigned j = 0; j < REQ_COUNT; j++) {
            if (rows[i].next & (1u << j))
                fprintf(file, " %s", rows[j].name);
        }
        fprintf(file, "\n");
    }
}

static void go(struct request *r, enum request_state next)
{
    ASSERT_STATE(rows[r->state].next & (1u << next), rows[r->state].name);
    if (UNLIKELY(log_enabled(r->worker->log, LOG_DEBUG)))
        log_write(r->worker->log, LOG_DEBUG, "*%llu request %s -> %s",
                  (unsigned long long)r->client->serial, rows[r->state].name, rows[next].name);
    r->state = next;
}

void request_run(struct request *r)
{
    ASSERT(r->magic == REQUEST_MAGIC);
    if (r->running || r->ended)
        return;
    struct client *c = client_hold(r->client);
    bool entered = client_enter(c);
    r->running = true;
    for (;;) {
        enum request_state next = rows[r->state].step(r);
        if (r->cut && r->state < REQ_LOG)
            next = REQ_LOG;
        if (next == REQ_STAY)
            break;
        go(r, next);
    }
    r->running = false;
    if (r->state == REQ_END)
        request_release(&r);
    client_leave(c, entered);
    client_release(&c);
}

/* -- life -- */

/* proxy_cache_lock_timeout */
static void request_on_wait_timeout(struct timer *t)
{
    struct request *r = t->owner;
    r->lock_timed_out = true;
    request_run(r);
}

struct request *request_new(struct worker *w, struct client *c)
{
    struct request *r;
    if (list_empty(&w->free_requests)) {
        r = malloc(sizeof *r);
        ASSERT(r);
    } else {
        r = list_entry(w->free_requests.next, struct request, node);
        list_remove(&r->node);
        w->free_requests_n--;
    }
    memset(r, 0, offsetof(struct request, captures));
    r->magic = REQUEST_MAGIC;
    r->holds = 1;
    r->state = REQ_READ_HEAD;
    r->reply = REPLY_NONE;
    r->worker = w;
    r->client = client_hold(c);
    r->wconf = worker_conf_ref(c->wconf);
    r->listen = c->listen;
    r->server = c->listen->default_server;
    r->location = r->server->root;
    r->start_us = loop_now_us(w->loop);
    r->start_wall = loop_wall(w->loop);
    list_init(&r->node);
    timer_init(&r->wait, request_on_wait_timeout, r);
    arena_init(&r->arena, &w->arenas);
    counter_add(&w->counters, COUNTER_REQUESTS, 1);
    counter_add(&w->counters, COUNTER_REQUESTS_ACTIVE, 1);
    return r;
}

struct request *request_hold(struct request *r)
{
    r->holds++;
    return r;
}

static void request_free(struct request *r)
{
    struct worker *w = r->worker;
    upload_fini(&r->upload);
    entry_unref(&r->entry);
    worker_conf_unref(&r->wconf);
    client_release(&r->client);
    arena_fini(&r->arena);
    r->magic = 0;
    if (w->free_requests_n >= FREE_REQUESTS_MAX) {
        free(r);
        return;
    }
    list_push_front(&w->free_requests, &r->node);
    w->free_requests_n++;
}

void request_release(struct request **rp)
{
    struct request *r = *rp;
    *rp = NULL;
    if (--r->holds == 0)
        request_free(r);
}

void request_start(struct request *r)
{
    const struct location_conf *l = r->location;
    upload_init(&r->upload, r->head.framing, r->head.content_length, l->client_body_buffer_bytes);
    request_run(r);
}

void request_refuse(struct request *r, int reply, const char *why)
{
    upload_init(&r->upload, FRAMING_NONE, 0, 0);
    r->reply = reply;
    r->why = why[0] ? why : NULL;
    counter_add(&r->worker->counters, COUNTER_REQUESTS_BAD, 1);
    request_run(r);
}

/* -- read-head and route -- */

static enum request_state step_read_head(struct request *r)
{
    return r->reply != REPLY_NONE ? REQ_REPLY : REQ_ROUTE;
}

enum request_state request_fail(struct request *r, int reply)
{
    const struct reply_row *row = reply_row((enum reply)reply);
    r->reply = reply;
    r->upload.discard = true;
    if (row->closes)
        r->client->keep_alive = false;
    return REQ_REPLY;
}

static bool too_large(const struct request *r)
{
    uint64_t max = r->location->client_max_body_bytes;
    uint64_t n = r->upload.received > r->upload.length ? r->upload.received : r->upload.length;
    return max > 0 && n > max;
}

static bool any_true(const struct template *const *v, size_t n, struct request *r)
{
    for (size_t i = 0; i < n; i++) {
        if (template_is_true(v[i], r))
            return true;
    }
    return false;
}

/* Sent by this very process: the origin's address leads back here. */
static bool is_looping(struct request *r)
{
    if (!fields_has(&r->head.fields, FIELD_VIA))
        return false;
    struct slice via = fields_joined(&r->head.fields, SLICE("Via"), &r->arena);
    return slice_find_slice(via, slice_make(r->worker->via, sizeof r->worker->via)) < via.n;
}

/* Fields that Connection names end here (RFC 9110 section 7.6.1), before anything is selected by
 * them. */
static void drop_connection_fields(struct request *r)
{
    struct slice names = fields_joined(&r->head.fields, SLICE("Connection"), &r->arena);
    struct slice name;
    while (list_member_next(&names, &name)) {
        if (field_id_of(name) == FIELD_OTHER)
            fields_remove_name(&r->head.fields, name);
    }
}

static enum request_state route_to_purge(struct request *r)
{
    r->upload.discard = true;
    return purge_is_allowed(r) ? REQ_PURGE : request_fail(r, REPLY_PURGE_REFUSED);
}

/* A POST there says in its content what it wants. */
static enum request_state route_to_admin(struct request *r)
{
    if (r->head.method == METHOD_POST)
        return REQ_PURGE;
    r->upload.discard = true;
    return REQ_REPLY;
}

/* Neither the client's next content is of use, nor a method that a raw value does not answer. */
static enum request_state route_to_memcached_alone(struct request *r)
{
    if (r->head.method != METHOD_GET && r->head.method != METHOD_HEAD)
        return request_fail(r, REPLY_METHOD_REFUSED);
    r->upload.discard = true;
    return REQ_RAW;
}

static enum request_state route_to_memcached(struct request *r)
{
    if (!r->location->raw_origin)
        return route_to_memcached_alone(r);
    if (fields_has(&r->head.fields, FIELD_CONNECTION))
        drop_connection_fields(r);
    if (is_looping(r))
        return request_fail(r, REPLY_LOOP);
    bool may_look = (r->head.method == METHOD_GET || r->head.method == METHOD_HEAD) &&
                    r->head.framing == FRAMING_NONE && r->head.upgrade.n == 0;
    return may_look ? REQ_RAW : REQ_FETCH;
}

static enum request_state route_to_origin(struct request *r)
{
    if (fields_has(&r->head.fields, FIELD_CONNECTION))
        drop_connection_fields(r);
    const struct location_conf *l = r->location;
    if (is_looping(r))
        return request_fail(r, REPLY_LOOP);
    if (purge_is_asked(r))
        return route_to_purge(r);
    if (!l->cache_on || r->head.upgrade.n > 0)
        return REQ_FETCH;
    if (!policy_request_may_lookup(&r->head, &l->rules)) {
        r->forward = FWD_METHOD;
        return REQ_FETCH;
    }
    r->cacheable = true;
    r->store = r->wconf->stores[l->cache];
    cache_control_parse_request(&r->head.fields, &r->control);
    if (r->control.no_store)
        r->no_store = STORE_NO_STORE; /* RFC 9111 section 5.2.1.5 */
    if (any_true(l->cache_bypass, l->cache_bypass_n, r)) {
        r->bypass = true;
        r->forward = FWD_BYPASS;
        r->outcome = OUTCOME_BYPASS;
    }
    return REQ_LOOKUP;
}

enum request_state request_route(struct request *r)
{
    r->server = route_server(r->listen, r);
    r->location = r->server->root;
    const struct location_conf *l = route_location(r->server, r);
    if (!l)
        return request_fail(r, REPLY_NOT_FOUND);
    r->location = l;
    if (too_large(r))
        return request_fail(r, REPLY_CONTENT_TOO_LARGE);
    switch (l->handler) {
    case HANDLER_PROXY: return route_to_origin(r);
    case HANDLER_MEMCACHED: return route_to_memcached(r);
    case HANDLER_RETURN: r->upload.discard = true; return REQ_REPLY;
    case HANDLER_ADMIN: return route_to_admin(r);
    case HANDLER_NONE: break;
    }
    return request_fail(r, REPLY_NOT_FOUND);
}

/* -- deliver, reply, tunnel -- */

static enum request_state step_deliver(struct request *r)
{
    switch (deliver_run(r)) {
    case DELIVER_WAIT: return REQ_STAY;
    case DELIVER_LOST: return request_look_for_lost(r);
    case DELIVER_DONE:
    case DELIVER_CUT: break;
    }
    return REQ_LOG;
}

static enum request_state step_purge(struct request *r)
{
    if (!purge_run(r))
        return REQ_STAY;
    r->upload.discard = true;
    return REQ_REPLY;
}

static enum request_state step_reply(struct request *r)
{
    deliver_reply(r);
    return REQ_LOG;
}

static void request_on_tunnel_done(void *owner, uint64_t to_client, uint64_t to_origin)
{
    struct request *r = owner;
    (void)to_origin;
    r->content_sent = to_client;
    r->bytes_sent += to_client;
    r->tunnel_done = true;
    request_run(r);
}

static enum request_state step_tunnel(struct request *r)
{
    if (r->tunnel_done)
        return REQ_LOG;
    if (r->tunnel_started)
        return REQ_STAY;
    r->tunnel_started = true;
    struct slice client_early;
    struct slice origin_early;
    deliver_upgrade(r);
    int origin_fd = fetch_take_fd(r->fetch, &origin_early);
    int client_fd = client_take_fd(r->client, &r->arena, &client_early);
    if (client_fd < 0) {
        close(origin_fd);
        return REQ_LOG;
    }
    tunnel_start(r->worker, (struct tunnel_side){client_fd, client_early},
                 (struct tunnel_side){origin_fd, origin_early}, r->location->read_timeout_ms,
                 request_on_tunnel_done, r);
    return REQ_STAY;
}

/* -- the end -- */

static void count_outcome(struct request *r)
{
    static const enum counter of[] = {
        [OUTCOME_MISS] = COUNTER_CACHE_MISS,
        [OUTCOME_BYPASS] = COUNTER_CACHE_BYPASS,
        [OUTCOME_EXPIRED] = COUNTER_CACHE_EXPIRED,
        [OUTCOME_STALE] = COUNTER_CACHE_STALE,
        [OUTCOME_UPDATING] = COUNTER_CACHE_UPDATING,
        [OUTCOME_REVALIDATED] = COUNTER_CACHE_REVALIDATED,
        [OUTCOME_HIT] = COUNTER_CACHE_HIT,
    };
    struct counters *c = &r->worker->counters;
    if (r->outcome != OUTCOME_NONE)
        counter_add(c, of[r->outcome], 1);
    if (r->collapsed)
        counter_add(c, COUNTER_CACHE_COLLAPSED, 1);
    if (r->tier == TIER_POOL)
        counter_add(c, COUNTER_CACHE_HIT_POOL, 1);
    if (r->status >= 100 && r->status < 600)
        counter_add(c, (enum counter)(COUNTER_RESPONSES_1XX + r->status / 100 - 1), 1);
}

static enum request_state step_log(struct request *r)
{
    if (r->aborted && !r->head_sent)
        r->status = 499; /* nginx's number for a client that left before it was answered */
    count_outcome(r);
    if (r->location->logs_n > 0)
        access_log_request(r);
    return REQ_END;
}

/* Everything that the request holds is given up here, in reverse order; its memory goes with the
 * last hold. */
static enum request_state step_end(struct request *r)
{
    r->ended = true;
    counter_sub(&r->worker->counters, COUNTER_REQUESTS_ACTIVE, 1);
    timer_cancel(&r->wait);
    purge_cancel(r);
    if (r->raw)
        raw_end(r->raw);
    deliver_chunks_end(r);
    if (r->fetch)
        fetch_request_gone(&r->fetch, r);
    coded_end(r);
    flight_leave(&r->reader);
    r->response = NULL;
    if (!r->aborted && !r->tunnel_started)
        client_request_ended(r->client);
    return REQ_STAY;
}

/* -- events -- */

/* Ends it wherever it is: no step will write any more. */
static void cut_short(struct request *r)
{
    if (r->ended || r->state == REQ_LOG || r->state == REQ_END)
        return;
    r->aborted = true;
    if (r->running) {
        r->cut = true;
        return;
    }
    go(r, REQ_LOG);
    request_run(r);
}

void request_on_client_gone(struct request *r)
{
    if (r->state == REQ_TUNNEL && r->tunnel_started)
        return;
    cut_short(r);
}

bool request_on_client_eof(struct request *r)
{
    if (r->response)
        return r->response->stored;
    return r->entry || r->cacheable;
}

void request_on_client_writable(struct request *r)
{
    request_run(r);
}

void request_on_upload(struct request *r)
{
    if (too_large(r) && !r->upload.discard && !r->head_sent) {
        if (r->fetch)
            fetch_request_gone(&r->fetch, r);
        flight_leave(&r->reader);
        r->client->keep_alive = false;
        go(r, request_fail(r, REPLY_CONTENT_TOO_LARGE));
        request_run(r);
        return;
    }
    if (r->fetch)
        fetch_on_upload(r->fetch);
    else if (r->state == REQ_PURGE)
        request_run(r);
}

/* The rest of the request will not come: the origin must not take it for whole. */
static void content_failed(struct request *r, enum reply reply)
{
    struct client *c = r->client;
    c->keep_alive = false;
    if (r->fetch)
        fetch_request_gone(&r->fetch, r);
    if (r->head_sent || r->state == REQ_LOG) {
        client_close(c, true);
        return;
    }
    flight_leave(&r->reader);
    go(r, request_fail(r, reply));
    request_run(r);
}

void request_on_bad_content(struct request *r)
{
    content_failed(r, REPLY_BAD_REQUEST);
}

void request_on_client_timeout(struct request *r)
{
    content_failed(r, REPLY_REQUEST_TIMEOUT);
}
