#include "proxy/upload.h"

#include "base/assert.h"

void upload_init(struct upload *u, enum framing framing, uint64_t length, size_t hold_bytes)
{
    *u = (struct upload){
        .framing = framing,
        .length = length,
        .complete = framing == FRAMING_NONE || (framing == FRAMING_LENGTH && length == 0),
        .hold_bytes = hold_bytes > 0 ? hold_bytes : 1,
    };
    /* The reader stops at hold_bytes, what it has read by then is still taken. */
    buf_init(&u->held, SIZE_MAX);
}

void upload_fini(struct upload *u)
{
    buf_fini(&u->held);
}

/* Once the content is more than is held, what was sent goes. */
static void let_go(struct upload *u)
{
    if (u->received <= u->hold_bytes || u->sent == 0)
        return;
    buf_consume(&u->held, u->sent);
    u->sent = 0;
    u->streaming = true;
}

void upload_add(struct upload *u, struct slice s)
{
    u->received += s.n;
    if (u->discard) {
        buf_release(&u->held);
        u->sent = 0;
        return;
    }
    let_go(u);
    bool taken = buf_append(&u->held, s);
    ASSERT(taken);
}

bool upload_has_room(const struct upload *u)
{
    return u->discard || buf_len(&u->held) - u->sent < u->hold_bytes;
}

struct slice upload_unsent(const struct upload *u)
{
    return slice_skip(buf_slice(&u->held), u->sent);
}

void upload_sent(struct upload *u, size_t n)
{
    ASSERT(n <= buf_len(&u->held) - u->sent);
    u->sent += n;
    let_go(u);
}

bool upload_rewind(struct upload *u)
{
    if (u->streaming)
        return false;
    u->sent = 0;
    return true;
}
