/* Listening sockets by address and worker: the supervisor's table of all that are open, and the
 * serving process's table of those it was given. */
#pragma once

#include "net/address.h"
#include "net/listener.h"

struct listen_socket {
    struct address address;
    struct listen_options options;
    unsigned worker;
    int fd;
    bool wanted; /* by the current serving process, by the current configuration */
};
struct sockets {
    struct listen_socket *v;
    size_t n;
    size_t cap;
};

/* NULL: not there. Valid until the next change of the table. */
struct listen_socket *sockets_find(const struct sockets *, const struct address *, unsigned worker);
/* Takes `fd`. */
struct listen_socket *sockets_add(struct sockets *, const struct address *, unsigned worker,
                                  const struct listen_options *, int fd);
/* Takes it out of the table, open as it is; the last one takes its place. */
void sockets_forget(struct sockets *, struct listen_socket *);
/* Closes it too. */
void sockets_remove(struct sockets *, struct listen_socket *);
/* Closes all and frees the table. */
void sockets_close(struct sockets *);

/* Opens one and adds it. Where several sockets may share an address (SO_REUSEPORT), another
 * process's is still refused. NULL: errno says why. */
NODISCARD struct listen_socket *sockets_open(struct sockets *, const struct address *,
                                             unsigned worker, const struct listen_options *);
/* Removes it, and its file where it has one. */
void sockets_shut(struct sockets *, struct listen_socket *);
