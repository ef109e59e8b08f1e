/* What the coders share; for http/coder*.c alone. */
#pragma once

#include "http/coder.h"

struct coder_ops {
    enum coder_result (*step)(struct coder *, enum coder_op, struct slice *in, char *out,
                              size_t cap, size_t *n);
    void (*free)(struct coder *);
};
/* Embedded first in each of them. */
struct coder {
    const struct coder_ops *ops;
};

struct coder *coder_gzip_new(int level, unsigned window_bits);
struct coder *coder_br_new(int level, unsigned window_bits, uint64_t length);
struct coder *coder_zstd_new(int level, unsigned window_bits);
