/* gzip (RFC 1952) by zlib. */
#include "http/coder_kinds.h"

#include <stdlib.h>
#include <zlib.h>

#define GZIP_FORMAT   16 /* added to the window's bits */
#define WINDOW_MIN    9  /* zlib has no smaller one with this format */
#define WINDOW_MAX    15
#define MEMORY_LEVEL  8          /* zlib's default: 128 KiB beside a window of twice 32 KiB */
#define STEP_IN_BYTES (1u << 30) /* zlib counts input in unsigned int */

struct zlib_coder {
    struct coder coder;
    z_stream z;
    bool began; /* decoding: there was input */
    bool ended; /* decoding: at the end of a member */
};

static struct zlib_coder *zlib_of(struct coder *c)
{
    return (struct zlib_coder *)(void *)c;
}

/* Points zlib at the buffers of this step. */
static void set_buffers(z_stream *z, struct slice in, char *out, size_t cap)
{
    z->next_in = (Bytef *)(uintptr_t)in.p;
    z->avail_in = in.n < STEP_IN_BYTES ? (uInt)in.n : STEP_IN_BYTES;
    z->next_out = (Bytef *)out;
    z->avail_out = cap < STEP_IN_BYTES ? (uInt)cap : STEP_IN_BYTES;
}

static void take_buffers(z_stream *z, struct slice *in, const char *out, size_t *n)
{
    if (in->n > 0)
        *in = slice_skip(*in, (size_t)((const char *)z->next_in - in->p));
    *n = (size_t)((const char *)z->next_out - out);
}

/* -- encoding -- */

static int flush_of(enum coder_op op)
{
    switch (op) {
    case CODER_FLUSH: return Z_SYNC_FLUSH;
    case CODER_END: return Z_FINISH;
    case CODER_MORE: break;
    }
    return Z_NO_FLUSH;
}

static enum coder_result deflate_step(struct coder *c, enum coder_op op, struct slice *in,
                                      char *out, size_t cap, size_t *n)
{
    z_stream *z = &zlib_of(c)->z;
    set_buffers(z, *in, out, cap);
    int rc = deflate(z, flush_of(op));
    take_buffers(z, in, out, n);
    if (rc == Z_STREAM_END)
        return CODER_DONE;
    if (rc != Z_OK && rc != Z_BUF_ERROR)
        return CODER_FAILED;
    return in->n == 0 && z->avail_out > 0 && op != CODER_END ? CODER_DONE : CODER_FULL;
}

static void deflate_free(struct coder *c)
{
    (void)deflateEnd(&zlib_of(c)->z);
    free(c);
}

struct coder *coder_gzip_new(int level, unsigned window_bits)
{
    static const struct coder_ops ops = {deflate_step, deflate_free};
    struct zlib_coder *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    int bits = window_bits < WINDOW_MIN   ? WINDOW_MIN
               : window_bits > WINDOW_MAX ? WINDOW_MAX
                                          : (int)window_bits;
    g->coder.ops = &ops;
    if (deflateInit2(&g->z, level, Z_DEFLATED, bits + GZIP_FORMAT, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(g);
        return NULL;
    }
    return &g->coder;
}

/* -- decoding -- */

/* Another member follows (RFC 1952 section 2.2); anything else behind the last one is malformed. */
static bool next_member(struct zlib_coder *g)
{
    bool ok = !g->ended || inflateReset(&g->z) == Z_OK;
    g->ended = false;
    g->began = true;
    return ok;
}

static enum coder_result inflate_step(struct coder *c, enum coder_op op, struct slice *in,
                                      char *out, size_t cap, size_t *n)
{
    struct zlib_coder *g = zlib_of(c);
    *n = 0;
    if (in->n > 0 && !next_member(g))
        return CODER_FAILED;
    if (!g->began || g->ended)
        return CODER_DONE;
    set_buffers(&g->z, *in, out, cap);
    int rc = inflate(&g->z, Z_NO_FLUSH);
    take_buffers(&g->z, in, out, n);
    g->ended = rc == Z_STREAM_END;
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return CODER_FAILED;
    if (in->n > 0 || (!g->ended && g->z.avail_out == 0))
        return CODER_FULL;
    return op == CODER_END && !g->ended ? CODER_FAILED : CODER_DONE;
}

static void inflate_free(struct coder *c)
{
    (void)inflateEnd(&zlib_of(c)->z);
    free(c);
}

struct coder *coder_gunzip_new(void)
{
    static const struct coder_ops ops = {inflate_step, inflate_free};
    struct zlib_coder *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->coder.ops = &ops;
    if (inflateInit2(&g->z, WINDOW_MAX + GZIP_FORMAT) != Z_OK) {
        free(g);
        return NULL;
    }
    return &g->coder;
}
