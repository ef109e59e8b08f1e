#include "net/stream.h"

#include "base/assert.h"
#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

static void on_read(struct ev_loop *ev UNUSED, ev_io *io, int revents UNUSED)
{
    struct stream *s = container_of(io, struct stream, read_io);
    s->events->on_readable(s);
}

static void on_write(struct ev_loop *ev, ev_io *io, int revents UNUSED)
{
    struct stream *s = container_of(io, struct stream, write_io);
    ev_io_stop(ev, io);
    s->events->on_writable(s);
}

void stream_init(struct stream *s, struct loop *loop, int fd, const struct stream_events *events,
                 void *owner)
{
    ev_io_init(&s->read_io, on_read, fd, EV_READ);
    ev_io_init(&s->write_io, on_write, fd, EV_WRITE);
    s->loop = loop;
    s->events = events;
    s->owner = owner;
    s->tls = NULL;
    s->fd = fd;
    s->reading = false;
}

void stream_take_tls(struct stream *s, struct tls *tls)
{
    s->tls = tls;
}

void stream_close(struct stream *s, bool reset)
{
    if (s->fd < 0)
        return;
    stream_want_read(s, false);
    stream_want_write(s, false);
    if (s->tls != NULL && !reset)
        tls_shutdown(s->tls);
    tls_free(&s->tls);
    if (reset) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    (void)close(s->fd);
    s->fd = -1;
}

/* What TLS has taken off the socket and nobody has read yet is no event of the socket. */
static void announce_rest(struct stream *s)
{
    if (s->tls != NULL && s->reading && tls_has_more(s->tls))
        ev_feed_event(loop_ev(s->loop), &s->read_io, EV_READ);
}

void stream_want_read(struct stream *s, bool on)
{
    if (s->reading == on)
        return;
    s->reading = on;
    if (on)
        ev_io_start(loop_ev(s->loop), &s->read_io);
    else
        ev_io_stop(loop_ev(s->loop), &s->read_io);
    announce_rest(s);
}

void stream_want_write(struct stream *s, bool on)
{
    if (on)
        ev_io_start(loop_ev(s->loop), &s->write_io);
    else
        ev_io_stop(loop_ev(s->loop), &s->write_io);
}

static enum stream_result result_of_errno(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? STREAM_AGAIN : STREAM_ERROR;
}

static enum stream_result result_of_read(ssize_t got, size_t *n)
{
    if (got < 0)
        return result_of_errno();
    if (got == 0)
        return STREAM_EOF;
    *n = (size_t)got;
    return STREAM_OK;
}

static enum stream_result read_tls(struct stream *s, char *buf, size_t cap, size_t *n)
{
    enum stream_result result = tls_read(s->tls, buf, cap, n);
    announce_rest(s);
    return result;
}

enum stream_result stream_read(struct stream *s, char *buf, size_t cap, size_t *n)
{
    if (s->tls != NULL)
        return read_tls(s, buf, cap, n);
    ssize_t got;
    do {
        got = recv(s->fd, buf, cap, 0);
    } while (got < 0 && errno == EINTR);
    return result_of_read(got, n);
}

enum stream_result stream_readv(struct stream *s, const struct iovec *iov, int count, size_t *n)
{
    if (s->tls != NULL)
        return read_tls(s, iov[0].iov_base, iov[0].iov_len, n);
    ssize_t got;
    do {
        got = readv(s->fd, iov, count);
    } while (got < 0 && errno == EINTR);
    return result_of_read(got, n);
}

enum stream_result stream_writev(struct stream *s, const struct iovec *iov, int count, size_t *n)
{
    if (s->tls != NULL)
        return tls_writev(s->tls, iov, count, n);
    struct msghdr msg = {
        .msg_iov = (struct iovec *)iov, /* sendmsg only reads it */
        .msg_iovlen = (size_t)(count < IOV_MAX ? count : IOV_MAX),
    };
    ssize_t sent;
    do {
        sent = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return result_of_errno();
    *n = (size_t)sent;
    return STREAM_OK;
}

const char *stream_problem(const struct stream *s)
{
    return s->tls == NULL ? NULL : tls_problem(s->tls);
}

void stream_shutdown(struct stream *s)
{
    if (s->tls != NULL)
        tls_shutdown(s->tls);
    (void)shutdown(s->fd, SHUT_WR);
}

bool stream_has_unread(struct stream *s)
{
    if (s->tls != NULL)
        return tls_has_unread(s->tls);
    char byte;
    ssize_t got;
    do {
        got = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    return got >= 0 || result_of_errno() == STREAM_ERROR;
}

int stream_detach(struct stream *s)
{
    int fd = s->fd;
    ASSERT(s->tls == NULL);
    stream_want_read(s, false);
    stream_want_write(s, false);
    s->fd = -1;
    return fd;
}
