#include "proxy/tunnel.h"

#include "base/assert.h"
#include "net/stream.h"
#include "proxy/worker.h"

#include <stdlib.h>

#define TUNNEL_BYTES (16 * 1024)

/* One direction. */
struct pipe {
    struct stream *from;
    struct stream *to;
    char *buffer;
    size_t cap;
    size_t start; /* bytes before it are written */
    size_t end;
    bool eof;     /* `from` has ended */
    bool done;    /* and `to` was told */
    bool waiting; /* for on_writable of `to` */
    uint64_t written;
};

struct tunnel {
    struct list node; /* worker's tunnels */
    struct worker *worker;
    struct stream client;
    struct stream origin;
    struct pipe to_client;
    struct pipe to_origin;
    struct timer idle;
    int64_t idle_timeout_ms;
    struct turn_end first_turn; /* writes what was read early, after tunnel_start has returned */
    tunnel_done_fn *done;
    void *owner;
};

/* -- the end -- */

static void tunnel_free(void *p)
{
    struct tunnel *t = p;
    free(t->to_client.buffer);
    free(t->to_origin.buffer);
    free(t);
}

static void tunnel_end(struct tunnel *t)
{
    stream_close(&t->client, false);
    stream_close(&t->origin, false);
    timer_cancel(&t->idle);
    turn_end_cancel(&t->first_turn);
    list_remove(&t->node);
    loop_bury(t->worker->loop, t, tunnel_free);
    t->done(t->owner, t->to_client.written, t->to_origin.written);
}

/* -- copying -- */

static void pipe_init(struct pipe *p, struct stream *from, struct stream *to, struct slice early)
{
    p->from = from;
    p->to = to;
    p->cap = early.n > TUNNEL_BYTES ? early.n : TUNNEL_BYTES;
    p->buffer = malloc(p->cap);
    ASSERT(p->buffer);
    if (early.n > 0)
        memcpy(p->buffer, early.p, early.n);
    p->end = early.n;
}

/* Writes what is there as far as it is taken. False: the connection broke. */
static bool pipe_write(struct pipe *p)
{
    while (p->start < p->end && !p->waiting) {
        struct iovec iov = {p->buffer + p->start, p->end - p->start};
        size_t n = 0;
        enum stream_result result = stream_writev(p->to, &iov, 1, &n);
        if (result == STREAM_ERROR)
            return false;
        p->start += n;
        p->written += n;
        if (p->start < p->end) {
            p->waiting = true;
            stream_want_write(p->to, true);
        }
    }
    if (p->start == p->end) {
        p->start = 0;
        p->end = 0;
    }
    if (p->eof && p->end == 0 && !p->done) {
        p->done = true;
        stream_shutdown(p->to);
    }
    return true;
}

static bool pipe_read(struct pipe *p)
{
    size_t n = 0;
    switch (stream_read(p->from, p->buffer + p->end, p->cap - p->end, &n)) {
    case STREAM_OK: p->end += n; return true;
    case STREAM_AGAIN: return true;
    case STREAM_EOF: p->eof = true; return true;
    case STREAM_ERROR: return false;
    }
    return false;
}

/* Writes and decides whether to read on. Backpressure: bytes that p->to has not taken stop p->from.
 */
static bool pipe_run(struct pipe *p)
{
    if (!pipe_write(p))
        return false;
    stream_want_read(p->from, !p->eof && p->end == 0);
    return true;
}

static void tunnel_moved(struct tunnel *t, bool intact)
{
    if (!intact || (t->to_client.done && t->to_origin.done)) {
        tunnel_end(t);
        return;
    }
    timer_set(t->worker->loop, &t->idle, t->idle_timeout_ms);
}

/* -- events -- */

static struct pipe *pipe_from(struct tunnel *t, const struct stream *s)
{
    return s == &t->client ? &t->to_origin : &t->to_client;
}

static void tunnel_on_readable(struct stream *s)
{
    struct tunnel *t = s->owner;
    struct pipe *p = pipe_from(t, s);
    tunnel_moved(t, pipe_read(p) && pipe_run(p));
}

static void tunnel_on_writable(struct stream *s)
{
    struct tunnel *t = s->owner;
    struct pipe *p = pipe_from(t, s == &t->client ? &t->origin : &t->client);
    p->waiting = false;
    tunnel_moved(t, pipe_run(p));
}

static void tunnel_on_first_turn(struct turn_end *end)
{
    struct tunnel *t = end->owner;
    tunnel_moved(t, pipe_run(&t->to_client) && pipe_run(&t->to_origin));
}

static void tunnel_on_idle(struct timer *timer)
{
    tunnel_end(timer->owner);
}

void tunnel_start(struct worker *w, struct tunnel_side client, struct tunnel_side origin,
                  int64_t idle_timeout_ms, tunnel_done_fn *done, void *owner)
{
    static const struct stream_events events = {tunnel_on_readable, tunnel_on_writable};
    struct tunnel *t = calloc(1, sizeof *t);
    ASSERT(t);
    t->worker = w;
    t->idle_timeout_ms = idle_timeout_ms;
    t->done = done;
    t->owner = owner;
    stream_init(&t->client, w->loop, client.fd, &events, t);
    stream_init(&t->origin, w->loop, origin.fd, &events, t);
    pipe_init(&t->to_origin, &t->client, &t->origin, client.early);
    pipe_init(&t->to_client, &t->origin, &t->client, origin.early);
    timer_init(&t->idle, tunnel_on_idle, t);
    turn_end_init(&t->first_turn, tunnel_on_first_turn, t);
    list_push_back(&w->tunnels, &t->node);
    turn_end_schedule(w->loop, &t->first_turn);
}

void tunnel_close_all(struct worker *w)
{
    while (!list_empty(&w->tunnels))
        tunnel_end(list_entry(w->tunnels.next, struct tunnel, node));
}
