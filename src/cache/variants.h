/* The variants of a URL that are stored, as its vary index lists them: the values of the selecting
 * fields (vary_values), the one stored last first. The list is the content of the index. Pure. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#include <stdbool.h>

/* A variant whose values are longer is not listed, and so not stored. */
#define VARIANT_VALUES_MAX 4096
/* Of a whole list. */
#define VARIANTS_BYTES_MAX (64 * 1024)

/* The next one; `*rest` starts as the list. False: no more, or what is left is no list. */
NODISCARD bool variants_next(struct slice *rest, struct slice *values);
bool variants_have(struct slice list, struct slice values);
size_t variants_count(struct slice list);
/* Does one more variant fit, where `most` may be listed? */
bool variants_have_room(struct slice list, struct slice values, size_t most);
/* With `values` (which it does not have) in front. */
struct slice variants_with(struct slice list, struct slice values, struct arena *);
struct slice variants_without(struct slice list, struct slice values, struct arena *);
