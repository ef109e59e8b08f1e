/* Gets a response for a flight: out of the pool where there is one, else from an origin, with as
 * many tries as proxy_next_upstream allows. May outlive its request: a client leaves while the
 * response is shared or being stored, or a stale response is being validated behind its reuse. */
#pragma once

#include "proxy/flight.h"
#include "proxy/request.h"

struct fetch;

/* X(id, name) */
#define FETCH_STATES(X)             \
    X(LOOKUP, "lookup")             \
    X(WAIT, "wait")                 \
    X(PICK, "pick")                 \
    X(CONNECT, "connect")           \
    X(SEND, "send")                 \
    X(READ_HEAD, "read-head")       \
    X(DECIDE, "decide")             \
    X(INDEX, "index")               \
    X(READ_CONTENT, "read-content") \
    X(STORE, "store")               \
    X(RETRY, "retry")               \
    X(FAILED, "failed")             \
    X(DONE, "done")

enum fetch_state {
#define X(id, name) FETCH_##id,
    FETCH_STATES(X)
#undef X
        FETCH_COUNT,
    FETCH_STAY = FETCH_COUNT,
};

/* For the request that leads `reader`'s flight. Copies what it needs of the request, so that it can
 * go on alone; `upload` content is taken from the request while it lives. `look` in the pool first;
 * `validate` (may be NULL) is a stored response to be validated. With `background` the request is
 * not its user: the fetch only updates the store. */
struct fetch *fetch_start(struct request *, struct flight_reader *leader, bool look,
                          struct entry *validate, bool background);
/* The request goes (its client left, or it has the whole response): the fetch goes on if the
 * response is shared or stored, else it ends. Clears the request's side. */
void fetch_request_gone(struct fetch **, struct request *);
/* After a 101: the origin's descriptor and the bytes read behind its head (in the request's arena).
 * The fetch is over. */
int fetch_take_fd(struct fetch *, struct slice *early);
/* More request content is there. */
void fetch_on_upload(struct fetch *);
/* Ends every fetch of the worker, for whomever it is: the process stops. */
void fetch_give_up_all(struct worker *);
const char *fetch_state_name(enum fetch_state);
void fetch_print_states(void *file);
