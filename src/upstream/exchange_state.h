/* An exchange from inside: its states and what its files share. Private to upstream/. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "net/dial.h"
#include "upstream/exchange.h"
#include "upstream/origin.h"

/* X(id, name) */
#define EXCHANGE_STATES(X)                                                       \
    X(NEW, "new")                                                                \
    X(CONNECT, "connect")     /* dialling, or the end of this turn is awaited */ \
    X(READ_HEAD, "read-head") /* the request goes out meanwhile */               \
    X(READ_CONTENT, "read-content")                                              \
    X(TUNNEL, "tunnel") /* after 101: the descriptor waits to be taken */        \
    X(DONE, "done")                                                              \
    X(FAILED, "failed")                                                          \
    X(CANCELLED, "cancelled")

enum exchange_state {
#define X(id, name) EXCHANGE_##id,
    EXCHANGE_STATES(X)
#undef X
        EXCHANGE_STATES_COUNT
};

struct exchange {
    enum exchange_state state;
    bool reused;               /* it began on an idle connection */
    bool counted;              /* as under way with `peer` */
    struct upstream *upstream; /* a reference */
    struct peer *peer;         /* a reference; NULL before exchange_start */
    struct origin *conn;       /* NULL: none yet, or none any more */
    const struct exchange_events *events;
    void *owner;
    struct exchange_request req;
    struct h1_limits limits;
    struct address bind;
    struct dial dial;
    struct turn_end kick; /* begins on an idle connection, writes what was given in this turn, goes
                             on reading after a pause */
    const char *detail;   /* of a failure */

    /* Sending (exchange_send.c). */
    struct slice head_left;
    struct buf out;        /* content, framed */
    uint64_t content_left; /* FRAMING_LENGTH: bytes that exchange_send still has to be given */
    bool content_ended;    /* all content has been given */
    bool send_full;        /* exchange_send said so */
    bool send_blocked;     /* waits for on_writable */
    bool send_stopped;     /* the rest will not be sent */
    bool out_of_memory;
    uint64_t bytes_sent;

    /* Receiving (exchange_receive.c). */
    struct blob *in;
    size_t in_at;     /* bytes of `in` before it are used up */
    size_t scanned;   /* h1_head_end */
    unsigned interim; /* responses so far */
    bool paused;
    int64_t keep_ms; /* how long the origin says that it keeps the connection */
    uint64_t bytes_received;
    struct arena arena;
    struct blob *head_blob;
    struct response_head head;
    struct h1_body body;
    struct fields trailers;
};

/* -- exchange.c -- */

/* The one place where the state changes. */
void exchange_enter(struct exchange *, enum exchange_state);
/* The whole response is there: pools or closes the connection and calls back; then touch nothing.
 */
void exchange_finish(struct exchange *);
/* Closes the connection and calls back; then touch nothing but the state. */
void exchange_fail(struct exchange *, enum exchange_error, const char *detail);
/* Sets the deadline that fits what is being waited for. */
void exchange_set_timer(struct exchange *);
void exchange_on_timeout(struct exchange *);
static inline bool exchange_is_under_way(const struct exchange *ex)
{
    return ex->state == EXCHANGE_READ_HEAD || ex->state == EXCHANGE_READ_CONTENT;
}

/* -- exchange_send.c -- */

/* Writes what there is; may fail the exchange or call on_writable. */
void exchange_flush(struct exchange *);
void exchange_on_writable(struct exchange *);
/* Drops what has not been written. */
void exchange_stop_sending(struct exchange *);
bool exchange_has_unsent(const struct exchange *);
/* The request is out, to its last byte. */
bool exchange_is_sent(const struct exchange *);

/* -- exchange_receive.c -- */

void exchange_on_readable(struct exchange *);
/* Takes a step with the bytes that are there. True: there may be another one. */
typedef bool exchange_receive_fn(struct exchange *);
exchange_receive_fn exchange_receive_head, exchange_receive_content;
/* Takes all steps that the bytes and a pause allow. */
void exchange_receive(struct exchange *);
bool exchange_has_unused(const struct exchange *);
