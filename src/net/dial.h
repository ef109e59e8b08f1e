/* Opening a connection with a deadline. */
#pragma once

#include "net/address.h"
#include "net/loop.h"

#include <ev.h>

enum dial_result {
    DIAL_OK = 0,
    DIAL_REFUSED, /* or unreachable, or reset: the peer or the network said no */
    DIAL_TIMEOUT,
    DIAL_LOCAL, /* no descriptor, no port, address not usable here */
};
const char *dial_result_text(enum dial_result);

struct dial;
/* Called exactly once, never before dial_start has returned and never after dial_cancel. On DIAL_OK
 * takes `fd` (non-blocking, TCP_NODELAY). */
typedef void dial_fn(struct dial *, enum dial_result, int fd);

/* Embedded in its user; may be started again after it has called back. */
struct dial {
    ev_io io;
    struct timer deadline;
    struct turn_end early; /* delivers an outcome that connect(2) gave at once */
    struct loop *loop;
    dial_fn *fn;
    void *owner;
    int fd;
    enum dial_result outcome;
};

void dial_init(struct dial *, struct loop *, dial_fn *, void *owner);
/* `bind_to` may be NULL. */
void dial_start(struct dial *, const struct address *to, const struct address *bind_to,
                int64_t timeout_ms);
void dial_cancel(struct dial *);
bool dial_in_progress(const struct dial *);
