/* One worker thread and what it keeps; the control thread talks to it by messages. */
#pragma once

#include "main/acks.h"
#include "main/kept.h"
#include "main/sockets.h"
#include "main/tiers.h"
#include "proxy/worker.h"
#include "upstream/upstream.h"

/* What all workers share. Made by the control thread before them, freed after them. */
struct shared {
    struct log *log;
    struct flight_table *flights;
    struct uses *uses;
    struct upstream_health *health;
    struct tiers tiers;
    struct acks acks;
    uint64_t key_seed;
    pthread_mutex_t kept_lock;
    struct admin *admin;
    struct sockets sockets; /* the control thread's; workers read it in their steps alone */
};

struct generation;

#define THREAD_ERROR_BYTES 256

struct thread {
    struct shared *shared;
    struct worker *worker;
    struct kept kept;
    struct list generations; /* all that still serve; under shared.kept_lock where others read */
    bool started;
    pthread_t id;
    /* For the step that is asked for: set by the control thread before, read by it after the ack.
     */
    struct config *config;
    const int *fds;
    struct generation *next; /* prepared, not in use yet */
    char error[THREAD_ERROR_BYTES];
    /* Waiting for an end. */
    struct timer watch;
    mono_ms give_up_at;
};

typedef void thread_step_fn(struct thread *);

void thread_init(struct thread *, struct shared *, unsigned index);
/* Joined, or never started. True: all that it served has ended too. */
bool thread_fini(struct thread *);
NODISCARD bool thread_start(struct thread *);
void thread_join(struct thread *);
/* The worker runs `step` on its own thread; the step answers with acks_give, at once or later. */
void thread_post(struct thread *, thread_step_fn *step);

/* -- steps -- */

/* Makes `next` of `config`; on failure next stays NULL and `error` says why. Also called directly
 * while the thread has not been started. */
thread_step_fn thread_prepare;
/* The same with an ack. */
thread_step_fn thread_step_prepare;
/* Learns what has been purged before `next` is served; one worker does, for all. */
thread_step_fn thread_step_read_purges;
/* Serves `next` from now on, with `fds` by its listens. */
thread_step_fn thread_step_use;
/* Frees `next`. */
thread_step_fn thread_step_discard;
/* Closes the worker's listening sockets that are not wanted: its loop may still look at them. */
thread_step_fn thread_step_close_sockets;
/* Opens the access logs again. */
thread_step_fn thread_step_reopen;
/* Stops accepting, closes idle connections. */
thread_step_fn thread_step_drain;
/* Answers when no connection is left. */
thread_step_fn thread_step_await_drained;
/* Closes everything and ends the loop, at the latest after a while; thread_join tells. */
thread_step_fn thread_step_stop;
