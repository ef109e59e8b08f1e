/* How a lookup goes on from place to place (enum mc_place). The second server is asked after those
 * answers of the first one that `next` names; the old place where the first one has answered that
 * it has nothing. Both are plain reads: leases and versions are the first server's alone. What is
 * marked stale there was purged, and is a miss.
 *
 * With `keep`, a value that was found elsewhere while the first server had nothing is stored there
 * for the rest of its time: over the version of the lease, where the lookup has won one, so that a
 * delete that comes between is not undone. The lease is used up by it.
 *
 * Each place is given read_timeout_ms. Where no place has a value the lookup ends as it did at the
 * first one. */
#pragma once

#include "memcached/pool.h"

/* A place has answered, or failed: `why` is MC_FAILURE_NONE where `result` is not MC_FAILED. Goes
 * on to the next place or calls back. To be called as the last act. */
void mc_lookup_end(struct mc_get *, enum mc_result, enum mc_failure why);
/* It was cancelled at another place than the first: a lease that it has won there is given back. */
void mc_lookup_cancelled(struct mc_get *);
/* After `result` of the place where it is, which is no hit or a hit elsewhere; with `failure` set
 * where it failed. MC_PENDING, or how it ends. Only where there is `more`. */
NODISCARD enum mc_result mc_lookup_next(struct mc_get *, enum mc_result);
