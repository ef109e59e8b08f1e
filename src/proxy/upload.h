/* Content of a request on its way from the client to the origin. Bytes wait in `held` until an
 * exchange takes them; while all of them fit there they stay, so that another try can send them
 * again; once they do not, content streams: held bytes go when they are sent, and there is no other
 * try. Backpressure: a full `held` (or an exchange that is full) stops the client's reader;
 * upload_room tells it to go on. */
#pragma once

#include "base/buf.h"
#include "http/message.h"

struct upload {
    enum framing framing;
    uint64_t length; /* declared, FRAMING_LENGTH */
    uint64_t received;
    struct buf held;
    bool complete;     /* all of it has come */
    bool streaming;    /* something was let go: cannot be sent again */
    bool discard;      /* nobody wants it any more: read and dropped */
    size_t sent;       /* bytes of `held` given to the current exchange */
    size_t hold_bytes; /* of upload_init */
};

void upload_init(struct upload *, enum framing, uint64_t length, size_t hold_bytes);
void upload_fini(struct upload *);
/* Content from the client. It is always taken. */
void upload_add(struct upload *, struct slice);
/* May the client's reader go on? */
bool upload_has_room(const struct upload *);
/* Bytes not yet given to the current exchange. */
struct slice upload_unsent(const struct upload *);
/* These were given to the exchange. */
void upload_sent(struct upload *, size_t n);
/* Begins again with another exchange. False: something was let go already. */
NODISCARD bool upload_rewind(struct upload *);
