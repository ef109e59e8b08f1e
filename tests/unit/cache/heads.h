/* Heads of messages out of short texts, for tables. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "http/message.h"

/* "Now" of all these tests: Tue, 14 Nov 2023 22:13:20 GMT. */
#define NOW_S  INT64_C(1700000000)
#define NOW_MS (NOW_S * 1000)

/* "Name: value\n" lines, the last newline may be missing; `{-60}` becomes the HTTP-date of that
 * many seconds from NOW_S. NULL: none. */
struct fields heads_fields(struct arena *, const char *lines);
/* A GET without content. */
struct request_head heads_request(struct arena *, const char *lines);
/* Content of 10 bytes. */
struct response_head heads_response(struct arena *, unsigned status, const char *lines);
