/* Hashes. `hash_seeded` is for tables (random seed per process, so that nobody outside can choose
 * collisions); `hash_checksum` is for stored bytes and is the same everywhere. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

/* A random seed from the kernel. */
uint64_t hash_seed_new(void);
uint64_t hash_seeded(struct slice, uint64_t seed);
/* XXH3, 64 bits. */
uint64_t hash_checksum(struct slice);
