/* The memory tier: what it holds, for how long, how much, and from many threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/memory.h"
#include "store/shard.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SEED   7
#define NOW_MS 1000000
#define TTL_S  60

static struct cache_key key_of(char *buf, size_t cap, unsigned number)
{
    int n = snprintf(buf, cap, "key %u", number);
    struct slice bytes = slice_make(buf, (size_t)n);
    return (struct cache_key){.bytes = bytes, .hash = hash_seeded(bytes, SEED)};
}

/* An entry of that key whose content is `bytes` times the byte `fill`. */
static struct entry *entry_of(unsigned number, size_t bytes, char fill)
{
    char text[32];
    struct slice key = key_of(text, sizeof(text), number).bytes;
    const struct stored_parts parts = {.key = key, .head = SLICE("HTTP/1.1 200 OK\r\n")};
    const struct stored_meta meta = {
        .kind = STORED_RESPONSE, .status = 200, .content_length = bytes, .last_modified = -1};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    memset(stored_encode(blob, &meta, &parts), fill, bytes);
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, key, &why);
    assert_non_null(e);
    return e;
}

static void put(struct memory_tier *t, unsigned number, size_t bytes, char fill)
{
    struct entry *e = entry_of(number, bytes, fill);
    memory_tier_put(t, e, TTL_S, NOW_MS);
    entry_unref(&e);
}

static struct entry *get(struct memory_tier *t, unsigned number, mono_ms now)
{
    char text[32];
    struct cache_key key = key_of(text, sizeof(text), number);
    return memory_tier_get(t, &key, now);
}

/* The first byte of what is held, 0 where nothing is. */
static char held(struct memory_tier *t, unsigned number)
{
    struct entry *e = get(t, number, NOW_MS);
    char fill = e == NULL ? 0 : e->view.content.p[0];
    entry_unref(&e);
    return fill;
}

static struct memory_stats stats_of(struct memory_tier *t)
{
    struct memory_stats s;
    memory_tier_stats(t, &s);
    return s;
}

static size_t cost_of(size_t bytes)
{
    struct entry *e = entry_of(1, bytes, 'x');
    size_t cost = shard_cost_bytes(e);
    entry_unref(&e);
    return cost;
}

/* -- one entry -- */

static void what_is_put_is_got(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(1 << 20, SEED);
    assert_int_equal(held(t, 1), 0);
    put(t, 1, 100, 'a');
    put(t, 2, 100, 'b');
    assert_int_equal(held(t, 1), 'a');
    assert_int_equal(held(t, 2), 'b');
    struct memory_stats s = stats_of(t);
    assert_int_equal(s.entries, 2);
    assert_int_equal(s.bytes, 2 * cost_of(100));
    assert_int_equal(s.max_bytes, 1 << 20);
    assert_int_equal(s.puts, 2);
    assert_int_equal(s.hits, 2);
    assert_int_equal(s.misses, 1);
    memory_tier_free(&t);
    assert_null(t);
    memory_tier_free(&t);
}

static void the_key_decides_not_its_hash(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(1 << 20, SEED);
    char text[32];
    put(t, 1, 100, 'a');
    struct cache_key other = key_of(text, sizeof(text), 1);
    other.bytes = SLICE("another key");
    assert_null(memory_tier_get(t, &other, NOW_MS));
    memory_tier_del(t, &other);
    assert_int_equal(held(t, 1), 'a');
    memory_tier_free(&t);
}

static void a_later_one_replaces(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(1 << 20, SEED);
    put(t, 1, 100, 'a');
    put(t, 1, 200, 'b');
    assert_int_equal(held(t, 1), 'b');
    struct memory_stats s = stats_of(t);
    assert_int_equal(s.entries, 1);
    assert_int_equal(s.bytes, cost_of(200));
    assert_int_equal(s.evictions, 0);
    memory_tier_free(&t);
}

