/* Freshness and age (RFC 9111 section 4.2), and whether a stored response may answer a request
 * (section 4). Pure: no clock, no I/O, no allocation. */
#pragma once

#include "base/clock.h"
#include "cache/cache_conf.h"
#include "cache/control.h"
#include "cache/stored.h"
#include "http/message.h"

/* Seconds a response may be reused without validation, counted from when the origin made it; 0
 * means stale at once. Order of sources: X-Accel-Expires (nginx), s-maxage, max-age (of
 * CDN-Cache-Control where `targeted`, which leaves out Expires: RFC 9213), Expires minus
 * Date, proxy_cache_valid, then a heuristic capped by `heuristic_max_s` (section 4.2.2).
 * `*explicit_s` tells whether the origin or the configuration said it. Cannot fail: an unusable
 * value counts as stale (end of section 4.2.1). */
int64_t freshness_lifetime_s(const struct response_head *, const struct cache_control *,
                             const struct cache_conf *, wall_s now, bool *is_explicit);

/* Who said the lifetime. */
enum freshness_source {
    FRESHNESS_NONE,  /* nobody: 0 */
    FRESHNESS_ACCEL, /* X-Accel-Expires; counted from the time of receipt, whatever Age says (nginx)
                      */
    FRESHNESS_CACHE_CONTROL, /* s-maxage, max-age */
    FRESHNESS_EXPIRES,
    FRESHNESS_CONFIGURED, /* proxy_cache_valid; counted from the time of receipt */
    FRESHNESS_HEURISTIC,
};
/* The same lifetime, and where it comes from. */
int64_t freshness_lifetime_by(const struct response_head *, const struct cache_control *,
                              const struct cache_conf *, wall_s now, enum freshness_source *);
/* Section 4.2.2: a status that may be given a heuristic lifetime, or any with Cache-Control:
 * public. */
bool freshness_heuristic_allowed(unsigned status, const struct cache_control *);

/* corrected_initial_age (section 4.2.3) in seconds, from Age, Date and how long the exchange took.
 */
int64_t freshness_initial_age_s(const struct response_head *, wall_s response_time,
                                int64_t response_delay_ms);

/* What a response that is passed on has for Age (section 5.1) when it arrives: what the origin
 * sent, and the time of the exchange. Nothing is guessed from Date. */
int64_t freshness_passed_age_s(const struct response_head *, int64_t response_delay_ms);

/* current_age (section 4.2.3) of a stored response in seconds, rounded to nearest; never negative,
 * whatever the clock did. */
int64_t freshness_age_s(const struct stored_meta *, wall_ms now);

/* Section 4.2: is its lifetime longer than its age? To the millisecond, so that it may be while
 * both have the same number of seconds. */
bool freshness_is_fresh(const struct stored_meta *, wall_ms now);

enum reuse {
    REUSE_FRESH,            /* answer with it */
    REUSE_STALE_REVALIDATE, /* answer with it, validate behind it (stale-while-revalidate) */
    REUSE_VALIDATE,         /* ask the origin first, conditionally where it has a validator */
    REUSE_ONLY_IF_CACHED,   /* 504: the request forbids asking and this is not reusable */
};
/* Section 4, with the request's Cache-Control (section 5.2.1) and Pragma; what is immutable is not
 * too old for any request while it is fresh (RFC 8246). */
enum reuse freshness_reuse(const struct stored_meta *, const struct cache_control *request,
                           wall_ms now);
/* Is the origin asked for each request, as even a response of this kind that has just come answers
 * no other: no-cache, or neither a lifetime nor a window in which it is served stale? */
bool freshness_is_for_one(const struct stored_meta *);
/* May this stale response be given when the origin fails (stale-if-error, section 4.2.4)? Within
 * the windows that it named itself; within the configured ones where that failure is `listed`. */
bool freshness_stale_on_error(const struct stored_meta *, bool listed, wall_ms now);
/* Seconds until a store may forget it: lifetime, stale windows and the time for validation, minus
 * the age it came with. At least 1. */
int64_t freshness_store_ttl_s(const struct stored_meta *);
