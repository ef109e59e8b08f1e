/* Memory in front of a pool: what is asked for where, and what stays in memory for how long. */
#include "store/tiered.h"

#include "store/memory.h"
#include "store/pool.h"
#include "store/store_helpers.h"

#include <stdlib.h>

#define REVALIDATE_MS 20

struct fixture {
    struct memcached memcached;
    struct rig rig;
    struct memory_tier *tier;
    struct store *tiered;
    struct store *pool; /* the same pool without memory, as another process sees it */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    rig_start(&f->rig, &f->memcached);
    f->tier = memory_tier_new(1 << 20, 1);
    f->tiered = store_tiered_new(memory_store_new(f->tier), store_pool_new(f->rig.pool, SLICE("p")),
                                 REVALIDATE_MS);
    f->pool = store_pool_new(f->rig.pool, SLICE("p"));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    f->tiered->ops->free(f->tiered);
    f->pool->ops->free(f->pool);
    memory_tier_free(&f->tier);
    rig_fini(&f->rig);
    memcached_kill(&f->memcached);
    free(f);
    return 0;
}

static void put(struct store *store, const char *key, const char *content, int64_t age_s)
{
    struct entry *e = entry_of(key, content, clock_wall_ms() - age_s * 1000, 60);
    store_put(store, e, 3600);
    entry_unref(&e);
}

static enum store_result peek(struct fixture *f, struct lookup *l, const char *key)
{
    *l = (struct lookup){.get = {.key = cache_key_of(key), .owner = l}};
    l->result = store_peek(f->tiered, &l->get);
    return l->result;
}

static void test_put_goes_to_both(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    put(f->tiered, "/a", "one", 0);
    lookup_start(f->tiered, &l, "/a"); /* memory answers at once */
    lookup_expect(&l, TIER_MEMORY, "one");
    assert_int_equal(rig_count(&f->rig, MC_GETS), 0);
    (void)lookup(&f->rig, f->pool, &l, "/a");
    lookup_expect(&l, TIER_POOL, "one");
}

static void test_pool_hit_stays_in_memory(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    put(f->pool, "/a", "one", 0);
    assert_int_equal(peek(f, &l, "/a"), STORE_MISS);
    (void)lookup(&f->rig, f->tiered, &l, "/a");
    assert_int_equal(l.calls, 1);
    lookup_expect(&l, TIER_POOL, "one");
    assert_int_equal(peek(f, &l, "/a"), STORE_HIT);
    lookup_expect(&l, TIER_MEMORY, "one");
    assert_int_equal(rig_count(&f->rig, MC_GETS), 1);
}

/* The pool still has it, but nothing is left of the time that it was to be kept. */
static void test_spent_pool_hit_does_not_stay(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    put(f->pool, "/a", "one", 100000);
    (void)lookup(&f->rig, f->tiered, &l, "/a");
    lookup_expect(&l, TIER_POOL, "one");
    assert_int_equal(peek(f, &l, "/a"), STORE_MISS);
}

static void test_miss_everywhere(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    assert_int_equal(lookup(&f->rig, f->tiered, &l, "/a"), STORE_MISS);
    assert_int_equal(l.calls, 1);
    assert_null(l.get.entry);
}

static void test_del_goes_to_both(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    struct cache_key key = cache_key_of("/a");
    put(f->tiered, "/a", "one", 0);
    store_del(f->tiered, &key);
    assert_int_equal(peek(f, &l, "/a"), STORE_MISS);
    assert_int_equal(lookup(&f->rig, f->pool, &l, "/a"), STORE_MISS);
}

/* Hits go on until memory has what is expected (NULL: nothing). */
static void until_memory_has(struct fixture *f, const char *key, const char *content)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    bool same = false;
    while (!same && clock_mono_ms() < end) {
        struct lookup l;
        enum store_result result = peek(f, &l, key);
        same = content == NULL
                   ? result == STORE_MISS
                   : result == STORE_HIT && slice_eq(l.get.entry->view.content, slice_of(content));
        entry_unref(&l.get.entry);
        loop_turn(f->rig.loop, 1);
    }
    assert_true(same);
}

static void test_check_finds_newer_content(void **state)
{
    struct fixture *f = *state;
    put(f->tiered, "/a", "one", 0);
    put(f->pool, "/a", "two", 0);
    until_memory_has(f, "/a", "two");
}

