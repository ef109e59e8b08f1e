#include "net/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG_DEFAULT  511 /* as nginx */
#define ACCEPTS_PER_TURN 64
#define PAUSE_MS         100

static bool set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static bool set_options(int fd, const struct address *a, const struct listen_options *o)
{
    if (o->rcvbuf > 0 && !set_int(fd, SOL_SOCKET, SO_RCVBUF, o->rcvbuf))
        return false;
    if (o->sndbuf > 0 && !set_int(fd, SOL_SOCKET, SO_SNDBUF, o->sndbuf))
        return false;
    if (a->u.sa.sa_family == AF_UNIX)
        return true;
    if (a->u.sa.sa_family == AF_INET6 && !set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->ipv6only))
        return false;
    if (o->reuseport && !set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return false;
    return set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* A socket in the file system to which nobody listens: what a process that crashed has left. */
static bool is_stale_unix(const struct address *a)
{
    struct stat st;
    if (lstat(a->u.un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, &a->u.sa, a->len) != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    return refused;
}

static bool bind_unix(int fd, const struct address *a)
{
    if (bind(fd, &a->u.sa, a->len) != 0) {
        if (errno != EADDRINUSE)
            return false;
        if (!is_stale_unix(a)) {
            errno = EADDRINUSE;
            return false;
        }
        if (unlink(a->u.un.sun_path) != 0 || bind(fd, &a->u.sa, a->len) != 0)
            return false;
    }
    return chmod(a->u.un.sun_path, 0666) == 0;
}

static bool set_up(int fd, const struct address *a, const struct listen_options *o)
{
    if (!set_options(fd, a, o))
        return false;
    bool bound = a->u.sa.sa_family == AF_UNIX ? bind_unix(fd, a) : bind(fd, &a->u.sa, a->len) == 0;
    return bound && listen(fd, o->backlog > 0 ? o->backlog : BACKLOG_DEFAULT) == 0;
}

int listener_open(const struct address *a, const struct listen_options *o)
{
    int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (!set_up(fd, a, o)) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* What accept4 says about one connection or the network behind it; the next one may be fine
 * (accept(2), "Error handling"). */
static bool concerns_one_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case EPERM: /* firewall */
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET: return true;
    default: return false;
    }
}

/* Lack of descriptors or memory leaves the socket readable: without a pause the loop would spin. */
static void pause_accepting(struct listener *l)
{
    ev_io_stop(loop_ev(l->loop), &l->io);
    timer_set(l->loop, &l->pause, PAUSE_MS);
    l->paused_total++;
}

static void on_pause_over(struct timer *t)
{
    struct listener *l = t->owner;
    ev_io_start(loop_ev(l->loop), &l->io);
}

static void on_connections(struct ev_loop *ev UNUSED, ev_io *io, int revents UNUSED)
{
    struct listener *l = container_of(io, struct listener, io);
    for (int i = 0; i < ACCEPTS_PER_TURN && ev_is_active(&l->io); i++) {
        struct address peer;
        memset(&peer, 0, sizeof(peer));
        peer.len = sizeof(peer.u);
        int fd = accept4(l->fd, &peer.u.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->on_accept(l, fd, &peer);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        if (!concerns_one_connection(errno))
            pause_accepting(l);
    }
}

void listener_start(struct listener *l, struct loop *loop, int fd, listener_accept_fn *on_accept,
                    void *owner)
{
    l->loop = loop;
    l->fd = fd;
    l->on_accept = on_accept;
    l->owner = owner;
    l->paused_total = 0;
    memset(&l->local, 0, sizeof(l->local));
    l->local.len = sizeof(l->local.u);
    if (getsockname(fd, &l->local.u.sa, &l->local.len) != 0)
        l->local.len = 0;
    timer_init(&l->pause, on_pause_over, l);
    ev_io_init(&l->io, on_connections, fd, EV_READ);
    ev_io_start(loop_ev(loop), &l->io);
}

void listener_stop(struct listener *l)
{
    timer_cancel(&l->pause);
    ev_io_stop(loop_ev(l->loop), &l->io);
}
