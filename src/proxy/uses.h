/* How often cache keys were asked for, for proxy_cache_min_uses: a table of fixed size that forgets
 * the keys used longest ago. Shared by all workers, safe from any thread. */
#pragma once

#include <stdint.h>

struct uses;
struct uses *uses_new(void);
void uses_free(struct uses **);
/* Counts one use of the key with this hash and returns how many there were, this one included; 1
 * for a key that was forgotten. */
uint32_t uses_count(struct uses *, uint64_t hash);
/* Takes what was counted, to add it to a count that others have too. */
uint32_t uses_take(struct uses *, uint64_t hash);