static void what_is_deleted_is_gone_but_not_for_who_holds_it(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(1 << 20, SEED);
    char text[32];
    struct cache_key key = key_of(text, sizeof(text), 1);
    put(t, 1, 100, 'a');
    struct entry *mine = get(t, 1, NOW_MS);
    memory_tier_del(t, &key);
    memory_tier_del(t, &key);
    assert_int_equal(held(t, 1), 0);
    assert_int_equal(stats_of(t).bytes, 0);
    memory_tier_free(&t);
    assert_int_equal(mine->view.content.p[99], 'a');
    entry_unref(&mine);
}

static void an_entry_expires(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(1 << 20, SEED);
    put(t, 1, 100, 'a');
    struct entry *e = get(t, 1, NOW_MS + TTL_S * 1000 - 1);
    assert_non_null(e);
    entry_unref(&e);
    assert_null(get(t, 1, NOW_MS + TTL_S * 1000));
    struct memory_stats s = stats_of(t);
    assert_int_equal(s.entries, 0);
    assert_int_equal(s.bytes, 0);
    assert_int_equal(s.expirations, 1);
    memory_tier_free(&t);
}

static void odd_lifetimes(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(1 << 20, SEED);
    struct entry *e = entry_of(1, 100, 'a');
    memory_tier_put(t, e, INT64_MAX, NOW_MS); /* does not wrap */
    assert_int_equal(held(t, 1), 'a');
    memory_tier_put(t, e, 0, NOW_MS); /* not to be kept, and no reason to keep the former */
    assert_int_equal(held(t, 1), 0);
    assert_int_equal(stats_of(t).refused, 1);
    entry_unref(&e);
    memory_tier_free(&t);
}

/* -- the bound -- */

