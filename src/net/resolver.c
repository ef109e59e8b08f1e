#include "net/resolver.h"

#include "base/assert.h"
#include "net/resolver_dns.h"

#include <stdlib.h>

/* A descriptor that c-ares wants watched. */
struct socket_watch {
    struct list node;
    struct fd_watch watch;
    int fd;
};

struct resolver {
    struct loop *loop;
    ares_channel channel;
    int64_t timeout_ms;
    struct list sockets;
    struct timer retry;   /* when c-ares wants to try again or give up */
    struct list answered; /* queries whose answer is to be delivered */
    struct turn_end deliver;
    bool closing;
};

/* Whom to tell; both NULL: has been told, or cancelled. */
struct listener_of_answer {
    resolver_fn *fn;
    resolver_service_fn *service_fn;
    void *owner;
};

struct resolver_query {
    struct list node; /* in `answered` */
    struct resolver *resolver;
    struct listener_of_answer to;
    uint16_t port;
    bool starting; /* an answer that comes now is one of the hosts file */
    bool asking;   /* c-ares has it */
    struct timer deadline;
    struct dns_answer answer;
};

static void query_free(void *arg)
{
    struct resolver_query *q = arg;
    dns_answer_fini(&q->answer);
    free(q);
}

/* Its pointer stays harmless until the end of the turn: the user may still cancel it from the
 * callback. */
static void query_end(struct resolver_query *q)
{
    q->to = (struct listener_of_answer){0};
    timer_cancel(&q->deadline);
    list_remove(&q->node);
    loop_bury(q->resolver->loop, q, query_free);
}

static bool is_listened_to(const struct resolver_query *q)
{
    return q->to.fn != NULL || q->to.service_fn != NULL;
}

static void tell(struct listener_of_answer to, const struct dns_answer *a)
{
    if (to.fn != NULL)
        to.fn(to.owner, a->result, a->addresses, a->count, a->ttl_ms);
    else
        to.service_fn(to.owner, a->result, a->services, a->count, a->ttl_ms);
}

/* -- driving c-ares -- */

