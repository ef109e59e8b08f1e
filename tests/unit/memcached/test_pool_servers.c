/* Servers that come and go while the pool is in use. */
#include "memcached/pool_internal.h"

#include "base/assert.h"
#include "mc_helpers.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct memcached servers[2];
    struct rig rig;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    for (size_t i = 0; i < ARRAY_LEN(f->servers); i++)
        memcached_start(&f->servers[i]);
    rig_init(&f->rig);
    rig_add(&f->rig, f->servers[0].address);
    rig_open(&f->rig);
    rig_until_state(&f->rig, 0, MC_SERVER_UP);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    for (size_t i = 0; i < ARRAY_LEN(f->servers); i++)
        memcached_kill(&f->servers[i]);
    free(f);
    return 0;
}

/* The first `n` from `first` on; the texts are gone when this returns. */
static void take(struct fixture *f, size_t first, size_t n)
{
    struct mc_server_conf confs[2] = {0};
    char texts[2][sizeof(f->servers[0].address)];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%s", f->servers[first + i].address);
        confs[i] = (struct mc_server_conf){.text = slice_of(texts[i]), .weight = 1};
        assert_true(endpoint_parse(confs[i].text, &confs[i].endpoint));
    }
    assert_true(mc_pool_take_servers(f->rig.pool, confs, n));
    memset(texts, 'x', sizeof(texts));
    assert_int_equal(mc_pool_servers(f->rig.pool), n);
    for (size_t i = 0; i < n; i++) {
        struct slice name = mc_pool_server_name(f->rig.pool, i);
        assert_true(slice_eq(name, slice_of(f->servers[first + i].address)));
        rig_until_state(&f->rig, i, MC_SERVER_UP);
    }
}

static void test_server_that_stays_keeps_its_connection(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    rig_set(&f->rig, "a", "one", 60);
    take(f, 0, 2);
    take(f, 0, 1);
    assert_int_equal(rig_count(&f->rig, MC_CONNECTS), 1);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_HIT);
    probe_expect(&p, "one");
}

static void test_lookups_at_a_server_that_goes_fail_once(void **state)
{
    struct fixture *f = *state;
    struct probe probes[50];
    struct probe p;
    memcached_stop(&f->servers[0]);
    for (size_t i = 0; i < ARRAY_LEN(probes); i++)
        probe_start(&f->rig, &probes[i], "a");
    rig_turns(&f->rig, 5);
    take(f, 1, 1);
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        assert_int_equal(probes[i].calls, 1);
        assert_int_equal(probes[i].result, MC_FAILED);
    }
    memcached_continue(&f->servers[0]);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_MISS);
    rig_set(&f->rig, "a", "two", 60);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_HIT);
    probe_expect(&p, "two");
    assert_int_equal(rig_logged(&f->rig, "is down"), 0);
}

static void test_lookups_that_wait_for_a_server_that_goes(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    take(f, 1, 1);
    struct mc_server_conf conf = {.text = slice_of(f->servers[0].address), .weight = 1};
    assert_true(endpoint_parse(conf.text, &conf.endpoint));
    memcached_stop(&f->servers[0]);
    assert_true(mc_pool_take_servers(f->rig.pool, &conf, 1));
    probe_start(&f->rig, &p, "a"); /* its connection is being made */
    assert_int_equal(p.result, MC_PENDING);
    take(f, 1, 1);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.result, MC_FAILED);
    memcached_continue(&f->servers[0]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_server_that_stays_keeps_its_connection),
        TEST(test_lookups_at_a_server_that_goes_fail_once),
        TEST(test_lookups_that_wait_for_a_server_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
