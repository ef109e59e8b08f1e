/* Content in chunks, in a real memcached: read, split, filled as it arrives, lost. */
#include "base/assert.h"
#include "base/hash.h"
#include "store/chunk.h"
#include "store/pool.h"
#include "store/store_helpers.h"

#include <stdlib.h>

#define ITEM_MAX    (16 * 1024)
#define CHUNK_BYTES (3 * 4096)
#define GENERATION  99

struct fixture {
    struct memcached memcached;
    struct rig rig;
    struct store *store;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    memcached_start(&f->memcached);
    rig_init(&f->rig);
    f->rig.conf.item_max_bytes = ITEM_MAX;
    f->rig.conf.read_timeout_ms = 200;
    f->rig.conf.send_timeout_ms = 200;
    rig_add(&f->rig, f->memcached.address);
    rig_open(&f->rig);
    rig_until_state(&f->rig, 0, MC_SERVER_UP);
    f->store = store_pool_new(f->rig.pool, SLICE("site1"));
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

static char byte_at(uint64_t at)
{
    return (char)(at * 7 + at / 251);
}

static struct slice bytes_of(char *p, uint64_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = byte_at(from + i);
    return slice_make(p, n);
}

/* -- reading -- */

struct reading {
    struct store_read read;
    enum store_result result;
    int calls;
};

static void on_read(struct store_read *read, enum store_result result)
{
    struct reading *r = read->owner;
    r->result = result;
    r->calls++;
}

static enum store_result read_chunk(struct fixture *f, struct reading *r, struct store_chunk c)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    *r = (struct reading){.read = {.chunk = c, .fn = on_read, .owner = r}};
    r->result = store_read(f->store, &r->read);
    assert_int_equal(r->calls, 0);
    while (r->result == STORE_PENDING && clock_mono_ms() < end)
        loop_turn(f->rig.loop, 10);
    return r->result;
}

static void expect_chunk(struct fixture *f, struct store_chunk c)
{
    struct reading r;
    assert_int_equal(read_chunk(f, &r, c), STORE_HIT);
    assert_int_equal(r.read.content.n, c.length);
    for (size_t i = 0; i < c.length; i++)
        assert_int_equal(r.read.content.p[i], byte_at(c.offset + i));
    blob_unref(&r.read.blob);
}

static struct store_chunk chunk_at(uint64_t offset, uint32_t length)
{
    return (struct store_chunk){SLICE_INIT("/a"), GENERATION, offset, length};
}

static void test_written_chunk_is_read(void **state)
{
    struct fixture *f = *state;
    char content[1000];
    struct store_chunk c = chunk_at(4096, sizeof(content));
    struct reading r;
    assert_int_equal(read_chunk(f, &r, c), STORE_MISS);
    store_write(f->store, &c, bytes_of(content, 4096, sizeof(content)), 60);
    expect_chunk(f, c);
    c.key = SLICE("/b");
    assert_int_equal(read_chunk(f, &r, c), STORE_MISS);
    assert_int_equal(store_pool_counters(f->store)->invalid, 0);
}

static void test_foreign_value_is_a_miss(void **state)
{
    struct fixture *f = *state;
    struct reading r;
    struct mc_key_maker *keys = mc_key_maker_new();
    struct mc_key response, key;
    struct chunk_id id = {GENERATION, 0, 5};
    struct blob *text = blob_of("these bytes are no chunk at all, but as many as one");
    mc_key_make(keys, SLICE("site1"), SLICE("/a"), &response);
    chunk_key(keys, SLICE("site1"), &response, &id, &key);
    mc_pool_set(f->rig.pool, &key, text, 0, 60);
    assert_int_equal(read_chunk(f, &r, chunk_at(0, 5)), STORE_MISS);
    assert_null(r.read.blob);
    assert_int_equal(store_pool_counters(f->store)->invalid, 1);
    blob_unref(&text);
    mc_key_maker_free(&keys);
}

static void test_cancelled_read_calls_nobody(void **state)
{
    struct fixture *f = *state;
    struct reading r = {.read = {.chunk = chunk_at(0, 5), .fn = on_read, .owner = &r}};
    assert_int_equal(store_read(f->store, &r.read), STORE_PENDING);
    store_read_cancel(f->store, &r.read);
    store_read_cancel(f->store, &r.read); /* a second time does nothing */
    struct reading other;
    assert_int_equal(read_chunk(f, &other, chunk_at(0, 5)), STORE_MISS);
    assert_int_equal(r.calls, 0);
}

static void test_server_out_of_use_is_a_miss_at_once(void **state)
{
    struct fixture *f = *state;
    struct reading r = {.read = {.chunk = chunk_at(0, 5), .fn = on_read, .owner = &r}};
    memcached_kill(&f->memcached);
    rig_until_state(&f->rig, 0, MC_SERVER_DOWN);
    assert_int_equal(store_read(f->store, &r.read), STORE_MISS);
    assert_null(store_fill(f->store, SLICE("/a"), GENERATION, 60));
}

/* -- whole entries that are too long for an item -- */

