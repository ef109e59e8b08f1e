/* Which URIs were changed, and when in the order of changes: what was asked for before a change may
 * be what the change has replaced, and is not stored behind it (RFC 9111 section 4.4). One for the
 * process, from any thread. Bounded: URIs share places, so a change of another URI may count for
 * this one, never the other way round. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CHANGES_PLACES 8192

struct changes {
    _Atomic uint64_t now; /* changes so far, and 1 */
    _Atomic uint64_t last[CHANGES_PLACES];
};

void changes_init(struct changes *);
/* The place in the order of what begins now; never 0. */
uint64_t changes_now(const struct changes *);
/* The URI of this hash (of its cache key) has changed. */
void changes_note(struct changes *, uint64_t hash);
/* Has it, after `since`? */
bool changes_since(const struct changes *, uint64_t hash, uint64_t since);
