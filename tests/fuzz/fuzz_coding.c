/* Accept-Encoding of a client, and gzip of an origin: the first byte chooses. A coding is given
 * only where it was offered and is accepted; decoding is bounded per step and comes to an end, in
 * pieces as in one. */
#include "base/assert.h"
#include "http/coder.h"

#define STEP_BYTES 512
#define OUT_MAX    (1 << 20)

static void choose(struct slice value, unsigned offered)
{
    struct arena arena;
    struct fields request = {0};
    arena_init(&arena, NULL);
    fields_add_id(&request, &arena, FIELD_ACCEPT_ENCODING, value);
    enum coding coding = coding_choose(&request, offered);
    ASSERT(coding < CODING_COUNT);
    ASSERT(coding == CODING_IDENTITY ||
           ((offered & (1u << coding)) != 0 && coding_is_accepted(&request, coding)));
    arena_fini(&arena);
}

/* One operation to its end, or to OUT_MAX; `*sum` is of all that comes out. */
static enum coder_result run(struct coder *c, enum coder_op op, struct slice in, size_t *total,
                             uint32_t *sum)
{
    enum coder_result result;
    do {
        char out[STEP_BYTES];
        size_t n = 0;
        size_t before = in.n;
        result = coder_step(c, op, &in, out, sizeof out, &n);
        ASSERT(n <= sizeof out && in.n <= before);
        ASSERT(result != CODER_FULL || n > 0 || in.n < before);
        *total += n;
        for (size_t i = 0; i < n; i++)
            *sum = *sum * 31 + (unsigned char)out[i];
    } while (result == CODER_FULL && *total < OUT_MAX);
    return result;
}

static enum coder_result gunzip(struct slice in, size_t piece, size_t *total, uint32_t *sum)
{
    struct coder *c = coder_gunzip_new();
    enum coder_result result = CODER_DONE;
    ASSERT(c);
    while (in.n > 0 && result == CODER_DONE) {
        size_t n = in.n < piece ? in.n : piece;
        result = run(c, CODER_MORE, slice_take(in, n), total, sum);
        in = slice_skip(in, n);
    }
    if (result == CODER_DONE)
        result = run(c, CODER_END, slice_none(), total, sum);
    coder_free(&c);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    struct slice in = slice_make((const char *)data + 1, n - 1);
    if (data[0] % 2 == 0) {
        choose(in, data[0] >> 1 & 15 & ~1u);
        return 0;
    }
    size_t whole = 0;
    size_t parts = 0;
    uint32_t sum_of_whole = 0;
    uint32_t sum_of_parts = 0;
    enum coder_result a = gunzip(in, in.n, &whole, &sum_of_whole);
    enum coder_result b = gunzip(in, 1 + data[0] / 2, &parts, &sum_of_parts);
    if (a == CODER_DONE || b == CODER_DONE) {
        ASSERT(a == b && whole == parts && sum_of_whole == sum_of_parts);
    }
    return 0;
}
