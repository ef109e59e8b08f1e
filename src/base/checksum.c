/* The checksum of hash.h. Where xxHash has it, its code for the processor that is there, which is
 * more than twice as fast for a large value. Not inlined as hash.c's, so in a file of its own. */
#include "base/hash.h"

#include <xxhash.h>
#if __has_include(<xxh_x86dispatch.h>) && defined(__x86_64__)
#include <xxh_x86dispatch.h>
#endif

uint64_t hash_checksum(struct slice s)
{
    return XXH3_64bits(s.p, s.n);
}
