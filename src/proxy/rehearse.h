/* A request that no client has sent, for tools: the very functions that decide on a client's
 * request decide on it, and nothing is answered. One worker, one thread. */
#pragma once

#include "proxy/request.h"

struct rehearsal {
    const struct listen_conf *listen;
    struct address peer; /* the client that there is not */
    struct slice head;   /* as a client would send it, with the empty line */
};

/* Parses the head as the listener would. NULL: `*error` says what it would refuse. The worker's
 * configuration is `wconf`, of which it takes no part but the numbers and, for a fetch, the stores
 * and upstreams. Give it back with rehearse_end. */
NODISCARD struct request *rehearse_begin(struct worker *, struct worker_conf *wconf,
                                         const struct rehearsal *, const char **error);
/* What becomes of it. */
enum rehearsed {
    REHEARSED_LOOKUP, /* it looks into the cache */
    REHEARSED_FETCH,  /* it goes to the origin */
    REHEARSED_RAW,    /* memcached_pass is asked for a raw value */
    REHEARSED_REPLY,  /* it is answered here: request.reply, or what the location returns */
};
/* Finds server and location; sets cacheable, bypass, forward, store. */
enum rehearsed rehearse_route(struct request *);
void rehearse_end(struct request **);
