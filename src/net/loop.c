#include "net/loop.h"

#include "base/assert.h"
#include "net/wheel.h"

#include <stdatomic.h>
#include <stdlib.h>

/* As many as a busy worker has under way; what is above goes back to the allocator. */
#define SPARES_KEPT       1024
#define ARENA_BLOCKS_KEPT 1024

struct grave {
    void *obj;
    void (*free_fn)(void *);
};

struct loop {
    struct ev_loop *ev;
    ev_check turn_start;
    ev_timer wake;  /* when the wheel has something to look at */
    ev_timer limit; /* of loop_turn's wait */
    ev_async mail;
    _Atomic(struct loop_msg *) posted; /* newest first */
    struct wheel wheel;
    int64_t armed_tick; /* what `wake` is set for; 0 while the wheel runs, so that nobody arms it
                           meanwhile */
    struct list turn_ends;
    struct spares spares;
    struct arena_pool arenas;
    struct grave *graves;
    size_t grave_count;
    size_t grave_cap;
    bool in_turn;
    bool stopped;
    int64_t now_us;
    wall_ms wall;
};

/* -- clocks -- */

static void read_clocks(struct loop *l)
{
    l->now_us = clock_mono_us();
    l->wall = clock_wall_ms();
}

static void on_turn_start(struct ev_loop *ev UNUSED, ev_check *w, int revents UNUSED)
{
    read_clocks(w->data);
}

mono_ms loop_now(const struct loop *l)
{
    return loop_now_us(l) / 1000;
}

int64_t loop_now_us(const struct loop *l)
{
    return l->in_turn ? l->now_us : clock_mono_us();
}

wall_ms loop_wall(const struct loop *l)
{
    return l->in_turn ? l->wall : clock_wall_ms();
}

/* -- timers -- */

static void arm_wake(struct loop *l)
{
    l->armed_tick = l->wheel.next_tick;
    int64_t wait_ms = wheel_wait_ms(&l->wheel, loop_now(l));
    ev_timer_stop(l->ev, &l->wake);
    if (wait_ms < 0)
        return;
    /* Half a millisecond more, so that it does not come just before the tick. */
    ev_timer_set(&l->wake, ((double)wait_ms + 0.5) / 1000.0, 0.0);
    ev_timer_start(l->ev, &l->wake);
}

static void on_wake(struct ev_loop *ev UNUSED, ev_timer *w, int revents UNUSED)
{
    struct loop *l = w->data;
    l->armed_tick = 0;
    wheel_run(&l->wheel, loop_now(l));
    arm_wake(l);
}

void timer_init(struct timer *t, timer_fn *fn, void *owner)
{
    list_init(&t->node);
    t->at = 0;
    t->due_tick = 0;
    t->fn = fn;
    t->owner = owner;
}

void timer_set(struct loop *l, struct timer *t, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    if (ms > WHEEL_MAX_MS)
        ms = WHEEL_MAX_MS;
    mono_ms now = loop_now(l);
    wheel_set(&l->wheel, t, now + ms, now);
    if (l->wheel.next_tick < l->armed_tick)
        arm_wake(l);
}

void timer_cancel(struct timer *t)
{
    list_remove(&t->node);
}

bool timer_is_set(const struct timer *t)
{
    return !list_empty(&t->node);
}

/* -- end of turn -- */

void turn_end_init(struct turn_end *t, turn_end_fn *fn, void *owner)
{
    list_init(&t->node);
    t->fn = fn;
    t->owner = owner;
}

void turn_end_schedule(struct loop *l, struct turn_end *t)
{
    if (list_empty(&t->node))
        list_push_back(&l->turn_ends, &t->node);
}

void turn_end_cancel(struct turn_end *t)
{
    list_remove(&t->node);
}

static void run_turn_ends(struct loop *l)
{
    while (!list_empty(&l->turn_ends)) {
        struct turn_end *t = list_entry(l->turn_ends.next, struct turn_end, node);
        list_remove(&t->node);
        t->fn(t);
    }
}

/* -- memory -- */

struct spares *loop_spares(struct loop *l)
{
    return &l->spares;
}

struct arena_pool *loop_arenas(struct loop *l)
{
    return &l->arenas;
}

/* -- deferred frees -- */

void loop_bury(struct loop *l, void *obj, void (*free_fn)(void *))
{
    if (l->grave_count == l->grave_cap) {
        l->grave_cap = l->grave_cap == 0 ? 64 : l->grave_cap * 2;
        l->graves = realloc(l->graves, l->grave_cap * sizeof(*l->graves));
        ASSERT(l->graves != NULL);
    }
    l->graves[l->grave_count++] = (struct grave){obj, free_fn};
}

