/* Connections to origins and the pool of idle ones. */
#include "upstream/origin.h"

#include "base/assert.h"
#include "upstream/exchange_state.h"

#include <stdlib.h>

#define ORIGIN_MAGIC 0x6f726967 /* "orig" */

static struct origin *origin_of(void *owner)
{
    struct origin *o = owner;
    ASSERT(o->magic == ORIGIN_MAGIC);
    return o;
}

static void origin_on_readable(struct stream *s)
{
    struct origin *o = origin_of(s->owner);
    if (o->exchange != NULL) {
        exchange_on_readable(o->exchange);
    } else {
        origin_close(&o, false); /* it was closed, or says what nobody has asked */
    }
}

static void origin_on_writable(struct stream *s)
{
    struct origin *o = origin_of(s->owner);
    if (o->exchange != NULL) {
        exchange_on_writable(o->exchange);
    }
}

static void origin_on_timeout(struct timer *t)
{
    struct origin *o = origin_of(t->owner);
    if (o->exchange != NULL) {
        exchange_on_timeout(o->exchange);
    } else {
        origin_close(&o, false);
    }
}

static const struct stream_events origin_events = {
    .on_readable = origin_on_readable,
    .on_writable = origin_on_writable,
};

struct origin *origin_open(struct upstream *u, struct peer *p, int fd, const struct address *bind,
                           struct exchange *ex)
{
    struct origin *o = calloc(1, sizeof(*o));
    ASSERT(o != NULL);
    o->magic = ORIGIN_MAGIC;
    o->upstream = upstream_ref(u);
    o->peer = peer_ref(p);
    o->exchange = ex;
    o->requests = 1;
    o->opened_at = loop_now(u->loop);
    o->bound = bind != NULL;
    if (bind != NULL) {
        o->bind = *bind;
    }
    list_init(&o->in_upstream);
    list_init(&o->in_peer);
    timer_init(&o->timer, origin_on_timeout, o);
    stream_init(&o->stream, u->loop, fd, &origin_events, o);
    return o;
}

static void leave_pool(struct origin *o)
{
    if (list_empty(&o->in_upstream)) {
        return;
    }
    list_remove(&o->in_upstream);
    list_remove(&o->in_peer);
    ASSERT(o->upstream->idle_n > 0);
    o->upstream->idle_n--;
}

static void bury(void *arg)
{
    struct origin *o = arg;
    o->magic = 0;
    free(o);
}

static void release(struct origin **op)
{
    struct origin *o = *op;
    *op = NULL;
    struct loop *loop = o->upstream->loop;
    leave_pool(o);
    timer_cancel(&o->timer);
    o->exchange = NULL;
    peer_unref(&o->peer);
    upstream_unref(&o->upstream);
    loop_bury(loop, o, bury);
}

void origin_close(struct origin **op, bool reset)
{
    stream_close(&(*op)->stream, reset);
    release(op);
}

int origin_detach(struct origin **op)
{
    struct stream *s = &(*op)->stream;
    stream_want_read(s, false);
    stream_want_write(s, false);
    int fd = s->fd;
    s->fd = -1;
    release(op);
    return fd;
}

/* -- the pool -- */

static bool is_bound_alike(const struct origin *o, const struct address *bind)
{
    return bind == NULL ? !o->bound : o->bound && address_eq(&o->bind, bind);
}

struct origin *origin_take(struct peer *p, const struct address *bind, struct exchange *ex)
{
    for (struct list *it = p->idle.prev; it != &p->idle; it = it->prev) {
        struct origin *o = list_entry(it, struct origin, in_peer);
        if (is_bound_alike(o, bind)) {
            leave_pool(o);
            o->exchange = ex;
            o->requests++;
            return o;
        }
    }
    return NULL;
}

static bool may_be_kept(const struct origin *o)
{
    const struct upstream *u = o->upstream;
    if (u->closed || peer_is_removed(o->peer)) {
        return false;
    }
    const struct upstream_conf *c = u->conf;
    return c->keepalive > 0 && c->keepalive_timeout_ms > 0 && o->requests < c->keepalive_requests &&
           loop_now(u->loop) - o->opened_at < c->keepalive_time_ms;
}

void origin_keep(struct origin **op, int64_t idle_ms)
{
    struct origin *o = *op;
    struct upstream *u = o->upstream;
    if (idle_ms <= 0 || !may_be_kept(o)) {
        origin_close(op, false);
        return;
    }
    *op = NULL;
    if (u->idle_n == u->conf->keepalive) {
        origin_shed(u);
    }
    o->exchange = NULL;
    list_push_back(&u->idle, &o->in_upstream);
    list_push_back(&o->peer->idle, &o->in_peer);
    u->idle_n++;
    stream_want_write(&o->stream, false);
    stream_want_read(&o->stream, true);
    int64_t keep_ms = u->conf->keepalive_timeout_ms;
    timer_set(u->loop, &o->timer, idle_ms < keep_ms ? idle_ms : keep_ms);
}

void origin_shed(struct upstream *u)
{
    if (u->idle_n > 0) {
        struct origin *oldest = list_entry(u->idle.next, struct origin, in_upstream);
        origin_close(&oldest, false);
    }
}

void origin_close_idle(struct peer *p)
{
    list_for_each_safe (it, &p->idle) {
        struct origin *o = list_entry(it, struct origin, in_peer);
        origin_close(&o, false);
    }
}
