/* Values with two places, and lookups that go from place to place, against real memcacheds. */
#include "mc_helpers.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct memcached memcached[2];
    struct rig rig; /* both, with two copies */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    rig_init(&f->rig);
    for (size_t i = 0; i < 2; i++) {
        memcached_start(&f->memcached[i]);
        rig_add(&f->rig, f->memcached[i].address);
    }
    f->rig.conf.replicas = 2;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    for (size_t i = 0; i < 2; i++)
        if (f->memcached[i].pid != 0)
            memcached_kill(&f->memcached[i]);
    free(f);
    return 0;
}

static void open_and_connect(struct rig *rig)
{
    rig_open(rig);
    for (size_t i = 0; i < rig->conf.servers_n; i++)
        rig_until_state(rig, i, MC_SERVER_UP);
}

/* A pool that has only this server. */
static void rig_of_one(struct rig *rig, const struct memcached *memcached)
{
    rig_init(rig);
    rig_add(rig, memcached->address);
    open_and_connect(rig);
}

static size_t first_of(struct rig *rig, const char *key)
{
    struct mc_key k;
    key_of(key, &k);
    return mc_pool_server_of(rig->pool, &k);
}

static enum mc_result ask(struct rig *rig, const char *key, struct probe *p, unsigned next,
                          struct mc_ask what)
{
    *p =
        (struct probe){.get = {.fn = probe_on_get, .owner = p, .next = (uint8_t)next, .ask = what}};
    p->get.keep = true;
    key_of(key, &p->get.key);
    p->result = mc_pool_get(rig->pool, &p->get);
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (!probe_done(p) && clock_mono_ms() < end)
        loop_turn(rig->loop, 100);
    assert_true(probe_done(p));
    return p->result;
}

static enum mc_result look(struct rig *rig, const char *key, struct probe *p, unsigned next)
{
    return ask(rig, key, p, next, (struct mc_ask){0});
}

/* What was sent has been done: a lookup behind it is answered. Twice, for what is sent to the
 * second server when the first has answered. */
static void settle(struct rig *rig)
{
    struct probe p;
    char key[16];
    for (size_t round = 0; round < 2; round++)
        for (size_t server = 0; server < rig->conf.servers_n; server++) {
            int i = 0;
            do
                (void)snprintf(key, sizeof(key), "none%d", i++);
            while (first_of(rig, key) != server);
            assert_int_equal(look(rig, key, &p, 0), MC_MISS);
        }
}

static void store(struct rig *rig, const char *key, const char *value, int64_t ttl_s, uint64_t cas)
{
    struct mc_key k;
    struct blob *blob = blob_of(value);
    key_of(key, &k);
    (void)mc_pool_set_over(rig->pool, &k, blob, 7, ttl_s, cas);
    blob_unref(&blob);
}

/* The value and the time that it has left at one server. */
static void expect_at(const struct memcached *memcached, const char *key, const char *value,
                      int32_t ttl_s)
{
    struct rig one;
    struct probe p;
    print_message("%s at %s\n", key, memcached->address);
    rig_of_one(&one, memcached);
    enum mc_result result = ask(&one, key, &p, 0, (struct mc_ask){.origin = true});
    assert_int_equal(result, value != NULL ? MC_HIT : MC_MISS);
    if (value != NULL) {
        probe_expect(&p, value);
        assert_int_equal(p.get.item.flags, 7);
        assert_in_range(p.get.item.ttl_s, ttl_s - 2, ttl_s);
    }
    rig_fini(&one);
}

static void test_store_is_at_both(void **state)
{
    struct fixture *f = *state;
    f->rig.conf.replica_ttl_ms = 100000;
    open_and_connect(&f->rig);
    store(&f->rig, "a", "hello", 1000, 0);
    settle(&f->rig);
    size_t first = first_of(&f->rig, "a");
    expect_at(&f->memcached[first], "a", "hello", 1000);
    expect_at(&f->memcached[1 - first], "a", "hello", 100);
}

static void test_short_life_is_that_of_both(void **state)
{
    struct fixture *f = *state;
    open_and_connect(&f->rig);
    store(&f->rig, "a", "hello", 50, 0);
    settle(&f->rig);
    for (size_t i = 0; i < 2; i++)
        expect_at(&f->memcached[i], "a", "hello", 50);
}

/* What the first server does not take comes to neither. */
static void test_refused_store_is_at_neither(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    struct mc_key key;
    open_and_connect(&f->rig);
    assert_int_equal(ask(&f->rig, "a", &p, 0, (struct mc_ask){.cas = true, .lease_s = 30}),
                     MC_MISS);
    assert_true(p.get.item.won);
    key_of("a", &key);
    mc_pool_del(f->rig.pool, &key);
    store(&f->rig, "a", "purged", 1000, p.get.item.cas);
    settle(&f->rig);
    assert_int_equal(rig_count(&f->rig, MC_SETS_OVERTAKEN), 1);
    for (size_t i = 0; i < 2; i++)
        expect_at(&f->memcached[i], "a", NULL, 0);
    assert_int_equal(rig_count(&f->rig, MC_SETS), 1);
}

