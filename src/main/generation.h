/* One configuration as one worker serves it: its upstreams, stores, logs and listeners. Ends when
 * the last connection and request that use it have ended. */
#pragma once

#include "main/thread.h"

struct generation;

/* On the worker's thread, or before that runs. Takes a reference to the configuration. NULL:
 * `error` says why. */
NODISCARD struct generation *generation_new(struct thread *, struct config *, char *error,
                                            size_t error_cap);
/* One that was never used. */
void generation_free(struct generation **);
/* Starts to read the logs of purges; calls `fn` once each has been asked for. In one worker of the
 * process. */
void generation_read_purges(struct generation *, void (*fn)(void *owner), void *owner);
/* Becomes the worker's current one; from here on it frees itself. */
void generation_use(struct generation *, const int *listen_fds);

typedef void generation_cache_fn(void *arg, const struct tier *, uint64_t pool_invalid);
/* Values of pools that failed the check, by cache, of the generations of one thread. Under
 * shared.kept_lock. */
void generations_each_cache(const struct thread *, generation_cache_fn *, void *arg);
