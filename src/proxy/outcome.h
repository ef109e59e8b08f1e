/* Words for what the cache did with a request: nginx's for logs, RFC 9211's for Cache-Status. */
#pragma once

#include "proxy/request.h"

/* cache_outcome_text is declared with the enum, in proxy/request.h. */

/* Value of `fwd` in Cache-Status (RFC 9211 section 2.2); empty for FWD_NONE. */
struct slice forward_reason_text(enum forward_reason);
