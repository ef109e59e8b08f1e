/* Stored responses in a real memcached: found by their full key, and a miss whatever else stands
 * under it. */
#include "store/pool.h"

#include "base/assert.h"
#include "store/store_helpers.h"

#include <stdlib.h>

struct fixture {
    struct memcached memcached;
    struct rig rig;
    struct store *store;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    rig_start(&f->rig, &f->memcached);
    f->store = store_pool_new(f->rig.pool, SLICE("site1"));
    assert_non_null(f->store);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    f->store->ops->free(f->store);
    rig_fini(&f->rig);
    if (f->memcached.pid != 0)
        memcached_kill(&f->memcached);
    free(f);
    return 0;
}

static void put(struct store *store, const char *key, const char *content)
{
    struct entry *e = entry_of(key, content, clock_wall_ms(), 60);
    store_put(store, e, 60);
    entry_unref(&e);
}

static void test_store_find_forget(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    struct cache_key key = cache_key_of("/a");
    assert_int_equal(lookup(&f->rig, f->store, &l, "/a"), STORE_MISS);
    put(f->store, "/a", "one");
    put(f->store, "/b", "two");
    (void)lookup(&f->rig, f->store, &l, "/a");
    lookup_expect(&l, TIER_POOL, "one");
    (void)lookup(&f->rig, f->store, &l, "/b");
    lookup_expect(&l, TIER_POOL, "two");
    store_del(f->store, &key);
    assert_int_equal(lookup(&f->rig, f->store, &l, "/a"), STORE_MISS);
    assert_null(l.get.entry);
}

static void test_prefixes_do_not_mix(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    struct store *other = store_pool_new(f->rig.pool, SLICE("site2"));
    put(f->store, "/a", "one");
    assert_int_equal(lookup(&f->rig, other, &l, "/a"), STORE_MISS);
    other->ops->free(other);
}

/* What another client of memcached may have left under our key. */
static void test_foreign_values_are_misses(void **state)
{
    struct fixture *f = *state;
    struct mc_key_maker *maker = mc_key_maker_new();
    struct mc_key key;
    struct entry *other = entry_of("/b", "two", clock_wall_ms(), 60);
    struct blob *text = blob_of("this is no stored response");
    struct blob *cut = blob_new(other->blob->len - 1);
    memcpy(cut->data, other->blob->data, other->blob->len - 1);
    cut->len = other->blob->len - 1;
    struct blob *flipped = blob_new(other->blob->len);
    memcpy(flipped->data, other->blob->data, other->blob->len);
    flipped->len = other->blob->len;
    flipped->data[flipped->len - 1] ^= 1;
    const struct {
        const char *name;
        const char *key;
        struct blob *value;
    } rows[] = {
        {"response of another key", "/a", other->blob},
        {"no response at all", "/a", text},
        {"cut response", "/b", cut},
        {"flipped bit", "/b", flipped},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lookup l;
        print_message("%s\n", rows[i].name);
        mc_key_make(maker, SLICE("site1"), slice_of(rows[i].key), &key);
        mc_pool_set(f->rig.pool, &key, rows[i].value, 0, 60);
        assert_int_equal(lookup(&f->rig, f->store, &l, rows[i].key), STORE_MISS);
        assert_null(l.get.entry);
        assert_int_equal(store_pool_counters(f->store)->invalid, i + 1);
    }
    blob_unref(&flipped);
    blob_unref(&cut);
    blob_unref(&text);
    entry_unref(&other);
    mc_key_maker_free(&maker);
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct lookup cancelled, other;
    put(f->store, "/a", "one");
    lookup_start(f->store, &cancelled, "/a");
    assert_int_equal(cancelled.result, STORE_PENDING);
    store_cancel(f->store, &cancelled.get);
    store_cancel(f->store, &cancelled.get); /* a second time does nothing */
    (void)lookup(&f->rig, f->store, &other, "/a");
    lookup_expect(&other, TIER_POOL, "one");
    assert_int_equal(cancelled.calls, 0);
}

static void test_peek_asks_nobody(void **state)
{
    struct fixture *f = *state;
    struct lookup l = {.get.key = cache_key_of("/a")};
    put(f->store, "/a", "one");
    assert_int_equal(store_peek(f->store, &l.get), STORE_MISS);
    assert_int_equal(rig_count(&f->rig, MC_GETS), 0);
}

static void test_dead_server_is_a_miss_at_once(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    memcached_kill(&f->memcached);
    rig_until_state(&f->rig, 0, MC_SERVER_DOWN);
    lookup_start(f->store, &l, "/a");
    assert_int_equal(l.result, STORE_MISS);
    put(f->store, "/a", "one"); /* dropped and counted */
    assert_int_equal(rig_count(&f->rig, MC_SETS_DROPPED), 1);
}

/* -- leases -- */

static enum store_result ask(struct fixture *f, struct lookup *l, const char *key,
                             struct store_want want)
{
    lookup_start_wanting(f->store, l, key, want);
    lookup_until_done(&f->rig, l);
    return l->result;
}

static const struct store_want wanted = {.lease_s = 60};

static void put_leased(struct fixture *f, const char *key, const char *content,
                       struct store_lease *lease)
{
    struct entry *e = entry_of(key, content, clock_wall_ms(), 60);
    store_put_leased(f->store, e, 60, lease);
    entry_unref(&e);
}

