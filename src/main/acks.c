#include "main/acks.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool acks_init(struct acks *a)
{
    atomic_init(&a->pending, 0);
    a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return a->fd >= 0;
}

void acks_fini(struct acks *a)
{
    if (a->fd >= 0)
        (void)close(a->fd);
    a->fd = -1;
}

void acks_expect(struct acks *a, unsigned n)
{
    atomic_store(&a->pending, n);
}

void acks_give(struct acks *a)
{
    uint64_t one = 1;
    ssize_t n UNUSED
    = 0;
    if (atomic_fetch_sub(&a->pending, 1) == 1)
        n = write(a->fd, &one, sizeof one); /* cannot fail: the count stays below its limit */
}

void acks_take(struct acks *a)
{
    uint64_t count;
    ssize_t n UNUSED
    = read(a->fd, &count, sizeof count);
}

void acks_wait(struct acks *a)
{
    struct pollfd p = {.fd = a->fd, .events = POLLIN};
    while (poll(&p, 1, -1) != 1)
        continue;
    acks_take(a);
}
