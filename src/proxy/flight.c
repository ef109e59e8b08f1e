#include "proxy/flight.h"

#include "base/assert.h"
#include "base/map.h"
#include "base/spares.h"
#include "proxy/changes.h"

#include <stdatomic.h>
#include <stdlib.h>

#define FLIGHT_SHARDS   64
#define SHORT_KEY_BYTES 128

struct flight_shard {
    pthread_mutex_t lock;
    struct map map;
};

struct flight_table {
    _Atomic size_t kept;   /* bytes of content in all flights */
    _Atomic size_t budget; /* for what is collected */
    struct changes changes;
    struct flight_shard shards[FLIGHT_SHARDS];
};

/* One place of the table that a flight is found in. */
struct listing {
    struct map_node node;
    struct flight *flight;
    bool listed;
    char *key; /* own copy; NULL: never listed */
};

struct flight {
    struct flight_table *table;
    bool alone; /* in no table: its leader and its writer are on one thread, and nobody locks */
    pthread_mutex_t lock; /* of all that follows; taken inside a shard's lock, never around one */
    unsigned refs;
    enum flight_state state;
    bool shared;
    bool collect;
    bool passed; /* listed, but its beginning is gone */
    int error;
    enum flight_entry_from from;
    struct flight_response *response;
    struct entry *entry;
    struct arena arena;
    struct flight_piece *pieces; /* content, by number from `first` on */
    size_t pieces_n;
    size_t pieces_cap;
    uint64_t first;
    uint64_t length; /* content so far */
    struct slice trailers;
    size_t window;
    mono_ms second_at; /* 0: never */
    uint64_t uri_hash;
    uint64_t begun; /* among the changes; 0: not yet */
    struct list readers;
    struct flight_writer *writer;
    struct flight_reader first_reader; /* memory of the leader, */
    struct flight_writer only_writer;  /* and of the writer: most flights have no other users */
    struct listing base;
    struct listing variant;
    char short_key[SHORT_KEY_BYTES]; /* of `base`; a longer one is allocated */
};

struct flight_table *flight_table_new(void)
{
    struct flight_table *t = calloc(1, sizeof *t);
    ASSERT(t);
    t->budget = SIZE_MAX;
    changes_init(&t->changes);
    for (size_t i = 0; i < FLIGHT_SHARDS; i++) {
        pthread_mutex_init(&t->shards[i].lock, NULL);
        map_init(&t->shards[i].map);
    }
    return t;
}

void flight_table_set_budget(struct flight_table *t, size_t bytes)
{
    atomic_store_explicit(&t->budget, bytes, memory_order_relaxed);
}

bool flight_over_budget(struct flight_writer *w)
{
    struct flight_table *t = w->flight->table;
    return atomic_load_explicit(&t->kept, memory_order_relaxed) >
           atomic_load_explicit(&t->budget, memory_order_relaxed);
}

void flight_table_free(struct flight_table **t)
{
    if (!*t)
        return;
    for (size_t i = 0; i < FLIGHT_SHARDS; i++) {
        map_fini(&(*t)->shards[i].map);
        pthread_mutex_destroy(&(*t)->shards[i].lock);
    }
    free(*t);
    *t = NULL;
}

static void lock(struct flight *f)
{
    if (!f->alone)
        pthread_mutex_lock(&f->lock);
}

static void unlock(struct flight *f)
{
    if (!f->alone)
        pthread_mutex_unlock(&f->lock);
}

static struct flight_shard *shard_of(struct flight_table *t, uint64_t hash)
{
    return &t->shards[hash >> 58 & (FLIGHT_SHARDS - 1)];
}

/* -- the table -- */

/* With the shard locked. */
static void listing_add(struct flight *f, struct listing *l, const struct cache_key *key,
                        struct flight_shard *shard)
{
    bool fits = l == &f->base && key->bytes.n <= sizeof f->short_key;
    l->key = fits ? f->short_key : malloc(key->bytes.n);
    ASSERT(l->key);
    memcpy(l->key, key->bytes.p, key->bytes.n);
    l->flight = f;
    l->listed = true;
    map_insert(&shard->map, &l->node, slice_make(l->key, key->bytes.n), key->hash);
}

static void listing_remove(struct flight_table *t, struct listing *l)
{
    if (!l->key)
        return;
    struct flight_shard *shard = shard_of(t, l->node.hash);
    pthread_mutex_lock(&shard->lock);
    if (l->listed)
        map_remove(&shard->map, &l->node);
    l->listed = false;
    pthread_mutex_unlock(&shard->lock);
}

