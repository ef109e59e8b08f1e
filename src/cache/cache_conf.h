/* Settings of the cache that a location chooses. Filled by the configuration; immutable afterwards.
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One entry of proxy_cache_valid. */
struct cache_valid {
    uint16_t status; /* 0: any */
    int64_t lifetime_s;
};

/* Bits of proxy_ignore_headers. */
enum cache_ignore {
    IGNORE_X_ACCEL_REDIRECT = 1 << 0,
    IGNORE_X_ACCEL_EXPIRES = 1 << 1,
    IGNORE_X_ACCEL_LIMIT_RATE = 1 << 2,
    IGNORE_X_ACCEL_BUFFERING = 1 << 3,
    IGNORE_X_ACCEL_CHARSET = 1 << 4,
    IGNORE_EXPIRES = 1 << 5,
    IGNORE_CACHE_CONTROL = 1 << 6,
    IGNORE_SET_COOKIE = 1 << 7,
    IGNORE_VARY = 1 << 8,
    IGNORE_CDN_CACHE_CONTROL = 1 << 9,
};

/* `compress` of a cache: which responses its pool holds compressed. */
struct cache_compress {
    bool on;
    int level;                 /* of zstd */
    uint64_t min_bytes;        /* shorter content is stored as it is */
    const struct slice *types; /* patterns of http/media_type.h */
    size_t types_n;
};

struct cache_conf {
    const struct cache_valid *valid; /* proxy_cache_valid, in order */
    size_t valid_n;
    unsigned ignore;  /* enum cache_ignore */
    unsigned methods; /* proxy_cache_methods: bits 1 << enum http_method; GET and HEAD always */
    bool set_cookie;  /* proxy_cache_set_cookie: store responses with Set-Cookie */
    int64_t heuristic_max_s;          /* proxy_cache_heuristic: cap of the 10 % rule; 0 is off */
    int64_t stale_while_revalidate_s; /* where the response says nothing; 0 none */
    int64_t stale_if_error_s;         /* the same */
    int64_t max_object_bytes;         /* of the cache: longer content is not stored */
    uint32_t vary_fields_max;         /* 8 */
    uint32_t max_variants;            /* proxy_cache_max_variants: of one URL */
    bool sort_languages; /* proxy_cache_sort_languages: `en, de` selects what `de, en` does */
};
