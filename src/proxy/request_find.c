/* How a request finds what answers it: in memory or in a raw value at once, else by a fetch that it
 * leads, or in the flight of another one. */
#include "cache/conditional.h"
#include "cache/freshness.h"
#include "proxy/fetch.h"
#include "proxy/lookup.h"
#include "proxy/outcome.h"
#include "proxy/raw.h"
#include "proxy/reply.h"
#include "proxy/request.h"
#include "proxy/stale.h"

static void request_on_flight(struct flight_reader *reader)
{
    request_run(reader->owner);
}

/* A fetch for this request, which nobody joins. */
static enum request_state fetch_unshared(struct request *r, bool look)
{
    r->reader = flight_join(r->worker->flights, &r->variant, true, r->worker->loop,
                            request_on_flight, r, &r->leader);
    fetch_start(r, r->reader, look, r->entry, false);
    return REQ_FETCH;
}

/* One that passes by what is stored but stores its response looks only for what it will store over.
 */
static enum request_state fetch_alone(struct request *r)
{
    return fetch_unshared(r, r->bypass && r->no_store == STORE_YES);
}

static enum request_state look_alone(struct request *r)
{
    return fetch_unshared(r, true);
}

/* A client that asks whether its copy still holds, and nothing stored to say so: the origin may
 * answer in a line, which is no use to others. Where others are being answered already, it waits
 * with them. */
static bool asks_for_itself(struct request *r)
{
    return !r->entry && conditional_is_asked(&r->head.fields) &&
           !flight_exists(r->worker->flights, &r->variant);
}

/* What comes for it is no use to others, or theirs is none to it. */
static bool is_for_one(const struct request *r)
{
    return r->control.only_if_cached || r->control.no_store || r->pass_conditions ||
           lookup_head_alone(r) || (r->entry && freshness_is_for_one(&r->entry->view.meta));
}

/* One fetch for all who want the same: leads it, or waits for who does. */
static enum request_state join(struct request *r)
{
    const struct location_conf *l = r->location;
    r->pass_conditions = asks_for_itself(r);
    bool alone = l->lock == CACHE_LOCK_OFF || is_for_one(r);
    r->reader = flight_join(r->worker->flights, &r->variant, alone, r->worker->loop,
                            request_on_flight, r, &r->leader);
    if (r->leader) {
        flight_second_from(r->reader, loop_now(r->worker->loop) + l->lock_age_ms);
        if (r->reader->late && r->no_store == STORE_YES)
            r->no_store = STORE_NO_LATE;
        fetch_start(r, r->reader, true, r->entry, false);
        return REQ_FETCH;
    }
    r->collapsed = true;
    timer_set(r->worker->loop, &r->wait, l->lock_timeout_ms);
    return REQ_COLLAPSE;
}

enum request_state request_step_raw(struct request *r)
{
    switch (raw_run(r)) {
    case RAW_WAIT: return REQ_STAY;
    case RAW_DELIVER: return REQ_DELIVER;
    case RAW_JOIN: return join(r);
    case RAW_ALONE: return REQ_FETCH;
    case RAW_FAIL: break;
    }
    return request_fail(r, raw_failure(r->raw));
}

/* A stale response is given at once and validated behind it: by one request of all. */
static void revalidate_behind(struct request *r)
{
    if (flight_exists(r->worker->flights, &r->variant)) {
        r->outcome = OUTCOME_UPDATING;
        return;
    }
    bool leader = false;
    struct flight_reader *reader = flight_join(r->worker->flights, &r->variant, false,
                                               r->worker->loop, request_on_flight, r, &leader);
    if (leader)
        fetch_start(r, reader, true, r->entry, true);
    flight_leave(&reader);
}

/* Without proxy_cache_background_update one request validates before it is answered. */
static enum request_state serve_stale(struct request *r)
{
    if (r->location->background_update || flight_exists(r->worker->flights, &r->variant)) {
        revalidate_behind(r);
        return REQ_DELIVER;
    }
    r->tier = TIER_NONE;
    r->forward = FWD_STALE;
    r->outcome = OUTCOME_EXPIRED;
    return join(r);
}

