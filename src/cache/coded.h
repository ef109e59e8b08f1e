/* Coded forms of a stored response: gzip, br or zstd of it, or what a gzip one decodes to. Each is
 * a record of its own beside the response, that counts only while the very response that it was
 * made of is the one that is stored: what replaces, renews or purges that ends its coded forms. The
 * fields of a coded answer are made here, too. Pure. */
#pragma once

#include "cache/key.h"
#include "cache/store.h"
#include "http/coding.h"

/* Where the coded form of the response is found; CODING_IDENTITY is its decoded form. */
struct cache_key coded_key(const struct stored_view *source, enum coding, struct arena *,
                           uint64_t seed);
/* Was it made of exactly this response? */
bool coded_is_of(const struct entry *coded, const struct entry *source);

/* A field of the response as the coded answer has it: a weak entity tag (RFC 9110 section 8.8.1:
 * no byte of the coded form is promised to be the same next time), nothing that speaks of the bytes
 * before. False: it is left out. The value may be in the arena. */
NODISCARD bool coded_field(struct field *, struct arena *);
/* Lines that the coded answer has beside them: Content-Encoding, and Vary where asked for. */
struct slice coded_lines(enum coding, bool vary, struct arena *);

/* The coded form `content` of `source` as an entry of `key`; fields with the `vary` of
 * coded_lines. NULL: no memory. */
struct entry *coded_make(const struct entry *source, struct slice key, enum coding, bool vary,
                         struct slice content, struct arena *);
