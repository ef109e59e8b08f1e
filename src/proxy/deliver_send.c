#include "proxy/deliver_send.h"

#include "proxy/failure.h"

#include <stdio.h>

void deliver_send_head(struct request *r, const struct response_text *t)
{
    size_t before = deliver_pending(r->client);
    r->head_sent = true;
    r->status = t->status;
    r->sent_fields = t->lines;
    r->sent_stored = t->stored;
    r->client->codec->send_head(r->client, r, t);
    r->bytes_sent += deliver_pending(r->client) - before;
}

void deliver_send_content(struct request *r, struct blob *blob, struct slice bytes)
{
    size_t before = deliver_pending(r->client);
    r->client->codec->send_content(r->client, r, blob, bytes);
    r->content_sent += bytes.n;
    r->bytes_sent += deliver_pending(r->client) - before;
}

/* What is small goes out with the next write of this connection. */
enum deliver_result deliver_finish(struct request *r)
{
    struct client *c = r->client;
    if (!r->delivered) {
        c->codec->send_end(c, r);
        r->delivered = true;
    }
    if ((deliver_pending(c) > DELIVER_BATCH_BYTES || client_queued(c) > 0) && !client_flush(c))
        return DELIVER_CUT;
    return client_queued(c) > 0 ? DELIVER_WAIT : DELIVER_DONE;
}

enum deliver_result deliver_cut(struct request *r, const char *why)
{
    char then[64];
    (void)snprintf(then, sizeof then, "response cut after %llu bytes",
                   (unsigned long long)r->content_sent);
    failure_log(r, LOG_ERROR, why, then);
    r->client->codec->abort(r->client, r);
    return DELIVER_CUT;
}
