#include "store/pack.h"

#include "base/assert.h"
#include "base/le.h"
#include "http/media_type.h"

#include <stdlib.h>
#include <zstd.h>

#define MAGIC      0x7a70636du /* "mcpz" */
#define HEAD_BYTES 8
#define WORTH_PART 8 /* what does not save this part of a value is not worth expanding again */

struct pack {
    ZSTD_CCtx *closer; /* NULL until first needed */
    ZSTD_DCtx *opener; /* the same */
};

struct pack *pack_new(void)
{
    struct pack *p = calloc(1, sizeof(*p));
    ASSERT(p != NULL);
    return p;
}

void pack_free(struct pack **pack)
{
    struct pack *p = *pack;
    *pack = NULL;
    if (p == NULL)
        return;
    ZSTD_freeCCtx(p->closer);
    ZSTD_freeDCtx(p->opener);
    free(p);
}

/* -- what is worth it -- */

static bool is_coded(const struct stored_view *view)
{
    struct slice coding = stored_field(view, SLICE("Content-Encoding"));
    return coding.n > 0 && !slice_eq_nocase(coding, SLICE("identity"));
}

bool pack_suits(const struct cache_compress *c, const struct stored_view *view)
{
    if (!c->on || view->meta.kind != STORED_RESPONSE || view->meta.content_length < c->min_bytes ||
        is_coded(view))
        return false;
    struct slice type = media_type_of(stored_field(view, SLICE("Content-Type")));
    for (size_t i = 0; i < c->types_n && type.n > 0; i++) {
        if (media_type_matches(c->types[i], type))
            return true;
    }
    return false;
}

/* -- packing -- */

/* A frame that does not fit into `blob` is an error of the library too. */
static bool compress_into(struct pack *p, struct blob *blob, struct slice plain, int level)
{
    if (p->closer == NULL)
        p->closer = ZSTD_createCCtx();
    if (p->closer == NULL)
        return false;
    char *head = blob->data;
    le_put_u32(&head, MAGIC);
    le_put_u32(&head, (uint32_t)plain.n);
    size_t n = ZSTD_compressCCtx(p->closer, blob->data + HEAD_BYTES, blob->cap - HEAD_BYTES,
                                 plain.p, plain.n, level);
    if (ZSTD_isError(n))
        return false;
    blob->len = HEAD_BYTES + n;
    return true;
}

struct blob *pack_close(struct pack *p, struct slice plain, int level)
{
    size_t cap = plain.n - plain.n / WORTH_PART;
    if (plain.n > PACK_BYTES_MAX || cap <= HEAD_BYTES)
        return NULL;
    struct blob *blob = blob_new(cap);
    if (blob != NULL && !compress_into(p, blob, plain, level))
        blob_unref(&blob);
    return blob;
}

/* -- unpacking -- */

bool pack_is_closed(struct slice value)
{
    const char *head = value.p;
    return value.n > HEAD_BYTES && le_take_u32(&head) == MAGIC;
}

/* Straight into memory of the declared length: the library needs no window then, whatever the
 * frame asks for. */
static bool expand_into(struct pack *p, struct blob *blob, struct slice frame)
{
    if (p->opener == NULL)
        p->opener = ZSTD_createDCtx();
    if (p->opener == NULL)
        return false;
    size_t n = ZSTD_decompressDCtx(p->opener, blob->data, blob->cap, frame.p, frame.n);
    blob->len = blob->cap;
    return !ZSTD_isError(n) && n == blob->cap;
}

struct blob *pack_open(struct pack *p, struct slice packed)
{
    if (!pack_is_closed(packed))
        return NULL;
    const char *head = packed.p + sizeof(uint32_t);
    size_t plain_bytes = le_take_u32(&head);
    struct slice frame = slice_skip(packed, HEAD_BYTES);
    if (plain_bytes > PACK_BYTES_MAX || plain_bytes == 0 ||
        ZSTD_getFrameContentSize(frame.p, frame.n) != plain_bytes)
        return NULL;
    struct blob *blob = blob_new(plain_bytes);
    if (blob != NULL && !expand_into(p, blob, frame))
        blob_unref(&blob);
    return blob;
}

struct entry *pack_entry(struct pack *p, struct blob *value, struct slice key,
                         enum stored_check *why)
{
    if (!pack_is_closed(blob_slice(value)))
        return entry_new(value, key, why);
    struct blob *plain = pack_open(p, blob_slice(value));
    blob_unref(&value);
    *why = STORED_BAD_LENGTH;
    return plain == NULL ? NULL : entry_new(plain, key, why);
}
