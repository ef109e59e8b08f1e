#include "proxy/client.h"

#include "base/assert.h"
#include "proxy/client_internal.h"
#include "proxy/request.h"

#include <stdlib.h>
#include <unistd.h>

/* Unread input that is kept while a request is under way; beyond it the socket is not read. */
#define CLIENT_IN_BYTES_MAX   (512 * 1024)
#define CLIENT_PIPELINE_BYTES (64 * 1024)

/* Which deadline the one timer stands for. */
enum client_wait {
    WAIT_NOTHING,
    WAIT_HEAD,    /* client_header_timeout, for the whole head */
    WAIT_NEXT,    /* keepalive_timeout */
    WAIT_CONTENT, /* client_body_timeout, between two reads */
    WAIT_WRITE,   /* send_timeout, between two writes; also how long a closed connection lingers */
};

const struct location_conf *client_settings(const struct client *c)
{
    if (c->request && c->request->location)
        return c->request->location;
    return c->listen->default_server->root;
}

/* -- life -- */

struct client *client_hold(struct client *c)
{
    c->holds++;
    return c;
}

void client_release(struct client **cp)
{
    struct client *c = *cp;
    *cp = NULL;
    if (c && --c->holds == 0)
        loop_bury(c->worker->loop, c, free);
}

/* Everything that belongs to the open connection goes; the memory stays while it is held. */
static void client_gone(struct client *c)
{
    struct worker *w = c->worker;
    c->state = CLIENT_CLOSED;
    timer_cancel(&c->timer);
    list_remove(&c->node);
    list_remove(&c->idle);
    buf_fini(&c->in);
    out_queue_fini(&c->queue);
    w->client_count--;
    counter_sub(&w->counters, COUNTER_CONNECTIONS_ACTIVE, 1);
    worker_conf_unref(&c->wconf);
    struct client *self = c;
    client_release(&self);
}

void client_close(struct client *c, bool reset)
{
    if (c->state == CLIENT_CLOSED)
        return;
    if (c->in_callback)
        out_discard(&c->worker->out);
    stream_close(&c->stream, reset);
    struct request *r = c->request;
    c->request = NULL;
    client_gone(c);
    if (r)
        request_on_client_gone(r);
}

int client_take_fd(struct client *c, struct arena *arena, struct slice *early)
{
    if (!client_flush(c))
        return -1;
    *early = arena_dup(arena, buf_slice(&c->in));
    int fd = stream_detach(&c->stream);
    c->request = NULL;
    client_gone(c);
    return fd;
}

/* -- writing -- */

size_t client_queued(const struct client *c)
{
    return c->queue.bytes;
}

bool client_flush(struct client *c)
{
    if (!client_is_open(c))
        return false;
    uint64_t written = 0;
    enum stream_result r = out_flush(&c->worker->out, &c->queue, &c->stream, &written);
    counter_add(&c->worker->counters, COUNTER_BYTES_SENT, written);
    if (written > 0 && c->waiting == WAIT_WRITE)
        c->waiting = WAIT_NOTHING; /* progress: the deadline is set anew */
    if (r == STREAM_AGAIN)
        stream_want_write(&c->stream, true);
    else if (r != STREAM_OK)
        client_close(c, true);
    return client_is_open(c);
}

/* -- deadlines -- */

static enum client_wait wait_wanted(const struct client *c)
{
    if (c->queue.bytes > 0 || c->state == CLIENT_LINGER)
        return WAIT_WRITE;
    switch ((enum client_state)c->state) {
    case CLIENT_IDLE: return c->requests == 0 ? WAIT_HEAD : WAIT_NEXT;
    case CLIENT_HEAD: return WAIT_HEAD;
    case CLIENT_BUSY:
        return c->body.state == H1_BODY_MORE && c->stream.reading ? WAIT_CONTENT : WAIT_NOTHING;
    case CLIENT_LINGER:
    case CLIENT_CLOSED: break;
    }
    return WAIT_NOTHING;
}

