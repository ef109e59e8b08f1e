/* HTTP-date (RFC 9110 section 5.6.7). */
#pragma once

#include "base/clock.h"
#include "base/slice.h"

#include <stdbool.h>

#define HTTP_DATE_BYTES 29
/* `Sun, 06 Nov 1994 08:49:37 GMT` into `buf` of HTTP_DATE_BYTES; no NUL. */
void http_date_format(wall_s, char *buf);
/* The three forms: fixdate, RFC 850 (two-digit years at most 50 years ahead of `now`), asctime.
 * Names of days, months and GMT in any case. False: anything else. */
NODISCARD bool http_date_parse(struct slice, wall_s now, wall_s *out);
