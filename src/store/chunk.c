/* The format of a chunk, all numbers little endian:
 *
 *      0 u32 magic         8 u64 checksum, over all bytes from 16   32 u32 bytes of content
 *      4 u16 version      16 u64 generation                         36 u32 zero
 *      6 u16 head bytes   24 u64 offset                             40 the content
 */
#include "store/chunk.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/le.h"
#include "cache/stored.h"
#include "memcached/pool.h"

#define MAGIC   0x6372706dU /* "mprc" */
#define VERSION 1

#define AT_CHECKSUM 8
#define AT_SUMMED   16

#define ITEM_BYTES ((size_t)512 * 1024) /* slab_chunk_max of memcached at its default */
#define ROUND      4096

uint32_t chunk_content_bytes(size_t item_max_bytes, size_t key_bytes)
{
    size_t item = item_max_bytes < ITEM_BYTES ? item_max_bytes : ITEM_BYTES;
    size_t overhead = MC_ITEM_OVERHEAD_BYTES + key_bytes + CHUNK_HEAD_BYTES;
    if (item < overhead + CHUNK_BYTES_MIN)
        return 0;
    return (uint32_t)((item - overhead) / ROUND * ROUND);
}

void chunk_key(struct mc_key_maker *keys, struct slice prefix, const struct mc_key *response,
               const struct chunk_id *id, struct mc_key *out)
{
    char bytes[MC_KEY_MAX + 2 * sizeof(uint64_t)];
    char *at = bytes;
    memcpy(at, response->text, response->n);
    at += response->n;
    le_put_u64(&at, id->generation);
    le_put_u64(&at, id->offset);
    mc_key_make(keys, prefix, slice_make(bytes, (size_t)(at - bytes)), out);
}

struct blob *chunk_new(size_t content_bytes)
{
    ASSERT(content_bytes <= STORED_CHUNK_BYTES_MAX);
    return blob_new(CHUNK_HEAD_BYTES + content_bytes);
}

static uint64_t checksum_of(struct slice chunk)
{
    return hash_checksum(slice_skip(chunk, AT_SUMMED));
}

void chunk_seal(struct blob *blob, const struct chunk_id *id)
{
    ASSERT(blob->cap >= CHUNK_HEAD_BYTES + (size_t)id->length);
    blob->len = CHUNK_HEAD_BYTES + (size_t)id->length;
    char *at = blob->data;
    le_put_u32(&at, MAGIC);
    le_put_u16(&at, VERSION);
    le_put_u16(&at, CHUNK_HEAD_BYTES);
    at += sizeof(uint64_t);
    le_put_u64(&at, id->generation);
    le_put_u64(&at, id->offset);
    le_put_u32(&at, id->length);
    le_put_u32(&at, 0);
    ASSERT(at == blob->data + CHUNK_HEAD_BYTES);
    at = blob->data + AT_CHECKSUM;
    le_put_u64(&at, checksum_of(blob_slice(blob)));
}

bool chunk_parse(struct slice bytes, const struct chunk_id *id, struct slice *content)
{
    if (bytes.n != CHUNK_HEAD_BYTES + (size_t)id->length)
        return false;
    const char *at = bytes.p;
    bool known = le_take_u32(&at) == MAGIC;
    known = le_take_u16(&at) == VERSION && known;
    known = le_take_u16(&at) == CHUNK_HEAD_BYTES && known;
    uint64_t checksum = le_take_u64(&at);
    known = le_take_u64(&at) == id->generation && known;
    known = le_take_u64(&at) == id->offset && known;
    known = le_take_u32(&at) == id->length && known;
    known = le_take_u32(&at) == 0 && known;
    *content = slice_skip(bytes, CHUNK_HEAD_BYTES);
    return known && checksum == checksum_of(bytes);
}
