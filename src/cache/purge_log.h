/* The log of the purges of one cache: by what, and when. All processes that share a pool share one
 * log; each stored response carries the number of the last purge that was known when it was asked
 * for, and only what is newer counts for it. Pure: no clock, no I/O, no allocation.
 *
 * The log is bounded. Names (keys, URLs, hosts, tags) are kept as hashes: two names of one hash are
 * purged together, which costs a miss. What is dropped to make room is remembered as a bound:
 * responses from before it are purged as well (prefixes), or cannot be judged any more (names).
 * Two logs merge into one that says what both say, in whatever order. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define PURGE_NAMES_MAX        4096
#define PURGE_PREFIXES_MAX     256
#define PURGE_PREFIX_BYTES_MAX 255
/* Numbers of purges are microseconds since 1970, or one more than the last one where that is
 * greater. */
#define PURGE_SEQ_MAX (UINT64_C(1) << 62)

enum purge_kind {
    PURGE_ALL,    /* without a value */
    PURGE_PREFIX, /* of host and target: `example.com/blog/` */
    PURGE_HOST,   /* `example.com` */
    PURGE_URL,    /* host and target: `example.com/blog/?page=2` */
    PURGE_KEY,    /* bytes of the cache key, without what a variant adds to it */
    PURGE_TAG,
};

/* What is to be purged. */
struct purge_scope {
    enum purge_kind kind;
    struct slice value;
};

struct purge_name {
    uint64_t hash;
    uint64_t seq;
    bool soft;
};

struct purge_prefix {
    uint64_t seq;
    bool soft;
    uint8_t n;
    char text[PURGE_PREFIX_BYTES_MAX];
};

struct purge_log {
    uint64_t newest;     /* of all numbers that were ever in it */
    uint64_t floor;      /* what is older is purged */
    uint64_t soft_floor; /* what is older is stale */
    uint64_t names_from; /* of what is older not all purges by name are known any more */
    uint32_t names_n;
    uint32_t prefixes_n;
    struct purge_name names[PURGE_NAMES_MAX];         /* by hash, then hard before soft */
    struct purge_prefix prefixes[PURGE_PREFIXES_MAX]; /* by text, then hard before soft */
};

void purge_log_init(struct purge_log *);
/* The number of the next purge. */
uint64_t purge_log_next(const struct purge_log *, uint64_t now_us);
/* A prefix must not be longer than PURGE_PREFIX_BYTES_MAX. A scope that is there already gets the
 * greater number; hard takes the place of soft. */
void purge_log_add(struct purge_log *, const struct purge_scope *, bool soft, uint64_t seq);
void purge_log_merge(struct purge_log *, const struct purge_log *other);
/* Purges from `from` on that `other` does not have although it has newer ones get the number `seq`,
 * greater than all of both: what was asked for by who knew only the newer ones came before them. */
void purge_log_renumber(struct purge_log *, const struct purge_log *other, uint64_t from,
                        uint64_t seq);

/* What is known of a stored response. `tags`: its host and target, then its tags, joined by ' '. */
struct purge_subject {
    struct slice key; /* without what a variant adds */
    struct slice tags;
};

enum purge_verdict {
    PURGE_NONE,
    PURGE_SOFT,    /* stale since *soft_seq */
    PURGE_UNKNOWN, /* it is too old for this log */
    PURGE_HARD,
};
/* Of a response that was asked for when `since` was the newest purge. */
enum purge_verdict purge_log_match(const struct purge_log *, const struct purge_subject *,
                                   uint64_t since, uint64_t *soft_seq);

#define PURGE_LOG_BYTES_MAX \
    (56 + PURGE_NAMES_MAX * 16 + PURGE_PREFIXES_MAX * (9 + PURGE_PREFIX_BYTES_MAX))
/* Writes at most PURGE_LOG_BYTES_MAX bytes and returns how many. Equal logs give equal bytes. */
size_t purge_log_encode(const struct purge_log *, char *out);
/* Foreign bytes. False: they are no log, and `out` is not to be used. */
NODISCARD bool purge_log_decode(struct slice, struct purge_log *out);
