/* Names of fields to numbers and back. */
#include "http/fields.h"

static const struct slice names[FIELD_COUNT] = {[FIELD_OTHER] = SLICE_INIT(""),
#define X(id, name) [FIELD_##id] = SLICE_INIT(name),
                                                FIELD_TABLE(X)
#undef X
};

/* The names of each length; FIELD_OTHER ends a row. A test looks each name of FIELD_TABLE up. */
static const uint8_t by_length[][8] = {
    [2] = {FIELD_TE},
    [3] = {FIELD_AGE, FIELD_VIA},
    [4] = {FIELD_HOST, FIELD_DATE, FIELD_ETAG, FIELD_LINK, FIELD_VARY},
    [5] = {FIELD_ALLOW, FIELD_RANGE},
    [6] = {FIELD_ACCEPT, FIELD_COOKIE, FIELD_SERVER, FIELD_EXPECT, FIELD_PRAGMA},
    [7] = {FIELD_EXPIRES, FIELD_REFERER, FIELD_REFRESH, FIELD_TRAILER, FIELD_UPGRADE},
    [8] = {FIELD_LOCATION, FIELD_IF_MATCH, FIELD_IF_RANGE},
    [9] = {FIELD_FORWARDED, FIELD_CACHE_TAG, FIELD_X_REAL_IP},
    [10] = {FIELD_CONNECTION, FIELD_USER_AGENT, FIELD_SET_COOKIE, FIELD_KEEP_ALIVE},
    [11] = {FIELD_RETRY_AFTER},
    [12] = {FIELD_CONTENT_TYPE, FIELD_CACHE_STATUS},
    [13] = {FIELD_CACHE_CONTROL, FIELD_LAST_MODIFIED, FIELD_IF_NONE_MATCH, FIELD_ACCEPT_RANGES,
            FIELD_AUTHORIZATION, FIELD_CONTENT_RANGE, FIELD_SURROGATE_KEY},
    [14] = {FIELD_CONTENT_LENGTH, FIELD_HTTP2_SETTINGS},
    [15] = {FIELD_ACCEPT_ENCODING, FIELD_ACCEPT_LANGUAGE, FIELD_X_FORWARDED_FOR,
            FIELD_X_ACCEL_CHARSET, FIELD_X_ACCEL_EXPIRES},
    [16] = {FIELD_CONTENT_ENCODING, FIELD_CONTENT_LOCATION, FIELD_PROXY_CONNECTION,
            FIELD_WWW_AUTHENTICATE, FIELD_X_ACCEL_REDIRECT, FIELD_X_FORWARDED_HOST},
    [17] = {FIELD_TRANSFER_ENCODING, FIELD_IF_MODIFIED_SINCE, FIELD_X_FORWARDED_PROTO,
            FIELD_CDN_CACHE_CONTROL, FIELD_SURROGATE_CONTROL, FIELD_X_ACCEL_BUFFERING},
    [18] = {FIELD_PROXY_AUTHENTICATE, FIELD_X_ACCEL_LIMIT_RATE},
    [19] = {FIELD_CONTENT_DISPOSITION, FIELD_IF_UNMODIFIED_SINCE, FIELD_PROXY_AUTHORIZATION},
    [25] = {FIELD_PROXY_AUTHENTICATION_INFO},
};

/* First and last letter without case: tells nearly all names of one length apart. */
static unsigned ends_of(struct slice name)
{
    return ((unsigned char)name.p[0] | 0x20U) << 8 | ((unsigned char)name.p[name.n - 1] | 0x20U);
}

enum field_id field_id_of(struct slice name)
{
    if (name.n == 0 || name.n >= ARRAY_LEN(by_length)) {
        return FIELD_OTHER;
    }
    unsigned ends = ends_of(name);
    for (const uint8_t *id = by_length[name.n]; *id != FIELD_OTHER; id++) {
        if (ends_of(names[*id]) == ends && slice_eq_nocase(name, names[*id])) {
            return (enum field_id) * id;
        }
    }
    return FIELD_OTHER;
}

struct slice field_name(enum field_id id)
{
    return names[id];
}