/* Nobody joins from now on. Before the head stands called by the writer alone. */
static void unlist(struct flight *f)
{
    listing_remove(f->table, &f->base);
    listing_remove(f->table, &f->variant);
}

void flight_unlist(struct flight_reader *r)
{
    unlist(r->flight);
}

bool flight_exists(struct flight_table *t, const struct cache_key *key)
{
    struct flight_shard *shard = shard_of(t, key->hash);
    pthread_mutex_lock(&shard->lock);
    bool found = map_find(&shard->map, key->bytes, key->hash) != NULL;
    pthread_mutex_unlock(&shard->lock);
    return found;
}

void flight_list_variant(struct flight_writer *w, const struct cache_key *key)
{
    struct flight *f = w->flight;
    if (f->variant.key || !f->base.key)
        return;
    struct flight_shard *shard = shard_of(f->table, key->hash);
    pthread_mutex_lock(&shard->lock);
    if (!map_find(&shard->map, key->bytes, key->hash))
        listing_add(f, &f->variant, key, shard);
    pthread_mutex_unlock(&shard->lock);
}

/* -- life -- */

static struct flight *flight_new(struct flight_table *t, bool alone, struct loop *here)
{
    struct flight *f = spares_take(loop_spares(here), sizeof *f);
    memset(f, 0, offsetof(struct flight, short_key));
    f->table = t;
    f->alone = alone;
    pthread_mutex_init(&f->lock, NULL);
    list_init(&f->readers);
    arena_init(&f->arena, loop_arenas(here));
    return f;
}

static void pieces_drop(struct flight *f, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += f->pieces[i].bytes.n;
        blob_unref(&f->pieces[i].blob);
    }
    atomic_fetch_sub_explicit(&f->table->kept, bytes, memory_order_relaxed);
    f->pieces_n -= n;
    f->first += n;
    if (f->pieces_n > 0)
        memmove(f->pieces, f->pieces + n, f->pieces_n * sizeof *f->pieces);
}

/* On the thread of `here`, which may be another one than it came from. */
static void flight_free(struct flight *f, struct loop *here)
{
    pieces_drop(f, f->pieces_n);
    free(f->pieces);
    if (f->response)
        blob_unref(&f->response->head_blob);
    entry_unref(&f->entry);
    f->arena.pool = loop_arenas(here);
    arena_fini(&f->arena);
    if (f->base.key != f->short_key)
        free(f->base.key);
    free(f->variant.key);
    pthread_mutex_destroy(&f->lock);
    spares_give(loop_spares(here), f, sizeof *f);
}

/* Gives up one reference and the lock. */
static void unlock_unref(struct flight *f, struct loop *here)
{
    bool last = --f->refs == 0;
    unlock(f);
    if (last)
        flight_free(f, here);
}

/* The reader ends with its reference and the lock. */
static void reader_end(struct flight_reader *r)
{
    struct flight *f = r->flight;
    struct loop *here = r->loop;
    bool is_first = r == &f->first_reader; /* its memory goes with the flight */
    unlock_unref(f, here);
    if (!is_first)
        spares_give(loop_spares(here), r, sizeof *r);
}

/* -- telling readers and the writer -- */

static void reader_told(struct flight_reader *r)
{
    struct flight *f = r->flight;
    lock(f);
    r->notified = false;
    r->posted = false;
    if (!r->owner) {
        reader_end(r);
        return;
    }
    unlock(f);
    r->on_progress(r);
}

static void reader_on_message(struct loop_msg *m)
{
    reader_told(container_of(m, struct flight_reader, msg));
}

static void reader_on_turn_end(struct turn_end *t)
{
    reader_told(t->owner);
}

/* With the lock held, on the thread of `here`. */
static void tell_reader(struct flight_reader *r, struct loop *here)
{
    if (r->notified)
        return;
    r->notified = true;
    r->posted = r->loop != here;
    if (r->posted)
        loop_post(r->loop, &r->msg);
    else
        turn_end_schedule(here, &r->turn_end);
}

static void tell_readers(struct flight *f, struct loop *here)
{
    list_for_each (it, &f->readers)
        tell_reader(list_entry(it, struct flight_reader, node), here);
}

static void writer_told(struct flight_writer *w)
{
    struct flight *f = w->flight;
    lock(f);
    w->notified = false;
    w->posted = false;
    if (!w->owner) {
        unlock_unref(f, w->loop);
        return;
    }
    unlock(f);
    w->wake(w->owner);
}