/* A free function may bury more, which may move the array. */
static void free_buried(struct loop *l)
{
    for (size_t i = 0; i < l->grave_count; i++) {
        struct grave g = l->graves[i];
        g.free_fn(g.obj);
    }
    l->grave_count = 0;
}

/* -- messages -- */

void loop_post(struct loop *l, struct loop_msg *m)
{
    struct loop_msg *newest = atomic_load_explicit(&l->posted, memory_order_relaxed);
    do {
        m->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&l->posted, &newest, m, memory_order_release,
                                                    memory_order_relaxed));
    /* Whoever finds it empty wakes the loop for all that follow until it has emptied it. */
    if (newest == NULL)
        ev_async_send(l->ev, &l->mail);
}

static void on_mail(struct ev_loop *ev UNUSED, ev_async *w, int revents UNUSED)
{
    struct loop *l = w->data;
    struct loop_msg *m = atomic_exchange_explicit(&l->posted, NULL, memory_order_acquire);
    struct loop_msg *oldest = NULL;
    while (m != NULL) {
        struct loop_msg *next = m->next;
        m->next = oldest;
        oldest = m;
        m = next;
    }
    while (oldest != NULL) {
        struct loop_msg *next = oldest->next;
        oldest->fn(oldest);
        oldest = next;
    }
}

/* -- descriptors of others -- */

static void on_fd(struct ev_loop *ev UNUSED, ev_io *io, int revents)
{
    struct fd_watch *w = container_of(io, struct fd_watch, io);
    w->fn(w, (revents & EV_READ) != 0, (revents & EV_WRITE) != 0);
}

void fd_watch_start(struct loop *l, struct fd_watch *w, int fd, bool read, bool write,
                    fd_watch_fn *fn, void *owner)
{
    w->loop = l;
    w->fn = fn;
    w->owner = owner;
    ev_io_init(&w->io, on_fd, fd, (read ? EV_READ : 0) | (write ? EV_WRITE : 0));
    ev_io_start(l->ev, &w->io);
}

void fd_watch_stop(struct fd_watch *w)
{
    ev_io_stop(w->loop->ev, &w->io);
}

/* -- the loop -- */

static void on_limit(struct ev_loop *ev UNUSED, ev_timer *w UNUSED, int revents UNUSED)
{
}

static void init_watchers(struct loop *l)
{
    /* libev calls what became ready in one turn by priority: the clocks first, the deadlines last.
     */
    ev_check_init(&l->turn_start, on_turn_start);
    l->turn_start.data = l;
    ev_set_priority(&l->turn_start, EV_MAXPRI);
    ev_check_start(l->ev, &l->turn_start);
    ev_timer_init(&l->wake, on_wake, 0.0, 0.0);
    l->wake.data = l;
    ev_set_priority(&l->wake, EV_MINPRI);
    ev_timer_init(&l->limit, on_limit, 0.0, 0.0);
    ev_async_init(&l->mail, on_mail);
    l->mail.data = l;
    ev_async_start(l->ev, &l->mail);
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof(*l));
    ASSERT(l != NULL);
    l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    ASSERT(l->ev != NULL);
    wheel_init(&l->wheel, clock_mono_ms());
    l->armed_tick = WHEEL_NO_TICK;
    list_init(&l->turn_ends);
    spares_init(&l->spares, SPARES_KEPT);
    arena_pool_init(&l->arenas, ARENA_BLOCKS_KEPT);
    init_watchers(l);
    return l;
}

void loop_free(struct loop **lp)
{
    struct loop *l = *lp;
    if (l == NULL)
        return;
    *lp = NULL;
    ASSERT(!l->in_turn);
    free_buried(l);
    spares_fini(&l->spares);
    arena_pool_fini(&l->arenas);
    ev_loop_destroy(l->ev);
    free(l->graves);
    free(l);
}

/* Work that was scheduled between turns does not wait for an event. */
static bool has_work(const struct loop *l)
{
    return !list_empty(&l->turn_ends) || l->grave_count > 0;
}

static void turn(struct loop *l, bool wait)
{
    ASSERT(!l->in_turn);
    l->in_turn = true;
    ev_run(l->ev, wait && !has_work(l) ? EVRUN_ONCE : EVRUN_NOWAIT);
    while (has_work(l)) {
        run_turn_ends(l);
        free_buried(l);
    }
    l->in_turn = false;
}

void loop_turn(struct loop *l, int64_t wait_ms)
{
    ev_now_update(l->ev);
    ev_timer_set(&l->limit, (double)wait_ms / 1000.0, 0.0);
    ev_timer_start(l->ev, &l->limit);
    turn(l, wait_ms > 0);
    ev_timer_stop(l->ev, &l->limit);
}

void loop_run(struct loop *l)
{
    while (!l->stopped)
        turn(l, true);
    l->stopped = false;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

struct ev_loop *loop_ev(struct loop *l)
{
    return l->ev;
}
