/* A flight's life, its readers and the window of content between them and the writer. */
#include "base/assert.h"
#include "base/spares.h"
#include "proxy/flight_internal.h"

#include <stdlib.h>

/* -- life -- */

struct flight *flight_new(struct flight_table *t, bool alone, struct loop *here)
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

void flight_unlock_unref(struct flight *f, struct loop *here)
{
    bool last = --f->refs == 0;
    flight_unlock(f);
    if (last)
        flight_free(f, here);
}

/* The reader ends with its reference and the lock. */
static void reader_end(struct flight_reader *r)
{
    struct flight *f = r->flight;
    struct loop *here = r->loop;
    bool is_first = r == &f->first_reader; /* its memory goes with the flight */
    flight_unlock_unref(f, here);
    if (!is_first)
        spares_give(loop_spares(here), r, sizeof *r);
}

/* -- telling readers and the writer -- */

static void reader_told(struct flight_reader *r)
{
    struct flight *f = r->flight;
    flight_lock(f);
    r->notified = false;
    r->posted = false;
    if (!r->owner) {
        reader_end(r);
        return;
    }
    flight_unlock(f);
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

void flight_tell_reader(struct flight_reader *r, struct loop *here)
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

void flight_tell_readers(struct flight *f, struct loop *here)
{
    list_for_each (it, &f->readers)
        flight_tell_reader(list_entry(it, struct flight_reader, node), here);
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

bool flight_window_is_full(const struct flight *f)
{
    return bytes_ahead(f) >= f->window;
}

void flight_trim(struct flight *f)
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
    flight_trim(f);
    if (f->writer && f->writer->blocked && !flight_window_is_full(f))
        tell_writer(f, here);
}

/* -- readers -- */

struct flight_reader *flight_reader_new(struct flight *f, struct loop *loop,
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

void flight_leave(struct flight_reader **rp)
{
    struct flight_reader *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    struct flight *f = r->flight;
    flight_lock(f);
    list_remove(&r->node);
    r->owner = NULL;
    readers_moved(f, r->loop);
    if (list_empty(&f->readers))
        tell_writer(f, r->loop);
    if (r->notified && r->posted) { /* the message frees it */
        flight_unlock(f);
        return;
    }
    if (r->notified)
        turn_end_cancel(&r->turn_end);
    reader_end(r);
}

enum flight_state flight_state(struct flight_reader *r)
{
    struct flight *f = r->flight;
    flight_lock(f);
    enum flight_state s = r->released ? FLIGHT_RELEASED : f->state;
    flight_unlock(f);
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
    flight_lock(f);
    bool whole = f->state == FLIGHT_COMPLETE && r->offset == 0 && f->first == 0;
    *length = f->length;
    flight_unlock(f);
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
    flight_lock(f);
    uint64_t behind = f->first + f->pieces_n;
    for (; n < max && r->chunk < behind; n++, r->chunk++) {
        const struct flight_piece *p = &f->pieces[r->chunk - f->first];
        pieces[n] = (struct flight_piece){blob_ref(p->blob), p->bytes};
        r->offset += p->bytes.n;
    }
    *end = f->state == FLIGHT_COMPLETE && r->chunk == behind;
    if (n > 0)
        readers_moved(f, r->loop);
    flight_unlock(f);
    return n;
}

struct slice flight_trailers(const struct flight_reader *r)
{
    return r->flight->trailers;
}