static void writer_on_message(struct loop_msg *m)
{
    writer_told(container_of(m, struct flight_writer, msg));
}

static void writer_on_turn_end(struct turn_end *t)
{
    writer_told(t->owner);
}

static void tell_writer(struct flight *f, struct loop *here)
{
    struct flight_writer *w = f->writer;
    if (!w || w->notified)
        return;
    w->notified = true;
    w->blocked = false;
    w->posted = w->loop != here;
    if (w->posted)
        loop_post(w->loop, &w->msg);
    else
        turn_end_schedule(here, &w->turn_end);
}

/* -- the window -- */

/* Content that the readers which count have still before them: behind the one furthest ahead while
 * all is collected anyway, behind the slowest when what it has not read must be kept for it alone.
 */
static uint64_t bytes_ahead(const struct flight *f)
{
    if (list_empty(&f->readers))
        return 0;
    uint64_t place = f->collect ? 0 : UINT64_MAX;
    list_for_each (it, &f->readers) {
        uint64_t offset = list_entry(it, struct flight_reader, node)->offset;
        place = f->collect == (offset > place) ? offset : place;
    }
    return f->length - place;
}

static bool window_is_full(const struct flight *f)
{
    return bytes_ahead(f) >= f->window;
}

/* Drops content that every reader has passed, where the store does not want it. */
static void trim(struct flight *f)
{
    if (f->collect || f->pieces_n == 0)
        return;
    uint64_t least = f->first + f->pieces_n;
    list_for_each (it, &f->readers) {
        const struct flight_reader *r = list_entry(it, struct flight_reader, node);
        least = r->chunk < least ? r->chunk : least;
    }
    if (least > f->first)
        pieces_drop(f, (size_t)(least - f->first));
}

static void readers_moved(struct flight *f, struct loop *here)
{
    trim(f);
    if (f->writer && f->writer->blocked && !window_is_full(f))
        tell_writer(f, here);
}

/* -- readers -- */

static struct flight_reader *reader_new(struct flight *f, struct loop *loop,
                                        flight_progress_fn *on_progress, void *owner)
{
    bool is_first = !f->first_reader.flight;
    struct flight_reader *r =
        is_first ? &f->first_reader : spares_ztake(loop_spares(loop), sizeof *r);
    r->flight = f;
    r->loop = loop;
    r->on_progress = on_progress;
    r->owner = owner;
    r->msg.fn = reader_on_message;
    turn_end_init(&r->turn_end, reader_on_turn_end, r);
    list_push_back(&f->readers, &r->node);
    f->refs++;
    return r;
}

/* NULL: its beginning is gone. */
static struct flight_reader *join_found(struct flight *f, struct loop *loop,
                                        flight_progress_fn *on_progress, void *owner)
{
    lock(f);
    if (f->passed) {
        unlock(f);
        return NULL;
    }
    struct flight_reader *r = reader_new(f, loop, on_progress, owner);
    r->chunk = f->first;
    if (f->state != FLIGHT_PENDING)
        tell_reader(r, loop);
    unlock(f);
    return r;
}

static struct listing *listing_find(struct flight_shard *shard, const struct cache_key *key)
{
    struct map_node *node = map_find(&shard->map, key->bytes, key->hash);
    return node ? container_of(node, struct listing, node) : NULL;
}

static bool is_outdated(const struct flight *f)
{
    return f->begun != 0 && changes_since(&f->table->changes, f->uri_hash, f->begun);
}

static bool is_overdue(struct flight *f, mono_ms now)
{
    lock(f);
    bool overdue = f->second_at != 0 && now >= f->second_at && f->state == FLIGHT_PENDING;
    overdue = overdue || is_outdated(f);
    unlock(f);
    return overdue;
}

void flight_table_changed(struct flight_table *t, uint64_t uri_hash)
{
    changes_note(&t->changes, uri_hash);
}

void flight_begin(struct flight_writer *w, uint64_t uri_hash)
{
    struct flight *f = w->flight;
    lock(f);
    f->uri_hash = uri_hash;
    f->begun = changes_now(&f->table->changes);
    unlock(f);
}

bool flight_is_outdated(struct flight_writer *w)
{
    return is_outdated(w->flight);
}

void flight_second_from(struct flight_reader *leader, mono_ms at)
{
    struct flight *f = leader->flight;
    lock(f);
    f->second_at = at;
    unlock(f);
}

/* With the shard locked: one that may be joined, or that may be no more. */
static struct listing *listing_to_join(struct flight_shard *shard, const struct cache_key *key,
                                       struct loop *loop)
{
    struct listing *l = listing_find(shard, key);
    if (l && is_overdue(l->flight, loop_now(loop))) {
        map_remove(&shard->map, &l->node);
        l->listed = false;
        l = NULL;
    }
    return l;
}

