/* When a stale response may stand in: what it says itself (RFC 5861) and what the location adds to
 * that (proxy_cache_use_stale). Never against must-revalidate, proxy-revalidate, no-cache or
 * s-maxage (RFC 9111 section 4.2.4). */
#pragma once

#include "cache/freshness.h"
#include "proxy/request.h"

/* What the request may do with a stored response. */
enum reuse stale_reuse(const struct request *, const struct stored_meta *);
/* May others who want the same be given it, where they ask for nothing special: those who wait for
 * one fetch (RFC 9111 section 4, where requests are collapsed)? Not what must be validated first.
 */
bool stale_answers_others(const struct request *, const struct stored_meta *);
/* May it be given although the origin failed in this way (a bit of enum next_upstream)? */
bool stale_on_failure(const struct request *, const struct stored_meta *, unsigned failure);
