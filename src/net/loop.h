/* The event loop of one worker: sockets, coarse timers, work at the end of a turn, messages from
 * other threads, deferred frees. libev stays behind this header and stream.h. Everything here
 * belongs to the loop's own thread, except loop_post. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/spares.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Aborts when the kernel gives no epoll descriptor. */
struct loop *loop_new(void);
/* Frees what is still buried. Every timer and stream must be gone; messages that have not run are
 * dropped, not freed. */
void loop_free(struct loop **);
/* Runs until loop_stop; the turn that stops it is finished, its end included. */
void loop_run(struct loop *);
/* From the loop's own thread; from another one post a message that calls it. */
void loop_stop(struct loop *);
/* One turn, waiting at most `wait_ms` (tests). */
void loop_turn(struct loop *, int64_t wait_ms);

/* The clocks as read once at the start of the turn; between turns they are read anew. */
mono_ms loop_now(const struct loop *);
wall_ms loop_wall(const struct loop *);
/* Microseconds of the monotonic clock, read at the start of the turn. */
int64_t loop_now_us(const struct loop *);
struct ev_loop *loop_ev(struct loop *); /* for net/ alone */

/* -- timers: a wheel (net/wheel.h) behind one libev timer; any duration, setting and moving cost no
 * system call and no allocation. Granularity: fires between the deadline and 10 ms after it; what
 * became readable in the same turn is handled before. -- */
struct timer;
typedef void timer_fn(struct timer *);
struct timer {
    struct list node; /* linked to itself when not set */
    mono_ms at;
    int64_t due_tick; /* when the wheel looks at it: at `at` or before */
    timer_fn *fn;
    void *owner;
};
void timer_init(struct timer *, timer_fn *, void *owner);
/* Sets or moves the deadline to now + `ms` (0 to one year). Moving it forward only overwrites `at`;
 * the wheel notices when it gets there. */
void timer_set(struct loop *, struct timer *, int64_t ms);
/* Does nothing when not set. */
void timer_cancel(struct timer *);
bool timer_is_set(const struct timer *);

/* -- end of turn: called once after this turn's events, in the order of scheduling; for flushing
 * what the turn gathered -- */
struct turn_end;
typedef void turn_end_fn(struct turn_end *);
struct turn_end {
    struct list node;
    turn_end_fn *fn;
    void *owner;
};
void turn_end_init(struct turn_end *, turn_end_fn *, void *owner);
/* Idempotent within a turn. May be called from a turn-end function; it then runs in the same turn.
 */
void turn_end_schedule(struct loop *, struct turn_end *);
void turn_end_cancel(struct turn_end *);

/* -- messages between threads -- */
struct loop_msg;
typedef void loop_msg_fn(struct loop_msg *);
struct loop_msg {
    struct loop_msg *next;
    loop_msg_fn *fn; /* runs once on the receiving loop's thread; owns the message from then on */
};
/* From any thread; wakes the loop when it sleeps (one wake-up for any number of messages). Takes
 * the message. Order per sender is kept. */
void loop_post(struct loop *, struct loop_msg *);

/* -- memory that one thread's objects use again; warm -- */
struct spares *loop_spares(struct loop *);
struct arena_pool *loop_arenas(struct loop *);

/* -- deferred frees: `free_fn(obj)` runs after this turn, when no callback can still hold the
 * pointer -- */
void loop_bury(struct loop *, void *obj, void (*free_fn)(void *));

/* -- raw readiness of a descriptor, for libraries that bring their own sockets (c-ares) -- */
struct fd_watch;
typedef void fd_watch_fn(struct fd_watch *, bool readable, bool writable);
struct fd_watch {
    ev_io io;
    struct loop *loop;
    fd_watch_fn *fn;
    void *owner;
};
void fd_watch_start(struct loop *, struct fd_watch *, int fd, bool read, bool write, fd_watch_fn *,
                    void *owner);
void fd_watch_stop(struct fd_watch *);
