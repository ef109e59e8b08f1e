/* Ranges (RFC 9110 section 14) of a stored response, and of one that is arriving whole for the
 * store. Content is sent as slices of what is there. */
#pragma once

#include "cache/stored.h"
#include "http/range.h"
#include "proxy/client.h"
#include "proxy/request.h"

struct range_part {
    struct slice head;       /* of a part of multipart/byteranges; empty for a single range */
    struct byte_range range; /* of the content */
};

/* What is sent instead of the whole: 206, or 416 without parts. */
struct range_answer {
    struct response_text text;
    size_t n;
    struct slice tail; /* behind the last part */
    struct range_part parts[BYTE_RANGES_MAX];
};

/* For a GET with Range whose other preconditions hold (section 13.2.2 comes to If-Range last). In
 * the request's arena. NULL: the whole is the answer. */
const struct range_answer *deliver_range_of_entry(struct request *, const struct stored_view *);

/* The same of request.response, of `length` bytes and with the validators of `view`: a single range
 * is cut out as it passes, by deliver_range_cut. Makes `t` 206 or 416, or leaves it alone where the
 * whole is the answer.
 */
void deliver_range_of_response(struct request *, const struct stored_view *, uint64_t length,
                               struct response_text *t);
/* What of the next content, which is all or some behind the last, goes to the client. */
struct slice deliver_range_cut(struct request *, struct slice content);
