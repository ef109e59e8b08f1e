/* One request to a proxy that runs on this machine: its admin listener, or what clients see.
 * Blocks: HTTP_CALL_TIMEOUT_S at most for connecting, for sending and for the answer. */
#pragma once

#include "config/config.h"
#include "net/address.h"

#define HTTP_CALL_TIMEOUT_S  3
#define HTTP_CALL_ANSWER_MAX (64 * 1024) /* bytes; what is longer is cut */

/* An address that is listened on everywhere, as it is reached on this machine. */
struct address http_call_local(const struct address *listen);
/* `head` is whole and says Connection: close. The answer's status, 0 where there is none; `*answer`
 * (NULL: not wanted) is all of it, in the arena. */
NODISCARD unsigned http_call(const struct address *, struct slice head, struct slice content,
                             struct arena *, struct slice *answer);

/* The configuration's admin listener. False: there is none. */
NODISCARD bool admin_call_address(const struct config *, struct address *);
/* `content` is JSON (empty: without content); `*answer` is the answer's content. */
NODISCARD unsigned admin_call(const struct address *, struct slice method, struct slice path,
                              struct slice content, struct arena *, struct slice *answer);
