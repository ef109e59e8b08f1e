#include "admin/pages.h"

#include "base/assert.h"

void admin_reloads_init(struct admin_reloads *r)
{
    *r = (struct admin_reloads){0};
    ASSERT(pthread_mutex_init(&r->lock, NULL) == 0);
}

void admin_reloads_fini(struct admin_reloads *r)
{
    (void)pthread_mutex_destroy(&r->lock);
}

void admin_reloads_note(struct admin_reloads *r, struct slice error, wall_s now)
{
    pthread_mutex_lock(&r->lock);
    r->last = now;
    r->error_n = error.n < sizeof r->error ? error.n : sizeof r->error;
    if (r->error_n > 0)
        memcpy(r->error, error.p, r->error_n);
    pthread_mutex_unlock(&r->lock);
    atomic_fetch_add(error.n > 0 ? &r->failed : &r->done, 1);
}

struct admin_reload_view admin_reloads_view(struct admin_reloads *r, struct arena *arena)
{
    struct admin_reload_view view = {.done = atomic_load(&r->done),
                                     .failed = atomic_load(&r->failed)};
    pthread_mutex_lock(&r->lock);
    view.last = r->last;
    view.error = arena_dup(arena, slice_make(r->error, r->error_n));
    pthread_mutex_unlock(&r->lock);
    return view;
}
