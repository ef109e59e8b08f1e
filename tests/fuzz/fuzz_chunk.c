/* Chunks out of a pool that anyone may have written to. Length and checksum are made right first,
 * or no input would come behind them; what is accepted then is exactly the chunk that was asked
 * for. */
#include "base/assert.h"
#include "base/hash.h"
#include "base/le.h"
#include "store/chunk.h"

static void seal(char *p, size_t n)
{
    if (n < CHUNK_HEAD_BYTES) {
        return;
    }
    char *at = p + 32;
    le_put_u32(&at, (uint32_t)(n - CHUNK_HEAD_BYTES));
    at = p + 8;
    le_put_u64(&at, hash_checksum(slice_make(p + 16, n - 16)));
}

/* What it says it is. */
static struct chunk_id said(const char *p, size_t n)
{
    struct chunk_id id = {.length = (uint32_t)n};
    if (n >= CHUNK_HEAD_BYTES) {
        const char *at = p + 16;
        id.generation = le_take_u64(&at);
        id.offset = le_take_u64(&at);
        id.length = le_take_u32(&at);
    }
    return id;
}

static void check(struct slice all)
{
    struct slice content;
    struct chunk_id id = said(all.p, all.n);
    if (!chunk_parse(all, &id, &content)) {
        return;
    }
    ASSERT(content.p == all.p + CHUNK_HEAD_BYTES && content.n == id.length);
    struct blob *again = chunk_new(content.n);
    memcpy(again->data + CHUNK_HEAD_BYTES, content.p, content.n);
    chunk_seal(again, &id);
    ASSERT(slice_eq(blob_slice(again), all));
    blob_unref(&again);
    id.generation++;
    ASSERT(!chunk_parse(all, &id, &content));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct blob *copy = blob_new(size); /* so that a read behind the end is seen */
    memcpy(copy->data, data, size);
    copy->len = size;
    check(blob_slice(copy));
    seal(copy->data, size);
    check(blob_slice(copy));
    blob_unref(&copy);
    return 0;
}
