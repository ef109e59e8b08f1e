/* A flat JSON object (RFC 8259): members whose values are strings, numbers, true, false, or lists
 * of these. Pure; foreign bytes. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"

#include <stdbool.h>

/* Called for each value, in order: for a list once for each item. Strings are unescaped, in the
 * arena; the others are as they stand. False: ends it. */
typedef bool json_member_fn(void *owner, struct slice name, struct slice value);
/* False: `fn` has ended it, or `*wrong` says why this is no such object. */
NODISCARD bool json_each_member(struct slice text, struct arena *, json_member_fn *fn, void *owner,
                                const char **wrong);
