/* Cache-Control (RFC 9111 section 5.2), parsed as a list of directives with token or quoted-string
 * arguments, and CDN-Cache-Control (RFC 9213), which decides instead of it. */
#pragma once

#include "base/clock.h"
#include "http/fields.h"

#include <stdbool.h>
#include <stdint.h>

#define CACHE_SECONDS_NONE (-1)
#define CACHE_SECONDS_MAX  2147483648LL /* RFC 9111 section 1.2.2 */

struct cache_control {
    bool present;
    bool targeted; /* of CDN-Cache-Control: Cache-Control and Expires do not count */
    bool no_store;
    bool no_cache;        /* without a field list */
    bool no_cache_fields; /* with one: reuse without those fields */
    bool is_private;      /* with or without a field list */
    bool is_public;
    bool must_revalidate;
    bool proxy_revalidate;
    bool must_understand;
    bool no_transform;
    bool only_if_cached;
    bool immutable;
    bool max_stale_any; /* max-stale without an argument */
    int64_t max_age_s;  /* CACHE_SECONDS_NONE where absent; an unusable value is 0: stale
                           (section 4.2.1) */
    int64_t s_maxage_s;
    int64_t max_stale_s;
    int64_t min_fresh_s;
    int64_t stale_while_revalidate_s; /* RFC 5861 */
    int64_t stale_if_error_s;
};

/* All Cache-Control lines of a message. The first of a repeated directive counts, the most
 * restrictive of contradictory ones. */
void cache_control_parse(const struct fields *, struct cache_control *out);
/* The same of a request, where `Pragma: no-cache` counts while there is no Cache-Control (RFC 7234
 * section 5.4; meaningless in responses, RFC 9111 section 5.4), and no-cache has no list of fields.
 */
void cache_control_parse_request(const struct fields *, struct cache_control *out);
/* The policy of a response that has CDN-Cache-Control with at least one member and without an error
 * (RFC 9213 section 2.1). False: Cache-Control decides. A value of the wrong type makes a lifetime
 * stale and a restriction hold, with or without a list of fields. */
NODISCARD bool cache_control_parse_targeted(const struct fields *, struct cache_control *out);
/* Is the field named by a qualified no-cache (section 5.2.2.4): not to be reused, so not to be
 * stored? */
bool cache_control_withholds(const struct fields *, struct slice name);
/* X-Accel-Expires (nginx): `0`, seconds, `@epoch`. False: absent or unusable. `*lifetime_s` counts
 * from `now`. */
NODISCARD bool accel_expires_parse(const struct fields *, wall_s now, int64_t *lifetime_s);