static struct entry *entry_with(size_t bytes, uint64_t generation)
{
    struct stored_meta meta = {
        .kind = STORED_RESPONSE,
        .status = 200,
        .received_ms = clock_wall_ms(),
        .lifetime_s = 60,
        .content_length = bytes,
        .last_modified = -1,
        .generation = generation,
    };
    const struct stored_parts parts = {.key = SLICE("/a"), .head = SLICE("HTTP/1.1 200 OK\r\n")};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    (void)bytes_of(stored_encode(blob, &meta, &parts), 0, bytes);
    stored_seal(blob);
    enum stored_check why;
    return entry_new(blob, SLICE("/a"), &why);
}

static void test_long_entry_is_split(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    struct entry *whole = entry_with(2 * CHUNK_BYTES + 5, GENERATION);
    store_put(f->store, whole, 60);
    assert_int_equal(rig_count(&f->rig, MC_SETS), 2); /* the manifest comes last */
    rig_until_count(&f->rig, MC_SETS, 4);
    assert_int_equal(lookup(&f->rig, f->store, &l, "/a"), STORE_HIT);
    const struct stored_view *v = &l.get.entry->view;
    assert_int_equal(v->meta.chunk_bytes, CHUNK_BYTES);
    assert_int_equal(v->meta.generation, GENERATION);
    assert_int_equal(v->meta.content_length, 2 * CHUNK_BYTES + 5);
    assert_int_equal(v->content.n, 0);
    assert_true(slice_eq(v->head, whole->view.head));
    for (uint64_t at = 0; at < v->meta.content_length; at += CHUNK_BYTES)
        expect_chunk(f, store_chunk_at(v, at));
    assert_int_equal(rig_count(&f->rig, MC_SETS_TOO_LONG), 0);
    entry_unref(&l.get.entry);
    entry_unref(&whole);
}

/* What is deleted, or replaced, before its chunks are there does not come back. */
static void test_split_that_is_overtaken_is_not_put(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    struct cache_key key = cache_key_of("/a");
    struct entry *whole = entry_with(2 * CHUNK_BYTES + 5, GENERATION);
    struct entry *small = entry_of("/a", "new", clock_wall_ms(), 60);
    store_put(f->store, whole, 60);
    store_del(f->store, &key);
    rig_turns(&f->rig, 50);
    assert_int_equal(lookup(&f->rig, f->store, &l, "/a"), STORE_MISS);
    store_put(f->store, whole, 60);
    store_put(f->store, small, 60);
    rig_turns(&f->rig, 50);
    assert_int_equal(lookup(&f->rig, f->store, &l, "/a"), STORE_HIT);
    lookup_expect(&l, TIER_POOL, "new");
    store_put(f->store, whole, 60); /* the store is freed meanwhile */
    entry_unref(&small);
    entry_unref(&whole);
}

static void test_entry_without_generation_is_not_split(void **state)
{
    struct fixture *f = *state;
    struct lookup l;
    struct entry *whole = entry_with(2 * CHUNK_BYTES, 0);
    store_put(f->store, whole, 60);
    assert_int_equal(lookup(&f->rig, f->store, &l, "/a"), STORE_MISS);
    assert_int_equal(rig_count(&f->rig, MC_SETS), 0);
    entry_unref(&whole);
}

static void test_chunk_of_a_view(void **state UNUSED)
{
    struct stored_view v = {.meta = {.chunk_bytes = 100, .content_length = 250, .generation = 5},
                            .key = SLICE("/a")};
    static const struct {
        uint64_t at;
        uint64_t offset;
        uint32_t length;
    } rows[] = {{0, 0, 100},     {99, 0, 100},   {100, 100, 100},
                {199, 100, 100}, {200, 200, 50}, {249, 200, 50}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct store_chunk c = store_chunk_at(&v, rows[i].at);
        assert_int_equal(c.offset, rows[i].offset);
        assert_int_equal(c.length, rows[i].length);
        assert_int_equal(c.generation, 5);
    }
}

/* -- fills -- */

struct filling {
    struct store_fill *fill;
    int calls;
    uint64_t at;
};

static void on_change(struct store_fill *fill)
{
    struct filling *f = fill->owner;
    f->calls++;
}

static void fill_begin(struct fixture *f, struct filling *filling)
{
    *filling = (struct filling){.fill = store_fill(f->store, SLICE("/a"), GENERATION, 60)};
    assert_non_null(filling->fill);
    assert_int_equal(filling->fill->chunk_bytes, CHUNK_BYTES);
    filling->fill->on_change = on_change;
    filling->fill->owner = filling;
}

static enum store_fill_state fill_add(struct filling *filling, size_t n)
{
    char *content = malloc(n);
    enum store_fill_state state =
        store_fill_append(filling->fill, bytes_of(content, filling->at, n));
    filling->at += n;
    free(content);
    return state;
}

static void until_called(struct fixture *f, struct filling *filling)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (filling->calls == 0 && clock_mono_ms() < end)
        loop_turn(f->rig.loop, 10);
    assert_int_equal(filling->calls, 1);
    filling->calls = 0;
}

