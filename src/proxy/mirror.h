/* A file that a response is written to as it arrives (proxy_store): in a temporary file beside it,
 * which takes its name when it is complete. Whatever goes wrong is logged once and leaves nothing
 * behind; nobody's answer depends on it. */
#pragma once

#include "base/log.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mirror;

/* `path` must be absolute, without dot segments, and name a file: else NULL. Makes the folders in
 * front of it. `mode` are the file's permissions; folders may be searched by who may read. No more
 * than `max_bytes` are written. */
struct mirror *mirror_open(struct log *, struct slice path, mode_t mode, uint64_t max_bytes);
/* Clears the pointer where it cannot go on. */
void mirror_write(struct mirror **, struct slice);
/* All is there. `modified` is the time that the file gets, or -1. Clears the pointer. */
void mirror_commit(struct mirror **, int64_t modified_s);
/* Removes what was written. Clears the pointer; NULL inside is fine. */
void mirror_abort(struct mirror **);
