/* Listening sockets: opening them (the supervisor), accepting on them (the workers). */
#pragma once

#include "net/address.h"
#include "net/loop.h"

#include <ev.h>

struct listen_options {
    int backlog;    /* 0: 511 */
    bool reuseport; /* one socket per worker on the same address */
    bool ipv6only;  /* nginx's default: on */
    int rcvbuf;     /* bytes, 0: the kernel's */
    int sndbuf;
};

/* A bound and listening, non-blocking, close-on-exec socket with TCP_NODELAY set (accepted sockets
 * inherit it), or -1 with errno. A unix path that is a stale socket (nobody accepts) is removed
 * first; its mode becomes 0666 as with nginx. */
NODISCARD int listener_open(const struct address *, const struct listen_options *);

struct listener;
/* Takes the accepted descriptor (non-blocking, close-on-exec). */
typedef void listener_accept_fn(struct listener *, int fd, const struct address *peer);

struct listener {
    ev_io io;
    struct timer pause; /* after EMFILE, ENFILE, ENOBUFS, ENOMEM accepting pauses for 100 ms */
    struct loop *loop;
    int fd;
    struct address local;
    listener_accept_fn *on_accept;
    void *owner;
    uint64_t paused_total; /* times accepting was paused for lack of descriptors */
};

/* Starts accepting (accept4 until EAGAIN, at most 64 a turn). Does not own `fd`. */
void listener_start(struct listener *, struct loop *, int fd, listener_accept_fn *, void *owner);
/* Stops accepting; the socket stays open for its owner. */
void listener_stop(struct listener *);
