/* Counters of one worker: written by its thread alone, read by any (relaxed), summed by the reader.
 * The table is the single place that names them; /status and /metrics are printed from it. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* X(id, name in /status, Prometheus name, labels or "", help). Gauges end in _active. */
#define COUNTER_TABLE(X)                                                                           \
    X(CONNECTIONS_ACCEPTED, "connections_accepted", "mcproxy_connections_accepted_total", "",      \
      "Client connections accepted")                                                               \
    X(CONNECTIONS_ACTIVE, "connections_active", "mcproxy_connections_active", "",                  \
      "Client connections open now")                                                               \
    X(CONNECTIONS_REFUSED, "connections_refused", "mcproxy_connections_refused_total", "",         \
      "Client connections closed because worker_connections was reached")                          \
    X(REQUESTS, "requests", "mcproxy_requests_total", "", "Requests read")                         \
    X(REQUESTS_ACTIVE, "requests_active", "mcproxy_requests_active", "", "Requests under way")     \
    X(REQUESTS_BAD, "requests_bad", "mcproxy_requests_bad_total", "",                              \
      "Requests refused as malformed or over a limit")                                             \
    X(CACHE_HIT, "cache_hit", "mcproxy_cache_requests_total", "outcome=\"hit\"",                   \
      "Requests by cache outcome")                                                                 \
    X(CACHE_MISS, "cache_miss", "mcproxy_cache_requests_total", "outcome=\"miss\"", "")            \
    X(CACHE_EXPIRED, "cache_expired", "mcproxy_cache_requests_total", "outcome=\"expired\"", "")   \
    X(CACHE_STALE, "cache_stale", "mcproxy_cache_requests_total", "outcome=\"stale\"", "")         \
    X(CACHE_UPDATING, "cache_updating", "mcproxy_cache_requests_total", "outcome=\"updating\"",    \
      "")                                                                                          \
    X(CACHE_REVALIDATED, "cache_revalidated", "mcproxy_cache_requests_total",                      \
      "outcome=\"revalidated\"", "")                                                               \
    X(CACHE_BYPASS, "cache_bypass", "mcproxy_cache_requests_total", "outcome=\"bypass\"", "")      \
    X(CACHE_COLLAPSED, "cache_collapsed", "mcproxy_cache_collapsed_total", "",                     \
      "Requests served by another request's fetch")                                                \
    X(CACHE_STORED, "cache_stored", "mcproxy_cache_stored_total", "", "Responses stored")          \
    X(CACHE_HIT_POOL, "cache_hit_pool", "mcproxy_cache_hits_pool_total", "",                       \
      "Hits whose response came out of the memcached pool")                                        \
    X(CACHE_PURGES, "cache_purges", "mcproxy_cache_purges_total", "",                              \
      "Purges asked of this process")                                                              \
    X(CODED_FORMS, "coded_forms", "mcproxy_coded_forms_total", "",                                 \
      "Coded forms made of stored responses")                                                      \
    X(CODED_STREAMS, "coded_streams", "mcproxy_coded_streams_total", "",                           \
      "Responses coded while they were sent")                                                      \
    X(CHUNKS_READ, "cache_chunks_read", "mcproxy_cache_chunks_read_total", "",                     \
      "Chunks of large responses read from the memcached pool")                                    \
    X(CHUNKS_LOST, "cache_chunks_lost", "mcproxy_cache_chunks_lost_total", "",                     \
      "Chunks that the pool did not have, or not intact")                                          \
    X(CHUNKS_MENDED, "cache_chunks_mended", "mcproxy_cache_chunks_mended_total", "",               \
      "Lost chunks that the origin gave again")                                                    \
    X(FILLS_LOST, "cache_fills_lost", "mcproxy_cache_fills_lost_total", "",                        \
      "Large responses that could not be stored to their end")                                     \
    X(RESPONSES_1XX, "responses_1xx", "mcproxy_responses_total", "class=\"1xx\"",                  \
      "Responses by status class")                                                                 \
    X(RESPONSES_2XX, "responses_2xx", "mcproxy_responses_total", "class=\"2xx\"", "")              \
    X(RESPONSES_3XX, "responses_3xx", "mcproxy_responses_total", "class=\"3xx\"", "")              \
    X(RESPONSES_4XX, "responses_4xx", "mcproxy_responses_total", "class=\"4xx\"", "")              \
    X(RESPONSES_5XX, "responses_5xx", "mcproxy_responses_total", "class=\"5xx\"", "")              \
    X(BYTES_RECEIVED, "bytes_received", "mcproxy_client_received_bytes_total", "",                 \
      "Bytes read from clients")                                                                   \
    X(BYTES_SENT, "bytes_sent", "mcproxy_client_sent_bytes_total", "", "Bytes written to clients") \
    X(UPSTREAM_REQUESTS, "upstream_requests", "mcproxy_upstream_requests_total", "",               \
      "Exchanges started with origins")                                                            \
    X(UPSTREAM_RETRIES, "upstream_retries", "mcproxy_upstream_retries_total", "",                  \
      "Exchanges tried again on another connection or peer")                                       \
    X(UPSTREAM_ERRORS, "upstream_errors", "mcproxy_upstream_errors_total", "",                     \
      "Exchanges that failed")                                                                     \
    X(UPSTREAM_TIMEOUTS, "upstream_timeouts", "mcproxy_upstream_timeouts_total", "",               \
      "Exchanges that failed by a timeout")                                                        \
    X(UPSTREAM_BYTES_SENT, "upstream_bytes_sent", "mcproxy_upstream_sent_bytes_total", "",         \
      "Bytes written to origins")                                                                  \
    X(UPSTREAM_BYTES_RECEIVED, "upstream_bytes_received", "mcproxy_upstream_received_bytes_total", \
      "", "Bytes read from origins")                                                               \
    X(LOG_DROPPED, "log_dropped", "mcproxy_access_log_dropped_total", "",                          \
      "Access log lines dropped because the file did not take them")

enum counter {
#define X(id, name, prometheus, labels, help) COUNTER_##id,
    COUNTER_TABLE(X)
#undef X
        COUNTER_COUNT
};

struct counters {
    _Atomic uint64_t v[COUNTER_COUNT];
};

static inline void counter_add(struct counters *c, enum counter id, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&c->v[id], memory_order_relaxed);
    atomic_store_explicit(&c->v[id], v + n, memory_order_relaxed);
}
static inline void counter_sub(struct counters *c, enum counter id, uint64_t n)
{
    counter_add(c, id, (uint64_t)0 - n);
}
static inline uint64_t counter_get(const struct counters *c, enum counter id)
{
    return atomic_load_explicit(&c->v[id], memory_order_relaxed);
}

struct counter_row {
    const char *name;
    const char *prometheus;
    const char *labels;
    const char *help;
};
/* Row of one counter. */
const struct counter_row *counter_row(enum counter);
