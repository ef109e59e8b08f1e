/* A stored response: one format for the memory tier and the pool (version 3), checked on every
 * read. One blob holds fixed head | cache key | vary | etag | tags | head text | trailers | content
 * where head text is "HTTP/1.1 200 OK\r\n" and every stored field line, ready to send, without
 * Date-dependent lines (Age, Cache-Status, Connection) and the final empty line; trailers are field
 * lines too, and never among the others (RFC 9111 section 3.1). A record of kind VARY holds no
 * response: it names the fields that variants of its key differ by. A response whose content is too
 * large for one item is a manifest: its content lies in chunks, and none stands behind its head. */
#pragma once

#include "base/blob.h"
#include "base/clock.h"
#include "http/fields.h"

#include <stdbool.h>
#include <stdint.h>

enum stored_kind {
    STORED_RESPONSE = 1,
    STORED_VARY = 2,  /* vary index of a key */
    STORED_MARK = 3,  /* hit-for-miss: this key is not shared; no content */
    STORED_CODED = 4, /* a coded form of a response: cache/coded.h */
};

enum stored_flag {
    STORED_MUST_REVALIDATE = 1 << 0, /* must-revalidate, proxy-revalidate, s-maxage: never stale */
    STORED_NO_CACHE = 1 << 1,        /* validate before each reuse */
    STORED_HAS_ACCEL = 1 << 2,       /* X-Accel-* among the fields: not for clients */
    STORED_HAS_DATE = 1 << 3,
    STORED_HAS_SERVER = 1 << 4,
    STORED_HAS_VIA = 1 << 5,
    STORED_HAS_CACHE_STATUS = 1 << 6,
    STORED_HAS_LAST_MODIFIED = 1 << 7,
    STORED_HAS_ETAG = 1 << 8,
    STORED_IMMUTABLE = 1 << 9,
    STORED_HAS_AGE = 1 << 10,               /* never: Age is not stored as a field but in age_s */
    STORED_SAYS_WHILE_REVALIDATE = 1 << 11, /* its own words, not the configuration's (RFC 5861) */
    STORED_SAYS_IF_ERROR = 1 << 12,
};

#define STORED_CHUNK_BYTES_MAX   (1U << 20)
#define STORED_CONTENT_BYTES_MAX (UINT64_C(1) << 50) /* of a manifest: no offset overflows */

/* The numbers of a stored response. */
struct stored_meta {
    enum stored_kind kind;
    uint16_t status;
    uint32_t flags;        /* enum stored_flag */
    wall_ms received_ms;   /* when the response (or the 304 that renewed it) arrived here:
                              response_time of RFC 9111 section 4.2.3 */
    int64_t initial_age_s; /* corrected_initial_age of section 4.2.3 at that time */
    int64_t lifetime_s;    /* freshness lifetime */
    int64_t swr_s;         /* stale-while-revalidate window */
    int64_t sie_s;         /* stale-if-error window */
    int64_t keep_s; /* how long a stale response is kept for validation, beyond the windows */
    uint64_t content_length; /* of the content behind the head text */
    wall_s last_modified;    /* -1: none usable */
    uint64_t generation;  /* STORED_RESPONSE: random number of the fill, part of its chunks' keys,
                             never 0 where there are any; kept by a 304, which changes no content;
                             STORED_VARY: of its variants, part of their keys;
                             STORED_CODED: checksum of the response that it was made of */
    uint64_t purge_seq;   /* the last purge that was known when the response was asked for: what
                             came later counts for it */
    uint32_t chunk_bytes; /* of every chunk but the last; 0: the content stands behind the head */
};

/* The parts of a record that are bytes. */
struct stored_parts {
    struct slice key;
    struct slice vary;     /* STORED_VARY: field names in canonical lower case, joined by ',';
                              STORED_RESPONSE: the same of the response, empty without */
    struct slice etag;     /* as received, weak ones too; empty where none */
    struct slice tags;     /* for purging, joined by ' ' */
    struct slice head;     /* ready to send */
    struct slice trailers; /* field lines behind the content; STORED_RESPONSE only */
};

/* A read-only look at a blob's parts; slices point into it. */
struct stored_view {
    struct stored_meta meta;
    struct slice key;
    struct slice vary;     /* STORED_VARY: field names in canonical lower case, joined by ',';
                              STORED_RESPONSE: the same of the response, empty without */
    struct slice etag;     /* as received, weak ones too; empty where none */
    struct slice tags;     /* for purging, joined by ' ' */
    struct slice head;     /* ready to send */
    struct slice trailers; /* field lines, mostly none */
    struct slice content;  /* empty in a manifest, whatever meta.content_length says */
};
static inline bool stored_is_manifest(const struct stored_meta *m)
{
    return m->chunk_bytes != 0;
}

enum stored_check {
    STORED_OK = 0,
    STORED_BAD_VERSION, /* magic or version */
    STORED_BAD_LENGTH,  /* a length or another number is out of its bounds */
    STORED_BAD_CHECKSUM,
    STORED_BAD_KEY, /* intact, but of another key */
};
const char *stored_check_text(enum stored_check);

/* Bytes that stored_encode needs. */
size_t stored_size(const struct stored_meta *, const struct stored_parts *);
/* Writes everything but the content into `blob` (cap >= stored_size) and returns where the content
 * goes (content_length bytes, none in a manifest). After the content stands there call stored_seal,
 * which computes the checksum and sets blob->len. */
char *stored_encode(struct blob *, const struct stored_meta *, const struct stored_parts *);
void stored_seal(struct blob *);

/* Looks at foreign bytes: all of magic, version, every length, checksum and (with a key that has p
 * != NULL) the key are verified; on anything but STORED_OK `out` is not to be used. */
NODISCARD enum stored_check stored_parse(struct slice bytes, struct slice key,
                                         struct stored_view *out);

/* Of the whole of a sealed record: another one where any byte of it is. */
uint64_t stored_checksum(struct slice record);

/* One field line of a head text at a time, for filters. `*rest` starts as view.head or
 * view.trailers; the first call skips the status line. False: no more. */
NODISCARD bool stored_field_next(struct slice *rest, struct field *out);
/* First value of a stored field; p NULL where there is none. */
struct slice stored_field(const struct stored_view *, struct slice name);