static void set_retry(struct resolver *r)
{
    struct timeval tv;
    if (ares_timeout(r->channel, NULL, &tv) == NULL) {
        timer_cancel(&r->retry);
        return;
    }
    timer_set(r->loop, &r->retry, (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void on_retry(struct timer *t)
{
    struct resolver *r = t->owner;
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_retry(r);
}

static void on_ready(struct fd_watch *w, bool readable, bool writable)
{
    struct socket_watch *s = container_of(w, struct socket_watch, watch);
    struct resolver *r = w->owner;
    int fd = s->fd;
    /* This may close the socket and free `s`. */
    ares_process_fd(r->channel, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    set_retry(r);
}

static struct socket_watch *find_socket(struct resolver *r, int fd)
{
    list_for_each (it, &r->sockets) {
        struct socket_watch *s = list_entry(it, struct socket_watch, node);
        if (s->fd == fd)
            return s;
    }
    return NULL;
}

/* c-ares tells what it waits for on a socket; nothing means that it closes it. */
static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
    struct resolver *r = data;
    struct socket_watch *s = find_socket(r, fd);
    if (s != NULL)
        fd_watch_stop(&s->watch);
    if (!readable && !writable) {
        if (s != NULL) {
            list_remove(&s->node);
            free(s);
        }
        return;
    }
    if (s == NULL) {
        s = calloc(1, sizeof(*s));
        ASSERT(s != NULL);
        s->fd = fd;
        list_push_back(&r->sockets, &s->node);
    }
    fd_watch_start(r->loop, &s->watch, fd, readable != 0, writable != 0, on_ready, r);
}

/* -- answers -- */

static void deliver_later(struct resolver_query *q)
{
    timer_cancel(&q->deadline);
    list_push_back(&q->resolver->answered, &q->node);
    turn_end_schedule(q->resolver->loop, &q->resolver->deliver);
}

static void on_answer(void *arg, int status, int timeouts UNUSED, struct ares_addrinfo *info)
{
    struct resolver_query *q = arg;
    q->asking = false;
    if (!is_listened_to(q) || q->resolver->closing) {
        query_end(q);
    } else {
        dns_answer_init(&q->answer, status, info, q->port, q->starting);
        deliver_later(q);
    }
    if (info != NULL)
        ares_freeaddrinfo(info);
}

static void on_service_answer(void *arg, int status, int timeouts UNUSED, unsigned char *message,
                              int n)
{
    struct resolver_query *q = arg;
    q->asking = false;
    if (!is_listened_to(q) || q->resolver->closing) {
        query_end(q);
        return;
    }
    dns_answer_init_services(&q->answer, status, message, n);
    deliver_later(q);
}

/* A callback may start and cancel queries, and free the resolver, which then lives until the end of
 * the turn. */
static void on_deliver(struct turn_end *t)
{
    struct resolver *r = t->owner;
    while (!list_empty(&r->answered)) {
        struct resolver_query *q = list_entry(r->answered.next, struct resolver_query, node);
        struct listener_of_answer to = q->to;
        query_end(q);
        tell(to, &q->answer);
    }
}

static void on_query_deadline(struct timer *t)
{
    struct resolver_query *q = t->owner;
    const struct dns_answer none = {.result = RESOLVER_TIMEOUT, .ttl_ms = q->answer.ttl_ms};
    struct listener_of_answer to = q->to;
    q->to = (struct listener_of_answer){0};
    tell(to, &none);
}

/* -- for others -- */

struct resolver *resolver_new(struct loop *loop, const char *servers, int64_t timeout_ms)
{
    struct resolver *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->timeout_ms = timeout_ms;
    list_init(&r->sockets);
    list_init(&r->answered);
    timer_init(&r->retry, on_retry, r);
    turn_end_init(&r->deliver, on_deliver, r);
    if (!dns_channel_open(&r->channel, servers, timeout_ms, on_socket, r)) {
        free(r);
        return NULL;
    }
    return r;
}

void resolver_free(struct resolver **rp)
{
    struct resolver *r = *rp;
    if (r == NULL)
        return;
    *rp = NULL;
    r->closing = true;
    ares_destroy(r->channel); /* answers what is open, and closes the sockets */
    list_for_each_safe (it, &r->answered)
        query_end(list_entry(it, struct resolver_query, node));
    timer_cancel(&r->retry);
    turn_end_cancel(&r->deliver);
    loop_bury(r->loop, r, free);
}

static struct resolver_query *query_new(struct resolver *r, struct listener_of_answer to)
{
    struct resolver_query *q = calloc(1, sizeof(*q));
    ASSERT(q != NULL);
    list_init(&q->node);
    q->resolver = r;
    q->to = to;
    timer_init(&q->deadline, on_query_deadline, q);
    return q;
}

struct resolver_query *resolver_query(struct resolver *r, struct slice host, uint16_t port,
                                      resolver_fn *fn, void *owner)
{
    struct resolver_query *q = query_new(r, (struct listener_of_answer){.fn = fn, .owner = owner});
    q->port = port;
    char name[256];
    if (dns_answer_of_literal(&q->answer, host, port)) {
        deliver_later(q);
    } else if (host.n == 0 || !slice_to_cstr(host, name, sizeof(name))) {
        dns_answer_init(&q->answer, ARES_EBADNAME, NULL, port, false);
        deliver_later(q);
    } else {
        timer_set(r->loop, &q->deadline, r->timeout_ms);
        q->asking = true;
        q->starting = true;
        dns_ask(r->channel, name, on_answer, q);
        q->starting = false;
        set_retry(r);
    }
    return q;
}

struct resolver_query *resolver_query_service(struct resolver *r, struct slice name,
                                              resolver_service_fn *fn, void *owner)
{
    struct resolver_query *q =
        query_new(r, (struct listener_of_answer){.service_fn = fn, .owner = owner});
    char text[256];
    if (name.n == 0 || !slice_to_cstr(name, text, sizeof(text))) {
        dns_answer_init_services(&q->answer, ARES_EBADNAME, NULL, 0);
        deliver_later(q);
        return q;
    }
    timer_set(r->loop, &q->deadline, r->timeout_ms);
    q->asking = true;
    dns_ask_services(r->channel, text, on_service_answer, q);
    set_retry(r);
    return q;
}

void resolver_cancel(struct resolver_query **qp)
{
    struct resolver_query *q = *qp;
    if (q == NULL)
        return;
    *qp = NULL;
    if (!is_listened_to(q))
        return; /* its callback is running */
    if (!q->asking) {
        query_end(q);
        return;
    }
    q->to = (struct listener_of_answer){0};
    timer_cancel(&q->deadline);
}
