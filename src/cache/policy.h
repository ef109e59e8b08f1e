/* What may be stored (RFC 9111 section 3) and what a request may be given from the store. Pure. */
#pragma once

#include "cache/cache_conf.h"
#include "cache/control.h"
#include "cache/stored.h"
#include "http/message.h"

/* How long what is stale is kept beyond its stale windows, to be validated (nginx: inactive=10m). A
 * store that is told when so little is left is told when freshness and windows are over. */
#define POLICY_KEEP_S 600

/* Why a response is or is not stored; the words of `detail` in Cache-Status and of the log. */
enum store_verdict {
    STORE_YES = 0,
    STORE_NO_METHOD,
    STORE_NO_STATUS, /* not final, 206, 304, or a status that needs explicit freshness and has none
                      */
    STORE_NO_STORE,  /* Cache-Control: no-store */
    STORE_NO_PRIVATE,
    STORE_NO_AUTHORIZATION, /* section 3.5 */
    STORE_NO_SET_COOKIE,
    STORE_NO_VARY,       /* Vary: *, or too many fields */
    STORE_NO_FRESHNESS,  /* neither a lifetime nor a validator */
    STORE_NO_SIZE,       /* longer than the cache takes */
    STORE_NO_ACCEL,      /* X-Accel-Expires: 0 */
    STORE_NO_TAGS,       /* more than can be purged by */
    STORE_NO_INCOMPLETE, /* ended early */
    STORE_NO_RAW,        /* content alone would not be the same response: decided by the caller */
    /* decided by the caller, before or whatever the response says */
    STORE_NO_RULE,         /* proxy_no_cache */
    STORE_NO_USES,         /* asked for less often than proxy_cache_min_uses */
    STORE_NO_RANGE,        /* only a range was asked for, and it was passed on */
    STORE_NO_LOCK_TIMEOUT, /* waited out proxy_cache_lock_timeout: somebody else stores it */
    STORE_NO_LATE,         /* somebody else is storing it, and its beginning is gone */
    STORE_NO_INDEX,        /* of its URL's variants: changed too often meanwhile, or has no room */
    STORE_NO_KEY,          /* proxy_cache_key gave nothing */
    STORE_NO_CACHE,        /* no cache, or the request may not use it */
    STORE_VERDICT_COUNT
};
const char *store_verdict_text(enum store_verdict);
/* Do the responses themselves forbid it, so that the next one will probably do so, too? */
bool store_verdict_is_lasting(enum store_verdict);

/* May a request of this method and these fields look into the cache at all? GET, HEAD and the
 * configured methods, without content. */
bool policy_request_may_lookup(const struct request_head *, const struct cache_conf *);

/* What a response says about its reuse: CDN-Cache-Control where it is there and valid, else
 * Cache-Control; as if there were none where that is ignored. */
void policy_control(const struct fields *response, const struct cache_conf *,
                    struct cache_control *out);

/* Of the request that was sent: the answer to a HEAD is never stored (section 4.3.5). Decides on a
 * response head; on STORE_YES fills `meta` (all but content_length). `request_time`/`now` frame the
 * exchange. Response with `conditional` was asked for by our own validation. */
enum store_verdict policy_storable(const struct request_head *, const struct response_head *,
                                   const struct cache_conf *, wall_ms request_time, wall_ms now,
                                   struct stored_meta *meta);

/* A 304 for a stored response (section 4.3.4): `meta` gets new times and lifetime; `fields` (in the
 * arena, values borrowed from both) the stored ones updated. The answer: STORE_YES, or why the
 * renewed response is given to this client only and not stored (no-store, private …). */
enum store_verdict policy_freshen(const struct stored_view *, const struct request_head *,
                                  const struct response_head *not_modified,
                                  const struct cache_conf *, wall_ms request_time, wall_ms now,
                                  struct arena *, struct stored_meta *meta, struct fields *fields);

/* The head text to store: status line and the fields that may be stored (section 3.1: no
 * hop-by-hop, none that Connection names, no Age; Set-Cookie is left out when ignored, so are the
 * fields that a qualified no-cache names). A response without Date gets that of `meta->received_ms`
 * (RFC 9110 section 6.6.1). Flags found are or'ed into `meta->flags`. */
struct slice policy_head_text(const struct response_head *, const struct cache_conf *,
                              struct arena *, struct stored_meta *meta);
struct slice policy_head_text_of_fields(unsigned status, struct slice reason, const struct fields *,
                                        const struct cache_conf *, struct arena *,
                                        struct stored_meta *meta);
/* The trailers to store, as field lines, by the same rules; `head` are the fields of the response's
 * head. */
struct slice policy_trailers_text(const struct fields *trailers, const struct fields *head,
                                  const struct cache_conf *, struct arena *);
