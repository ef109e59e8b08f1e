/* One flight, its writer and its readers on loops of three threads: megabytes pass through it while
 * readers join, dawdle and leave. Made for the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "proxy/flight.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 3, READERS_EACH = 4, TOTAL = 10 * 1000 * 1000, WINDOW = 64 * 1024 };

static const struct cache_key key = {SLICE_INIT("key"), 42};

struct scene;

struct party {
    struct scene *scene;
    struct loop *loop;
    struct flight_reader *reader;
    struct timer pause;
    struct loop_msg join;
    uint64_t offset;
    uint64_t leave_at; /* bytes; 0: reads to the end */
    int64_t pause_ms;  /* between two takes; 0: none */
    uint64_t wrong;    /* bytes that were not the writer's */
    bool complete;
};

struct worker_thread {
    pthread_t id;
    struct loop *loop;
    struct loop_msg stop;
};

struct scene {
    struct flight_table *table;
    struct worker_thread threads[THREADS];
    struct party parties[THREADS * READERS_EACH];
    struct flight_writer *writer;
    struct loop_msg begin;
    struct loop_msg go_on;
    uint64_t written;
    uint64_t limit; /* bytes to write until all have joined */
    uint32_t random;
    bool collect;
    struct blob *copy; /* what was collected */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int joined;
    int running; /* the writer and the readers that are not done */
};

static char byte_at(uint64_t offset)
{
    return (char)(offset * 31 + offset / 4093);
}

static void count(struct scene *s, int *what, int change)
{
    pthread_mutex_lock(&s->lock);
    *what += change;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void wait_for(struct scene *s, const int *what, int value)
{
    pthread_mutex_lock(&s->lock);
    while (*what != value)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* -- readers -- */

static void party_check(struct party *p, struct slice bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        p->wrong += bytes.p[i] != byte_at(p->offset + i);
    p->offset += bytes.n;
}

static void party_done(struct party *p)
{
    flight_leave(&p->reader);
    timer_cancel(&p->pause);
    count(p->scene, &p->scene->running, -1);
}

static void party_read(struct party *p)
{
    struct flight_piece pieces[16];
    size_t n;
    bool end = false;
    if (flight_state(p->reader) == FLIGHT_PENDING)
        return;
    do {
        n = flight_take(p->reader, pieces, 16, &end);
        for (size_t i = 0; i < n; i++) {
            party_check(p, pieces[i].bytes);
            blob_unref(&pieces[i].blob);
        }
    } while (n == 16 && p->pause_ms == 0);
    p->complete = end;
    if (end || (p->leave_at && p->offset >= p->leave_at))
        party_done(p);
    else if (p->pause_ms > 0)
        timer_set(p->loop, &p->pause, p->pause_ms);
}

static void party_on_progress(struct flight_reader *r)
{
    struct party *p = r->owner;
    if (!timer_is_set(&p->pause))
        party_read(p);
}

static void party_on_pause(struct timer *t)
{
    party_read(t->owner);
}

static void party_on_join(struct loop_msg *m)
{
    struct party *p = container_of(m, struct party, join);
    bool leader = false;
    p->reader = flight_join(p->scene->table, &key, false, p->loop, party_on_progress, p, &leader);
    ASSERT(!leader);
    count(p->scene, &p->scene->joined, 1);
}

/* -- the writer, on the first thread -- */

static size_t next_size(struct scene *s)
{
    s->random = s->random * 1103515245 + 12345;
    size_t n = 1 + (s->random >> 16) % 20000;
    return n < s->limit - s->written ? n : s->limit - s->written;
}

static void write_on(struct scene *s)
{
    bool room = true;
    while (room && s->written < s->limit) {
        size_t n = next_size(s);
        struct blob *b = blob_new(n);
        for (size_t i = 0; i < n; i++)
            b->data[i] = byte_at(s->written + i);
        b->len = n;
        s->written += n;
        room = flight_append(s->writer, b, blob_slice(b));
        blob_unref(&b);
    }
    if (s->written < TOTAL)
        return;
    if (s->collect)
        flight_collected(s->writer, s->copy->data, TOTAL);
    flight_end(&s->writer, FLIGHT_COMPLETE, 0);
    count(s, &s->running, -1);
}

static void on_wake(void *owner)
{
    struct scene *s = owner;
    if (!flight_window_full(s->writer))
        write_on(s);
}

static void on_begin(struct loop_msg *m)
{
    struct scene *s = container_of(m, struct scene, begin);
    struct flight_response *r = ARENA_NEW(flight_arena(s->writer), struct flight_response);
    r->head.status = 200;
    flight_publish_head(s->writer, r, true, s->collect, WINDOW);
    write_on(s);
}

static void on_go_on(struct loop_msg *m)
{
    struct scene *s = container_of(m, struct scene, go_on);
    s->limit = TOTAL;
    if (!flight_window_full(s->writer))
        write_on(s);
}

/* -- threads -- */

static void *thread_main(void *arg)
{
    loop_run(((struct worker_thread *)arg)->loop);
    return NULL;
}

static void on_stop(struct loop_msg *m)
{
    loop_stop(container_of(m, struct worker_thread, stop)->loop);
}

static void party_init(struct scene *s, size_t i)
{
    struct party *p = &s->parties[i];
    size_t round = i / THREADS;
    *p = (struct party){.scene = s, .loop = s->threads[i % THREADS].loop};
    p->join.fn = party_on_join;
    p->pause_ms = round == 1 ? 1 : 0;
    p->leave_at = round == 3 ? TOTAL / 4 * (1 + i % THREADS) : 0;
    timer_init(&p->pause, party_on_pause, p);
    s->running++;
}

static struct scene *scene_new(bool collect)
{
    struct scene *s = calloc(1, sizeof *s);
    s->table = flight_table_new();
    s->collect = collect;
    s->random = 7;
    s->copy = blob_new(TOTAL);
    s->limit = TOTAL / 2;
    s->begin.fn = on_begin;
    s->go_on.fn = on_go_on;
    s->running = 1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        s->threads[i].loop = loop_new();
        s->threads[i].stop.fn = on_stop;
    }
    for (size_t i = 0; i < ARRAY_LEN(s->parties); i++)
        party_init(s, i);
    return s;
}

static void scene_free(struct scene *s)
{
    for (size_t i = 0; i < THREADS; i++) {
        loop_post(s->threads[i].loop, &s->threads[i].stop);
        pthread_join(s->threads[i].id, NULL);
        loop_free(&s->threads[i].loop);
    }
    flight_table_free(&s->table);
    blob_unref(&s->copy);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

static void threads_start(struct scene *s)
{
    bool leader = false;
    struct party *first = &s->parties[0];
    first->reader =
        flight_join(s->table, &key, false, first->loop, party_on_progress, first, &leader);
    assert_true(leader);
    s->writer = flight_attach_writer(first->reader, s->threads[0].loop, on_wake, s);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&s->threads[i].id, NULL, thread_main, &s->threads[i]), 0);
}

