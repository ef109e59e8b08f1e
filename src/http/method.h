/* Request methods (RFC 9110 section 9). */
#pragma once

#include "base/slice.h"

#include <stdbool.h>

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_PATCH,
    METHOD_TRACE,
    METHOD_CONNECT,
    METHOD_LOCK,
    METHOD_UNLOCK,
    METHOD_PROPFIND,
    METHOD_PROPPATCH,
    METHOD_MKCOL,
    METHOD_COPY,
    METHOD_MOVE,
    METHOD_PURGE,
    METHOD_OTHER, /* any other token: forwarded as it came */
};

/* Case counts (RFC 9110 section 9.1): `get` is METHOD_OTHER. */
enum http_method http_method_of(struct slice token);
/* Section 9.2.1: GET HEAD OPTIONS TRACE, and PROPFIND. */
bool http_method_is_safe(enum http_method);
/* Section 9.2.2: the safe ones, PUT, DELETE. What nginx calls idempotent for proxy_next_upstream is
 * everything but POST, LOCK, PATCH. */
bool http_method_is_idempotent(enum http_method);
