/* What a process knows of the purges of one cache, and what that means for its stored responses.
 * Shared by all workers; all calls are safe from any thread.
 *
 * The log of purges (purge_log.h) is the pool's: processes read it at least every memory_revalidate
 * and write what they know better (store_sync). So a purge reaches each process within that time
 * and one memcached timeout. Numbers are seeded by the clock: a log that is lost and made anew is
 * above all that was stored before, so that a loss costs misses and never brings back what was
 * purged. While a process has not seen the pool's log yet, it uses nothing out of the pool but what
 * it has stored itself.
 *
 * A stored response is looked at when it is used, not when it is purged. It was asked for when
 * `purge_seq` was the newest purge: what came later counts for it, also during its fetch. */
#pragma once

#include "base/clock.h"
#include "cache/purge_log.h"
#include "cache/store.h"

struct purge_book;

/* `pooled`: nothing is known before purge_book_learn or purge_book_found. */
struct purge_book *purge_book_new(bool pooled, wall_ms now);
void purge_book_free(struct purge_book **);
/* There is a pool from now on: does nothing where there was one before. */
void purge_book_expect_pool(struct purge_book *);

/* -- stored responses -- */

/* What a response that is asked for now gets for purge_seq. */
uint64_t purge_book_seq(const struct purge_book *);
/* What follows from purges for an entry that was found, which is NULL then where it may not be
 * used; where it is to be validated, it becomes one whose freshness ended when it was purged. True:
 * it is as it was. `book` may be NULL. */
bool purge_check(struct purge_book *book, struct entry **entry, wall_ms now);
/* The same of a response that is not stored (yet). False: it was purged since. */
bool purge_is_current(struct purge_book *book, const struct purge_subject *, uint64_t purge_seq);

/* -- purging -- */

/* All scopes at once; returns the number of the purge. Counts in this process from now on, and in
 * the others once the log is in the pool. */
uint64_t purge_book_add(struct purge_book *, const struct purge_scope *, size_t n, bool soft,
                        wall_ms now);
/* How many responses were found purged so far. */
uint64_t purge_book_found(const struct purge_book *);

/* -- the pool's log -- */

bool purge_book_is_known(const struct purge_book *);
/* Takes over what a copy of the pool's log has; foreign bytes. False: they are no log. `*lacks`:
 * this process knows more. */
NODISCARD bool purge_book_learn(struct purge_book *, struct slice log, wall_ms now, bool *lacks);
/* Number of the newest purge that this process knows. */
uint64_t purge_book_newest(struct purge_book *);
/* Every copy that can be reached has all purges up to `newest`. */
void purge_book_settled(struct purge_book *, uint64_t newest);
/* The pool has no log: this process makes one, where it knew none. All that was stored before is
 * purged. */
void purge_book_begin(struct purge_book *, wall_ms now);
/* The log as it belongs in the pool: one reference. NULL: no memory. */
struct blob *purge_book_encode(struct purge_book *);
