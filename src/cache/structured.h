/* Dictionaries of structured fields (RFC 8941 section 3.2), parsed strictly: what does not fit the
 * grammar makes the whole value invalid. Pure, no allocation. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum structured_type {
    STRUCTURED_INTEGER,
    STRUCTURED_DECIMAL,
    STRUCTURED_STRING,
    STRUCTURED_TOKEN,
    STRUCTURED_BYTES,
    STRUCTURED_BOOLEAN,
    STRUCTURED_INNER_LIST,
};

/* One member; its parameters are checked and dropped. */
struct structured_member {
    struct slice key;
    enum structured_type type;
    int64_t integer;   /* of an integer */
    bool boolean;      /* of a boolean; a member without a value is true */
    struct slice text; /* of a string, token or byte sequence: without delimiters, escapes as they
                          stand */
};

enum structured_result {
    STRUCTURED_MEMBER,
    STRUCTURED_END, /* all of it was valid */
    STRUCTURED_INVALID,
};
/* The next member; `*rest` starts as the value of the field. Of a repeated key the last one counts
 * (section 4.2.2), which is the caller's to heed. */
NODISCARD enum structured_result structured_next(struct slice *rest, struct structured_member *out);
