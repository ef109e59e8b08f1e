/* A connection that switched protocols (101): bytes are copied both ways until both sides have
 * ended. */
#pragma once

#include "base/clock.h"
#include "base/slice.h"

#include <stdint.h>

struct worker;

/* Called once when the tunnel is over, never before tunnel_start has returned: bytes written to
 * each side. */
typedef void tunnel_done_fn(void *owner, uint64_t to_client, uint64_t to_origin);

/* A connected descriptor, and what was read from it already: that goes to the other side first. */
struct tunnel_side {
    int fd;
    struct slice early;
};

/* Takes both descriptors, copies the early bytes. The end of one side is passed on as a half-close;
 * the tunnel ends when both have ended, one breaks, or no byte has moved for `idle_timeout_ms`.
 * Backpressure: a side that does not take bytes stops the reader of the other one, 16 KiB are held
 * for it. */
void tunnel_start(struct worker *, struct tunnel_side client, struct tunnel_side origin,
                  int64_t idle_timeout_ms, tunnel_done_fn *, void *owner);
/* Ends all tunnels of the worker, when its shutdown timeout has passed. */
void tunnel_close_all(struct worker *);