static void test_fill(void **state)
{
    struct fixture *f = *state;
    struct filling filling;
    fill_begin(f, &filling);
    for (int i = 0; i < 40; i++) {
        if (fill_add(&filling, 1500) != FILL_FULL)
            continue;
        until_called(f, &filling);
        assert_int_equal(filling.fill->state, FILL_ROOM);
    }
    if (store_fill_end(filling.fill) == FILL_FULL)
        until_called(f, &filling);
    assert_int_equal(filling.fill->state, FILL_WHOLE);
    store_fill_free(&filling.fill);
    assert_null(filling.fill);
    for (uint64_t at = 0; at < 60000; at += CHUNK_BYTES)
        expect_chunk(f, chunk_at(at, at + CHUNK_BYTES < 60000 ? CHUNK_BYTES : 60000 % CHUNK_BYTES));
}

static void test_fill_that_ends_at_a_border(void **state)
{
    struct fixture *f = *state;
    struct filling filling;
    fill_begin(f, &filling);
    assert_int_equal(fill_add(&filling, CHUNK_BYTES), FILL_ROOM);
    assert_int_equal(store_fill_end(filling.fill), FILL_FULL);
    until_called(f, &filling);
    assert_int_equal(filling.fill->state, FILL_WHOLE);
    store_fill_free(&filling.fill);
    expect_chunk(f, chunk_at(0, CHUNK_BYTES));
    assert_int_equal(rig_count(&f->rig, MC_SETS), 1);
}

/* Two chunks are on their way; the third has to wait. */
static void test_fill_stops_its_reader(void **state)
{
    struct fixture *f = *state;
    struct filling filling;
    fill_begin(f, &filling);
    assert_int_equal(fill_add(&filling, 2 * CHUNK_BYTES), FILL_ROOM);
    assert_int_equal(fill_add(&filling, CHUNK_BYTES - 1), FILL_ROOM);
    assert_int_equal(fill_add(&filling, 1), FILL_FULL);
    assert_int_equal(rig_count(&f->rig, MC_SETS), 2);
    until_called(f, &filling);
    assert_int_equal(filling.fill->state, FILL_ROOM);
    store_fill_free(&filling.fill);
}

static void test_fill_given_up_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct filling filling;
    struct reading r;
    fill_begin(f, &filling);
    (void)fill_add(&filling, 5 * CHUNK_BYTES + 1);
    until_called(f, &filling);
    expect_chunk(f, chunk_at(0, CHUNK_BYTES));
    store_fill_free(&filling.fill);
    for (uint64_t at = 0; at < 6 * CHUNK_BYTES; at += CHUNK_BYTES)
        assert_int_equal(read_chunk(f, &r, chunk_at(at, CHUNK_BYTES)), STORE_MISS);
}

static void test_server_that_dies_loses_the_fill(void **state)
{
    struct fixture *f = *state;
    struct filling filling;
    fill_begin(f, &filling);
    memcached_kill(&f->memcached);
    if (fill_add(&filling, 3 * CHUNK_BYTES) != FILL_LOST)
        until_called(f, &filling);
    assert_int_equal(filling.fill->state, FILL_LOST);
    assert_int_equal(fill_add(&filling, CHUNK_BYTES), FILL_LOST); /* forgets it */
    assert_int_equal(store_fill_end(filling.fill), FILL_LOST);
    store_fill_free(&filling.fill);
}

static void test_server_that_hangs_loses_the_fill_in_time(void **state)
{
    struct fixture *f = *state;
    struct filling filling;
    fill_begin(f, &filling);
    memcached_stop(&f->memcached);
    mono_ms started = clock_mono_ms();
    assert_int_equal(fill_add(&filling, 3 * CHUNK_BYTES), FILL_FULL);
    until_called(f, &filling);
    assert_int_equal(filling.fill->state, FILL_LOST);
    assert_in_range(clock_mono_ms() - started, 150, CALM_MS);
    store_fill_free(&filling.fill);
    memcached_continue(&f->memcached);
}

#define WITH_MEMCACHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MEMCACHED(test_written_chunk_is_read),
        WITH_MEMCACHED(test_foreign_value_is_a_miss),
        WITH_MEMCACHED(test_cancelled_read_calls_nobody),
        WITH_MEMCACHED(test_server_out_of_use_is_a_miss_at_once),
        WITH_MEMCACHED(test_long_entry_is_split),
        WITH_MEMCACHED(test_split_that_is_overtaken_is_not_put),
        WITH_MEMCACHED(test_entry_without_generation_is_not_split),
        cmocka_unit_test(test_chunk_of_a_view),
        WITH_MEMCACHED(test_fill),
        WITH_MEMCACHED(test_fill_that_ends_at_a_border),
        WITH_MEMCACHED(test_fill_stops_its_reader),
        WITH_MEMCACHED(test_fill_given_up_leaves_nothing),
        WITH_MEMCACHED(test_server_that_dies_loses_the_fill),
        WITH_MEMCACHED(test_server_that_hangs_loses_the_fill_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
