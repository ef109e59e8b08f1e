/* A connected, non-blocking byte stream: plain TCP or unix, or TLS (net/tls.h) under the same
 * calls. Read interest is set once and stays (level-triggered); write interest only after a write
 * would block. */
#pragma once

#include "base/attr.h"
#include "net/address.h"
#include "net/loop.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum stream_result {
    STREAM_OK = 0, /* n bytes moved, n > 0 */
    STREAM_AGAIN,  /* nothing now: wait for the callback */
    STREAM_EOF,    /* read only: orderly end */
    STREAM_ERROR,  /* the connection is broken; stream_close is all that is left */
};

struct stream;
struct tls;
typedef void stream_fn(struct stream *);

struct stream_events {
    stream_fn *on_readable; /* bytes, EOF or an error can be read */
    stream_fn *on_writable; /* after stream_want_write; interest is off again when it is called */
};

struct stream {
    ev_io read_io;
    ev_io write_io;
    struct loop *loop;
    const struct stream_events *events; /* static table of the user */
    void *owner;                        /* of the user */
    struct tls *tls;                    /* NULL: the bytes go as they are */
    int fd;                             /* -1: closed */
    bool reading;                       /* read interest is on */
};

/* Takes the descriptor (non-blocking, connected). No interest is set yet. */
void stream_init(struct stream *, struct loop *, int fd, const struct stream_events *, void *owner);
/* Right after stream_init: takes what the handshake on this descriptor has led to. */
void stream_take_tls(struct stream *, struct tls *);
/* Closes and stops all interest; safe when already closed. With `reset` the peer gets a RST
 * (SO_LINGER 0): it sees that what came is cut. */
void stream_close(struct stream *, bool reset);
static inline bool stream_is_open(const struct stream *s)
{
    return s->fd >= 0;
}

/* On or off; off is how a full writer stops its reader. Idempotent, no system call when nothing
 * changes. */
void stream_want_read(struct stream *, bool on);
/* One shot: on_writable will be called once. */
void stream_want_write(struct stream *, bool on);

/* At most `cap` bytes; `*n` is set on STREAM_OK. A read shorter than `cap` has drained the socket.
 */
NODISCARD enum stream_result stream_read(struct stream *, char *buf, size_t cap, size_t *n);
/* The same into several places, one after the other. With TLS only the first one is used. */
NODISCARD enum stream_result stream_readv(struct stream *, const struct iovec *iov, int count,
                                          size_t *n);
/* May write less than all; `*n` is set on STREAM_OK. Never raises SIGPIPE. After STREAM_AGAIN the
 * next call has to begin with the same bytes. */
NODISCARD enum stream_result stream_writev(struct stream *, const struct iovec *iov, int count,
                                           size_t *n);
/* What is known of a STREAM_ERROR beyond the broken connection, in words that stay; or NULL. */
const char *stream_problem(const struct stream *);
/* Half-closes our side after what was written. */
void stream_shutdown(struct stream *);

/* Peek: true when the peer has closed or sent bytes while the stream was idle (MSG_PEEK); for
 * pooled connections. */
bool stream_has_unread(struct stream *);

/* Gives the descriptor away (a tunnel takes it): stops all interest, the stream is closed without
 * closing it. Not with TLS. */
int stream_detach(struct stream *);
