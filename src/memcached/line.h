/* Helpers that both codecs share: reply lines cut and read, commands put together. */
#pragma once

#include "memcached/codec.h"

/* The line at the start of `in` without its CRLF. MC_PARSE_BAD: longer than MC_LINE_MAX, a bare LF
 * or CR, a NUL. */
enum mc_parse mc_line_cut(struct slice in, struct slice *line);
/* The replies that both protocols have: VERSION and the errors. False: none of them. */
bool mc_line_common(struct slice line, struct mc_reply *);
/* Decimal without leading zeros. */
NODISCARD bool mc_line_number(struct slice, uint64_t max, uint64_t *out);

/* Bytes behind each other; `at` moves. */
static inline char *mc_put(char *at, struct slice s)
{
    memcpy(at, s.p, s.n);
    return at + s.n;
}
