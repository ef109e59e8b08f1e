/* Handing an answer to the client's codec, and counting what goes: what deliver.c and
 * deliver_chunks.c share. */
#pragma once

#include "proxy/client.h"
#include "proxy/deliver.h"

/* Content handed to the client at once: a batch is written before the next one is taken. */
#define DELIVER_BATCH_BYTES ((size_t)64 * 1024)

/* Bytes on their way to the client. */
static inline size_t deliver_pending(const struct client *c)
{
    return c->worker->out.bytes + c->queue.bytes;
}
void deliver_send_head(struct request *, const struct response_text *);
/* `blob` NULL: copied. */
void deliver_send_content(struct request *, struct blob *, struct slice);
/* All was sent: waits for what is not small, so that the log says what the client got. */
enum deliver_result deliver_finish(struct request *);
/* The response cannot be finished, for the reason of the log line `why`: the client sees it. */
enum deliver_result deliver_cut(struct request *, const char *why);
