#include "net/loop.h"

#include "net_helpers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MAX 64

/* A letter per event, in the order of events. */
struct journal {
    char text[LOG_MAX];
    size_t n;
};

static void note(struct journal *j, char c)
{
    assert_true(j->n + 1 < LOG_MAX);
    j->text[j->n++] = c;
    j->text[j->n] = 0;
}

struct actor {
    struct timer timer;
    struct turn_end end;
    struct loop_msg msg;
    struct loop *loop;
    struct journal *journal;
    char letter;
    int done;
    mono_ms deadline;
    struct timer *cancels;
    struct actor *schedules;
    struct actor *buries;
};

static void actor_free(void *arg)
{
    struct actor *a = arg;
    note(a->journal, a->letter);
    if (a->buries != NULL)
        loop_bury(a->loop, a->buries, actor_free);
    free(a);
}

static void act(struct actor *a)
{
    a->done++;
    note(a->journal, a->letter);
    if (a->cancels != NULL)
        timer_cancel(a->cancels);
    if (a->schedules != NULL) {
        turn_end_schedule(a->loop, &a->schedules->end);
        turn_end_schedule(a->loop, &a->schedules->end);
    }
    if (a->buries != NULL)
        loop_bury(a->loop, a->buries, actor_free);
}

static void actor_on_timer(struct timer *t)
{
    struct actor *a = t->owner;
    assert_true(clock_mono_ms() >= a->deadline);
    assert_false(timer_is_set(t));
    act(a);
}

static void actor_on_turn_end(struct turn_end *t)
{
    act(t->owner);
}

static void actor_on_msg(struct loop_msg *m)
{
    act(container_of(m, struct actor, msg));
}

static void actor_init(struct actor *a, struct loop *loop, struct journal *j, char letter)
{
    memset(a, 0, sizeof(*a));
    a->loop = loop;
    a->journal = j;
    a->letter = letter;
    timer_init(&a->timer, actor_on_timer, a);
    turn_end_init(&a->end, actor_on_turn_end, a);
    a->msg.fn = actor_on_msg;
}

static struct actor *actor_new(struct loop *loop, struct journal *j, char letter)
{
    struct actor *a = malloc(sizeof(*a));
    assert_non_null(a);
    actor_init(a, loop, j, letter);
    return a;
}

static void actor_set(struct actor *a, int64_t ms)
{
    a->deadline = loop_now(a->loop) + ms;
    timer_set(a->loop, &a->timer, ms);
}

struct world {
    struct loop *loop;
    struct journal journal;
};

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    w->loop = loop_new();
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    loop_free(&w->loop);
    assert_null(w->loop);
    free(w);
    return 0;
}

static void test_timers_fire_in_the_order_of_their_deadlines(void **state)
{
    struct world *w = *state;
    struct actor a[4];
    static const int64_t ms[] = {60, 20, 40, 0};
    for (int i = 0; i < 4; i++) {
        actor_init(&a[i], w->loop, &w->journal, (char)('a' + i));
        actor_set(&a[i], ms[i]);
        assert_true(timer_is_set(&a[i].timer));
    }
    test_turn_until(w->loop, &a[0].done);
    assert_string_equal(w->journal.text, "dbca");
}

static void test_a_timer_that_moves_fires_once_at_its_last_deadline(void **state)
{
    struct world *w = *state;
    struct actor mover;
    struct actor later;
    actor_init(&mover, w->loop, &w->journal, 'm');
    actor_init(&later, w->loop, &w->journal, '.');
    for (int64_t ms = 10; ms <= 50; ms += 10)
        actor_set(&mover, ms); /* forward */
    test_turn_until(w->loop, &mover.done);
    actor_set(&mover, 60000);
    actor_set(&mover, 5); /* backward */
    actor_set(&later, 40);
    test_turn_until(w->loop, &later.done);
    assert_string_equal(w->journal.text, "mm.");
}

