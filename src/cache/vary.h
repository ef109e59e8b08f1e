/* Vary (RFC 9111 section 4.1): which fields select a variant, and a request's values of them in one
 * canonical form. */
#pragma once

#include "base/arena.h"
#include "cache/cache_conf.h"
#include "http/message.h"

enum vary_result {
    VARY_NONE = 0, /* no Vary, or ignored */
    VARY_FIELDS,   /* `spec` names them */
    VARY_NEVER,    /* `*`, or more fields than allowed: not reusable */
};
/* Names of all Vary lines, lower case, sorted, without repetitions, joined by ','. */
enum vary_result vary_spec(const struct fields *response, const struct cache_conf *, struct arena *,
                           struct slice *spec);
/* The same without the names. */
enum vary_result vary_check(const struct fields *response, const struct cache_conf *);
/* The union of two specs, in the same form. */
struct slice vary_union(struct slice a, struct slice b, struct arena *);
/* The request's values of the fields of `spec`, each framed; absent and empty differ. White space
 * around list members is dropped, repeated lines are joined; Accept-Encoding is reduced to the
 * codings it accepts, sorted; Accept-Language counts without case and white space, and with
 * proxy_cache_sort_languages without the order of its members. */
struct slice vary_values(struct slice spec, const struct fields *request, const struct cache_conf *,
                         struct arena *);
