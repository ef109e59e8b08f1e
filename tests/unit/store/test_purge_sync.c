/* Two processes and the copy of a log of purges in a real memcached. */
#include "store/purge_sync.h"

#include "base/assert.h"
#include "store/store_helpers.h"

#include <stdlib.h>

/* One process. */
struct side {
    struct purge_book *book;
    struct purge_sync *sync;
    struct store_sync one;
    int calls;
};

struct fixture {
    struct memcached memcached;
    struct rig rig;
    struct mc_key_maker *keys;
    struct side a;
    struct side b;
};

static void side_on_sync(struct store_sync *one)
{
    ((struct side *)one->owner)->calls++;
}

static void side_init(struct fixture *f, struct side *s)
{
    *s = (struct side){.book = purge_book_new(true, clock_wall_ms())};
    s->sync = purge_sync_new(f->rig.pool, f->keys, SLICE("site1"), SLICE("pages"), s->book);
}

static void side_fini(struct side *s)
{
    purge_sync_free(&s->sync);
    purge_book_free(&s->book);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    rig_start(&f->rig, &f->memcached);
    f->keys = mc_key_maker_new();
    side_init(f, &f->a);
    side_init(f, &f->b);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    side_fini(&f->a);
    side_fini(&f->b);
    mc_key_maker_free(&f->keys);
    rig_fini(&f->rig);
    if (f->memcached.pid != 0)
        memcached_kill(&f->memcached);
    free(f);
    return 0;
}

static bool start(struct side *s)
{
    s->one = (struct store_sync){.fn = side_on_sync, .owner = s};
    s->calls = 0;
    return purge_sync_start(s->sync, &s->one);
}

static void until_done(struct fixture *f, struct side *s)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (s->calls == 0 && clock_mono_ms() < end)
        loop_turn(f->rig.loop, 1);
    assert_int_equal(s->calls, 1);
}

static void sync_one(struct fixture *f, struct side *s)
{
    assert_true(start(s));
    until_done(f, s);
    assert_int_equal(s->one.servers, 1);
    assert_int_equal(s->one.failed_n, 0);
}

static uint64_t purge(struct side *s, const char *tag)
{
    struct purge_scope scope = {PURGE_TAG, slice_of(tag)};
    return purge_book_add(s->book, &scope, 1, false, clock_wall_ms());
}

static bool has_purged(struct side *s, const char *tags, uint64_t since)
{
    const struct purge_subject subject = {SLICE("KEY"), slice_of(tags)};
    return !purge_is_current(s->book, &subject, since);
}

static void the_first_one_begins_the_log(void **state)
{
    struct fixture *f = *state;
    sync_one(f, &f->a);
    assert_true(purge_book_is_known(f->a.book));
    sync_one(f, &f->b);
    assert_int_equal(purge_book_newest(f->b.book), purge_book_newest(f->a.book));
}

static void a_purge_gets_to_the_other(void **state)
{
    struct fixture *f = *state;
    sync_one(f, &f->a);
    sync_one(f, &f->b);
    uint64_t before = purge_book_newest(f->b.book);
    (void)purge(&f->a, "red");
    sync_one(f, &f->a);
    assert_false(has_purged(&f->b, "example.com/ red", before));
    sync_one(f, &f->b);
    assert_true(has_purged(&f->b, "example.com/ red", before));
    assert_false(has_purged(&f->b, "example.com/ blue", before));
}

static void purges_at_once_both_count(void **state)
{
    struct fixture *f = *state;
    sync_one(f, &f->a);
    sync_one(f, &f->b);
    uint64_t before = purge_book_newest(f->b.book);
    (void)purge(&f->a, "red");
    (void)purge(&f->b, "blue");
    assert_true(start(&f->a));
    assert_true(start(&f->b));
    until_done(f, &f->a);
    until_done(f, &f->b);
    sync_one(f, &f->a);
    sync_one(f, &f->b);
    assert_true(has_purged(&f->a, "example.com/ blue", before));
    assert_true(has_purged(&f->b, "example.com/ red", before));
    assert_int_equal(purge_book_newest(f->b.book), purge_book_newest(f->a.book));
}

static void who_comes_while_one_is_under_way_gets_another(void **state)
{
    struct fixture *f = *state;
    struct store_sync later = {.fn = side_on_sync, .owner = &f->b};
    assert_true(start(&f->a));
    (void)purge(&f->a, "red");
    assert_true(purge_sync_start(f->a.sync, &later));
    until_done(f, &f->a);
    until_done(f, &f->b);
    sync_one(f, &f->b);
    assert_true(has_purged(&f->b, "example.com/ red", 0));
}

static void a_lost_log_is_written_again(void **state)
{
    struct fixture *f = *state;
    sync_one(f, &f->a);
    uint64_t before = purge_book_newest(f->a.book);
    (void)purge(&f->a, "red");
    sync_one(f, &f->a);
    memcached_kill(&f->memcached);
    rig_until_state(&f->rig, 0, MC_SERVER_DOWN);
    memcached_start_again(&f->memcached);
    rig_until_state(&f->rig, 0, MC_SERVER_UP);
    sync_one(f, &f->a);
    sync_one(f, &f->b);
    assert_true(has_purged(&f->b, "example.com/ red", before));
    assert_int_equal(purge_book_newest(f->b.book), purge_book_newest(f->a.book));
}

static void without_the_server_it_says_so(void **state)
{
    struct fixture *f = *state;
    memcached_kill(&f->memcached);
    rig_until_state(&f->rig, 0, MC_SERVER_DOWN);
    assert_false(start(&f->a));
    assert_int_equal(f->a.one.failed_n, 1);
    assert_false(purge_book_is_known(f->a.book));
    memcached_start_again(&f->memcached);
}

static void one_that_is_cancelled_is_not_called(void **state)
{
    struct fixture *f = *state;
    assert_true(start(&f->a));
    purge_sync_cancel(&f->a.one);
    sync_one(f, &f->b);
    assert_int_equal(f->a.calls, 0);
    f->b.calls = 0;
    sync_one(f, &f->a);
}

#define WITH_MEMCACHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MEMCACHED(the_first_one_begins_the_log),
        WITH_MEMCACHED(a_purge_gets_to_the_other),
        WITH_MEMCACHED(purges_at_once_both_count),
        WITH_MEMCACHED(who_comes_while_one_is_under_way_gets_another),
        WITH_MEMCACHED(a_lost_log_is_written_again),
        WITH_MEMCACHED(without_the_server_it_says_so),
        WITH_MEMCACHED(one_that_is_cancelled_is_not_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
