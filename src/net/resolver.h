/* Names to addresses without blocking (c-ares: hosts file and DNS), with the TTL of the answer. One
 * per loop. */
#pragma once

#include "net/address.h"
#include "net/loop.h"

struct resolver;
struct resolver_query;

#define RESOLVER_ADDRESSES_MAX 64

enum resolver_result {
    RESOLVER_OK = 0,
    RESOLVER_NOT_FOUND, /* NXDOMAIN or no address records */
    RESOLVER_TIMEOUT,
    RESOLVER_FAILED, /* servers unreachable, refused, nonsense */
};
const char *resolver_result_text(enum resolver_result);

/* `addresses` (port set as asked) are borrowed for the call; `ttl_ms` is the smallest of the
 * answer, at least 1000. Called exactly once, never before resolver_query
 * has returned; the query is then over and its pointer dead. */
typedef void resolver_fn(void *owner, enum resolver_result, const struct address *addresses,
                         size_t count, int64_t ttl_ms);

/* One server of a service (RFC 2782). */
struct resolver_service {
    char target[256]; /* host name without its final dot */
    uint16_t port;
    uint16_t priority; /* lower ones first */
    uint16_t weight;
};
#define RESOLVER_SERVICES_MAX 256

/* As resolver_fn, of SRV records. Where there are more than RESOLVER_SERVICES_MAX, the first ones.
 */
typedef void resolver_service_fn(void *owner, enum resolver_result,
                                 const struct resolver_service *services, size_t count,
                                 int64_t ttl_ms);

/* `servers` NULL: /etc/resolv.conf; else a comma separated list of `ip[:port]` (at most 16) as the
 * `resolver` directive gives it; names are then taken as absolute, without the search list. NULL:
 * `servers` is not such a list, or out of memory. */
struct resolver *resolver_new(struct loop *, const char *servers, int64_t timeout_ms);
void resolver_free(struct resolver **);
/* Literals work too and never ask anybody. */
struct resolver_query *resolver_query(struct resolver *, struct slice host, uint16_t port,
                                      resolver_fn *, void *owner);
/* The SRV records of a name such as _memcached._tcp.example.com, which is taken as absolute. */
struct resolver_query *resolver_query_service(struct resolver *, struct slice name,
                                              resolver_service_fn *, void *owner);
/* The callback will not come; clears the pointer. */
void resolver_cancel(struct resolver_query **);
/* Blocking, for the start of the process before any loop runs: same sources, bounded by
 * `timeout_ms`. Returns the number of addresses, 0 on failure. */
size_t resolver_lookup_now(struct slice host, uint16_t port, const char *servers,
                           int64_t timeout_ms, struct address *out, size_t max, int64_t *ttl_ms);
