#include "proxy/rehearse.h"

#include "base/assert.h"
#include "proxy/client_internal.h"

#include <stdlib.h>

static void drop_interim(struct client *c UNUSED, struct request *r UNUSED, uint16_t status UNUSED,
                         const struct fields *fields UNUSED)
{
}

/* Nothing else is ever called: no answer is given. */
static const struct client_codec nobody = {.send_interim = drop_interim};

/* A connection that is closed already; it goes with its request. */
static struct client *client_of_nobody(struct worker *w, struct worker_conf *wconf,
                                       const struct rehearsal *from)
{
    struct client *c = calloc(1, sizeof *c);
    ASSERT(c);
    c->magic = CLIENT_MAGIC;
    c->state = CLIENT_CLOSED;
    c->worker = w;
    c->wconf = wconf;
    c->listen = from->listen;
    c->codec = &nobody;
    c->peer = from->peer;
    c->local = from->listen->address;
    c->stream.fd = -1;
    c->body.state = H1_BODY_DONE;
    c->serial = ++w->client_serial;
    return c;
}

struct request *rehearse_begin(struct worker *w, struct worker_conf *wconf,
                               const struct rehearsal *from, const char **error)
{
    struct request *r = request_new(w, client_of_nobody(w, wconf, from));
    struct h1_limits limits = client_head_limits(from->listen->default_server);
    struct h1_error err = {H1_OK, ""};
    struct slice head = arena_dup(&r->arena, from->head);
    r->head_bytes = head.n;
    r->raw_line = slice_take(head, slice_find(head, '\r'));
    if (h1_parse_request(head, &limits, &r->arena, &r->head, &err) == H1_OK) {
        upload_init(&r->upload, r->head.framing, r->head.content_length, 0);
        return r;
    }
    *error = err.what;
    rehearse_end(&r);
    return NULL;
}

enum rehearsed rehearse_route(struct request *r)
{
    switch (request_route(r)) {
    case REQ_LOOKUP: return REHEARSED_LOOKUP;
    case REQ_FETCH: return REHEARSED_FETCH;
    case REQ_RAW: return REHEARSED_RAW;
    case REQ_READ_HEAD:
    case REQ_ROUTE:
    case REQ_COLLAPSE:
    case REQ_DELIVER:
    case REQ_PURGE:
    case REQ_REPLY:
    case REQ_TUNNEL:
    case REQ_LOG:
    case REQ_END:
    case REQ_COUNT: break;
    }
    return REHEARSED_REPLY;
}

void rehearse_end(struct request **rp)
{
    struct request *r = *rp;
    counter_sub(&r->worker->counters, COUNTER_REQUESTS_ACTIVE, 1);
    r->ended = true;
    request_release(rp);
}
