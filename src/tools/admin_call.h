/* One request to the admin listener of a running proxy on this machine. Blocks:
 * ADMIN_CALL_TIMEOUT_S at most for connecting, for sending and for the answer. */
#pragma once

#include "config/config.h"
#include "net/address.h"

#define ADMIN_CALL_TIMEOUT_S  3
#define ADMIN_CALL_ANSWER_MAX (64 * 1024) /* bytes; what is longer is cut */

/* The configuration's admin listener; one that listens everywhere is asked on this machine. False:
 * there is none. */
NODISCARD bool admin_call_address(const struct config *, struct address *);

/* Sends the request, `content` as JSON (empty: without content). The answer's status, 0 where there
 * is none; `*answer` is its content, in the arena (NULL: not wanted). */
NODISCARD unsigned admin_call(const struct address *, struct slice method, struct slice path,
                              struct slice content, struct arena *, struct slice *answer);
