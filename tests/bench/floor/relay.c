/* The floor of a pass-through: each client has a connection to the origin of its own, and bytes are
 * carried over unread. */
#include "floor.h"

#include <stdlib.h>
#include <unistd.h>

struct relay {
    uint16_t origin_port;
    int other[FDS_MAX]; /* the other end's descriptor; 0 none */
};

static void *relay_start(struct floor *f, char **arguments)
{
    (void)f;
    struct relay *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        floor_fail("malloc");
    }
    r->origin_port = (uint16_t)floor_number(arguments[0]);
    return r;
}

static void relay_on_accept(struct floor *f, int fd)
{
    struct relay *r = f->state;
    int origin = floor_connect(f, r->origin_port);
    r->other[fd] = origin;
    r->other[origin] = fd;
}

static bool relay_on_bytes(struct floor *f, int fd, char *bytes, size_t n)
{
    const struct relay *r = f->state;
    struct iovec v = {bytes, n};
    return r->other[fd] != 0 && floor_write(r->other[fd], &v, 1);
}

static void relay_on_close(struct floor *f, int fd)
{
    struct relay *r = f->state;
    int other = r->other[fd];
    r->other[fd] = 0;
    if (other != 0) {
        r->other[other] = 0;
        close(other);
    }
}

const struct mode mode_relay = {
    .name = "relay",
    .arguments = "ORIGIN_PORT",
    .arguments_n = 1,
    .start = relay_start,
    .on_accept = relay_on_accept,
    .on_bytes = relay_on_bytes,
    .on_close = relay_on_close,
};
