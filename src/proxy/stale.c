#include "proxy/stale.h"

/* Statuses that are no errors in the sense of RFC 5861 section 4: only the location can name them.
 */
#define NEXT_NO_ERROR (NEXT_403 | NEXT_404 | NEXT_429)

enum reuse stale_reuse(const struct request *r, const struct stored_meta *meta)
{
    enum reuse reuse = freshness_reuse(meta, &r->control, loop_wall(r->worker->loop));
    if (reuse != REUSE_STALE_REVALIDATE || (meta->flags & STORED_SAYS_WHILE_REVALIDATE) != 0 ||
        (r->location->use_stale & USE_STALE_UPDATING) != 0)
        return reuse;
    return r->control.only_if_cached ? REUSE_ONLY_IF_CACHED : REUSE_VALIDATE;
}

bool stale_on_failure(const struct request *r, const struct stored_meta *meta, unsigned failure)
{
    bool listed = (r->location->use_stale & failure) != 0;
    if (!listed && (failure & ~(unsigned)NEXT_NO_ERROR) == 0)
        return false;
    return freshness_stale_on_error(meta, listed, loop_wall(r->worker->loop));
}
