#include "cache/purge.h"

#include "base/assert.h"
#include "cache/key.h"

#include <pthread.h>
#include <stdlib.h>

#define CACHE_LINE 64

struct purge_book {
    /* Entries that have been held against this number need no look: the newest one; while the
     * pool's log is not known, more than any. Written under the lock. */
    _Alignas(CACHE_LINE) _Atomic uint64_t newest;
    _Alignas(CACHE_LINE) pthread_mutex_t lock; /* of `log` */
    _Atomic bool known;
    _Atomic uint64_t found;
    bool pooled;
    uint64_t pending; /* the first purge of this process that the pool may lack; 0: none */
    struct purge_log log;
};

static uint64_t us_of(wall_ms now)
{
    return now > 0 ? (uint64_t)now * 1000 : 0;
}

/* By the lock's holder. */
static void publish(struct purge_book *b)
{
    atomic_store_explicit(&b->newest, b->known ? b->log.newest : UINT64_MAX, memory_order_release);
}

struct purge_book *purge_book_new(bool pooled, wall_ms now)
{
    struct purge_book *b = aligned_alloc(CACHE_LINE, sizeof(*b));
    ASSERT(b != NULL);
    ASSERT(pthread_mutex_init(&b->lock, NULL) == 0);
    purge_log_init(&b->log);
    atomic_init(&b->found, 0);
    atomic_init(&b->known, !pooled);
    b->pooled = pooled;
    b->pending = 0;
    if (!pooled)
        b->log.newest = us_of(now);
    publish(b);
    return b;
}

