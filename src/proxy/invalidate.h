/* Invalidation by methods that change something (RFC 9111 section 4.4). */
#pragma once

#include "proxy/request.h"

/* The head of the origin's answer to this request has come. Where the method is not known to be
 * safe and the answer is no error, the stored responses of the request's URI go, in all variants
 * and every tier, and those of Location and Content-Location where they are of the same origin.
 * Their keys are rendered by the key of the request's location. */
void invalidate_after(struct request *, const struct response_head *);
/* The key of what a GET for this path and query finds. */
struct cache_key invalidate_key(struct request *, struct slice path, struct slice query);
/* Does the reference (RFC 3986) lead to the request's own URI? */
bool invalidate_is_own(struct request *, struct slice reference);
