/* zstd (RFC 8878) by libzstd. */
#include "http/coder_kinds.h"

#include <stdlib.h>
#include <zstd.h>

struct zstd_coder {
    struct coder coder;
    ZSTD_CCtx *context;
};

static ZSTD_CCtx *context_of(struct coder *c)
{
    return ((struct zstd_coder *)(void *)c)->context;
}

static ZSTD_EndDirective directive_of(enum coder_op op)
{
    switch (op) {
    case CODER_FLUSH: return ZSTD_e_flush;
    case CODER_END: return ZSTD_e_end;
    case CODER_MORE: break;
    }
    return ZSTD_e_continue;
}

static enum coder_result zstd_step(struct coder *c, enum coder_op op, struct slice *in, char *out,
                                   size_t cap, size_t *n)
{
    ZSTD_inBuffer from = {in->p, in->n, 0};
    ZSTD_outBuffer to = {out, cap, 0};
    size_t left = ZSTD_compressStream2(context_of(c), &to, &from, directive_of(op));
    if (in->n > 0)
        *in = slice_skip(*in, from.pos);
    *n = to.pos;
    if (ZSTD_isError(left))
        return CODER_FAILED;
    bool done = op == CODER_MORE ? to.pos < to.size : left == 0;
    return in->n == 0 && done ? CODER_DONE : CODER_FULL;
}

static void zstd_free(struct coder *c)
{
    (void)ZSTD_freeCCtx(context_of(c));
    free(c);
}

static bool set_up(ZSTD_CCtx *context, int level, unsigned window_bits)
{
    ZSTD_bounds window = ZSTD_cParam_getBounds(ZSTD_c_windowLog);
    int bits = (int)window_bits < window.lowerBound ? window.lowerBound : (int)window_bits;
    return !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, bits));
}

struct coder *coder_zstd_new(int level, unsigned window_bits)
{
    static const struct coder_ops ops = {zstd_step, zstd_free};
    struct zstd_coder *z = calloc(1, sizeof *z);
    if (!z)
        return NULL;
    z->coder.ops = &ops;
    z->context = ZSTD_createCCtx();
    if (!z->context || !set_up(z->context, level, window_bits)) {
        (void)ZSTD_freeCCtx(z->context);
        free(z);
        return NULL;
    }
    return &z->coder;
}
