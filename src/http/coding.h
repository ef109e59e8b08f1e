/* Content codings (RFC 9110 section 8.4.1), and which of them a client wants (section 12.5.3).
 * Pure. */
#pragma once

#include "http/fields.h"

/* In the order of preference among those that a client likes equally well: the last one first. */
enum coding {
    CODING_IDENTITY,
    CODING_GZIP,
    CODING_ZSTD,
    CODING_BR,
    CODING_COUNT,
};

/* As it stands in Content-Encoding. */
struct slice coding_name(enum coding);
/* Of a name without case, x-gzip too; CODING_COUNT where it is not known. */
enum coding coding_of(struct slice name);

/* The best of `offered` (bits 1 << enum coding) for a client that sent these fields: the highest
 * weight, then the order of enum coding; identity only where it is liked better than all of them.
 * Identity too without Accept-Encoding, which says nothing (as nginx takes it), and where nothing
 * that is offered is accepted: identity refused, it is still the best that there is. */
enum coding coding_choose(const struct fields *request, unsigned offered);
/* Does the client say that it takes this coding? Not without Accept-Encoding. */
bool coding_is_accepted(const struct fields *request, enum coding);
