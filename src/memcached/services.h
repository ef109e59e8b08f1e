/* Servers that SRV records name (RFC 2782), asked for again as long as they hold: the pool's set of
 * servers follows the answers. Of a name's records those of the lowest priority count; each is a
 * server "target:port", its place on the ring comes from this text, its weight from the record's.
 * Where a name cannot be asked for, or has no records, the servers stay as they were. */
#pragma once

#include "memcached/pool_internal.h"

/* Asks for every server of the pool's configuration that is a service. NULL: none is. */
struct mc_services *mc_services_new(struct mc_pool *);
void mc_services_free(struct mc_services **);
/* Has every name been answered, or given up for now? */
bool mc_services_answered(const struct mc_services *);
