/* Fields of a message (RFC 9110 section 5): a list in the order received, with the names that the
 * proxy acts on known by number. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names that some part of the proxy asks for. The rows are X(id, "Canonical-Name"). */
#define FIELD_TABLE(X)                                        \
    X(ACCEPT, "Accept")                                       \
    X(ACCEPT_ENCODING, "Accept-Encoding")                     \
    X(ACCEPT_LANGUAGE, "Accept-Language")                     \
    X(ACCEPT_RANGES, "Accept-Ranges")                         \
    X(AGE, "Age")                                             \
    X(ALLOW, "Allow")                                         \
    X(AUTHORIZATION, "Authorization")                         \
    X(CACHE_CONTROL, "Cache-Control")                         \
    X(CACHE_STATUS, "Cache-Status")                           \
    X(CDN_CACHE_CONTROL, "CDN-Cache-Control")                 \
    X(CONNECTION, "Connection")                               \
    X(CONTENT_DISPOSITION, "Content-Disposition")             \
    X(CONTENT_ENCODING, "Content-Encoding")                   \
    X(CONTENT_LENGTH, "Content-Length")                       \
    X(CONTENT_LOCATION, "Content-Location")                   \
    X(CONTENT_RANGE, "Content-Range")                         \
    X(CONTENT_TYPE, "Content-Type")                           \
    X(COOKIE, "Cookie")                                       \
    X(DATE, "Date")                                           \
    X(ETAG, "ETag")                                           \
    X(EXPECT, "Expect")                                       \
    X(EXPIRES, "Expires")                                     \
    X(FORWARDED, "Forwarded")                                 \
    X(HOST, "Host")                                           \
    X(HTTP2_SETTINGS, "HTTP2-Settings")                       \
    X(IF_MATCH, "If-Match")                                   \
    X(IF_MODIFIED_SINCE, "If-Modified-Since")                 \
    X(IF_NONE_MATCH, "If-None-Match")                         \
    X(IF_RANGE, "If-Range")                                   \
    X(IF_UNMODIFIED_SINCE, "If-Unmodified-Since")             \
    X(KEEP_ALIVE, "Keep-Alive")                               \
    X(LAST_MODIFIED, "Last-Modified")                         \
    X(LINK, "Link")                                           \
    X(LOCATION, "Location")                                   \
    X(PRAGMA, "Pragma")                                       \
    X(PROXY_AUTHENTICATE, "Proxy-Authenticate")               \
    X(PROXY_AUTHENTICATION_INFO, "Proxy-Authentication-Info") \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization")             \
    X(PROXY_CONNECTION, "Proxy-Connection")                   \
    X(RANGE, "Range")                                         \
    X(REFERER, "Referer")                                     \
    X(REFRESH, "Refresh")                                     \
    X(RETRY_AFTER, "Retry-After")                             \
    X(SERVER, "Server")                                       \
    X(SET_COOKIE, "Set-Cookie")                               \
    X(SURROGATE_CONTROL, "Surrogate-Control")                 \
    X(SURROGATE_KEY, "Surrogate-Key")                         \
    X(CACHE_TAG, "Cache-Tag")                                 \
    X(TE, "TE")                                               \
    X(TRAILER, "Trailer")                                     \
    X(TRANSFER_ENCODING, "Transfer-Encoding")                 \
    X(UPGRADE, "Upgrade")                                     \
    X(USER_AGENT, "User-Agent")                               \
    X(VARY, "Vary")                                           \
    X(VIA, "Via")                                             \
    X(WWW_AUTHENTICATE, "WWW-Authenticate")                   \
    X(X_ACCEL_BUFFERING, "X-Accel-Buffering")                 \
    X(X_ACCEL_CHARSET, "X-Accel-Charset")                     \
    X(X_ACCEL_EXPIRES, "X-Accel-Expires")                     \
    X(X_ACCEL_LIMIT_RATE, "X-Accel-Limit-Rate")               \
    X(X_ACCEL_REDIRECT, "X-Accel-Redirect")                   \
    X(X_FORWARDED_FOR, "X-Forwarded-For")                     \
    X(X_FORWARDED_HOST, "X-Forwarded-Host")                   \
    X(X_FORWARDED_PROTO, "X-Forwarded-Proto")                 \
    X(X_REAL_IP, "X-Real-IP")

enum field_id {
    FIELD_OTHER = 0,
#define X(id, name) FIELD_##id,
    FIELD_TABLE(X)
#undef X
        FIELD_COUNT
};

struct field {
    struct slice name;  /* as received */
    struct slice value; /* without surrounding white space */
    enum field_id id;
};

/* Grows in an arena; holds no bytes itself. */
struct fields {
    struct field *v;
    size_t n;
    size_t cap;
    uint64_t seen[(FIELD_COUNT + 63) /
                  64]; /* a set of ids, so that asking for an absent field is one test */
};

/* Number of a name, compared without case; FIELD_OTHER where it is not in the table. */
enum field_id field_id_of(struct slice name);
/* Canonical name of a number. */
struct slice field_name(enum field_id);

void fields_add(struct fields *, struct arena *, struct slice name, struct slice value);
void fields_add_id(struct fields *, struct arena *, enum field_id, struct slice value);
/* The same where name and number are known; `id` must be the name's. */
void fields_push(struct fields *, struct arena *, struct field);
/* Room for `more` fields in one allocation. */
void fields_reserve(struct fields *, struct arena *, size_t more);
static inline bool fields_has(const struct fields *f, enum field_id id)
{
    return (f->seen[(unsigned)id / 64] >> ((unsigned)id % 64) & 1) != 0;
}
/* The first of that number, or NULL. Borrowed. */
const struct field *fields_find(const struct fields *, enum field_id);
/* Its value, or the empty slice with p NULL where there is none. */
struct slice fields_get(const struct fields *, enum field_id);
/* The next one behind `after` (NULL: the first) of that id, or for FIELD_OTHER of that name. */
const struct field *fields_next(const struct fields *, enum field_id, struct slice name,
                                const struct field *after);
size_t fields_count(const struct fields *, enum field_id);
/* All values of that name joined with ", " (RFC 9110 section 5.3); the value itself where there is
 * one, empty with p NULL where there is none. */
struct slice fields_joined(const struct fields *, struct slice name, struct arena *);
void fields_remove(struct fields *, enum field_id);
void fields_remove_name(struct fields *, struct slice name);

/* Members of a comma separated list (RFC 9110 section 5.6.1): skips empty ones, honours quoted
 * strings. False: no more. `*rest` starts as the value. */
NODISCARD bool list_member_next(struct slice *rest, struct slice *member);
/* Is there a member equal to `token` without case, in any field line of that number? */
bool fields_list_has(const struct fields *, enum field_id, struct slice token);

/* Fields that end at this hop (RFC 9110 section 7.6.1): Connection and what it names, Keep-Alive,
 * TE, Transfer-Encoding, Upgrade, Proxy-*. */
bool field_is_hop_by_hop(const struct field *, const struct fields *all);
/* RFC 9110 section 5.6.2. */
bool slice_is_token(struct slice);
/* May a byte stand in a token? */
bool byte_is_tchar(char);
/* Nothing in it that a field value must not hold (RFC 9110 section 5.5): no control byte but HTAB.
 */
bool field_value_is_clean(struct slice);
