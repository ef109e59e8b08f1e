/* Changes of values that have two places (`replicas` 2).
 *
 * Versions and leases are of one server: they guard the copy at the key's first server, and the
 * second one follows it. A store goes to the first server, and to the second one when the first has
 * stored it; so what was purged or overtaken during a fill, which the first server refuses to take,
 * comes to neither. A delete goes to the first server, and to the second one when the first has
 * answered; then a store of another process that the first server took before that delete has
 * reached the second one before it too, unless that process was held up for longer than a delete
 * takes. Where the first server does not answer, a delete goes to the second one alone, and so does
 * a store that needs no version.
 *
 * What is left: a second copy that outlives a delete, because that one did not reach the second
 * server or a store came late. It is read when the first server fails (or has nothing, where
 * memcached_next_upstream says not_found), and it ends `replica_ttl` after it was stored, the bound
 * that every second copy has. It is not kept elsewhere for longer: memory tiers leave it alone
 * (store/tiered.c). */
#pragma once

#include "memcached/pool_internal.h"

/* As mc_pool_set_over. */
bool mc_copies_set(struct mc_pool *, const struct mc_key *, struct blob *value,
                   struct mc_store_line, int64_t ttl_s);
/* As mc_pool_del. */
void mc_copies_del(struct mc_pool *, const struct mc_key *);
/* Forgets what the first servers have yet to answer. */
void mc_copies_fini(struct mc_pool *);