static struct flight_reader *lead(struct flight_table *t, bool alone, struct loop *loop,
                                  flight_progress_fn *on_progress, void *owner)
{
    struct flight *f = flight_new(t, alone, loop);
    struct flight_reader *r = reader_new(f, loop, on_progress, owner);
    r->leader = true;
    return r;
}

struct flight_reader *flight_join(struct flight_table *t, const struct cache_key *key, bool alone,
                                  struct loop *loop, flight_progress_fn *on_progress, void *owner,
                                  bool *leader)
{
    *leader = true;
    if (alone)
        return lead(t, true, loop, on_progress, owner);
    struct flight_shard *shard = shard_of(t, key->hash);
    pthread_mutex_lock(&shard->lock);
    struct listing *l = listing_to_join(shard, key, loop);
    struct flight_reader *r = l ? join_found(l->flight, loop, on_progress, owner) : NULL;
    if (r) {
        *leader = false;
    } else {
        r = lead(t, l != NULL, loop, on_progress, owner);
        r->late = l != NULL;
        if (!l)
            listing_add(r->flight, &r->flight->base, key, shard);
    }
    pthread_mutex_unlock(&shard->lock);
    return r;
}

void flight_leave(struct flight_reader **rp)
{
    struct flight_reader *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    struct flight *f = r->flight;
    lock(f);
    list_remove(&r->node);
    r->owner = NULL;
    readers_moved(f, r->loop);
    if (list_empty(&f->readers))
        tell_writer(f, r->loop);
    if (r->notified && r->posted) { /* the message frees it */
        unlock(f);
        return;
    }
    if (r->notified)
        turn_end_cancel(&r->turn_end);
    reader_end(r);
}

enum flight_state flight_state(struct flight_reader *r)
{
    struct flight *f = r->flight;
    lock(f);
    enum flight_state s = r->released ? FLIGHT_RELEASED : f->state;
    unlock(f);
    return s;
}

const struct flight_response *flight_response(const struct flight_reader *r)
{
    return r->flight->response;
}

struct entry *flight_entry(const struct flight_reader *r, enum flight_entry_from *from)
{
    *from = r->flight->from;
    return r->flight->entry;
}

bool flight_has_response(const struct flight_reader *r)
{
    return r->flight->response != NULL;
}

bool flight_whole(struct flight_reader *r, uint64_t *length)
{
    struct flight *f = r->flight;
    lock(f);
    bool whole = f->state == FLIGHT_COMPLETE && r->offset == 0 && f->first == 0;
    *length = f->length;
    unlock(f);
    return whole;
}

int flight_error(const struct flight_reader *r)
{
    return r->flight->error;
}

size_t flight_take(struct flight_reader *r, struct flight_piece *pieces, size_t max, bool *end)
{
    struct flight *f = r->flight;
    size_t n = 0;
    lock(f);
    uint64_t behind = f->first + f->pieces_n;
    for (; n < max && r->chunk < behind; n++, r->chunk++) {
        const struct flight_piece *p = &f->pieces[r->chunk - f->first];
        pieces[n] = (struct flight_piece){blob_ref(p->blob), p->bytes};
        r->offset += p->bytes.n;
    }
    *end = f->state == FLIGHT_COMPLETE && r->chunk == behind;
    if (n > 0)
        readers_moved(f, r->loop);
    unlock(f);
    return n;
}

struct slice flight_trailers(const struct flight_reader *r)
{
    return r->flight->trailers;
}

/* -- the writer -- */

struct flight_writer *flight_attach_writer(struct flight_reader *leader, struct loop *loop,
                                           flight_writer_fn *wake, void *owner)
{
    struct flight *f = leader->flight;
    struct flight_writer *w = &f->only_writer;
    ASSERT(!w->flight);
    w->flight = f;
    w->loop = loop;
    w->wake = wake;
    w->owner = owner;
    w->msg.fn = writer_on_message;
    turn_end_init(&w->turn_end, writer_on_turn_end, w);
    lock(f);
    f->refs++;
    f->writer = w;
    unlock(f);
    return w;
}

struct arena *flight_arena(struct flight_writer *w)
{
    return &w->flight->arena;
}

static void release_others(struct flight *f)
{
    f->shared = false;
    list_for_each (it, &f->readers) {
        struct flight_reader *r = list_entry(it, struct flight_reader, node);
        r->released = !r->leader;
    }
}