static void test_leased_store_is_at_both(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    open_and_connect(&f->rig);
    assert_int_equal(ask(&f->rig, "a", &p, 0, (struct mc_ask){.cas = true, .lease_s = 30}),
                     MC_MISS);
    store(&f->rig, "a", "hello", 100, p.get.item.cas);
    settle(&f->rig);
    for (size_t i = 0; i < 2; i++)
        expect_at(&f->memcached[i], "a", "hello", 100);
}

static void test_delete_is_of_both(void **state)
{
    struct fixture *f = *state;
    struct mc_key key;
    open_and_connect(&f->rig);
    store(&f->rig, "a", "hello", 1000, 0);
    key_of("a", &key);
    mc_pool_del(f->rig.pool, &key); /* behind the store, which is not answered yet */
    settle(&f->rig);
    for (size_t i = 0; i < 2; i++)
        expect_at(&f->memcached[i], "a", NULL, 0);
}

/* Without its first server a store goes to the second, unless it is over a version. */
static void test_first_server_is_down(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    open_and_connect(&f->rig);
    size_t first = first_of(&f->rig, "a");
    memcached_kill(&f->memcached[first]);
    rig_until_state(&f->rig, first, MC_SERVER_DOWN);
    store(&f->rig, "a", "over", 1000, 5);
    assert_int_equal(rig_count(&f->rig, MC_SETS), 0);
    store(&f->rig, "a", "hello", 1000, 0);
    assert_int_equal(rig_count(&f->rig, MC_SETS), 1);
    assert_int_equal(look(&f->rig, "a", &p, 0), MC_FAILED);
    assert_int_equal(p.get.failure, MC_FAILURE_ERROR);
    assert_int_equal(look(&f->rig, "a", &p, MC_FAILURE_TIMEOUT | MC_NEXT_NOT_FOUND), MC_FAILED);
    assert_int_equal(look(&f->rig, "a", &p, MC_FAILURE_ERROR), MC_HIT);
    assert_int_equal(p.get.place, MC_PLACE_SECOND);
    probe_expect(&p, "hello");
    expect_at(&f->memcached[1 - first], "a", "hello", 600);
    struct mc_key key;
    key_of("a", &key);
    mc_pool_del(f->rig.pool, &key);
    assert_int_equal(look(&f->rig, "a", &p, MC_FAILURE_ERROR), MC_FAILED); /* as at the first */
    assert_int_equal(rig_count(&f->rig, MC_SECOND_HITS), 1);
}

static void test_hung_first_server_is_a_timeout(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    f->rig.conf.read_timeout_ms = 100;
    open_and_connect(&f->rig);
    size_t first = first_of(&f->rig, "a");
    store(&f->rig, "a", "hello", 1000, 0);
    settle(&f->rig);
    memcached_stop(&f->memcached[first]);
    assert_int_equal(look(&f->rig, "a", &p, MC_FAILURE_TIMEOUT), MC_HIT);
    assert_int_equal(p.get.place, MC_PLACE_SECOND);
    assert_int_equal(p.calls, 1);
    probe_expect(&p, "hello");
    memcached_continue(&f->memcached[first]);
}

/* A miss goes on with not_found only, and what is found comes back to the first: over the lease. */
static void test_miss_goes_on_and_restores(void **state)
{
    static const struct mc_ask asks[] = {{0}, {.cas = true, .lease_s = 30}};
    struct fixture *f = *state;
    struct probe p;
    open_and_connect(&f->rig);
    size_t first = first_of(&f->rig, "a");
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        struct rig one;
        store(&f->rig, "a", "hello", 500, 0);
        settle(&f->rig);
        rig_of_one(&one, &f->memcached[first]);
        struct mc_key key;
        key_of("a", &key);
        mc_pool_del(one.pool, &key);
        settle(&one);
        rig_fini(&one);
        assert_int_equal(look(&f->rig, "a", &p, MC_FAILURE_ERROR), MC_MISS);
        assert_int_equal(ask(&f->rig, "a", &p, MC_NEXT_NOT_FOUND, asks[i]), MC_HIT);
        probe_expect(&p, "hello");
        assert_int_equal(p.get.item.cas, 0);
        assert_false(p.get.item.won);
        settle(&f->rig);
        expect_at(&f->memcached[first], "a", "hello", 500);
    }
}

/* The pool ends while a hung server still owes answers: nothing leaks, nothing calls back. */
static void test_end_with_changes_under_way(void **state)
{
    struct fixture *f = *state;
    struct mc_key key;
    open_and_connect(&f->rig);
    for (size_t i = 0; i < 2; i++)
        memcached_stop(&f->memcached[i]);
    store(&f->rig, "a", "hello", 500, 0);
    key_of("b", &key);
    mc_pool_del(f->rig.pool, &key);
    loop_turn(f->rig.loop, 0);
    mc_pool_free(&f->rig.pool);
    for (size_t i = 0; i < 2; i++)
        memcached_continue(&f->memcached[i]);
    rig_open(&f->rig);
}

