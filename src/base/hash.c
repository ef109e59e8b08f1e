/* XXH3 under our names. */
#include "base/hash.h"

#include "base/assert.h"

#include <errno.h>
#include <sys/random.h>

#define XXH_INLINE_ALL /* keys are short: the call would cost as much as the hash */
#include <xxhash.h>

uint64_t hash_seed_new(void)
{
    uint64_t seed = 0;
    ssize_t n;
    do {
        n = getrandom(&seed, sizeof(seed), 0);
    } while (n < 0 && errno == EINTR);
    ASSERT(n == (ssize_t)sizeof(seed));
    return seed;
}

uint64_t hash_seeded(struct slice s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.p, s.n, seed);
}
