#include "net/wheel.h"

#include "net_helpers.h"

#include <stdlib.h>
#include <string.h>

#define START INT64_C(1000003)

struct probe {
    struct timer timer;
    struct wheel *wheel;
    mono_ms now;
    int fired;
    int order;
    int *counter;
    struct timer *victim;
    int64_t again_ms; /* -1: no */
};

static void probe_on_timer(struct timer *t)
{
    struct probe *p = t->owner;
    p->fired++;
    if (p->counter != NULL)
        p->order = ++*p->counter;
    if (p->victim != NULL)
        timer_cancel(p->victim);
    if (p->again_ms >= 0)
        wheel_set(p->wheel, t, p->now + p->again_ms, p->now);
}

static void probe_init(struct probe *p, struct wheel *w)
{
    memset(p, 0, sizeof(*p));
    p->wheel = w;
    p->again_ms = -1;
    timer_init(&p->timer, probe_on_timer, p);
}

static struct wheel *wheel_new(void)
{
    struct wheel *w = malloc(sizeof(*w));
    assert_non_null(w);
    wheel_init(w, START);
    return w;
}

/* Goes from look to look as the loop does, but never beyond `until`; returns how many looks that
 * took. */
static int run_until(struct wheel *w, mono_ms *now, mono_ms until)
{
    int looks = 0;
    for (;;) {
        int64_t wait = wheel_wait_ms(w, *now);
        if (wait < 0 || *now + wait > until)
            break;
        *now += wait;
        wheel_run(w, *now);
        looks++;
    }
    *now = until;
    return looks;
}

static const int64_t durations[] = {
    0,        1,          3,          4,           5,           7,
    8,        250,        251,        252,         253,         255,
    256,      257,        1000,       1023,        1024,        5000,
    16380,    16384,      16385,      60000,       65000,       1048575,
    1048576,  1048577,    3600000,    67108863,    67108864,    86400000,
    86400001, 2592000000, 4294967296, 17179869184, 31536000000, WHEEL_MAX_MS,
};

static void test_each_duration_fires_in_time(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        for (int64_t offset = 0; offset < 300; offset += 37) {
            struct wheel *w = wheel_new();
            struct probe p;
            probe_init(&p, w);
            mono_ms set_at = START + offset;
            wheel_set(w, &p.timer, set_at + durations[i], set_at);
            mono_ms now = set_at;
            int looks = run_until(w, &now, set_at + durations[i] - 1);
            assert_int_equal(p.fired, 0);
            looks += run_until(w, &now, set_at + durations[i] + 2 * WHEEL_TICK_MS);
            assert_int_equal(p.fired, 1);
            assert_true(looks <= WHEEL_LEVELS);
            assert_int_equal(wheel_wait_ms(w, now), -1);
            free(w);
        }
    }
}

static void test_an_idle_wheel_wakes_nobody_early(void **state UNUSED)
{
    struct wheel *w = wheel_new();
    struct probe p;
    probe_init(&p, w);
    mono_ms now = START + 123456789;
    wheel_set(w, &p.timer, now + 20, now);
    assert_true(wheel_wait_ms(w, now) >= 20);
    free(w);
}

static void test_deadlines_fire_in_order(void **state UNUSED)
{
    struct wheel *w = wheel_new();
    static const int64_t ms[] = {5000, 20, 70000, 300, 0, 2000000, 40};
    static const int order[] = {5, 2, 6, 4, 1, 7, 3};
    struct probe p[ARRAY_LEN(ms)];
    int counter = 0;
    for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
        probe_init(&p[i], w);
        p[i].counter = &counter;
        wheel_set(w, &p[i].timer, START + ms[i], START);
    }
    wheel_run(w, START + 3000000); /* a loop that was held up finds them all at once */
    for (size_t i = 0; i < ARRAY_LEN(ms); i++)
        assert_int_equal(p[i].order, order[i]);
    free(w);
}

static void test_moving_forward_does_not_relink(void **state UNUSED)
{
    struct wheel *w = wheel_new();
    struct probe p;
    probe_init(&p, w);
    wheel_set(w, &p.timer, START + 1000, START);
    struct list *neighbour = p.timer.node.next;
    int64_t due = p.timer.due_tick;
    mono_ms now = START;
    for (int i = 0; i < 1000; i++) {
        now += 10;
        wheel_set(w, &p.timer, now + 1000, now);
        if (now < START + 500)
            assert_ptr_equal(p.timer.node.next, neighbour);
        if (now < START + 500)
            assert_int_equal(p.timer.due_tick, due);
        wheel_run(w, now);
        assert_int_equal(p.fired, 0);
    }
    run_until(w, &now, now + 999);
    assert_int_equal(p.fired, 0);
    run_until(w, &now, now + 1 + WHEEL_TICK_MS);
    assert_int_equal(p.fired, 1);
    free(w);
}

