/* The request target, normalised once (RFC 3986 section 6.2.2): what is matched, keyed and
 * forwarded is this one value. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#include <stdbool.h>

/* Path and query of an origin-form target: unreserved percent-encodings decoded, hex digits upper
 * case, dot segments removed, reserved encodings (%2F %3F %25 …) kept, raw bytes that RFC 3986 does
 * not allow but clients send (such as `"` `<` `|` and 8-bit) percent-encoded. `merge_slashes` folds
 * runs of '/'. False (400): no leading '/', above the root, NUL or control bytes raw or encoded,
 * bad percent-encoding, '#'. The slices point into `target` where nothing had to change, else into
 * the arena. `query` has p NULL without a '?'. */
NODISCARD bool uri_normalise(struct slice target, bool merge_slashes, struct arena *,
                             struct slice *path, struct slice *query);

/* A URI of proxy_pass and the like: scheme, authority, and the rest as it stands. */
struct uri {
    struct slice scheme;    /* lower case in the input */
    struct slice authority; /* host[:port], or unix:/path */
    struct slice rest;      /* path and query; p NULL where there is none */
};
NODISCARD bool uri_parse(struct slice, struct uri *out);

/* `uri-host[:port]` (RFC 9110 section 7.2): host is lower-cased into the arena; false where it is
 * not valid. */
NODISCARD bool authority_parse(struct slice authority, struct arena *, struct slice *host,
                               uint16_t *port);
/* Has a normalised path an encoded byte that could stand there as it is, as %2F? Decoded it is then
 * the path of another resource, too. */
bool uri_has_encoded_reserved(struct slice path);
/* %XX decoded everywhere (for nginx's $arg_ comparisons and file names); bad sequences stay. */
struct slice uri_decode(struct slice, struct arena *);