static void test_a_callback_cancels_a_timer_of_its_own_tick(void **state)
{
    struct world *w = *state;
    struct actor a;
    struct actor b;
    struct actor c;
    actor_init(&a, w->loop, &w->journal, 'a');
    actor_init(&b, w->loop, &w->journal, 'b');
    actor_init(&c, w->loop, &w->journal, 'c');
    a.cancels = &b.timer;
    actor_set(&a, 0);
    actor_set(&b, 0);
    actor_set(&c, 30);
    test_turn_until(w->loop, &c.done);
    assert_string_equal(w->journal.text, "ac");
    timer_cancel(&c.timer);
}

static void clock_on_turn_end(struct turn_end *t)
{
    struct actor *a = t->owner;
    int64_t us = loop_now_us(a->loop);
    wall_ms wall = loop_wall(a->loop);
    mono_ms start = clock_mono_ms();
    while (clock_mono_ms() < start + 3)
        continue;
    assert_int_equal(loop_now_us(a->loop), us);
    assert_int_equal(loop_now(a->loop), us / 1000);
    assert_int_equal(loop_wall(a->loop), wall);
    assert_true(start - us / 1000 < PATIENCE_MS && us / 1000 <= start);
    a->done++;
}

static void test_the_clock_stands_still_during_a_turn(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->loop, &w->journal, 'a');
    turn_end_init(&a.end, clock_on_turn_end, &a);
    turn_end_schedule(w->loop, &a.end);
    test_turn_until(w->loop, &a.done);
    mono_ms before = clock_mono_ms();
    assert_true(loop_now(w->loop) >= before);
    assert_true(loop_wall(w->loop) >= clock_wall_ms() - PATIENCE_MS);
}

static void test_the_end_of_a_turn_keeps_the_order_of_scheduling(void **state)
{
    struct world *w = *state;
    struct actor a[5];
    for (int i = 0; i < 5; i++)
        actor_init(&a[i], w->loop, &w->journal, (char)('a' + i));
    a[1].schedules = &a[4]; /* from a turn-end function: the same turn */
    turn_end_schedule(w->loop, &a[2].end);
    turn_end_schedule(w->loop, &a[1].end);
    turn_end_schedule(w->loop, &a[3].end);
    turn_end_schedule(w->loop, &a[0].end);
    turn_end_schedule(w->loop, &a[2].end);
    turn_end_cancel(&a[3].end);
    turn_end_cancel(&a[3].end);
    loop_turn(w->loop, PATIENCE_MS); /* does not wait: there is work */
    assert_string_equal(w->journal.text, "cbae");
    loop_turn(w->loop, 0);
    assert_string_equal(w->journal.text, "cbae");
}

static void test_timers_and_messages_reach_the_end_of_their_own_turn(void **state)
{
    struct world *w = *state;
    struct actor timer;
    struct actor msg;
    struct actor end_of_timer;
    struct actor end_of_msg;
    actor_init(&timer, w->loop, &w->journal, 't');
    actor_init(&msg, w->loop, &w->journal, 'm');
    actor_init(&end_of_timer, w->loop, &w->journal, 'T');
    actor_init(&end_of_msg, w->loop, &w->journal, 'M');
    timer.schedules = &end_of_timer;
    msg.schedules = &end_of_msg;
    loop_post(w->loop, &msg.msg);
    loop_turn(w->loop, PATIENCE_MS);
    assert_string_equal(w->journal.text, "mM");
    actor_set(&timer, 1);
    while (timer.done == 0)
        loop_turn(w->loop, PATIENCE_MS);
    assert_string_equal(w->journal.text, "mMtT");
}

static void test_buried_objects_are_freed_after_the_turn_they_died_in(void **state)
{
    struct world *w = *state;
    struct actor msg;
    struct actor end;
    actor_init(&msg, w->loop, &w->journal, 'm');
    actor_init(&end, w->loop, &w->journal, 'e');
    msg.buries = actor_new(w->loop, &w->journal, '1');
    msg.buries->buries = actor_new(w->loop, &w->journal, '2');
    msg.schedules = &end;
    end.buries = actor_new(w->loop, &w->journal, '3');
    loop_post(w->loop, &msg.msg);
    loop_turn(w->loop, PATIENCE_MS);
    assert_string_equal(w->journal.text, "me132");
}

