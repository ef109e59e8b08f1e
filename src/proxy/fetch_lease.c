/* One fetch per key among all processes that share a pool: who may fetch, who waits, and for how
 * long. A lookup wins the lease in its own round trip. Where a stale response is there and nobody
 * has won it, it is marked, and one of those who look again wins. */
#include "cache/freshness.h"
#include "proxy/fetch_internal.h"

#define POLL_FIRST_MS 5
#define POLL_MAX_MS   25 /* nobody waits longer than this behind the answer that he waits for */
#define CLAIMS_MAX    3
/* What a lookup wins lives for so long, unless it is renewed: whoever has died, or has never heard
 * that he won, is waited for no longer. At least a second, as memcached counts ticks of one. */
#define LEASE_S  2
#define RENEW_MS 500

static int64_t lease_age_ms(const struct fetch *f)
{
    int64_t ms = f->r->location->lock_age_ms;
    return ms > 1000 ? ms : 1000;
}

/* proxy_cache_lock_age: without a response by then, another one may try. What is left of the lease
 * lasts for about a second more. */
static bool is_worth_waiting_for(const struct fetch *f)
{
    return f->response || loop_now(f->worker->loop) - f->lease_since < lease_age_ms(f) - 1000;
}

static void keep_lease(struct fetch *f)
{
    if (!store_lease_held(&f->lease) || f->lease.over_value)
        return;
    if (loop_now(f->worker->loop) > f->lease_since && is_worth_waiting_for(f))
        store_renew(f->r->store, &f->lease, LEASE_S);
    timer_set(f->worker->loop, &f->poll, RENEW_MS);
}

static void fetch_on_poll(struct timer *t)
{
    struct fetch *f = t->owner;
    if (f->state != FETCH_WAIT) {
        keep_lease(f);
        return;
    }
    f->poll_due = true;
    fetch_run(f);
}

void fetch_lease_init(struct fetch *f)
{
    timer_init(&f->poll, fetch_on_poll, f);
}

static bool takes_leases(const struct fetch *f)
{
    const struct request *r = f->r;
    return r->location->lock == CACHE_LOCK_FLEET && f->may_store && !r->lone &&
           !r->control.only_if_cached;
}

struct store_want fetch_want(struct fetch *f)
{
    if (!f->may_store || f->r->lone || f->r->control.only_if_cached)
        return (struct store_want){0};
    struct store_want want = {.lease_s = LEASE_S, .lost = f->lost};
    if (takes_leases(f))
        want.refresh_s = POLICY_KEEP_S;
    f->lost.version = 0;
    return want;
}

void fetch_take_lease(struct fetch *f)
{
    mono_ms now = loop_now(f->worker->loop);
    fetch_release_lease(f);
    f->lease = f->get.lease;
    f->lease_since = now;
    f->get.lease.version = 0;
    if (f->get.entry && f->get.entry->view.meta.kind != STORED_RESPONSE)
        f->lease.version = 0; /* a record is replaced by whoever stores: nobody waits for it */
    keep_lease(f);
    if (f->get.version != f->seen.version)
        f->seen_since = now;
    f->seen = (struct store_lease){f->get.key.bytes, f->get.version, f->lookup_result == STORE_HIT};
}

static enum fetch_turn claim(struct fetch *f)
{
    if (f->claims++ >= CLAIMS_MAX || !store_lease_held(&f->seen))
        return TURN_OURS;
    f->lost = f->seen;
    return TURN_CLAIM;
}

/* Of what must be validated for each request, one validation is of no use to the others. */
static bool is_shared(const struct fetch *f, const struct entry *e)
{
    const struct stored_meta *meta = &e->view.meta;
    bool old = !freshness_is_fresh(meta, loop_wall(f->worker->loop));
    return meta->lifetime_s > 0 && !(meta->flags & STORED_NO_CACHE) && (old || f->get.stale);
}

/* Not stored then: whoever holds the lease will store. */
static enum fetch_turn wait_no_longer(struct fetch *f)
{
    f->may_store = false;
    return TURN_OURS;
}

enum fetch_turn fetch_turn(struct fetch *f, const struct entry *e)
{
    const struct location_conf *l = f->r->location;
    mono_ms now = loop_now(f->worker->loop);
    if (store_lease_held(&f->lease) || !takes_leases(f) || (e && !is_shared(f, e)))
        return TURN_OURS;
    bool taken = e ? f->get.taken : f->lookup_result == STORE_WAIT;
    if (taken && f->get.doubtful)
        return TURN_OURS;
    if (!taken)
        return e ? claim(f) : TURN_OURS;
    if (f->waiting_since == 0)
        f->waiting_since = now;
    if (e && now - f->seen_since >= lease_age_ms(f))
        return claim(f); /* proxy_cache_lock_age: it died; a stub dies by itself */
    if (!f->background && now - f->waiting_since >= l->lock_timeout_ms)
        return wait_no_longer(f);
    return TURN_WAIT;
}

void fetch_wait(struct fetch *f)
{
    int64_t ms = (int64_t)POLL_FIRST_MS << (f->polls < 6 ? f->polls : 6);
    f->polls++;
    timer_set(f->worker->loop, &f->poll, ms < POLL_MAX_MS ? ms : POLL_MAX_MS);
}

/* Without a lease too: not over what another process has stored, or forgotten, since the lookup. */
void fetch_put(struct fetch *f, struct entry *e, int64_t ttl_s)
{
    struct store_lease over = f->seen;
    if (fetch_put_part(f, e, ttl_s))
        return;
    if (store_lease_held(&f->lease) && slice_eq(f->lease.key, e->view.key))
        store_put_leased(f->r->store, e, ttl_s, &f->lease);
    else if (store_lease_held(&over) && slice_eq(over.key, e->view.key))
        store_put_leased(f->r->store, e, ttl_s, &over);
    else
        store_put(f->r->store, e, ttl_s);
}

void fetch_release_lease(struct fetch *f)
{
    if (store_lease_held(&f->lease))
        store_release(f->r->store, &f->lease);
}
