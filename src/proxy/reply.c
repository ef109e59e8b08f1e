#include "proxy/reply.h"

#include "base/assert.h"

const struct reply_row *reply_row(enum reply id)
{
    static const struct reply_row rows[REPLY_COUNT] = {
#define X(id, status, type, text, closes) [REPLY_##id] = {status, type, text, closes},
        REPLY_TABLE(X)
#undef X
    };
    ASSERT(id >= 0 && id < REPLY_COUNT);
    return &rows[id];
}