static void test_check_finds_a_delete(void **state)
{
    struct fixture *f = *state;
    struct cache_key key = cache_key_of("/a");
    put(f->tiered, "/a", "one", 0);
    store_del(f->pool, &key);
    until_memory_has(f, "/a", NULL);
}

static void until_unchecked(struct fixture *f, const char *key)
{
    struct lookup l;
    rig_turns(&f->rig, REVALIDATE_MS + 5);
    assert_int_equal(peek(f, &l, key), STORE_HIT);
    assert_true(l.get.unchecked);
    entry_unref(&l.get.entry);
}

/* The first lookup learns the version with the value; from then on only the version is asked for.
 */
static void test_unchanged_content_is_not_read_again(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    put(f->tiered, "/a", "one", 0);
    for (int i = 0; i < 4; i++) {
        until_unchecked(f, "/a");
        (void)lookup(&f->rig, f->tiered, &l, "/a");
        lookup_expect(&l, TIER_POOL, "one");
    }
    assert_int_equal(rig_count(&f->rig, MC_GETS), 4);
}

static void learn_version(struct fixture *f, const char *key)
{
    struct lookup l;
    until_unchecked(f, key);
    (void)lookup(&f->rig, f->tiered, &l, key);
    entry_unref(&l.get.entry);
    until_unchecked(f, key);
}

static void test_idle_content_gives_way_to_newer_content(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    put(f->tiered, "/a", "one", 0);
    learn_version(f, "/a");
    put(f->pool, "/a", "two", 0);
    (void)lookup(&f->rig, f->tiered, &l, "/a");
    lookup_expect(&l, TIER_POOL, "two");
}

static void test_idle_content_that_is_gone_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    struct cache_key key = cache_key_of("/a");
    put(f->tiered, "/a", "one", 0);
    learn_version(f, "/a");
    store_del(f->pool, &key);
    assert_int_equal(lookup(&f->rig, f->tiered, &l, "/a"), STORE_MISS);
    assert_int_equal(peek(f, &l, "/a"), STORE_MISS);
}

static void test_idle_content_answers_where_the_pool_does_not(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    put(f->tiered, "/a", "one", 0);
    learn_version(f, "/a");
    memcached_kill(&f->memcached);
    (void)lookup(&f->rig, f->tiered, &l, "/a");
    lookup_expect(&l, TIER_MEMORY, "one");
    assert_int_equal(peek(f, &l, "/a"), STORE_HIT);
    assert_false(l.get.unchecked);
    entry_unref(&l.get.entry);
    memcached_start_again(&f->memcached);
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct lookup cancelled, other;
    put(f->pool, "/a", "one", 0);
    lookup_start(f->tiered, &cancelled, "/a");
    assert_int_equal(cancelled.result, STORE_PENDING);
    store_cancel(f->tiered, &cancelled.get);
    (void)lookup(&f->rig, f->tiered, &other, "/a");
    lookup_expect(&other, TIER_POOL, "one");
    assert_int_equal(cancelled.calls, 0);
}

/* Without the pool the tier goes on alone. */
static void test_pool_down(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    memcached_kill(&f->memcached);
    rig_until_state(&f->rig, 0, MC_SERVER_DOWN);
    put(f->tiered, "/a", "one", 0);
    lookup_start(f->tiered, &l, "/a");
    lookup_expect(&l, TIER_MEMORY, "one");
    lookup_start(f->tiered, &l, "/b");
    assert_int_equal(l.result, STORE_MISS);
    memcached_start_again(&f->memcached);
}

#define WITH_MEMCACHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MEMCACHED(test_put_goes_to_both),
        WITH_MEMCACHED(test_pool_hit_stays_in_memory),
        WITH_MEMCACHED(test_spent_pool_hit_does_not_stay),
        WITH_MEMCACHED(test_miss_everywhere),
        WITH_MEMCACHED(test_del_goes_to_both),
        WITH_MEMCACHED(test_check_finds_newer_content),
        WITH_MEMCACHED(test_check_finds_a_delete),
        WITH_MEMCACHED(test_unchanged_content_is_not_read_again),
        WITH_MEMCACHED(test_idle_content_gives_way_to_newer_content),
        WITH_MEMCACHED(test_idle_content_that_is_gone_is_forgotten),
        WITH_MEMCACHED(test_idle_content_answers_where_the_pool_does_not),
        WITH_MEMCACHED(test_cancel),
        WITH_MEMCACHED(test_pool_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