static void test_one_wins_a_miss_and_fills(void **state)
{
    struct fixture *f = *state;
    struct lookup winner, other, plain;
    assert_int_equal(ask(f, &winner, "/a", wanted), STORE_MISS);
    assert_true(store_lease_held(&winner.get.lease));
    assert_false(winner.get.lease.over_value);
    assert_int_equal(ask(f, &other, "/a", wanted), STORE_WAIT);
    assert_false(store_lease_held(&other.get.lease));
    assert_int_equal(lookup(&f->rig, f->store, &plain, "/a"), STORE_MISS); /* a stub is nothing */
    put_leased(f, "/a", "one", &winner.get.lease);
    assert_false(store_lease_held(&winner.get.lease));
    assert_int_equal(ask(f, &other, "/a", wanted), STORE_HIT);
    assert_false(other.get.taken);
    lookup_expect(&other, TIER_POOL, "one");
}

static void test_release_lets_another_win(void **state)
{
    struct fixture *f = *state;
    struct lookup first, second;
    assert_int_equal(ask(f, &first, "/a", wanted), STORE_MISS);
    store_release(f->store, &first.get.lease);
    assert_int_equal(ask(f, &second, "/a", wanted), STORE_MISS);
    assert_true(store_lease_held(&second.get.lease));
}

static void test_delete_during_a_fill_wins(void **state)
{
    struct fixture *f = *state;
    struct lookup winner, next;
    struct cache_key key = cache_key_of("/a");
    (void)ask(f, &winner, "/a", wanted);
    store_del(f->store, &key);
    put_leased(f, "/a", "one", &winner.get.lease);
    assert_int_equal(ask(f, &next, "/a", wanted), STORE_MISS);
    assert_int_equal(rig_count(&f->rig, MC_SETS_OVERTAKEN), 1);
    put_leased(f, "/a", "two", &next.get.lease);
    (void)lookup(&f->rig, f->store, &winner, "/a");
    lookup_expect(&winner, TIER_POOL, "two");
}

/* What the pool keeps for less than the window is won by one, with the value. */
static void test_early_refresh(void **state)
{
    struct fixture *f = *state;
    struct lookup winner, other;
    const struct store_want early = {.lease_s = 60, .refresh_s = 600};
    put(f->store, "/a", "one");
    assert_int_equal(ask(f, &winner, "/a", early), STORE_HIT);
    assert_true(store_lease_held(&winner.get.lease) && winner.get.lease.over_value);
    lookup_expect(&winner, TIER_POOL, "one");
    assert_int_equal(ask(f, &other, "/a", early), STORE_HIT);
    assert_true(other.get.taken && !store_lease_held(&other.get.lease));
    lookup_expect(&other, TIER_POOL, "one");
}

/* Who looks with the version that it saw takes the right from whoever had it; of two, one. */
static void test_claim(void **state)
{
    struct fixture *f = *state;
    struct lookup seen, first, second;
    put(f->store, "/a", "one");
    assert_int_equal(ask(f, &seen, "/a", wanted), STORE_HIT);
    lookup_expect(&seen, TIER_POOL, "one");
    struct store_want claim = wanted;
    claim.lost = (struct store_lease){seen.get.key.bytes, seen.get.version, true};
    assert_int_equal(ask(f, &first, "/a", claim), STORE_HIT);
    assert_true(store_lease_held(&first.get.lease) && first.get.stale);
    lookup_expect(&first, TIER_POOL, "one");
    assert_int_equal(ask(f, &second, "/a", claim), STORE_HIT);
    assert_true(second.get.taken && !store_lease_held(&second.get.lease));
    lookup_expect(&second, TIER_POOL, "one");
    store_release(f->store, &first.get.lease); /* the response stays and can be won again */
    assert_int_equal(ask(f, &second, "/a", wanted), STORE_HIT);
    assert_true(store_lease_held(&second.get.lease));
    lookup_expect(&second, TIER_POOL, "one");
}

static void test_only_where_nothing_is(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    struct store_lease nothing = {.version = STORE_ABSENT};
    put_leased(f, "/a", "one", &nothing);
    (void)lookup(&f->rig, f->store, &l, "/a");
    lookup_expect(&l, TIER_POOL, "one");
    nothing.version = STORE_ABSENT;
    put_leased(f, "/a", "two", &nothing);
    (void)lookup(&f->rig, f->store, &l, "/a");
    lookup_expect(&l, TIER_POOL, "one");
}

static uint64_t count(struct fixture *f, const char *key, uint32_t add)
{
    struct lookup l = {.get = {.key = cache_key_of(key),
                               .count_add = add,
                               .count_s = 60,
                               .fn = lookup_on_get,
                               .owner = &l}};
    l.result = store_get(f->store, &l.get);
    lookup_until_done(&f->rig, &l);
    assert_int_equal(l.result, STORE_HIT);
    assert_null(l.get.entry);
    return l.get.count;
}

static void test_counters_begin_and_add_up(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(count(f, "/a", 2), 2);
    assert_int_equal(count(f, "/a", 1), 3);
    assert_int_equal(count(f, "/b", 1), 1);
    assert_int_equal(count(f, "/a", 7), 10);
}

#define WITH_MEMCACHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MEMCACHED(test_store_find_forget),
        WITH_MEMCACHED(test_prefixes_do_not_mix),
        WITH_MEMCACHED(test_foreign_values_are_misses),
        WITH_MEMCACHED(test_one_wins_a_miss_and_fills),
        WITH_MEMCACHED(test_release_lets_another_win),
        WITH_MEMCACHED(test_delete_during_a_fill_wins),
        WITH_MEMCACHED(test_early_refresh),
        WITH_MEMCACHED(test_claim),
        WITH_MEMCACHED(test_only_where_nothing_is),
        WITH_MEMCACHED(test_counters_begin_and_add_up),
        WITH_MEMCACHED(test_cancel),
        WITH_MEMCACHED(test_peek_asks_nobody),
        WITH_MEMCACHED(test_dead_server_is_a_miss_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
