/* Packed values out of a pool that anyone may have written to: first with the header made right, or
 * no input would reach the decompressor; what is opened is as long as declared, and what is packed
 * from the input itself opens to it again. */
#include "base/assert.h"
#include "store/pack.h"

#include <string.h>

static void open_it(struct pack *p, struct slice packed)
{
    struct blob *plain = pack_open(p, packed);
    ASSERT(plain == NULL || (pack_is_closed(packed) && plain->len <= PACK_BYTES_MAX));
    blob_unref(&plain);
}

static void open_with_header(struct pack *p, struct slice input)
{
    struct blob *b = blob_new(4 + input.n); /* so that a read behind the end is seen */
    memcpy(b->data, "mcpz", 4);
    memcpy(b->data + 4, input.p, input.n);
    b->len = 4 + input.n;
    open_it(p, blob_slice(b));
    blob_unref(&b);
}

static void close_and_open(struct pack *p, struct slice input)
{
    struct blob *packed = pack_close(p, input, 1);
    if (packed == NULL)
        return;
    ASSERT(packed->len < input.n);
    struct blob *plain = pack_open(p, blob_slice(packed));
    ASSERT(plain != NULL && slice_eq(blob_slice(plain), input));
    blob_unref(&plain);
    blob_unref(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_make((const char *)data, size);
    struct pack *p = pack_new();
    open_it(p, input);
    if (size > 0)
        open_with_header(p, input);
    close_and_open(p, input);
    pack_free(&p);
    return 0;
}
