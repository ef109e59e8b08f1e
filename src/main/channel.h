/* Messages between the supervisor and the serving process, over a pair of connected sockets that
 * keeps them apart (SOCK_SEQPACKET). Its end tells each side that the other one is gone. */
#pragma once

#include "net/address.h"
#include "net/listener.h"

enum channel_type {
    /* from the serving process */
    CHANNEL_LISTEN,   /* asks for the listening socket of `address` and `worker`; answered by
                         CHANNEL_SOCKET */
    CHANNEL_DROP,     /* that socket is no longer needed */
    CHANNEL_READY,    /* it serves */
    CHANNEL_RELOADED, /* with a new configuration; answered by CHANNEL_DONE when all that was
                         dropped is closed */
    /* from the supervisor */
    CHANNEL_SOCKET, /* with the descriptor, or `error` */
    CHANNEL_DONE,
    CHANNEL_STOP,
    CHANNEL_QUIT,
    CHANNEL_RELOAD,
    CHANNEL_REOPEN,
};

struct channel_msg {
    enum channel_type type;
    unsigned worker;
    int error; /* errno */
    struct address address;
    struct listen_options options;
};

enum channel_result {
    CHANNEL_OK = 0,
    CHANNEL_AGAIN,  /* nothing there */
    CHANNEL_CLOSED, /* the other side is gone, or what it sent makes no sense */
};

NODISCARD bool channel_open(int ends[2]);
/* `fd` is sent along, a copy of it; -1: none. False: the other side is gone or does not read. */
NODISCARD bool channel_send(int channel, const struct channel_msg *, int fd);
/* Never blocks. `*fd` is the caller's, -1 where none came along. */
NODISCARD enum channel_result channel_receive(int channel, struct channel_msg *, int *fd);