static void test_many_burials_and_what_is_left_are_freed(void **state)
{
    struct world *w = *state;
    struct journal many[100];
    for (int i = 0; i < 100; i++) {
        many[i].n = 0;
        loop_bury(w->loop, actor_new(w->loop, &many[i], 'x'), actor_free);
    }
    loop_turn(w->loop, PATIENCE_MS);
    for (int i = 0; i < 100; i++)
        assert_int_equal(many[i].n, 1);
    struct loop *other = loop_new();
    loop_bury(other, actor_new(other, &w->journal, 'f'), actor_free);
    loop_free(&other);
    assert_string_equal(w->journal.text, "f");
}

/* -- messages from other threads -- */

enum { SENDERS = 4, PER_SENDER = 2000 };

struct numbered {
    struct loop_msg msg;
    struct mailbox *box;
    int sender;
    int number;
};

struct mailbox {
    struct loop *loop;
    int next[SENDERS];
    int received;
};

static void mailbox_on_msg(struct loop_msg *m)
{
    struct numbered *n = container_of(m, struct numbered, msg);
    struct mailbox *box = n->box;
    assert_int_equal(n->number, box->next[n->sender]);
    box->next[n->sender]++;
    if (++box->received == SENDERS * PER_SENDER)
        loop_stop(box->loop);
    free(n);
}

struct sender {
    pthread_t thread;
    struct mailbox *box;
    int number;
};

static void *sender_run(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < PER_SENDER; i++) {
        struct numbered *n = malloc(sizeof(*n));
        *n = (struct numbered){{NULL, mailbox_on_msg}, s->box, s->number, i};
        loop_post(s->box->loop, &n->msg);
    }
    return NULL;
}

static void test_messages_of_threads_arrive_once_and_in_order(void **state)
{
    struct world *w = *state;
    struct mailbox box = {.loop = w->loop};
    struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i].box = &box;
        senders[i].number = i;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, sender_run, &senders[i]), 0);
    }
    loop_run(w->loop);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    assert_int_equal(box.received, SENDERS * PER_SENDER);
}

/* Two loops on two threads that answer each other: each message has to wake a loop that sleeps. */
struct rally {
    struct loop_msg msg;
    struct loop *here;
    struct loop *there;
    int left;
};

static void rally_on_msg(struct loop_msg *m)
{
    struct rally *r = container_of(m, struct rally, msg);
    struct loop *here = r->here;
    r->here = r->there;
    r->there = here;
    bool last = --r->left <= 0;
    if (r->left >= 0)
        loop_post(r->here, &r->msg);
    if (last)
        loop_stop(here);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void test_loops_wake_each_other(void **state)
{
    struct world *w = *state;
    struct loop *other = loop_new();
    struct rally rally = {{NULL, rally_on_msg}, w->loop, other, 1000};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_loop, other), 0);
    loop_post(w->loop, &rally.msg);
    loop_run(w->loop);
    pthread_join(thread, NULL);
    assert_int_equal(rally.left, -1);
    loop_free(&other);
}

static void again_on_msg(struct loop_msg *m)
{
    struct actor *a = container_of(m, struct actor, msg);
    note(a->journal, a->letter);
    if (++a->done < 3)
        loop_post(a->loop, m);
}

static void test_a_message_posted_by_a_message_comes_in_the_next_turn(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->loop, &w->journal, 'a');
    a.msg.fn = again_on_msg;
    loop_post(w->loop, &a.msg);
    for (int i = 1; i <= 3; i++) {
        loop_turn(w->loop, PATIENCE_MS);
        assert_int_equal(a.done, i);
    }
}

static void stop_on_turn_end(struct turn_end *t)
{
    struct actor *a = t->owner;
    act(a);
    loop_stop(a->loop);
}

