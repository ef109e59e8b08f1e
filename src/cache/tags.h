/* Tags that responses are purged by (proxy_cache_tags), out of fields such as Surrogate-Key and
 * Cache-Tag: any bytes without white space and commas, which stand between them. Pure. */
#pragma once

#include "base/arena.h"
#include "http/fields.h"

#define TAGS_MAX 1024 /* of one response, or of one purge */

/* Moves `*rest` behind the next tag. False: there is none. */
NODISCARD bool tags_next(struct slice *rest, struct slice *tag);
bool tags_are_named(const struct slice *names, size_t n, struct slice field_name);
/* `first` and the tags of all fields that `names` has, joined by ' '; into the arena. False: there
 * are more than TAGS_MAX. */
NODISCARD bool tags_collect(const struct fields *, const struct slice *names, size_t names_n,
                            struct slice first, struct arena *, struct slice *out);
