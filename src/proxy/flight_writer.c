/* What the fetch does with its flight. */
#include "base/assert.h"
#include "proxy/flight_internal.h"

#include <stdlib.h>

static void writer_told(struct flight_writer *w)
{
    struct flight *f = w->flight;
    flight_lock(f);
    w->notified = false;
    w->posted = false;
    if (!w->owner) {
        flight_unlock_unref(f, w->loop);
        return;
    }
    flight_unlock(f);
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
    flight_lock(f);
    f->refs++;
    f->writer = w;
    flight_unlock(f);
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
    flight_hide(f);
    flight_lock(f);
    release_others(f);
    flight_tell_readers(f, w->loop);
    flight_unlock(f);
}

void flight_publish_head(struct flight_writer *w, struct flight_response *response, bool shared,
                         bool collect, size_t window)
{
    struct flight *f = w->flight;
    if (!shared || !collect) /* content that is not collected is gone for who comes later */
        flight_hide(f);
    flight_lock(f);
    f->response = response;
    f->shared = shared;
    f->collect = collect;
    f->window = window;
    f->state = FLIGHT_HEAD;
    if (!shared)
        release_others(f);
    flight_tell_readers(f, w->loop);
    flight_unlock(f);
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
    flight_lock(f);
    f->length += bytes.n;
    if (f->collect || !list_empty(&f->readers))
        piece_append(f, blob, bytes);
    flight_tell_readers(f, w->loop);
    w->blocked = flight_window_is_full(f);
    bool room = !w->blocked;
    flight_unlock(f);
    return room;
}

void flight_stop_collecting(struct flight_writer *w)
{
    struct flight *f = w->flight;
    flight_hide(f);
    flight_lock(f);
    f->collect = false;
    flight_trim(f);
    flight_unlock(f);
}

void flight_pass_on(struct flight_writer *w)
{
    struct flight *f = w->flight;
    flight_lock(f);
    f->passed = true;
    f->collect = false;
    flight_trim(f);
    flight_unlock(f);
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
    flight_lock(f);
    bool full = flight_window_is_full(f);
    w->blocked = full;
    flight_unlock(f);
    return full;
}

size_t flight_readers(struct flight_writer *w)
{
    struct flight *f = w->flight;
    size_t n = 0;
    flight_lock(f);
    list_for_each (it, &f->readers)
        n++;
    flight_unlock(f);
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
    flight_tell_readers(f, w->loop);
    if (w->notified && w->posted) { /* the message frees it */
        flight_unlock(f);
        return;
    }
    if (w->notified)
        turn_end_cancel(&w->turn_end);
    flight_unlock_unref(f, w->loop);
}

void flight_end(struct flight_writer **wp, enum flight_state state, int error)
{
    struct flight *f = (*wp)->flight;
    flight_hide(f);
    flight_lock(f);
    f->state = state;
    f->error = error;
    writer_leave(wp);
}

void flight_end_entry(struct flight_writer **wp, struct entry *entry, enum flight_entry_from from)
{
    struct flight *f = (*wp)->flight;
    flight_hide(f);
    flight_lock(f);
    f->state = FLIGHT_ENTRY;
    f->entry = entry_ref(entry);
    f->from = from;
    writer_leave(wp);
}
