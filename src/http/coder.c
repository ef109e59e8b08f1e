#include "http/coder.h"

#include "base/assert.h"
#include "http/coder_kinds.h"

/* A window that holds all of the content is as good as a larger one. */
static unsigned window_for(const struct coder_conf *conf)
{
    unsigned bits = conf->window_bits;
    while (conf->length > 0 && bits > 10 && conf->length <= UINT64_C(1) << (bits - 1))
        bits--;
    return bits;
}

struct coder *coder_encode_new(const struct coder_conf *conf)
{
    switch (conf->coding) {
    case CODING_GZIP: return coder_gzip_new(conf->level, window_for(conf));
    case CODING_BR: return coder_br_new(conf->level, window_for(conf), conf->length);
    case CODING_ZSTD: return coder_zstd_new(conf->level, window_for(conf));
    case CODING_IDENTITY:
    case CODING_COUNT: break;
    }
    ASSERT_STATE(false, "identity has no encoder");
    return NULL;
}

void coder_free(struct coder **c)
{
    struct coder *gone = *c;
    *c = NULL;
    if (gone)
        gone->ops->free(gone);
}

enum coder_result coder_step(struct coder *c, enum coder_op op, struct slice *in, char *out,
                             size_t cap, size_t *n)
{
    return c->ops->step(c, op, in, out, cap, n);
}
