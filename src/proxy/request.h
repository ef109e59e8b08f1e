/* One request of a client from its parsed head to its access log line: a table of states, one
 * driver. Sees messages and content, never bytes of HTTP/1. */
#pragma once

#include "base/arena.h"
#include "cache/control.h"
#include "cache/policy.h"
#include "cache/store.h"
#include "http/message.h"
#include "proxy/flight.h"
#include "proxy/proxy_conf.h"
#include "proxy/regex.h"
#include "proxy/upload.h"
#include "proxy/worker.h"

struct client;
struct coded;
struct deliver_chunks;
struct fetch;
struct purge;
struct raw;

/* The states, in the order of a request's life; X(id, name). */
#define REQUEST_STATES(X)     \
    X(READ_HEAD, "read-head") \
    X(ROUTE, "route")         \
    X(RAW, "raw")             \
    X(LOOKUP, "lookup")       \
    X(COLLAPSE, "collapse")   \
    X(FETCH, "fetch")         \
    X(DELIVER, "deliver")     \
    X(PURGE, "purge")         \
    X(REPLY, "reply")         \
    X(TUNNEL, "tunnel")       \
    X(LOG, "log")             \
    X(END, "end")

enum request_state {
#define X(id, name) REQ_##id,
    REQUEST_STATES(X)
#undef X
        REQ_COUNT,
    REQ_STAY = REQ_COUNT, /* a step's answer: wait */
};

/* nginx's words of $upstream_cache_status. */
enum cache_outcome {
    OUTCOME_NONE, /* the cache had no part in it */
    OUTCOME_MISS,
    OUTCOME_BYPASS,
    OUTCOME_EXPIRED,
    OUTCOME_STALE,
    OUTCOME_UPDATING,
    OUTCOME_REVALIDATED,
    OUTCOME_HIT,
};
struct slice cache_outcome_text(enum cache_outcome);

/* RFC 9211 section 2.2: why a request was forwarded. */
enum forward_reason {
    FWD_NONE,
    FWD_BYPASS,
    FWD_METHOD,
    FWD_URI_MISS,
    FWD_VARY_MISS,
    FWD_MISS,
    FWD_REQUEST,
    FWD_STALE,
    FWD_PARTIAL
};

/* One try with an origin, for $upstream_addr and its companions. Lists are comma separated over
 * tries, as in nginx. */
struct upstream_try {
    struct slice peer;
    uint16_t status;    /* 0: none came */
    int64_t connect_us; /* -1: not reached */
    int64_t header_us;
    int64_t response_us;
    uint64_t bytes_sent;
    uint64_t bytes_received;
    uint64_t content_bytes; /* of bytes_received: content, without head and framing */
};
#define UPSTREAM_TRIES_MAX 8

struct request {
    uint32_t magic;
    enum request_state state;
    struct list node; /* free list */
    uint32_t holds;   /* itself until it has ended, and its fetch: memory and arena live as long */
    bool ended;       /* logged; only its fetch still reads it */
    bool running;     /* the driver is at work */
    bool cut;         /* the client is gone: the driver goes to the log */
    bool lock_timed_out;
    bool delivered; /* all of the answer is handed to the client's codec */
    bool tunnel_started;
    bool tunnel_done;
    struct fetch *fetch; /* its own, while it feeds this request */
    struct worker *worker;
    struct client *client;
    struct worker_conf *wconf; /* one reference */
    const struct listen_conf *listen;
    const struct server_conf *server;
    const struct location_conf *location;
    struct arena arena;

    /* what came */
    struct request_head head;
    struct slice raw_line;        /* request line as received, for $request */
    size_t head_bytes;            /* $request_length counts content too */
    struct cache_control control; /* of the request */
    struct upload upload;         /* its content */
    struct purge *purge;          /* what it purges (proxy/purge.h); NULL: nothing */
    int64_t start_us;             /* monotonic, when its first byte was read */
    wall_ms start_wall;
    char id[32]; /* $request_id, hex; made when first asked for */
    bool id_made;
    const struct regex *captures_of;      /* NULL: none matched, and there are no captures */
    const struct regex *name_captures_of; /* the same */

