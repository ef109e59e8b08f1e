/* What a request finds in the memory tier, and whether what another request's fetch brings is for
 * it, too. */
#pragma once

#include "proxy/request.h"

enum lookup_result {
    LOOKUP_FRESH,   /* request.entry answers */
    LOOKUP_STALE,   /* it answers, and has to be validated behind the answer */
    LOOKUP_JOIN,    /* fetch, together with who wants the same; request.entry may be there to be
                       validated */
    LOOKUP_ALONE,   /* fetch for this request alone */
    LOOKUP_POOL,    /* the same where the pool has nothing, either */
    LOOKUP_REFUSED, /* only-if-cached, and there is nothing to reuse (RFC 9111 section 5.2.1.7) */
};

/* Makes the keys at its first call. Sets outcome, forward and detail. */
enum lookup_result lookup_memory(struct request *);
/* A HEAD that goes to the origin as it is, and whose answer is of no use to others: to renew a
 * stored response, or where proxy_cache_convert_head is off. */
bool lookup_head_alone(const struct request *);
/* Of request.entry, found by another request: of our variant, a response, and reusable by what this
 * request asks? */
bool lookup_entry_is_ours(struct request *);
/* The same of a response that is arriving. */
bool lookup_response_is_ours(struct request *, const struct flight_response *);
/* nginx's word for a response out of a flight. */
enum cache_outcome lookup_outcome(struct request *, enum flight_entry_from);
/* The key of the request's URI, in the cache of its location. */
struct cache_key lookup_key(struct request *);
/* Host and target, as purges name them: `example.com/a?x=1`. */
struct slice lookup_url(const struct request_head *, struct arena *);
/* A vary index was found: sets vary, vary_generation and variant. */
void lookup_use_index(struct request *, const struct entry *index);
/* One record of the memory tier (one reference), or NULL. */
struct entry *lookup_peek(struct request *, const struct cache_key *);
/* The request's values of the fields of `spec`, which select a variant. */
struct slice lookup_vary_values(struct request *, struct slice spec);
/* proxy_cache_min_uses: the response will not be stored. */
void lookup_too_few_uses(struct request *);
bool lookup_has_pool(const struct request *);
