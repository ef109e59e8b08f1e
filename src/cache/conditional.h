/* Conditional requests (RFC 9110 section 13): answered from a stored response, and made from one
 * to validate it (RFC 9111 section 4.3). Pure. */
#pragma once

#include "cache/stored.h"
#include "http/message.h"

enum condition {
    CONDITION_PASS,         /* send the response */
    CONDITION_NOT_MODIFIED, /* 304 */
    CONDITION_FAILED,       /* 412 */
};
/* Section 13.2.2's order: If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since. For GET
 * and HEAD against a 200. */
enum condition conditional_evaluate(const struct request_head *, const struct stored_view *,
                                    wall_s now);
/* If-Range (section 13.1.5): may a range of this response be sent? True also without the field;
 * a weak tag and a date that is no strong validator never match. */
NODISCARD bool conditional_range_holds(const struct fields *request, const struct stored_view *,
                                       wall_s now);
/* What an If-Range of our own would say (section 13.1.5): the strong tag as received, else a
 * Last-Modified that is a strong validator. Empty: there is none. */
struct slice conditional_range_validator(const struct stored_view *);
/* Is there a precondition: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since? */
bool conditional_is_asked(const struct fields *request);
/* RFC 9111 section 4.3.1: adds If-None-Match and If-Modified-Since from the stored validators,
 * exactly as received. False: it has none, or is no 2xx. */
NODISCARD bool conditional_add(const struct stored_view *, struct fields *request, struct arena *);
/* Weak comparison of entity tags (RFC 9110 section 8.8.3.2) against a list value. */
bool etag_list_matches_weak(struct slice list, struct slice etag);
bool etag_matches_strong(struct slice a, struct slice b);
