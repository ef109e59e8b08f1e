/* What went wrong with a request, for the error log: one line that says what, why, for whom, and by
 * which id the access log knows it ($request_id). */
#pragma once

#include "base/log.h"
#include "proxy/request.h"

/* `what` and request.why; `then`: what is done about it, or NULL. */
void failure_log(struct request *, enum log_level, const char *what, const char *then);
