/* memcached_pass: requests answered with raw values (cache/raw.h) that an app or nginx wrote, as by
 * nginx's memcached module; and memcached_store: what the origin answers instead, written for them
 * to read. */
#pragma once

#include "cache/policy.h"
#include "cache/raw.h"
#include "proxy/request.h"

/* What a request has of it; in the request's arena. */
struct raw {
    struct slice key;      /* $memcached_key, not escaped */
    struct blob *value;    /* found: one reference */
    bool gzip;             /* memcached_gzip_flag says so of the value */
    bool storing;          /* what the origin answers is stored, and one fetch serves all who ask */
    bool pending;          /* a lookup is under way */
    enum raw_result found; /* by the last lookup */
    struct raw_store *store;
    struct raw_get get;
    int64_t asked_us;
};

enum raw_next {
    RAW_WAIT,
    RAW_DELIVER, /* request.raw.value answers */
    RAW_JOIN,    /* ask the origin, together with who wants the same key (request.variant) */
    RAW_ALONE,   /* ask the origin for this request */
    RAW_FAIL,    /* no origin: raw_failure is the answer */
};

/* memcached_key for this request, not escaped; in its arena. */
struct slice raw_key(struct request *);
/* Asks the pool, then its next servers where memcached_next_upstream says so. Goes on at each call
 * until it is no longer RAW_WAIT. */
enum raw_next raw_run(struct request *);
/* The row of proxy/reply.h for what was not found. */
int raw_failure(const struct raw *);
/* Gives up the lookup and the value; the rest lives as long as the request's arena. */
void raw_end(struct raw *);

/* May the origin's response to a raw request, which policy_storable allows, be stored as content
 * alone? Else why not. */
enum store_verdict raw_storable(struct request *, const struct response_head *,
                                const struct stored_meta *);
/* Stores the whole content of that response. */
void raw_put(struct request *, const struct response_head *, const struct stored_meta *,
             struct blob *content);
/* The origin has answered a method that changes something: the value of its URI is forgotten. */
void raw_invalidate(struct request *, const struct response_head *);
