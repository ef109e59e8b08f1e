#include "main/thread.h"

#include "admin/admin.h"
#include "base/assert.h"
#include "main/generation.h"
#include "proxy/tunnel.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WATCH_MS   10
#define GIVE_UP_MS 500 /* for exchanges with origins that nobody waits for any more */

void thread_init(struct thread *t, struct shared *shared, unsigned index)
{
    *t = (struct thread){.shared = shared};
    t->worker = worker_new(index, shared->log, shared->flights, shared->uses, shared->key_seed);
    t->worker->admin = admin_handle;
    t->worker->admin_owner = shared->admin;
    t->worker->owner = t;
    list_init(&t->generations);
    timer_init(&t->watch, NULL, t);
    kept_init(&t->kept, t->worker, &shared->kept_lock);
}

bool thread_fini(struct thread *t)
{
    if (t->next)
        generation_free(&t->next);
    bool clean = list_empty(&t->generations);
    if (clean)
        worker_free(&t->worker);
    return clean;
}

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    char name[16];
    (void)snprintf(name, sizeof name, "worker %u", t->worker->index);
    (void)pthread_setname_np(pthread_self(), name);
    loop_run(t->worker->loop);
    return NULL;
}

bool thread_start(struct thread *t)
{
    t->started = pthread_create(&t->id, NULL, thread_main, t) == 0;
    return t->started;
}

void thread_join(struct thread *t)
{
    if (t->started)
        (void)pthread_join(t->id, NULL);
    t->started = false;
}

/* -- messages -- */

struct thread_msg {
    struct loop_msg msg;
    struct thread *thread;
    thread_step_fn *step;
};

static void thread_on_msg(struct loop_msg *msg)
{
    struct thread_msg *m = container_of(msg, struct thread_msg, msg);
    struct thread *t = m->thread;
    thread_step_fn *step = m->step;
    free(m);
    step(t);
}

void thread_post(struct thread *t, thread_step_fn *step)
{
    struct thread_msg *m = calloc(1, sizeof *m);
    ASSERT(m);
    m->msg.fn = thread_on_msg;
    m->thread = t;
    m->step = step;
    loop_post(t->worker->loop, &m->msg);
}

/* -- configurations -- */

void thread_prepare(struct thread *t)
{
    t->error[0] = '\0';
    t->next = generation_new(t, t->config, t->error, sizeof t->error);
}

void thread_step_prepare(struct thread *t)
{
    thread_prepare(t);
    acks_give(&t->shared->acks);
}

static void thread_on_purges_read(void *owner)
{
    struct thread *t = owner;
    acks_give(&t->shared->acks);
}

void thread_step_read_purges(struct thread *t)
{
    if (t->worker->index == 0)
        generation_read_purges(t->next, thread_on_purges_read, t);
    else
        acks_give(&t->shared->acks);
}

void thread_step_use(struct thread *t)
{
    struct generation *g = t->next;
    t->next = NULL;
    generation_use(g, t->fds);
    acks_give(&t->shared->acks);
}

void thread_step_discard(struct thread *t)
{
    if (t->next)
        generation_free(&t->next);
    acks_give(&t->shared->acks);
}

void thread_step_close_sockets(struct thread *t)
{
    const struct sockets *all = &t->shared->sockets;
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].worker == t->worker->index && !all->v[i].wanted)
            (void)close(all->v[i].fd);
    acks_give(&t->shared->acks);
}

void thread_step_reopen(struct thread *t)
{
    kept_logs_reopen(&t->kept);
    acks_give(&t->shared->acks);
}

/* -- ending -- */

void thread_step_drain(struct thread *t)
{
    worker_drain(t->worker);
    acks_give(&t->shared->acks);
}

static void watch(struct thread *t, timer_fn *fn)
{
    timer_cancel(&t->watch);
    timer_init(&t->watch, fn, t);
    fn(&t->watch);
}

static void drained_on_watch(struct timer *timer)
{
    struct thread *t = timer->owner;
    if (worker_drained(t->worker))
        acks_give(&t->shared->acks);
    else
        timer_set(t->worker->loop, timer, WATCH_MS);
}

void thread_step_await_drained(struct thread *t)
{
    watch(t, drained_on_watch);
}

static void ended_on_watch(struct timer *timer)
{
    struct thread *t = timer->owner;
    struct loop *loop = t->worker->loop;
    if (!list_empty(&t->generations) && loop_now(loop) < t->give_up_at) {
        timer_set(loop, timer, WATCH_MS);
        return;
    }
    kept_logs_flush(&t->kept); /* where something is left they are not closed */
    loop_stop(loop);
}

void thread_step_stop(struct thread *t)
{
    struct worker *w = t->worker;
    worker_drain(w);
    worker_close_clients(w);
    worker_conf_unref(&w->conf);
    t->give_up_at = loop_now(w->loop) + GIVE_UP_MS;
    watch(t, ended_on_watch);
}
