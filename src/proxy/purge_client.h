/* The method PURGE: who may use it, and what it asks for (proxy_cache_purge). */
#pragma once

#include "proxy/purge.h"

/* Is this a PURGE that the location takes for one? Else it is a method as any other. */
bool purge_is_asked(const struct request *);
/* May this client do so here? */
bool purge_is_allowed(const struct request *);
/* The order in its fields: `Mcproxy-Purge`, and tags as responses have them. NULL: `*wrong` says
 * why. `*own_key`: its own URL is to be purged as well. */
const struct purge_order *purge_client_order(struct request *, bool *own_key, const char **wrong);
