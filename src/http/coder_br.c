/* Brotli (RFC 7932) by libbrotli. */
#include "http/coder_kinds.h"

#include <brotli/encode.h>
#include <stdlib.h>

struct br_coder {
    struct coder coder;
    BrotliEncoderState *state;
};

static BrotliEncoderState *state_of(struct coder *c)
{
    return ((struct br_coder *)(void *)c)->state;
}

static BrotliEncoderOperation operation_of(enum coder_op op)
{
    switch (op) {
    case CODER_FLUSH: return BROTLI_OPERATION_FLUSH;
    case CODER_END: return BROTLI_OPERATION_FINISH;
    case CODER_MORE: break;
    }
    return BROTLI_OPERATION_PROCESS;
}

static enum coder_result br_step(struct coder *c, enum coder_op op, struct slice *in, char *out,
                                 size_t cap, size_t *n)
{
    BrotliEncoderState *state = state_of(c);
    const uint8_t *next_in = (const uint8_t *)in->p;
    uint8_t *next_out = (uint8_t *)out;
    size_t in_left = in->n;
    size_t out_left = cap;
    bool ok = BrotliEncoderCompressStream(state, operation_of(op), &in_left, &next_in, &out_left,
                                          &next_out, NULL);
    if (in->n > 0)
        *in = slice_skip(*in, in->n - in_left);
    *n = cap - out_left;
    if (!ok)
        return CODER_FAILED;
    bool done = in_left == 0 && !BrotliEncoderHasMoreOutput(state) &&
                (op != CODER_END || BrotliEncoderIsFinished(state));
    return done ? CODER_DONE : CODER_FULL;
}

static void br_free(struct coder *c)
{
    BrotliEncoderDestroyInstance(state_of(c));
    free(c);
}

static uint32_t window_of(unsigned bits)
{
    if (bits < BROTLI_MIN_WINDOW_BITS)
        return BROTLI_MIN_WINDOW_BITS;
    return bits > BROTLI_MAX_WINDOW_BITS ? BROTLI_MAX_WINDOW_BITS : bits;
}

/* The smallest block: one that is being coded is not interrupted. */
#define BLOCK_BITS BROTLI_MIN_INPUT_BLOCK_BITS

static bool set_up(BrotliEncoderState *s, int level, unsigned window_bits, uint64_t length)
{
    uint32_t hint = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
    return BrotliEncoderSetParameter(s, BROTLI_PARAM_QUALITY, (uint32_t)level) &&
           BrotliEncoderSetParameter(s, BROTLI_PARAM_LGWIN, window_of(window_bits)) &&
           BrotliEncoderSetParameter(s, BROTLI_PARAM_LGBLOCK, BLOCK_BITS) &&
           BrotliEncoderSetParameter(s, BROTLI_PARAM_SIZE_HINT, hint);
}

struct coder *coder_br_new(int level, unsigned window_bits, uint64_t length)
{
    static const struct coder_ops ops = {br_step, br_free};
    struct br_coder *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->coder.ops = &ops;
    b->state = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    if (!b->state || !set_up(b->state, level, window_bits, length)) {
        if (b->state)
            BrotliEncoderDestroyInstance(b->state);
        free(b);
        return NULL;
    }
    return &b->coder;
}