/* -- the places of before -- */

struct moved {
    struct rig before; /* the first server alone */
    struct rig now;    /* the second alone, on the same loop */
};

static void moved_init(struct moved *m, struct fixture *f)
{
    rig_of_one(&m->before, &f->memcached[0]);
    rig_init(&m->now);
    loop_free(&m->now.loop);
    m->now.loop = m->before.loop;
    rig_add(&m->now, f->memcached[1].address);
    open_and_connect(&m->now);
    mc_pool_follow(m->now.pool, m->before.pool);
    store(&m->before, "a", "hello", 300, 0);
    settle(&m->before);
}

static void moved_fini(struct moved *m)
{
    mc_pool_free(&m->now.pool);
    m->now.loop = loop_new();
    rig_fini(&m->now);
    rig_fini(&m->before);
}

static void test_old_place_is_asked_and_moved_from(void **state)
{
    static const struct mc_ask lease = {.cas = true, .lease_s = 30};
    struct fixture *f = *state;
    struct moved m;
    struct probe p;
    moved_init(&m, f);
    assert_int_equal(ask(&m.now, "a", &p, 0, lease), MC_HIT);
    assert_int_equal(p.get.place, MC_PLACE_OLD);
    probe_expect(&p, "hello");
    settle(&m.now);
    expect_at(&f->memcached[1], "a", "hello", 300);
    assert_int_equal(ask(&m.now, "b", &p, 0, lease), MC_MISS); /* nowhere: the lease is ours */
    assert_true(p.get.item.won && p.get.item.cas != 0);
    assert_true(mc_pool_unfollow(m.now.pool));
    moved_fini(&m);
}

static void test_lookups_at_old_places_are_counted(void **state)
{
    struct fixture *f = *state;
    struct moved m;
    struct probe p, cancelled;
    moved_init(&m, f);
    memcached_stop(&f->memcached[0]);
    probe_start(&m.now, &p, "a");
    probe_start(&m.now, &cancelled, "a");
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while ((p.get.place != MC_PLACE_OLD || cancelled.get.place != MC_PLACE_OLD) &&
           clock_mono_ms() < end)
        loop_turn(m.now.loop, 20);
    assert_false(mc_pool_unfollow(m.now.pool));
    mc_get_cancel(&cancelled.get);
    mc_get_cancel(&cancelled.get); /* no harm */
    assert_false(mc_pool_unfollow(m.now.pool));
    memcached_continue(&f->memcached[0]);
    while (!probe_done(&p) && clock_mono_ms() < end)
        loop_turn(m.now.loop, 20);
    assert_int_equal(p.result, MC_HIT);
    probe_expect(&p, "hello");
    assert_int_equal(cancelled.calls, 0);
    assert_true(mc_pool_unfollow(m.now.pool));
    assert_int_equal(look(&m.now, "c", &p, 0), MC_MISS);
    moved_fini(&m);
}

/* Who asks next need not wait for one that has gone. */
static void test_cancelled_at_the_old_place_gives_its_lease_back(void **state)
{
    static const struct mc_ask lease = {.cas = true, .lease_s = 30};
    struct fixture *f = *state;
    struct moved m;
    struct probe p;
    moved_init(&m, f);
    memcached_stop(&f->memcached[0]);
    p = (struct probe){.get = {.fn = probe_on_get, .owner = &p, .ask = lease}};
    key_of("b", &p.get.key);
    assert_int_equal(mc_pool_get(m.now.pool, &p.get), MC_PENDING);
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (p.get.place != MC_PLACE_OLD && clock_mono_ms() < end)
        loop_turn(m.now.loop, 20);
    mc_get_cancel(&p.get);
    memcached_continue(&f->memcached[0]);
    assert_int_equal(ask(&m.now, "b", &p, 0, lease), MC_MISS);
    assert_true(p.get.item.won);
    moved_fini(&m);
}

static void test_changes_delete_at_the_old_place(void **state)
{
    struct fixture *f = *state;
    struct moved m;
    struct mc_key key;
    moved_init(&m, f);
    store(&m.now, "a", "newer", 100, 0);
    settle(&m.now);
    settle(&m.before);
    expect_at(&f->memcached[0], "a", NULL, 0);
    store(&m.before, "b", "old", 100, 0);
    key_of("b", &key);
    mc_pool_del(m.now.pool, &key);
    settle(&m.now);
    settle(&m.before);
    expect_at(&f->memcached[0], "b", NULL, 0);
    moved_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_store_is_at_both, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_life_is_that_of_both, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_store_is_at_neither, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leased_store_is_at_both, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delete_is_of_both, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_server_is_down, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hung_first_server_is_a_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_miss_goes_on_and_restores, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_with_changes_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_place_is_asked_and_moved_from, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lookups_at_old_places_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancelled_at_the_old_place_gives_its_lease_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_changes_delete_at_the_old_place, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