enum request_state request_step_lookup(struct request *r)
{
    enum lookup_result found = lookup_memory(r);
    switch (found) {
    case LOOKUP_FRESH: return REQ_DELIVER;
    case LOOKUP_STALE: return serve_stale(r);
    case LOOKUP_ALONE: return fetch_alone(r);
    case LOOKUP_POOL: return look_alone(r);
    case LOOKUP_JOIN: return join(r);
    case LOOKUP_REFUSED: break;
    }
    return request_fail(r, REPLY_ONLY_IF_CACHED);
}

static void leave_flight(struct request *r)
{
    timer_cancel(&r->wait);
    flight_leave(&r->reader);
    r->response = NULL;
}

/* What another request gets is not for this one: looks again, at last alone. */
static enum request_state look_again(struct request *r)
{
    leave_flight(r);
    r->collapsed = false;
    entry_unref(&r->entry);
    return ++r->lookups < 4 ? REQ_LOOKUP : fetch_alone(r);
}

enum request_state request_look_for_lost(struct request *r)
{
    if (r->fetch) /* the one that has found or renewed it */
        fetch_request_gone(&r->fetch, r);
    store_del(r->store, &r->variant);
    r->tier = TIER_NONE;
    return look_again(r);
}

/* What the leader gets is not always for those who waited with him: he may take what is older than
 * they do, or what is not to be given to others before the origin was asked again. */
static bool entry_is_for_us(const struct request *r, enum flight_entry_from from)
{
    const struct stored_meta *meta = &r->entry->view.meta;
    if (r->leader)
        return true;
    switch (from) {
    case ENTRY_FROM_POOL: return stale_reuse(r, meta) != REUSE_VALIDATE;
    case ENTRY_VALIDATED: return stale_answers_others(r, meta);
    case ENTRY_FOR_LEADER: return false;
    case ENTRY_STALE: break;
    }
    return true;
}

static enum request_state on_flight_entry(struct request *r)
{
    enum flight_entry_from from;
    struct entry *e = entry_ref(flight_entry(r->reader, &from));
    entry_unref(&r->entry);
    r->entry = e;
    if (!lookup_entry_is_ours(r) || !entry_is_for_us(r, from))
        return look_again(r);
    r->outcome = lookup_outcome(r, from);
    r->tier = from == ENTRY_FROM_POOL ? TIER_POOL : TIER_NONE;
    bool stale =
        from == ENTRY_FROM_POOL && stale_reuse(r, &r->entry->view.meta) == REUSE_STALE_REVALIDATE;
    leave_flight(r);
    if (stale)
        revalidate_behind(r);
    return REQ_DELIVER;
}

static enum request_state on_flight_head(struct request *r)
{
    const struct flight_response *response = flight_response(r->reader);
    timer_cancel(&r->wait);
    if (!r->leader && !lookup_response_is_ours(r, response))
        return look_again(r);
    r->response = response;
    if (response->head.status == 101)
        return REQ_TUNNEL;
    return REQ_DELIVER;
}

/* What the flight has become, for the one who leads it and for those who wait. */
static enum request_state observe(struct request *r)
{
    enum flight_state state = flight_state(r->reader);
    switch (state) {
    case FLIGHT_PENDING: return REQ_STAY;
    case FLIGHT_HEAD:
    case FLIGHT_COMPLETE: return on_flight_head(r);
    case FLIGHT_ENTRY: return on_flight_entry(r);
    case FLIGHT_RELEASED:
        leave_flight(r);
        r->collapsed = false;
        r->detail = "released";
        if (r->no_store == STORE_YES && r->location->min_uses > 1)
            r->no_store = STORE_NO_USES; /* only who leads has asked for the count */
        return fetch_alone(r);
    case FLIGHT_BROKEN: break;
    }
    if (flight_has_response(r->reader))
        return on_flight_head(r);
    int error = flight_error(r->reader);
    leave_flight(r);
    return request_fail(r, error);
}

enum request_state request_step_collapse(struct request *r)
{
    if (r->lock_timed_out) {
        leave_flight(r);
        r->collapsed = false;
        r->no_store = STORE_NO_LOCK_TIMEOUT;
        r->lock_timed_out = false;
        return fetch_alone(r);
    }
    return observe(r);
}

enum request_state request_step_fetch(struct request *r)
{
    enum request_state next = r->reader ? observe(r) : fetch_alone(r);
    return next == REQ_FETCH ? REQ_STAY : next;
}
