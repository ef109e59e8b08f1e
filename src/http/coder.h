/* Encoders of the content codings and a decoder of gzip, as streams: bounded output per step, and
 * as much memory as the coding's window needs. Bytes in, bytes out; no sockets. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"
#include "http/coding.h"

#include <stdint.h>

struct coder;

/* Levels and windows as the library has them. */
struct coder_conf {
    enum coding coding; /* not identity */
    int level;
    unsigned window_bits; /* binary logarithm of the window, in bytes; clipped to what the coding
                             has */
    uint64_t length;      /* of the content, 0: not known. Small content needs no large window. */
};
/* NULL: no memory. */
struct coder *coder_encode_new(const struct coder_conf *);
/* Decodes gzip, several members too. NULL: no memory. */
struct coder *coder_gunzip_new(void);
/* NULL inside is fine. */
void coder_free(struct coder **);

enum coder_op {
    CODER_MORE,  /* use the input; output comes when it is worth it */
    CODER_FLUSH, /* give out all that is known of the input, too */
    CODER_END,   /* the input is the last: give out everything */
};
enum coder_result {
    CODER_DONE,   /* the input is used up, and the operation carried out */
    CODER_FULL,   /* there is more: again, with the same operation and what `*in` is now */
    CODER_FAILED, /* the input is malformed, ended early, or there was no memory */
};
/* Takes what it uses off `*in` and writes `*n` bytes of at most `cap` (at least 64) to `out`. */
NODISCARD enum coder_result coder_step(struct coder *, enum coder_op, struct slice *in, char *out,
                                       size_t cap, size_t *n);