static int64_t wait_ms(const struct client *c, enum client_wait wait)
{
    const struct location_conf *l = client_settings(c);
    switch (wait) {
    case WAIT_HEAD: return c->listen->default_server->client_header_timeout_ms;
    case WAIT_NEXT: return l->keepalive_timeout_ms;
    case WAIT_CONTENT: return l->client_body_timeout_ms;
    case WAIT_WRITE: return l->client_send_timeout_ms;
    case WAIT_NOTHING: break;
    }
    return 0;
}

/* The deadlines between two events are set anew by each; that of a head runs from its start. */
static void set_deadline(struct client *c)
{
    enum client_wait wait = wait_wanted(c);
    bool same = wait == c->waiting;
    c->waiting = (uint8_t)wait;
    if (wait == WAIT_NOTHING) {
        if (!same)
            timer_cancel(&c->timer);
        return;
    }
    if (same && (wait == WAIT_HEAD || wait == WAIT_WRITE))
        return;
    timer_set(c->worker->loop, &c->timer, wait_ms(c, wait));
}

static void client_on_timeout(struct timer *t)
{
    struct client *c = t->owner;
    enum client_wait wait = (enum client_wait)c->waiting;
    bool entered = client_enter(c);
    c->waiting = WAIT_NOTHING;
    switch (wait) {
    case WAIT_HEAD:
        if (c->state == CLIENT_HEAD)
            client_h1_head_timeout(c);
        else
            client_close(c, false);
        break;
    case WAIT_CONTENT:
        if (c->request)
            request_on_client_timeout(c->request);
        else
            client_close(c, false);
        break;
    case WAIT_WRITE: client_close(c, c->state != CLIENT_LINGER); break;
    case WAIT_NEXT: client_close(c, false); break;
    case WAIT_NOTHING: break;
    }
    client_leave(c, entered);
}

/* -- settling at the end of a callback -- */

/* Everything is written and nothing more will be: lets the client read it all before the connection
 * goes. A close with unread input would make the kernel send a RST, which can overtake the
 * response. */
static void finish(struct client *c)
{
    bool unread = c->body.state != H1_BODY_DONE || buf_len(&c->in) > 0;
    if (!unread || c->eof) {
        client_close(c, false);
        return;
    }
    stream_shutdown(&c->stream);
    c->state = CLIENT_LINGER;
    buf_release(&c->in);
    stream_want_read(&c->stream, true);
}

static void use_input(struct client *c)
{
    struct slice rest = buf_slice(&c->in);
    size_t had = rest.n;
    client_h1_input(c, &rest);
    if (c->state == CLIENT_CLOSED)
        return;
    buf_consume(&c->in, had - rest.n);
    if (buf_len(&c->in) == 0)
        buf_release(&c->in);
}

static void settle(struct client *c)
{
    while (c->resume && c->state != CLIENT_CLOSED) {
        c->resume = false;
        if (buf_len(&c->in) > 0 && !c->closing)
            use_input(c);
    }
    if (!client_flush(c))
        return;
    if (c->closing && c->queue.bytes == 0 && c->state != CLIENT_LINGER)
        finish(c);
    if (c->state == CLIENT_CLOSED)
        return;
    bool full = c->state == CLIENT_BUSY && buf_len(&c->in) >= CLIENT_PIPELINE_BYTES;
    stream_want_read(&c->stream, !full && !c->eof);
    set_deadline(c);
}

bool client_enter(struct client *c)
{
    if (c->in_callback)
        return false;
    c->in_callback = true;
    return true;
}

void client_leave(struct client *c, bool entered)
{
    if (!entered)
        return;
    if (c->state != CLIENT_CLOSED)
        settle(c);
    c->in_callback = false;
}

/* -- events -- */

