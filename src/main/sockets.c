#include "main/sockets.h"

#include "base/assert.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct listen_socket *sockets_find(const struct sockets *s, const struct address *a,
                                   unsigned worker)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].worker == worker && address_eq(&s->v[i].address, a))
            return &s->v[i];
    return NULL;
}

struct listen_socket *sockets_add(struct sockets *s, const struct address *a, unsigned worker,
                                  const struct listen_options *options, int fd)
{
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 8 : s->cap * 2;
        s->v = realloc(s->v, s->cap * sizeof s->v[0]);
        ASSERT(s->v);
    }
    struct listen_socket *added = &s->v[s->n++];
    *added = (struct listen_socket){
        .address = *a, .options = *options, .worker = worker, .fd = fd, .wanted = true};
    return added;
}

void sockets_forget(struct sockets *s, struct listen_socket *one)
{
    *one = s->v[--s->n];
}

void sockets_remove(struct sockets *s, struct listen_socket *one)
{
    (void)close(one->fd);
    sockets_forget(s, one);
}

void sockets_close(struct sockets *s)
{
    while (s->n > 0)
        sockets_remove(s, &s->v[s->n - 1]);
    free(s->v);
    *s = (struct sockets){0};
}

static bool has_port(const struct sockets *s, uint16_t port)
{
    for (size_t i = 0; i < s->n; i++)
        if (address_port(&s->v[i].address) == port)
            return true;
    return false;
}

/* SO_REUSEPORT lets any process of the same user share the address, a second mcproxy too. A bind
 * without it tells; our own sockets would be in its way. */
static bool is_taken(const struct sockets *s, const struct address *a)
{
    if (a->u.sa.sa_family == AF_UNIX || has_port(s, address_port(a)))
        return false;
    int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->u.sa.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    bool taken = bind(fd, &a->u.sa, a->len) != 0 && errno == EADDRINUSE;
    (void)close(fd);
    return taken;
}

struct listen_socket *sockets_open(struct sockets *s, const struct address *a, unsigned worker,
                                   const struct listen_options *options)
{
    if (options->reuseport && is_taken(s, a)) {
        errno = EADDRINUSE;
        return NULL;
    }
    int fd = listener_open(a, options);
    return fd < 0 ? NULL : sockets_add(s, a, worker, options, fd);
}

void sockets_shut(struct sockets *s, struct listen_socket *one)
{
    if (one->address.u.sa.sa_family == AF_UNIX)
        (void)unlink(one->address.u.un.sun_path);
    sockets_remove(s, one);
}
