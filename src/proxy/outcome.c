#include "proxy/outcome.h"

struct slice cache_outcome_text(enum cache_outcome o)
{
    switch (o) {
    case OUTCOME_NONE: return slice_none();
    case OUTCOME_MISS: return SLICE("MISS");
    case OUTCOME_BYPASS: return SLICE("BYPASS");
    case OUTCOME_EXPIRED: return SLICE("EXPIRED");
    case OUTCOME_STALE: return SLICE("STALE");
    case OUTCOME_UPDATING: return SLICE("UPDATING");
    case OUTCOME_REVALIDATED: return SLICE("REVALIDATED");
    case OUTCOME_HIT: return SLICE("HIT");
    }
    return slice_none();
}

struct slice forward_reason_text(enum forward_reason r)
{
    switch (r) {
    case FWD_NONE: return slice_none();
    case FWD_BYPASS: return SLICE("bypass");
    case FWD_METHOD: return SLICE("method");
    case FWD_URI_MISS: return SLICE("uri-miss");
    case FWD_VARY_MISS: return SLICE("vary-miss");
    case FWD_MISS: return SLICE("miss");
    case FWD_REQUEST: return SLICE("request");
    case FWD_STALE: return SLICE("stale");
    case FWD_PARTIAL: return SLICE("partial");
    }
    return slice_none();
}
