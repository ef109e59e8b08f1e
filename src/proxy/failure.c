#include "proxy/failure.h"

#include "proxy/client.h"
#include "proxy/route.h"
#include "proxy/variables.h"

#define LINE_MAX_BYTES 512 /* of the request line */

void failure_log(struct request *r, enum log_level level, const char *what, const char *then)
{
    if (!log_enabled(r->worker->log, level))
        return;
    char peer[ADDRESS_TEXT_MAX];
    /* A fetch in the background outlives its request, and the client may be gone. */
    struct slice client = r->ended ? SLICE("-") : address_print_host(&r->client->peer, peer);
    unsigned long long serial = r->ended ? 0 : r->client->serial;
    struct slice upstream = r->tries_n > 0 ? r->tries[r->tries_n - 1].peer : SLICE("-");
    struct slice id = variable_request_id(r);
    log_write(r->worker->log, level,
              "*%llu %s%s%s%s%s%s, client: %.*s, server: %.*s, request: \"%.*s\", upstream: %.*s, "
              "id: %.*s",
              serial, what, r->why ? " (" : "", r->why ? r->why : "", r->why ? ")" : "",
              then ? "; " : "", then ? then : "", SLICE_ARG(client), SLICE_ARG(r->server->name),
              SLICE_ARG(slice_take(r->raw_line, LINE_MAX_BYTES)), SLICE_ARG(upstream),
              SLICE_ARG(id));
}
