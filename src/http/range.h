/* Byte ranges of a request (RFC 9110 section 14). Pure. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most ranges that one request is answered with, whatever `max_ranges` says. */
#define BYTE_RANGES_MAX 64

struct byte_range {
    uint64_t first; /* offset of its first byte */
    uint64_t n;     /* bytes, at least one */
};

enum range_result {
    RANGE_WHOLE,         /* the field is ignored: another unit, not valid, overlapping ranges, or
                            more than `max` */
    RANGE_PARTIAL,       /* `out` holds what to send, in the order asked for */
    RANGE_UNSATISFIABLE, /* 416: none of them begins within the content */
};

/* The ranges that a value of Range selects of `length` bytes. `out` has room for `max`, which is at
 * most BYTE_RANGES_MAX; 0 ignores every Range. */
NODISCARD enum range_result range_select(struct slice value, uint64_t length, size_t max,
                                         struct byte_range *out, size_t *n);

/* A value of Content-Range of one part (section 14.4): its place in `length` bytes. False: no such
 * value, of an unknown length, or out of its bounds. */
NODISCARD bool content_range_parse(struct slice value, struct byte_range *out, uint64_t *length);

/* Do all of the ranges begin below `limit`? False also where that is not known without the length
 * (a suffix), and for what range_select ignores whatever the length is. */
NODISCARD bool range_begins_below(struct slice value, uint64_t limit);