static void client_on_input(struct client *c, struct slice data)
{
    counter_add(&c->worker->counters, COUNTER_BYTES_RECEIVED, data.n);
    if (c->state == CLIENT_LINGER || c->closing)
        return;
    if (buf_len(&c->in) > 0) {
        if (buf_append(&c->in, data))
            c->resume = true;
        else
            client_close(c, true);
        return;
    }
    client_h1_input(c, &data);
    if (c->state != CLIENT_CLOSED && data.n > 0 && !c->closing && !buf_append(&c->in, data))
        client_close(c, true);
}

static void client_on_eof(struct client *c)
{
    c->eof = true;
    stream_want_read(&c->stream, false);
    bool mid_content = c->body.state == H1_BODY_MORE && c->state == CLIENT_BUSY;
    if (!c->request || mid_content) {
        if (c->queue.bytes == 0 || mid_content)
            client_close(c, false);
        else
            c->closing = true;
        return;
    }
    c->keep_alive = false;
    if (!request_on_client_eof(c->request))
        client_close(c, false);
}

static void client_on_readable(struct stream *s)
{
    struct client *c = s->owner;
    struct worker *w = c->worker;
    ASSERT(c->magic == CLIENT_MAGIC);
    size_t n = 0;
    bool entered = client_enter(c);
    struct client *held = client_hold(c);
    switch (stream_read(s, w->read_buffer, WORKER_READ_BYTES, &n)) {
    case STREAM_OK: client_on_input(c, slice_make(w->read_buffer, n)); break;
    case STREAM_AGAIN: break;
    case STREAM_EOF: client_on_eof(c); break;
    case STREAM_ERROR: client_close(c, true); break;
    }
    client_leave(c, entered);
    client_release(&held);
}

static void client_on_writable(struct stream *s)
{
    struct client *c = s->owner;
    ASSERT(c->magic == CLIENT_MAGIC);
    bool entered = client_enter(c);
    struct client *held = client_hold(c);
    if (client_flush(c) && c->queue.bytes == 0 && c->request)
        request_on_client_writable(c->request);
    client_leave(c, entered);
    client_release(&held);
}

static const struct stream_events client_events = {client_on_readable, client_on_writable};

void client_accept(struct worker *w, struct worker_conf *wconf, const struct listen_conf *listen,
                   int fd, const struct address *peer, const struct address *local)
{
    if (w->client_count >= wconf->conf->worker_connections) {
        counter_add(&w->counters, COUNTER_CONNECTIONS_REFUSED, 1);
        close(fd);
        return;
    }
    struct client *c = calloc(1, sizeof *c);
    ASSERT(c);
    c->magic = CLIENT_MAGIC;
    c->holds = 1;
    c->worker = w;
    c->wconf = worker_conf_ref(wconf);
    c->listen = listen;
    c->codec = &client_h1;
    c->peer = *peer;
    c->local = *local;
    c->body.state = H1_BODY_DONE;
    c->accepted_us = loop_now_us(w->loop);
    c->serial = ++w->client_serial;
    buf_init(&c->in, CLIENT_IN_BYTES_MAX);
    out_queue_init(&c->queue);
    timer_init(&c->timer, client_on_timeout, c);
    list_push_back(&w->clients, &c->node);
    list_push_back(&w->idle_clients, &c->idle);
    w->client_count++;
    counter_add(&w->counters, COUNTER_CONNECTIONS_ACCEPTED, 1);
    counter_add(&w->counters, COUNTER_CONNECTIONS_ACTIVE, 1);
    stream_init(&c->stream, w->loop, fd, &client_events, c);
    stream_want_read(&c->stream, true);
    set_deadline(c);
}

void client_request_ended(struct client *c)
{
    c->request = NULL;
    if (c->state == CLIENT_CLOSED)
        return;
    c->resume = true;
    if (!c->keep_alive || c->eof || c->worker->draining) {
        c->closing = true;
        return;
    }
    if (c->body.state == H1_BODY_MORE)
        return; /* the rest of its content is drained first */
    c->state = CLIENT_IDLE;
    list_push_back(&c->worker->idle_clients, &c->idle);
}