    /* cache */
    bool cacheable; /* may look into and fill the cache */
    bool bypass;    /* proxy_cache_bypass: fetch, but store */
    struct store *store;
    struct cache_key key;          /* of the URL */
    bool keyless;                  /* proxy_cache_key gave nothing: neither looked up nor stored */
    struct slice vary;             /* spec of the vary index that was found; empty without */
    uint64_t vary_generation;      /* of that index: part of its variants' keys */
    struct cache_key variant;      /* of the variant asked for; equal to key without Vary */
    struct entry *entry;           /* stored response found: one reference */
    struct raw *raw;               /* of memcached_pass; NULL without */
    struct deliver_chunks *chunks; /* of an entry that is a manifest, being sent; in the arena */
    enum store_tier tier;
    struct flight_reader *reader;
    bool leader; /* its own fetch feeds the flight */
    bool collapsed;
    bool pass_range; /* a range is asked for and nothing is stored: goes to the origin as it is */
    bool lone; /* what it fetches is not shared: neither with those who wait, nor by a lease */
    bool pass_conditions; /* nothing is stored: If-None-Match and its kind go to the origin */
    enum store_verdict no_store; /* fetched without storing for this reason; STORE_YES: none */
    struct timer wait;           /* proxy_cache_lock_timeout */
    enum cache_outcome outcome;
    enum forward_reason forward;
    const char *detail; /* of Cache-Status */
    const char *why;    /* what exactly was wrong, for the error log; static text or NULL */

    /* the answer */
    struct coded *coded; /* its content coding, in the arena; NULL: it has none (proxy/coded.h) */
    int reply;           /* row of proxy/reply.h where it is made here, -1 */
    uint16_t status;
    bool head_sent;
    bool want_content;        /* not HEAD, 204, 304 */
    bool ranged;              /* a range is cut out of the content that arrives */
    uint64_t range_skip;      /* bytes before it that are still to come */
    uint64_t range_left;      /* of it, still to be sent */
    uint64_t content_sent;    /* $body_bytes_sent */
    uint64_t bytes_sent;      /* $bytes_sent */
    bool aborted;             /* the client left: 499 in the log where no head was sent */
    uint32_t lookups;         /* how often it was sent back to look again */
    struct slice trailers;    /* field lines for behind the content */
    struct slice sent_fields; /* field lines sent, for $sent_http_NAME */
    struct slice sent_stored; /* the same out of the stored response, in front of them */
    const struct flight_response *response; /* of the flight, for $upstream_http_NAME */
    size_t tries_n;

    /* what follows is not cleared for a new request */
    struct slice captures[REGEX_CAPTURES_MAX];      /* of the last regular expression that matched:
                                                       location, else server name */
    struct slice name_captures[REGEX_CAPTURES_MAX]; /* of the server name's */
    struct upstream_try tries[UPSTREAM_TRIES_MAX];  /* `tries_n` of them */
};

/* An empty request of this connection; the codec fills `head` (slices in the request's arena) and
 * starts it. */
struct request *request_new(struct worker *, struct client *);
/* Runs as far as it can; it may have ended, and the client may be closed, when this returns. */
void request_start(struct request *);
/* The same for what could not be read: an answer of proxy/reply.h. `why` is for the log. */
void request_refuse(struct request *, int reply, const char *why);
struct request *request_hold(struct request *);
void request_release(struct request **);
void request_run(struct request *);
/* The client's connection is lost or closed: ends it without writing. */
void request_on_client_gone(struct request *);
/* The client has closed its side but may still read: true where the request goes on (its fetch is
 * of use to others or done). */
bool request_on_client_eof(struct request *);
/* The content of the request is malformed. */
void request_on_bad_content(struct request *);
/* The client took what was queued: more can be written. */
void request_on_client_writable(struct request *);
/* Content of the request arrived (or its end): see proxy/upload.h. */
void request_on_upload(struct request *);
/* A wait for the client ran out (client_body_timeout, client_body_min_rate). */
void request_on_client_timeout(struct request *);
/* An answer made here: the row of proxy/reply.h. */
enum request_state request_fail(struct request *, int reply);
/* Does it want trailers, where they do not come by themselves (RFC 9110 section 10.1.4)? */
static inline bool request_takes_trailers(const struct request *r)
{
    return r->location->pass_trailers && r->head.version_minor > 0 &&
           r->head.method != METHOD_HEAD &&
           fields_list_has(&r->head.fields, FIELD_TE, SLICE("trailers"));
}
/* The step `route`: finds server and location, and whether the cache has a part in it. */
enum request_state request_route(struct request *);
/* -- the steps of request_find.c -- */
enum request_state request_step_lookup(struct request *);
/* memcached_pass: raw values first, the origin behind them. */
enum request_state request_step_raw(struct request *);
enum request_state request_step_collapse(struct request *);
enum request_state request_step_fetch(struct request *);
/* The stored response that was to be delivered lacks its first chunk: it is no more, and this is a
 * miss. */
enum request_state request_look_for_lost(struct request *);

const char *request_state_name(enum request_state);
/* Prints the tables of states for `mcproxy --states`. */
void request_print_states(void *file);
