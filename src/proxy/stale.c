#include "proxy/stale.h"

/* Statuses that are no errors in the sense of RFC 5861 section 4: only the location can name them.
 */
#define NEXT_NO_ERROR (NEXT_403 | NEXT_404 | NEXT_429)

static enum reuse reuse_by(const struct request *r, const struct cache_control *asked,
                           const struct stored_meta *meta)
{
    enum reuse reuse = freshness_reuse(meta, asked, loop_wall(r->worker->loop));
    if (reuse != REUSE_STALE_REVALIDATE || (meta->flags & STORED_SAYS_WHILE_REVALIDATE) != 0 ||
        (r->location->use_stale & USE_STALE_UPDATING) != 0)
        return reuse;
    return asked->only_if_cached ? REUSE_ONLY_IF_CACHED : REUSE_VALIDATE;
}

enum reuse stale_reuse(const struct request *r, const struct stored_meta *meta)
{
    return reuse_by(r, &r->control, meta);
}

bool stale_answers_others(const struct request *r, const struct stored_meta *meta)
{
    static const struct fields none = {0};
    struct cache_control nothing;
    cache_control_parse(&none, &nothing);
    return reuse_by(r, &nothing, meta) != REUSE_VALIDATE;
}

bool stale_on_failure(const struct request *r, const struct stored_meta *meta, unsigned failure)
{
    bool listed = (r->location->use_stale & failure) != 0;
    if (!listed && (failure & ~(unsigned)NEXT_NO_ERROR) == 0)
        return false;
    return freshness_stale_on_error(meta, listed, loop_wall(r->worker->loop));
}