/* The first `early` readers wait for the head, the others join while content passes. */
static void run(struct scene *s, size_t early)
{
    size_t n = ARRAY_LEN(s->parties);
    threads_start(s);
    for (size_t i = 1; i < early; i++)
        loop_post(s->parties[i].loop, &s->parties[i].join);
    wait_for(s, &s->joined, (int)early - 1);
    loop_post(s->threads[0].loop, &s->begin);
    for (size_t i = early; i < n; i++)
        loop_post(s->parties[i].loop, &s->parties[i].join);
    wait_for(s, &s->joined, (int)n - 1);
    loop_post(s->threads[0].loop, &s->go_on);
    wait_for(s, &s->running, 0);
}

static void assert_all_read(const struct scene *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->parties); i++) {
        const struct party *p = &s->parties[i];
        assert_int_equal(p->wrong, 0);
        assert_null(p->reader);
        if (p->leave_at) {
            assert_true(p->offset >= p->leave_at || p->complete);
        } else {
            assert_true(p->complete);
            assert_int_equal(p->offset, TOTAL);
        }
    }
}

static void collected_content_passes_to_all(void **state)
{
    (void)state;
    struct scene *s = scene_new(true);
    run(s, ARRAY_LEN(s->parties));
    assert_all_read(s);
    uint64_t wrong = 0;
    for (size_t i = 0; i < TOTAL; i++)
        wrong += s->copy->data[i] != byte_at(i);
    assert_int_equal(wrong, 0);
    scene_free(s);
}

static void content_passes_to_those_who_join_late(void **state)
{
    (void)state;
    struct scene *s = scene_new(true);
    run(s, 2);
    assert_all_read(s);
    scene_free(s);
}

static void content_that_is_dropped_behind_the_readers_passes_to_all(void **state)
{
    (void)state;
    struct scene *s = scene_new(false);
    run(s, ARRAY_LEN(s->parties));
    assert_all_read(s);
    scene_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collected_content_passes_to_all),
        cmocka_unit_test(content_passes_to_those_who_join_late),
        cmocka_unit_test(content_that_is_dropped_behind_the_readers_passes_to_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