static void test_the_turn_that_stops_the_loop_is_finished(void **state)
{
    struct world *w = *state;
    struct actor stop;
    struct actor end;
    actor_init(&stop, w->loop, &w->journal, 's');
    actor_init(&end, w->loop, &w->journal, 'e');
    turn_end_init(&stop.end, stop_on_turn_end, &stop);
    stop.schedules = &end;
    stop.buries = actor_new(w->loop, &w->journal, 'b');
    turn_end_schedule(w->loop, &stop.end);
    loop_run(w->loop);
    assert_string_equal(w->journal.text, "seb");
}

/* -- descriptors -- */

struct watched {
    struct fd_watch watch;
    int readable;
    int writable;
};

static void watched_on_ready(struct fd_watch *w, bool readable, bool writable)
{
    struct watched *x = w->owner;
    x->readable += readable;
    x->writable += writable;
    fd_watch_stop(w);
}

static void test_watched_descriptors_report_what_was_asked(void **state)
{
    struct world *w = *state;
    struct watched x = {.readable = 0};
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    fd_watch_start(w->loop, &x.watch, fds[0], false, true, watched_on_ready, &x);
    test_turn_until(w->loop, &x.writable);
    assert_int_equal(x.readable, 0);
    fd_watch_start(w->loop, &x.watch, fds[0], true, false, watched_on_ready, &x);
    loop_turn(w->loop, 0);
    assert_int_equal(x.readable, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    test_turn_until(w->loop, &x.readable);
    loop_turn(w->loop, 0);
    assert_int_equal(x.readable, 1);
    assert_int_equal(x.writable, 1);
    close(fds[0]);
    close(fds[1]);
}

struct race {
    struct fd_watch watch;
    struct actor *actor;
};

static void race_on_ready(struct fd_watch *w, bool readable UNUSED, bool writable UNUSED)
{
    struct race *r = w->owner;
    timer_cancel(&r->actor->timer);
    note(r->actor->journal, 'r');
    fd_watch_stop(w);
}

static void test_what_is_readable_comes_before_a_deadline_of_the_same_turn(void **state)
{
    struct world *w = *state;
    struct actor deadline;
    struct race race = {.actor = &deadline};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    actor_init(&deadline, w->loop, &w->journal, 'd');
    actor_set(&deadline, 1);
    fd_watch_start(w->loop, &race.watch, fds[0], true, false, race_on_ready, &race);
    assert_int_equal(write(fds[1], "x", 1), 1);
    mono_ms start = clock_mono_ms();
    while (clock_mono_ms() < start + 20) /* a process that was held up */
        continue;
    loop_turn(w->loop, PATIENCE_MS);
    loop_turn(w->loop, 0);
    assert_string_equal(w->journal.text, "r");
    close(fds[0]);
    close(fds[1]);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_timers_fire_in_the_order_of_their_deadlines),
        IN_WORLD(test_a_timer_that_moves_fires_once_at_its_last_deadline),
        IN_WORLD(test_a_callback_cancels_a_timer_of_its_own_tick),
        IN_WORLD(test_the_clock_stands_still_during_a_turn),
        IN_WORLD(test_the_end_of_a_turn_keeps_the_order_of_scheduling),
        IN_WORLD(test_timers_and_messages_reach_the_end_of_their_own_turn),
        IN_WORLD(test_buried_objects_are_freed_after_the_turn_they_died_in),
        IN_WORLD(test_many_burials_and_what_is_left_are_freed),
        IN_WORLD(test_messages_of_threads_arrive_once_and_in_order),
        IN_WORLD(test_loops_wake_each_other),
        IN_WORLD(test_a_message_posted_by_a_message_comes_in_the_next_turn),
        IN_WORLD(test_the_turn_that_stops_the_loop_is_finished),
        IN_WORLD(test_watched_descriptors_report_what_was_asked),
        IN_WORLD(test_what_is_readable_comes_before_a_deadline_of_the_same_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