void purge_book_free(struct purge_book **book)
{
    struct purge_book *b = *book;
    *book = NULL;
    if (b == NULL)
        return;
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

void purge_book_expect_pool(struct purge_book *b)
{
    pthread_mutex_lock(&b->lock);
    if (!b->pooled) {
        b->pooled = true;
        b->known = false;
        publish(b);
    }
    pthread_mutex_unlock(&b->lock);
}

/* -- stored responses -- */

uint64_t purge_book_seq(const struct purge_book *b)
{
    uint64_t newest =
        b != NULL ? atomic_load_explicit(&b->newest, memory_order_acquire) : UINT64_MAX;
    return newest != UINT64_MAX ? newest : 0;
}

/* Before the pool's log is known, only what was asked for by this process then (number 0) counts as
 * stored after the purges that others have made; once it is known, as stored before. */
static enum purge_verdict judge(struct purge_book *b, const struct purge_subject *subject,
                                uint64_t since, uint64_t *soft_seq, uint64_t *newest)
{
    enum purge_verdict verdict = PURGE_UNKNOWN;
    pthread_mutex_lock(&b->lock);
    if (b->known || since == 0)
        verdict = purge_log_match(&b->log, subject, since, soft_seq);
    *newest = b->known ? b->log.newest : 0;
    pthread_mutex_unlock(&b->lock);
    return verdict;
}

/* Its freshness ended when it was purged. For what would have been left of it the response may be
 * served while one refreshes it, unless it names such a window itself. */
static struct entry *expired(const struct entry *e, uint64_t soft_seq, wall_ms now)
{
    const struct stored_meta *meta = &e->view.meta;
    wall_ms at = (wall_ms)(soft_seq / 1000);
    int64_t kept_ms = (at < now ? at : now) - meta->received_ms;
    int64_t lifetime_s = meta->initial_age_s + (kept_ms > 0 ? kept_ms / 1000 : 0);
    int64_t left_s = meta->lifetime_s - lifetime_s;
    if (left_s <= 0)
        return entry_with_lifetime(e, meta->lifetime_s, meta->swr_s);
    bool says = (meta->flags & STORED_SAYS_WHILE_REVALIDATE) != 0;
    return entry_with_lifetime(e, lifetime_s, says || meta->swr_s > left_s ? meta->swr_s : left_s);
}

static void replace(struct entry **entry, struct entry *by)
{
    entry_unref(entry);
    *entry = by;
}

static bool look(struct purge_book *b, struct entry **entry, wall_ms now)
{
    struct entry *e = *entry;
    const struct purge_subject subject = {cache_key_base(e->view.key), e->view.tags};
    uint64_t since = atomic_load_explicit(&e->purge_seq, memory_order_relaxed);
    uint64_t soft_seq = 0;
    uint64_t newest = 0;
    switch (judge(b, &subject, since, &soft_seq, &newest)) {
    case PURGE_NONE:
        if (newest > since)
            atomic_store_explicit(&e->purge_seq, newest, memory_order_relaxed);
        return true;
    case PURGE_SOFT: replace(entry, expired(e, soft_seq, now)); break;
    case PURGE_UNKNOWN:
    case PURGE_HARD: replace(entry, NULL); break;
    }
    atomic_fetch_add_explicit(&b->found, 1, memory_order_relaxed);
    return false;
}

/* A record without content has nothing to bring back. */
bool purge_check(struct purge_book *b, struct entry **entry, wall_ms now)
{
    const struct entry *e = *entry;
    if (LIKELY(b == NULL || atomic_load_explicit(&e->purge_seq, memory_order_relaxed) >=
                                atomic_load_explicit(&b->newest, memory_order_acquire)))
        return true;
    return e->view.meta.kind != STORED_RESPONSE || look(b, entry, now);
}

bool purge_is_current(struct purge_book *b, const struct purge_subject *subject, uint64_t purge_seq)
{
    uint64_t soft_seq = 0;
    uint64_t newest = 0;
    if (b == NULL || purge_seq >= atomic_load_explicit(&b->newest, memory_order_acquire))
        return true;
    return judge(b, subject, purge_seq, &soft_seq, &newest) == PURGE_NONE;
}

/* -- purging -- */

uint64_t purge_book_add(struct purge_book *b, const struct purge_scope *scopes, size_t n, bool soft,
                        wall_ms now)
{
    pthread_mutex_lock(&b->lock);
    uint64_t seq = purge_log_next(&b->log, us_of(now));
    for (size_t i = 0; i < n; i++)
        purge_log_add(&b->log, &scopes[i], soft, seq);
    b->pending = b->pending != 0 ? b->pending : seq;
    publish(b);
    pthread_mutex_unlock(&b->lock);
    return seq;
}

uint64_t purge_book_found(const struct purge_book *b)
{
    return atomic_load_explicit(&b->found, memory_order_relaxed);
}

/* -- the pool's log -- */

bool purge_book_is_known(const struct purge_book *b)
{
    return atomic_load_explicit(&b->known, memory_order_acquire);
}

static size_t encoded(struct purge_book *b, char *out)
{
    pthread_mutex_lock(&b->lock);
    size_t n = purge_log_encode(&b->log, out);
    pthread_mutex_unlock(&b->lock);
    return n;
}

/* Rare, and too large for a stack. */
static void *scratch(size_t bytes)
{
    void *p = malloc(bytes);
    ASSERT(p != NULL);
    return p;
}

/* A number must be above those that others knew when they did not know its purge: clocks differ,
 * and two processes may purge at once. By the lock's holder. */
static void merge(struct purge_book *b, const struct purge_log *theirs, wall_ms now)
{
    if (b->pending != 0 && theirs->newest >= b->pending) {
        uint64_t ours = purge_log_next(&b->log, us_of(now));
        uint64_t seq = ours > theirs->newest ? ours : theirs->newest + 1;
        purge_log_renumber(&b->log, theirs, b->pending, seq);
    }
    purge_log_merge(&b->log, theirs);
    b->known = true;
    publish(b);
}

bool purge_book_learn(struct purge_book *b, struct slice log, wall_ms now, bool *lacks)
{
    struct purge_log *theirs = scratch(sizeof(*theirs));
    bool ok = purge_log_decode(log, theirs);
    if (ok) {
        char *ours = scratch(PURGE_LOG_BYTES_MAX);
        pthread_mutex_lock(&b->lock);
        merge(b, theirs, now);
        *lacks = !slice_eq(slice_make(ours, purge_log_encode(&b->log, ours)), log);
        pthread_mutex_unlock(&b->lock);
        free(ours);
    }
    free(theirs);
    return ok;
}

uint64_t purge_book_newest(struct purge_book *b)
{
    pthread_mutex_lock(&b->lock);
    uint64_t newest = b->log.newest;
    pthread_mutex_unlock(&b->lock);
    return newest;
}

void purge_book_settled(struct purge_book *b, uint64_t newest)
{
    pthread_mutex_lock(&b->lock);
    if (b->log.newest == newest)
        b->pending = 0;
    pthread_mutex_unlock(&b->lock);
}

void purge_book_begin(struct purge_book *b, wall_ms now)
{
    pthread_mutex_lock(&b->lock);
    if (!b->known) {
        uint64_t seq = purge_log_next(&b->log, us_of(now));
        purge_log_add(&b->log, &(struct purge_scope){.kind = PURGE_ALL}, false, seq);
        b->known = true;
        publish(b);
    }
    pthread_mutex_unlock(&b->lock);
}

struct blob *purge_book_encode(struct purge_book *b)
{
    char *bytes = scratch(PURGE_LOG_BYTES_MAX);
    size_t n = encoded(b, bytes);
    struct blob *blob = blob_new(n);
    if (blob != NULL) {
        memcpy(blob->data, bytes, n);
        blob->len = n;
    }
    free(bytes);
    return blob;
}