static void the_bound_holds_with_overhead(void **state)
{
    (void)state;
    static const struct {
        size_t max_bytes;
        size_t content_bytes;
    } rows[] = {{1 << 20, 1}, {1 << 20, 1000}, {1 << 20, 20000}, {1 << 20, 300000}, {4096, 1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct memory_tier *t = memory_tier_new(rows[i].max_bytes, SEED);
        size_t cost = cost_of(rows[i].content_bytes);
        unsigned fitting = (unsigned)(rows[i].max_bytes / cost);
        for (unsigned n = 0; n < 3 * fitting + 3; n++) {
            put(t, n, rows[i].content_bytes, 'a');
            assert_true(stats_of(t).bytes <= rows[i].max_bytes);
            assert_int_equal(held(t, n), 'a'); /* the newest is never the victim */
        }
        struct memory_stats s = stats_of(t);
        assert_true(s.bytes + 2 * cost >= rows[i].max_bytes); /* and it is used to the full */
        assert_true(s.evictions > 0);
        memory_tier_free(&t);
    }
}

static void one_entry_may_take_half(void **state)
{
    (void)state;
    size_t max_bytes = 1 << 20;
    struct memory_tier *t = memory_tier_new(max_bytes, SEED);
    for (unsigned n = 0; n < 2000; n++) {
        put(t, n, 1000, 'a');
    }
    size_t overhead = cost_of(1) - 1;
    put(t, 5000, max_bytes / 2 - overhead - 16, 'b');
    assert_int_equal(held(t, 5000), 'b');
    assert_true(stats_of(t).bytes <= max_bytes);
    assert_true(stats_of(t).entries > 300); /* others stay beside it */
    put(t, 5000, max_bytes / 2 + 1, 'c');
    assert_int_equal(held(t, 5000), 0); /* refused; and the former is not given for it */
    assert_int_equal(stats_of(t).refused, 1);
    memory_tier_free(&t);
}

static unsigned shard_number(unsigned number)
{
    char text[32];
    return (unsigned)(key_of(text, sizeof(text), number).hash >> 58);
}

static void a_large_entry_takes_room_from_all_shards(void **state)
{
    (void)state;
    size_t max_bytes = 1 << 20;
    struct memory_tier *t = memory_tier_new(max_bytes, SEED);
    for (unsigned n = 0; n < 2000; n++) {
        put(t, n, 500, 'a');
    }
    put(t, 5000, max_bytes / 4, 'b');
    unsigned beside = 0;
    for (unsigned n = 0; n < 2000; n++) {
        bool same = shard_number(n) == shard_number(5000);
        beside += same && held(t, n) == 'a' ? 1 : 0;
    }
    assert_true(beside > 5); /* of its own shard about 20 were there */
    memory_tier_free(&t);
}

static void shards_are_emptied_evenly(void **state)
{
    (void)state;
    size_t max_bytes = 4 << 20;
    struct memory_tier *t = memory_tier_new(max_bytes, SEED);
    for (unsigned n = 0; n < 30000; n++) {
        put(t, n, 500, 'a');
    }
    /* First in, first out without hits: nearly all of the newest are there, whatever their shard.
     */
    unsigned fitting = (unsigned)(max_bytes / cost_of(500));
    unsigned found = 0;
    for (unsigned n = 30000 - fitting / 2; n < 30000; n++) {
        found += held(t, n) == 'a' ? 1 : 0;
    }
    assert_true(found > fitting / 2 * 95 / 100);
    memory_tier_free(&t);
}

static void a_resize_evicts_at_once(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(1 << 20, SEED);
    for (unsigned n = 0; n < 500; n++) {
        put(t, n, 1000, 'a');
    }
    memory_tier_resize(t, 1 << 17, NOW_MS);
    struct memory_stats s = stats_of(t);
    assert_true(s.bytes <= 1 << 17);
    assert_true(s.bytes > (1 << 17) - 2 * cost_of(1000));
    assert_int_equal(s.max_bytes, 1 << 17);
    memory_tier_resize(t, 1 << 20, NOW_MS);
    for (unsigned n = 500; n < 1000; n++) {
        put(t, n, 1000, 'a');
    }
    assert_true(stats_of(t).entries > 500);
    memory_tier_resize(t, 0, NOW_MS);
    assert_int_equal(stats_of(t).entries, 0);
    put(t, 1, 1, 'a');
    assert_int_equal(held(t, 1), 0);
    memory_tier_free(&t);
}

/* -- the order of eviction -- */

static void what_is_read_again_survives_a_scan(void **state)
{
    (void)state;
    const unsigned hot = 300;
    struct memory_tier *t = memory_tier_new(1000 * cost_of(100), SEED);
    for (unsigned n = 0; n < hot; n++) {
        put(t, n, 100, 'h');
    }
    for (unsigned n = 0; n < 20000; n++) {
        put(t, hot + n, 100, 's');
        (void)held(t, n % hot); /* each is read once in 300 new ones */
    }
    unsigned found = 0;
    for (unsigned n = 0; n < hot; n++) {
        found += held(t, n) == 'h' ? 1 : 0;
    }
    assert_true(found > hot * 98 / 100);
    memory_tier_free(&t);
}

static void a_pure_scan_spares_what_was_read_before(void **state)
{
    (void)state;
    const unsigned hot = 300;
    struct memory_tier *t = memory_tier_new(1000 * cost_of(100), SEED);
    for (unsigned n = 0; n < hot; n++) {
        put(t, n, 100, 'h');
        (void)held(t, n);
    }
    for (unsigned n = 0; n < 20000; n++) {
        put(t, hot + n, 100, 's');
    }
    unsigned found = 0;
    for (unsigned n = 0; n < hot; n++) {
        found += held(t, n) == 'h' ? 1 : 0;
    }
    assert_true(found > hot * 8 / 10);
    memory_tier_free(&t);
}

/* Content of one shard, oldest first. */
static void shard_put(struct shard *s, unsigned number, mono_ms expires_ms)
{
    struct entry *e = entry_of(number, 1, 'x');
    shard_insert(s, e, hash_seeded(e->view.key, SEED), 100, expires_ms);
    entry_unref(&e);
}

static unsigned shard_evict(struct shard *s)
{
    struct shard_node *node = shard_victim(s, NOW_MS);
    unsigned number = 0;
    assert_int_equal(sscanf(node->entry->view.key.p, "key %u", &number), 1);
    shard_remove(s, node);
    shard_free_all(node);
    return number;
}

static void shard_visit(struct shard *s, unsigned number)
{
    char text[32];
    struct cache_key key = key_of(text, sizeof(text), number);
    struct shard_node *node = shard_find(s, key.bytes, key.hash);
    assert_non_null(node);
    node->visited = true;
}

static void the_hand_takes_the_oldest_unread(void **state)
{
    (void)state;
    struct shard s;
    shard_init(&s);
    for (unsigned n = 1; n <= 5; n++) {
        shard_put(&s, n, INT64_MAX);
    }
    shard_visit(&s, 1);
    shard_visit(&s, 3);
    assert_int_equal(shard_evict(&s), 2); /* 1 has lost its mark */
    shard_put(&s, 6, INT64_MAX);
    assert_int_equal(shard_evict(&s), 4); /* the hand goes on; 3 has lost its mark */
    assert_int_equal(shard_evict(&s), 5);
    shard_visit(&s, 6);
    assert_int_equal(shard_evict(&s), 1); /* around: all marks were used up */
    assert_int_equal(s.bytes, 200);
    assert_int_equal(shard_evict(&s), 3);
    assert_int_equal(shard_evict(&s), 6);
    assert_null(shard_victim(&s, NOW_MS));
    assert_int_equal(s.bytes, 0);
    shard_fini(&s);
}

static void the_expired_goes_though_it_was_read(void **state)
{
    (void)state;
    struct shard s;
    shard_init(&s);
    shard_put(&s, 1, NOW_MS);
    shard_put(&s, 2, INT64_MAX);
    shard_visit(&s, 1);
    assert_int_equal(shard_evict(&s), 1);
    shard_fini(&s);
}

static void the_hand_survives_the_removal_of_its_entry(void **state)
{
    (void)state;
    struct shard s;
    char text[32];
    shard_init(&s);
    for (unsigned n = 1; n <= 4; n++) {
        shard_put(&s, n, INT64_MAX);
    }
    shard_visit(&s, 1);
    assert_int_equal(shard_evict(&s), 2); /* the hand is at 3 now */
    struct cache_key key = key_of(text, sizeof(text), 3);
    struct shard_node *node = shard_find(&s, key.bytes, key.hash);
    shard_remove(&s, node);
    shard_free_all(node);
    assert_int_equal(shard_evict(&s), 4);
    assert_int_equal(shard_evict(&s), 1);
    shard_fini(&s);
}

/* -- the store over it -- */

static void the_store_answers_at_once(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(1 << 20, SEED);
    struct store *store = memory_store_new(t);
    char text[32];
    struct store_get look = {.key = key_of(text, sizeof(text), 1)};
    assert_int_equal(store_get(store, &look), STORE_MISS);
    assert_null(look.entry);
    assert_int_equal(look.tier, TIER_NONE);

    struct entry *e = entry_of(1, 100, 'a');
    store_put(store, e, TTL_S);
    assert_int_equal(store_get(store, &look), STORE_HIT);
    assert_ptr_equal(look.entry, e);
    assert_int_equal(look.tier, TIER_MEMORY);
    entry_unref(&look.entry);
    assert_int_equal(store_peek(store, &look), STORE_HIT);
    entry_unref(&look.entry);
    store_cancel(store, &look);

    store_del(store, &look.key);
    assert_int_equal(store_peek(store, &look), STORE_MISS);
    entry_unref(&e);
    store->ops->free(store);
    memory_tier_free(&t);
}

/* -- threads -- */

#define THREADS      4
#define THREAD_STEPS 20000
#define THREAD_KEYS  400

struct thread {
    pthread_t id;
    struct memory_tier *tier;
    unsigned number;
    unsigned wrong;
    unsigned hits;
};

/* An entry that is torn, freed or another's would show here, or to the sanitizers. */
static bool is_whole(const struct entry *e, unsigned number)
{
    char text[32];
    struct slice content = e->view.content;
    return slice_eq(e->view.key, key_of(text, sizeof(text), number).bytes) && content.n > 0 &&
           content.p[0] == content.p[content.n - 1] && content.p[0] == (char)('a' + number % 26);
}

static void thread_get(struct thread *me, unsigned number, mono_ms now)
{
    struct entry *e = get(me->tier, number, now);
    if (e != NULL) {
        me->hits++;
        me->wrong += is_whole(e, number) ? 0 : 1;
        entry_unref(&e);
    }
}

static void thread_put(struct thread *me, unsigned number, size_t bytes, mono_ms now)
{
    struct entry *e = entry_of(number, bytes, (char)('a' + number % 26));
    memory_tier_put(me->tier, e, 1 + number % 3, now);
    entry_unref(&e);
}

static void *thread_run(void *arg)
{
    struct thread *me = arg;
    unsigned short random[3] = {(unsigned short)me->number, 2, 3};
    for (unsigned step = 0; step < THREAD_STEPS; step++) {
        unsigned number = (unsigned)nrand48(random) % THREAD_KEYS;
        unsigned what = (unsigned)nrand48(random) % 100;
        mono_ms now = NOW_MS + step; /* 20 s in all, so that some expire */
        if (what < 70) {
            thread_get(me, number, now);
        } else if (what < 95) {
            thread_put(me, number, 1 + (size_t)nrand48(random) % (what < 90 ? 500 : 30000), now);
        } else if (what < 99) {
            char text[32];
            struct cache_key key = key_of(text, sizeof(text), number);
            memory_tier_del(me->tier, &key);
        } else {
            memory_tier_resize(me->tier, (size_t)(150 + nrand48(random) % 100) << 10, now);
        }
        if (step % 64 == 0) {
            me->wrong += stats_of(me->tier).max_bytes > 250 << 10 ? 1 : 0;
        }
    }
    return NULL;
}

static void many_threads_at_once(void **state)
{
    (void)state;
    struct memory_tier *t = memory_tier_new(200 << 10, SEED);
    struct thread threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.tier = t, .number = i};
        assert_int_equal(pthread_create(&threads[i].id, NULL, thread_run, &threads[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i].id, NULL);
        assert_int_equal(threads[i].wrong, 0);
        assert_true(threads[i].hits > 0);
    }
    struct memory_stats s = stats_of(t);
    assert_true(s.evictions > 0 && s.expirations > 0);
    memory_tier_resize(t, s.max_bytes, NOW_MS); /* the last put may have met a larger bound */
    assert_true(stats_of(t).bytes <= s.max_bytes);
    memory_tier_resize(t, 0, NOW_MS);
    assert_int_equal(stats_of(t).bytes, 0);
    memory_tier_resize(t, 1 << 20, NOW_MS);
    put(t, 1, 400000, 'z'); /* refused if reservations had leaked */
    put(t, 2, 400000, 'z');
    assert_int_equal(held(t, 1), 'z');
    assert_int_equal(held(t, 2), 'z');
    memory_tier_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_got),
        cmocka_unit_test(the_key_decides_not_its_hash),
        cmocka_unit_test(a_later_one_replaces),
        cmocka_unit_test(what_is_deleted_is_gone_but_not_for_who_holds_it),
        cmocka_unit_test(an_entry_expires),
        cmocka_unit_test(odd_lifetimes),
        cmocka_unit_test(the_bound_holds_with_overhead),
        cmocka_unit_test(one_entry_may_take_half),
        cmocka_unit_test(a_large_entry_takes_room_from_all_shards),
        cmocka_unit_test(shards_are_emptied_evenly),
        cmocka_unit_test(a_resize_evicts_at_once),
        cmocka_unit_test(what_is_read_again_survives_a_scan),
        cmocka_unit_test(a_pure_scan_spares_what_was_read_before),
        cmocka_unit_test(the_hand_takes_the_oldest_unread),
        cmocka_unit_test(the_expired_goes_though_it_was_read),
        cmocka_unit_test(the_hand_survives_the_removal_of_its_entry),
        cmocka_unit_test(the_store_answers_at_once),
        cmocka_unit_test(many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
