#include "net/dial.h"

#include "base/assert.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

const char *dial_result_text(enum dial_result r)
{
    switch (r) {
    case DIAL_OK: return "connected";
    case DIAL_REFUSED: return "connection refused or unreachable";
    case DIAL_TIMEOUT: return "connection timed out";
    case DIAL_LOCAL: return "no descriptor, port or usable address for a connection";
    }
    return "";
}

static enum dial_result result_of_connect(int error)
{
    switch (error) {
    case 0: return DIAL_OK;
    case ETIMEDOUT: return DIAL_TIMEOUT;
    case EADDRNOTAVAIL: /* no local port is left */
    case EADDRINUSE:
    case EAFNOSUPPORT:
    case EINVAL:
    case ENOBUFS:
    case ENOMEM: return DIAL_LOCAL;
    default: return DIAL_REFUSED; /* EAGAIN too: the queue of a unix socket is full */
    }
}

static void on_early(struct turn_end *);
static void on_deadline(struct timer *);

void dial_init(struct dial *d, struct loop *loop, dial_fn *fn, void *owner)
{
    d->loop = loop;
    d->fn = fn;
    d->owner = owner;
    d->fd = -1;
    d->outcome = DIAL_OK;
    timer_init(&d->deadline, on_deadline, d);
    turn_end_init(&d->early, on_early, d);
    ev_init(&d->io, NULL);
}

bool dial_in_progress(const struct dial *d)
{
    return d->fd >= 0 || !list_empty(&d->early.node);
}

static void stop_waiting(struct dial *d)
{
    ev_io_stop(loop_ev(d->loop), &d->io);
    timer_cancel(&d->deadline);
    turn_end_cancel(&d->early);
}

static void close_fd(struct dial *d)
{
    if (d->fd >= 0)
        (void)close(d->fd);
    d->fd = -1;
}

void dial_cancel(struct dial *d)
{
    stop_waiting(d);
    close_fd(d);
}

static void finish(struct dial *d, enum dial_result outcome)
{
    stop_waiting(d);
    if (outcome != DIAL_OK)
        close_fd(d);
    int fd = d->fd;
    d->fd = -1;
    d->fn(d, outcome, fd);
}

static void on_early(struct turn_end *t)
{
    struct dial *d = t->owner;
    finish(d, d->outcome);
}

static void on_deadline(struct timer *t)
{
    finish(t->owner, DIAL_TIMEOUT);
}

/* A connection to a local port where nobody listens can meet itself when the kernel picks that very
 * port for our side (simultaneous open, RFC 9293 section 3.5): whatever we sent would come back as
 * the peer's answer. */
static bool is_connected_to_itself(int fd)
{
    struct address here = {.len = sizeof(here.u)};
    struct address there = {.len = sizeof(there.u)};
    return getsockname(fd, &here.u.sa, &here.len) == 0 && here.u.sa.sa_family != AF_UNIX &&
           getpeername(fd, &there.u.sa, &there.len) == 0 && address_eq(&here, &there);
}

static enum dial_result outcome_of(int fd, int error)
{
    enum dial_result outcome = result_of_connect(error);
    return outcome == DIAL_OK && is_connected_to_itself(fd) ? DIAL_REFUSED : outcome;
}

static void on_outcome(struct ev_loop *ev UNUSED, ev_io *io, int revents UNUSED)
{
    struct dial *d = container_of(io, struct dial, io);
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    finish(d, outcome_of(d->fd, error));
}

/* -1: the socket cannot be had or not be bound. */
static int open_socket(const struct address *to, const struct address *bind_to)
{
    int fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    if (to->u.sa.sa_family != AF_UNIX) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        /* The port is chosen by connect(2), where only the pair of addresses has to be unique. */
        if (bind_to != NULL)
            (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    }
    if (bind_to != NULL && bind(fd, &bind_to->u.sa, bind_to->len) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void wait_for_outcome(struct dial *d, int64_t timeout_ms)
{
    ev_io_init(&d->io, on_outcome, d->fd, EV_WRITE);
    ev_io_start(loop_ev(d->loop), &d->io);
    timer_set(d->loop, &d->deadline, timeout_ms);
}

void dial_start(struct dial *d, const struct address *to, const struct address *bind_to,
                int64_t timeout_ms)
{
    ASSERT(!dial_in_progress(d));
    d->outcome = DIAL_LOCAL;
    d->fd = open_socket(to, bind_to);
    if (d->fd >= 0) {
        int rc = connect(d->fd, &to->u.sa, to->len);
        if (rc != 0 && errno == EINPROGRESS) {
            wait_for_outcome(d, timeout_ms);
            return;
        }
        d->outcome = outcome_of(d->fd, rc == 0 ? 0 : errno);
    }
    turn_end_schedule(d->loop, &d->early);
}
