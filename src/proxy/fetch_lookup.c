/* A fetch looks into the pool: what is found answers, or is to be validated, or another process is
 * waited for. */
#include "cache/freshness.h"
#include "cache/purge.h"
#include "proxy/client.h"
#include "proxy/fetch_internal.h"
#include "proxy/lookup.h"
#include "proxy/stale.h"

static void fetch_on_lookup(struct store_get *g, enum store_result result)
{
    struct fetch *f = g->owner;
    f->lookup_done = true;
    f->lookup_result = result;
    fetch_run(f);
}

bool fetch_look(struct fetch *f, const struct store_get *get)
{
    f->looked = true;
    f->lookup_done = false;
    f->get = *get;
    f->get.next = (uint8_t)f->r->location->memcached_next;
    f->get.fn = fetch_on_lookup;
    f->get.owner = f;
    f->lookup_result = store_get(f->r->store, &f->get);
    f->lookup_done = f->lookup_result != STORE_PENDING;
    return f->lookup_done;
}

static bool look_up(struct fetch *f)
{
    return fetch_look(f, &(struct store_get){.key = f->r->variant, .want = fetch_want(f)});
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

enum fetch_state fetch_step_wait(struct fetch *f)
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
    if (r->pass_range) { /* the whole is validated, whatever part of it is asked for */
        r->pass_range = false;
        f->may_store = r->no_store == STORE_YES;
    }
    if (f->request_live) {
        r->forward = FWD_STALE;
        r->outcome = OUTCOME_EXPIRED;
    }
    return take_turn(f, e);
}

/* Nobody need wait for it, here or elsewhere. */
static enum fetch_state fetch_for_one(struct fetch *f)
{
    f->may_store = false;
    fetch_release_lease(f);
    lookup_too_few_uses(f->r);
    flight_release_others(f->writer);
    return FETCH_PICK;
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

enum fetch_state fetch_step_lookup(struct fetch *f)
{
    struct request *r = f->r;
    if (!f->looked) {
        fetch_ask_uses(f);
        fetch_ask_part(f);
    }
    if (!f->looked && !look_up(f))
        return FETCH_STAY;
    if (!f->lookup_done || !fetch_uses_known(f) || !fetch_part_known(f))
        return FETCH_STAY;
    struct entry *e = f->lookup_result == STORE_HIT ? f->get.entry : NULL;
    fetch_take_lease(f);
    f->get.entry = NULL;
    if (r->bypass) {
        entry_unref(&e);
        return FETCH_PICK;
    }
    if (e && e->view.meta.kind == STORED_VARY && r->vary.n == 0) {
        lookup_use_index(r, e);
        flight_list_variant(f->writer, &r->variant);
        f->looked = false;
        entry_unref(&e);
        return fetch_step_lookup(f);
    }
    if (e && e->view.meta.kind == STORED_RESPONSE)
        return on_response(f, e);
    struct entry *part = e ? NULL : fetch_part_found(f);
    if (part)
        return answer_with(f, entry_ref(part));
    bool is_mark = e && e->view.meta.kind == STORED_MARK;
    if (is_mark)
        flight_release_others(f->writer);
    entry_unref(&e);
    if (r->control.only_if_cached)
        return FETCH_FAILED;
    if (!is_mark && fetch_uses_too_few(f))
        return fetch_for_one(f);
    return is_mark ? FETCH_PICK : take_turn(f, NULL);
}