void flight_release_others(struct flight_writer *w)
{
    struct flight *f = w->flight;
    unlist(f);
    lock(f);
    release_others(f);
    tell_readers(f, w->loop);
    unlock(f);
}

void flight_publish_head(struct flight_writer *w, struct flight_response *response, bool shared,
                         bool collect, size_t window)
{
    struct flight *f = w->flight;
    if (!shared || !collect) /* content that is not collected is gone for who comes later */
        unlist(f);
    lock(f);
    f->response = response;
    f->shared = shared;
    f->collect = collect;
    f->window = window;
    f->state = FLIGHT_HEAD;
    if (!shared)
        release_others(f);
    tell_readers(f, w->loop);
    unlock(f);
}

static void piece_append(struct flight *f, struct blob *blob, struct slice bytes)
{
    if (f->pieces_n == f->pieces_cap) {
        f->pieces_cap = f->pieces_cap ? f->pieces_cap * 2 : 8;
        f->pieces = realloc(f->pieces, f->pieces_cap * sizeof *f->pieces);
        ASSERT(f->pieces);
    }
    f->pieces[f->pieces_n++] = (struct flight_piece){blob_ref(blob), bytes};
    atomic_fetch_add_explicit(&f->table->kept, bytes.n, memory_order_relaxed);
}

bool flight_append(struct flight_writer *w, struct blob *blob, struct slice bytes)
{
    struct flight *f = w->flight;
    lock(f);
    f->length += bytes.n;
    if (f->collect || !list_empty(&f->readers))
        piece_append(f, blob, bytes);
    tell_readers(f, w->loop);
    w->blocked = window_is_full(f);
    bool room = !w->blocked;
    unlock(f);
    return room;
}

void flight_stop_collecting(struct flight_writer *w)
{
    struct flight *f = w->flight;
    unlist(f);
    lock(f);
    f->collect = false;
    trim(f);
    unlock(f);
}

void flight_pass_on(struct flight_writer *w)
{
    struct flight *f = w->flight;
    lock(f);
    f->passed = true;
    f->collect = false;
    trim(f);
    unlock(f);
}

/* Not locked: only the writer changes what is collected. */
void flight_each_collected(struct flight_writer *w, flight_content_fn *fn, void *arg)
{
    const struct flight *f = w->flight;
    ASSERT(f->collect);
    for (size_t i = 0; i < f->pieces_n; i++)
        fn(arg, f->pieces[i].bytes);
}

static void copy_on(void *arg, struct slice content)
{
    char **to = arg;
    memcpy(*to, content.p, content.n);
    *to += content.n;
}

void flight_collected(struct flight_writer *w, char *to, size_t n)
{
    ASSERT(w->flight->length == n);
    flight_each_collected(w, copy_on, &to);
}

uint64_t flight_length(struct flight_writer *w)
{
    return w->flight->length;
}

void flight_put_trailers(struct flight_writer *w, struct slice lines)
{
    w->flight->trailers = lines; /* seen with the state that follows */
}

bool flight_window_full(struct flight_writer *w)
{
    struct flight *f = w->flight;
    lock(f);
    bool full = window_is_full(f);
    w->blocked = full;
    unlock(f);
    return full;
}

size_t flight_readers(struct flight_writer *w)
{
    struct flight *f = w->flight;
    size_t n = 0;
    lock(f);
    list_for_each (it, &f->readers)
        n++;
    unlock(f);
    return n;
}

/* The writer goes; with the lock held, which is given up. */
static void writer_leave(struct flight_writer **wp)
{
    struct flight_writer *w = *wp;
    struct flight *f = w->flight;
    *wp = NULL;
    f->writer = NULL;
    w->owner = NULL;
    tell_readers(f, w->loop);
    if (w->notified && w->posted) { /* the message frees it */
        unlock(f);
        return;
    }
    if (w->notified)
        turn_end_cancel(&w->turn_end);
    unlock_unref(f, w->loop);
}

void flight_end(struct flight_writer **wp, enum flight_state state, int error)
{
    struct flight *f = (*wp)->flight;
    unlist(f);
    lock(f);
    f->state = state;
    f->error = error;
    writer_leave(wp);
}

void flight_end_entry(struct flight_writer **wp, struct entry *entry, enum flight_entry_from from)
{
    struct flight *f = (*wp)->flight;
    unlist(f);
    lock(f);
    f->state = FLIGHT_ENTRY;
    f->entry = entry_ref(entry);
    f->from = from;
    writer_leave(wp);
}
