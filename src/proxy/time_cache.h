/* Texts of the current second for the access log, made once a second. One per worker. */
#pragma once

#include "base/clock.h"
#include "base/slice.h"

#include <stdbool.h>

struct time_cache {
    bool filled;
    wall_s second;
    char local[26];   /* 28/Sep/1970:12:00:00 +0600 */
    char iso8601[25]; /* 1970-09-28T12:00:00+06:00 */
};

/* nginx's $time_local and $time_iso8601, in the local time zone. Borrowed until the next call. */
struct slice time_cache_local(struct time_cache *, wall_ms now);
struct slice time_cache_iso8601(struct time_cache *, wall_ms now);