static void test_moving_backward_fires_at_the_new_deadline(void **state UNUSED)
{
    struct wheel *w = wheel_new();
    struct probe p;
    probe_init(&p, w);
    wheel_set(w, &p.timer, START + 60000, START);
    wheel_set(w, &p.timer, START + 100, START);
    mono_ms now = START;
    run_until(w, &now, START + 99);
    assert_int_equal(p.fired, 0);
    run_until(w, &now, START + 100 + WHEEL_TICK_MS);
    assert_int_equal(p.fired, 1);
    run_until(w, &now, START + 100000);
    assert_int_equal(p.fired, 1);
    free(w);
}

static void test_callbacks_cancel_others_of_their_tick(void **state UNUSED)
{
    struct wheel *w = wheel_new();
    struct probe a;
    struct probe b;
    probe_init(&a, w);
    probe_init(&b, w);
    a.victim = &b.timer;
    b.victim = &a.timer;
    wheel_set(w, &a.timer, START + 100, START);
    wheel_set(w, &b.timer, START + 100, START);
    wheel_run(w, START + 200);
    assert_int_equal(a.fired + b.fired, 1);
    assert_false(timer_is_set(&a.timer) || timer_is_set(&b.timer));
    free(w);
}

static void test_a_callback_that_sets_itself_to_now_does_not_hold_the_loop(void **state UNUSED)
{
    struct wheel *w = wheel_new();
    struct probe p;
    probe_init(&p, w);
    p.again_ms = 0;
    p.now = START + 1000;
    wheel_set(w, &p.timer, START, START);
    wheel_run(w, p.now);
    assert_true(p.fired <= 2);
    assert_true(timer_is_set(&p.timer));
    int before = p.fired;
    p.now += WHEEL_TICK_MS;
    wheel_run(w, p.now);
    assert_true(p.fired > before);
    free(w);
}

static void test_a_cancelled_timer_does_not_fire(void **state UNUSED)
{
    struct wheel *w = wheel_new();
    struct probe p;
    probe_init(&p, w);
    timer_cancel(&p.timer);
    wheel_set(w, &p.timer, START + 10, START);
    assert_true(timer_is_set(&p.timer));
    timer_cancel(&p.timer);
    assert_false(timer_is_set(&p.timer));
    wheel_run(w, START + 1000);
    assert_int_equal(p.fired, 0);
    assert_int_equal(wheel_wait_ms(w, START + 1000), -1);
    free(w);
}

/* Many timers set, moved and cancelled at random, against the plain definition: fires once, not
 * before its deadline, and at the first look that comes a tick after it. */
static void test_any_sequence_keeps_each_deadline(void **state UNUSED)
{
    enum { TIMERS = 200, STEPS = 20000 };
    struct wheel *w = wheel_new();
    static const int64_t scales[] = {10, 300, 5000, 40000, 3000000, 100000000};
    struct probe *p = calloc(TIMERS, sizeof(*p));
    mono_ms deadline[TIMERS];
    for (int i = 0; i < TIMERS; i++) {
        probe_init(&p[i], w);
        deadline[i] = -1;
    }
    mono_ms now = START;
    unsigned short seed[3] = {1, 2, 3};
    for (int step = 0; step < STEPS; step++) {
        int64_t scale = scales[nrand48(seed) % (long)ARRAY_LEN(scales)];
        int i = (int)(nrand48(seed) % TIMERS);
        if (nrand48(seed) % 4 == 0) {
            timer_cancel(&p[i].timer);
            deadline[i] = -1;
        } else {
            deadline[i] = now + nrand48(seed) % scale;
            wheel_set(w, &p[i].timer, deadline[i], now);
        }
        if (nrand48(seed) % 3 == 0)
            now += nrand48(seed) % (scale / 4 + 1);
        else
            now += nrand48(seed) % 5;
        wheel_run(w, now);
        for (int k = 0; k < TIMERS; k++) {
            if (p[k].fired > 0) {
                assert_int_equal(p[k].fired, 1);
                assert_true(deadline[k] >= 0 && deadline[k] <= now);
                deadline[k] = -1;
                p[k].fired = 0;
            }
            assert_true(deadline[k] < 0 || deadline[k] > now - 2 * WHEEL_TICK_MS);
        }
    }
    free(p);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_duration_fires_in_time),
        cmocka_unit_test(test_an_idle_wheel_wakes_nobody_early),
        cmocka_unit_test(test_deadlines_fire_in_order),
        cmocka_unit_test(test_moving_forward_does_not_relink),
        cmocka_unit_test(test_moving_backward_fires_at_the_new_deadline),
        cmocka_unit_test(test_callbacks_cancel_others_of_their_tick),
        cmocka_unit_test(test_a_callback_that_sets_itself_to_now_does_not_hold_the_loop),
        cmocka_unit_test(test_a_cancelled_timer_does_not_fire),
        cmocka_unit_test(test_any_sequence_keeps_each_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
