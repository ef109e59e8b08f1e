/* Logs of purges out of a pool that anyone may have written to. The checksum is made right first,
 * or no input would come behind it; what is accepted then encodes to the same bytes, and stays
 * bounded when it is merged, added to and asked. */
#include "base/assert.h"
#include "base/hash.h"
#include "cache/purge_log.h"

#include <endian.h>
#include <stdlib.h>

static void seal(char *p, size_t n)
{
    if (n < 16)
        return;
    uint64_t checksum = htole64(hash_checksum(slice_make(p + 16, n - 16)));
    memcpy(p + 8, &checksum, sizeof checksum);
}

static void use(struct purge_log *log)
{
    const struct purge_subject subject = {SLICE("KEY"), SLICE("example.com/a red blue")};
    const struct purge_scope scope = {PURGE_TAG, SLICE("red")};
    struct purge_log *other = malloc(sizeof *other);
    ASSERT(other != NULL);
    uint64_t soft_seq = 0;
    purge_log_init(other);
    purge_log_add(other, &scope, false, 7);
    purge_log_renumber(other, log, 1, purge_log_next(log, 1));
    purge_log_merge(other, log);
    purge_log_merge(log, other);
    ASSERT(log->names_n <= PURGE_NAMES_MAX && log->prefixes_n <= PURGE_PREFIXES_MAX);
    ASSERT(purge_log_match(log, &subject, 0, &soft_seq) >= PURGE_UNKNOWN);
    (void)purge_log_match(log, &subject, 7, &soft_seq);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct purge_log *log = malloc(sizeof *log);
    char *bytes = malloc(n + 1);
    char *again = malloc(PURGE_LOG_BYTES_MAX);
    ASSERT(log != NULL && bytes != NULL && again != NULL);
    if (n > 0)
        memcpy(bytes, data, n);
    seal(bytes, n);
    if (purge_log_decode(slice_make(bytes, n), log)) {
        ASSERT(purge_log_encode(log, again) == n && memcmp(bytes, again, n) == 0);
        if (log->newest < PURGE_SEQ_MAX - 2)
            use(log);
    }
    free(again);
    free(bytes);
    free(log);
    return 0;
}
