/* Purging on behalf of a request: a PURGE of a client where proxy_cache_purge allows it, or a POST
 * on the admin listener. What is purged counts in this process at once; the answer waits until the
 * pool's log of purges has it (store_sync), so that it can say which servers do. */
#pragma once

#include "cache/purge_log.h"
#include "proxy/request.h"

/* In the request's arena. */
struct purge_order {
    bool soft;
    struct slice cache;       /* name; empty: every cache */
    const struct slice *urls; /* `http://example.com/a` or `example.com/a` */
    size_t urls_n;
    struct purge_scope *scopes; /* by what else; no PURGE_URL and no PURGE_KEY */
    size_t scopes_n;
};

#define PURGE_CONTENT_MAX (256 * 1024) /* of a POST that says what to purge */

/* Goes on with it. False: something is waited for, and request_run will be called. */
NODISCARD bool purge_run(struct request *);
/* Ended or cut short: nothing is waited for any more. */
void purge_cancel(struct request *);
/* The answer, once purge_run has returned true. */
const struct admin_reply *purge_reply(const struct request *);
