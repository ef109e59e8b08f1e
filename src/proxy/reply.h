/* Every answer that mcproxy makes itself: status, RFC 9209 error type, word for the log. A failure
 * that a client sees is one row here. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* X(id, status, RFC 9209 proxy error type or "", text for the error log, close the connection
 * afterwards) */
#define REPLY_TABLE(X)                                                                             \
    X(BAD_REQUEST, 400, "http_request_error", "malformed request", true)                           \
    X(REQUEST_TIMEOUT, 408, "http_request_error", "client timed out", true)                        \
    X(METHOD_REFUSED, 405, "http_request_denied", "method refused", true)                          \
    X(CONTENT_TOO_LARGE, 413, "http_request_error", "request content over client_max_body_size",   \
      true)                                                                                        \
    X(TARGET_TOO_LONG, 414, "http_request_error", "request line over large_client_header_buffers", \
      true)                                                                                        \
    X(EXPECTATION_FAILED, 417, "http_request_error", "unknown expectation", true)                  \
    X(HEAD_TOO_LARGE, 431, "http_request_error",                                                   \
      "request head over large_client_header_buffers or max_headers", true)                        \
    X(UNKNOWN_CODING, 501, "http_request_error", "transfer coding not implemented", true)          \
    X(BAD_VERSION, 505, "http_request_error", "HTTP version not supported", true)                  \
    X(PURGE_REFUSED, 403, "http_request_denied", "PURGE refused by proxy_cache_purge", false)      \
    X(NOT_FOUND, 404, "", "no location", false)                                                    \
    X(VALUE_NOT_FOUND, 404, "", "not found in memcached", false)                                   \
    X(MEMCACHED_FAILED, 502, "destination_unavailable", "no memcached server answered", false)     \
    X(MEMCACHED_INVALID, 502, "connection_terminated", "memcached sent an invalid response",       \
      false)                                                                                       \
    X(MEMCACHED_TIMEOUT, 504, "connection_read_timeout", "memcached timed out", false)             \
    X(ONLY_IF_CACHED, 504, "", "only-if-cached and nothing stored", false)                         \
    X(PRECONDITION_FAILED, 412, "", "precondition failed", false)                                  \
    X(NO_PEER, 502, "destination_unavailable", "no live upstreams", false)                         \
    X(NAME_NOT_RESOLVED, 502, "dns_error", "upstream name not resolved", false)                    \
    X(CONNECT_FAILED, 502, "connection_refused", "connect to upstream failed", false)              \
    X(CONNECT_TIMEOUT, 504, "connection_timeout", "connect to upstream timed out", false)          \
    X(UPSTREAM_CLOSED, 502, "connection_terminated",                                               \
      "upstream closed the connection before a response", false)                                   \
    X(UPSTREAM_WRITE_TIMEOUT, 504, "connection_write_timeout", "sending to upstream timed out",    \
      false)                                                                                       \
    X(UPSTREAM_READ_TIMEOUT, 504, "connection_read_timeout", "reading from upstream timed out",    \
      false)                                                                                       \
    X(UPSTREAM_BAD_RESPONSE, 502, "http_protocol_error", "upstream sent an invalid response",      \
      false)                                                                                       \
    X(UPSTREAM_HEAD_TOO_LARGE, 502, "http_response_header_section_size",                           \
      "upstream sent too big a head", false)                                                       \
    X(UPSTREAM_TRUNCATED, 502, "http_response_incomplete",                                         \
      "upstream closed in the middle of a response", false)                                        \
    X(LOCAL_LIMIT, 503, "proxy_internal_error",                                                    \
      "no descriptor or memory for an upstream connection", false)                                 \
    X(LOOP, 508, "proxy_loop_detected", "request came back to this proxy", false)

enum reply {
#define X(id, status, type, text, closes) REPLY_##id,
    REPLY_TABLE(X)
#undef X
        REPLY_COUNT,
    REPLY_NONE = -1,
};

struct reply_row {
    uint16_t status;
    const char *error_type; /* RFC 9209; "" where the answer is no failure of the proxy */
    const char *text;
    bool closes;
};
const struct reply_row *reply_row(enum reply);
