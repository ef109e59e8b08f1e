/* The pool against a real memcached: what it stores and finds, how many calls that takes, and what
 * happens when it dies, hangs and comes back. */
#include "mc_helpers.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct memcached memcached;
    struct rig rig;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    memcached_start(&f->memcached);
    rig_init(&f->rig);
    rig_add(&f->rig, f->memcached.address);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    if (f->memcached.pid != 0)
        memcached_kill(&f->memcached);
    free(f);
    return 0;
}

static void open_and_connect(struct fixture *f)
{
    rig_open(&f->rig);
    rig_until_state(&f->rig, 0, MC_SERVER_UP);
}

static void store_find_forget(struct rig *rig)
{
    struct probe p;
    struct mc_key key;
    assert_int_equal(rig_get(rig, "a", &p), MC_MISS);
    rig_set(rig, "a", "hello", 60);
    assert_int_equal(rig_get(rig, "a", &p), MC_HIT);
    probe_expect(&p, "hello");
    rig_set(rig, "a", "again", 60);
    (void)rig_get(rig, "a", &p);
    probe_expect(&p, "again");
    key_of("a", &key);
    mc_pool_del(rig->pool, &key);
    mc_pool_del(rig->pool, &key); /* not there: no harm */
    assert_int_equal(rig_get(rig, "a", &p), MC_MISS);
    assert_int_equal(rig_count(rig, MC_GETS), 4);
    assert_int_equal(rig_count(rig, MC_HITS), 2);
    assert_int_equal(rig_count(rig, MC_MISSES), 2);
    assert_int_equal(rig_count(rig, MC_DELETES), 2);
}

static void test_meta(void **state)
{
    struct fixture *f = *state;
    open_and_connect(f);
    store_find_forget(&f->rig);
}

static void test_classic(void **state)
{
    struct fixture *f = *state;
    f->rig.conf.protocol = MC_PROTOCOL_CLASSIC;
    open_and_connect(f);
    store_find_forget(&f->rig);
}

/* A proxy that has just started need not miss. */
/* Items that other clients have stored: an empty value is a value, and flags are told. */
static void find_foreign(struct rig *rig)
{
    struct probe p;
    struct mc_key key;
    struct blob *value = blob_of("");
    key_of("empty", &key);
    assert_true(mc_pool_set(rig->pool, &key, value, 77, 60));
    blob_unref(&value);
    probe_ask(rig, &p, "empty", (struct mc_ask){.foreign = true});
    assert_int_equal(rig_await(rig, &p), MC_HIT);
    assert_int_equal(p.get.item.flags, 77);
    probe_expect(&p, "");
    assert_int_equal(rig_get(rig, "empty", &p), MC_MISS); /* of ours it is a lease's stub */
}

static void test_foreign_items(void **state)
{
    struct fixture *f = *state;
    open_and_connect(f);
    find_foreign(&f->rig);
}

static void test_foreign_items_by_classic(void **state)
{
    struct fixture *f = *state;
    f->rig.conf.protocol = MC_PROTOCOL_CLASSIC;
    open_and_connect(f);
    find_foreign(&f->rig);
}

static void test_lookups_wait_for_the_first_connection(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    rig_open(&f->rig);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_MISS);
    assert_int_equal(rig_count(&f->rig, MC_UNAVAILABLE), 0);
}

#define MANY 1000

static void test_lookups_of_a_turn_leave_in_one_write(void **state)
{
    struct fixture *f = *state;
    static struct probe probes[MANY];
    char key[16], value[24];
    open_and_connect(f);
    for (int i = 0; i < MANY; i += 2) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)snprintf(value, sizeof(value), "value %d", i);
        rig_set(&f->rig, key, value, 60);
    }
    rig_turns(&f->rig, 10);
    uint64_t writes = rig_count(&f->rig, MC_WRITES);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        probe_start(&f->rig, &probes[i], key);
        assert_int_equal(probes[i].result, MC_PENDING);
    }
    loop_turn(f->rig.loop, 0);
    assert_int_equal(rig_count(&f->rig, MC_WRITES), writes + 1);
    rig_until_count(&f->rig, MC_HITS, MANY / 2);
    rig_until_count(&f->rig, MC_MISSES, MANY / 2);
    assert_int_equal(rig_count(&f->rig, MC_WRITES), writes + 1);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(value, sizeof(value), "value %d", i);
        if (i % 2 == 0)
            probe_expect(&probes[i], value);
        else
            assert_int_equal(probes[i].result, MC_MISS);
    }
}

static struct blob *pattern(size_t bytes)
{
    struct blob *b = blob_new(bytes);
    for (size_t i = 0; i < bytes; i++)
        b->data[i] = (char)(i * 131 + i / 251);
    b->len = bytes;
    return b;
}

static void expect_pattern(struct probe *p, size_t bytes)
{
    struct blob *b = pattern(bytes);
    assert_int_equal(p->result, MC_HIT);
    assert_int_equal(p->get.blob->len, b->len);
    assert_memory_equal(p->get.blob->data, b->data, b->len);
    blob_unref(&b);
    blob_unref(&p->get.blob);
}

/* Short ones are copied, long ones sent and read in place: the bounds between the ways. */
static void test_values_of_every_size(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {1,     4095,  4096,   4097,   32760,
                                   32768, 32769, 131072, 400000, 1000000};
    open_and_connect(f);
    struct probe probes[ARRAY_LEN(sizes)];
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct mc_key key;
        char name[16];
        struct blob *b = pattern(sizes[i]);
        (void)snprintf(name, sizeof(name), "size%zu", i);
        key_of(name, &key);
        mc_pool_set(f->rig.pool, &key, b, 1, 60);
        blob_unref(&b);
        probe_start(&f->rig, &probes[i], name);
    }
    rig_until_count(&f->rig, MC_HITS, ARRAY_LEN(sizes));
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        print_message("%zu\n", sizes[i]);
        expect_pattern(&probes[i], sizes[i]);
    }
    assert_int_equal(rig_count(&f->rig, MC_LOST), 0);
}

/* Stored under its length. */
static void set_pattern(struct rig *rig, size_t bytes)
{
    struct mc_key key;
    char name[24];
    struct blob *b = pattern(bytes);
    (void)snprintf(name, sizeof(name), "%zu", bytes);
    key_of(name, &key);
    mc_pool_set(rig->pool, &key, b, 1, 60);
    blob_unref(&b);
}

/* What is behind a long value is read along with it, whatever it is. */
static void test_values_of_every_size_behind_long_ones(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {300000, 300000, 1,     300000, 0,      40000, 16000,
                                   300000, 4096,   33000, 0,      600000, 0,     200};
    struct probe probes[4 * ARRAY_LEN(sizes)];
    open_and_connect(f);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        if (sizes[i] > 0)
            set_pattern(&f->rig, sizes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        char name[24];
        (void)snprintf(name, sizeof(name), "%zu", sizes[i % ARRAY_LEN(sizes)]);
        probe_start(&f->rig, &probes[i], name);
    }
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        size_t bytes = sizes[i % ARRAY_LEN(sizes)];
        if (rig_await(&f->rig, &probes[i]) == MC_HIT)
            expect_pattern(&probes[i], bytes);
        else
            assert_int_equal(bytes, 0);
    }
    assert_int_equal(rig_count(&f->rig, MC_LOST), 0);
}

static void set_bytes(struct rig *rig, const char *name, size_t bytes)
{
    struct mc_key key;
    struct blob *b = pattern(bytes);
    key_of(name, &key);
    mc_pool_set(rig->pool, &key, b, 1, 60);
    assert_in_range(b->refs, 1, 2);
    blob_unref(&b);
}

static void test_too_long_values_are_not_sent(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    open_and_connect(f);
    set_bytes(&f->rig, "long", 1024 * 1024 - 3);
    assert_int_equal(rig_count(&f->rig, MC_SETS_TOO_LONG), 1);
    assert_int_equal(rig_get(&f->rig, "long", &p), MC_MISS);
    set_bytes(&f->rig, "fits", 1024 * 1024 - 72 - 4);
    assert_int_equal(rig_get(&f->rig, "fits", &p), MC_HIT);
    blob_unref(&p.get.blob);
}

/* The server knows its limit better than we. */
static void test_what_the_server_would_refuse_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct probe before, after, p;
    f->rig.conf.item_max_bytes = 8 * 1024 * 1024;
    open_and_connect(f);
    probe_start(&f->rig, &before, "a");
    set_bytes(&f->rig, "long", 2 * 1024 * 1024);
    probe_start(&f->rig, &after, "b");
    assert_int_equal(rig_get(&f->rig, "c", &p), MC_MISS);
    assert_int_equal(before.result, MC_MISS);
    assert_int_equal(after.result, MC_MISS);
    assert_int_equal(rig_count(&f->rig, MC_SETS_TOO_LONG), 1);
    assert_int_equal(rig_count(&f->rig, MC_SET_ERRORS), 0);
    assert_int_equal(rig_count(&f->rig, MC_LOST), 0);
}

static void test_full_buffer_drops_stores(void **state)
{
    struct fixture *f = *state;
    f->rig.conf.send_buffer_bytes = 64 * 1024;
    open_and_connect(f);
    for (int i = 0; i < 10; i++)
        set_bytes(&f->rig, "a", 10000);
    assert_int_equal(rig_count(&f->rig, MC_SETS), 6);
    assert_int_equal(rig_count(&f->rig, MC_SETS_DROPPED), 4);
    rig_turns(&f->rig, 20);
    set_bytes(&f->rig, "a", 10000); /* room again */
    assert_int_equal(rig_count(&f->rig, MC_SETS), 7);
}

static void test_pending_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct probe p[5];
    f->rig.conf.pending_max = 4;
    open_and_connect(f);
    for (int i = 0; i < 5; i++)
        probe_start(&f->rig, &p[i], "a");
    assert_int_equal(p[3].result, MC_PENDING);
    assert_int_equal(p[4].result, MC_FAILED);
    rig_until_count(&f->rig, MC_MISSES, 4);
}

static void test_cancelled_lookups_never_call_back(void **state)
{
    struct fixture *f = *state;
    struct probe waiting, sent, other;
    rig_open(&f->rig);
    probe_start(&f->rig, &waiting, "a"); /* no connection yet */
    mc_get_cancel(&waiting.get);
    rig_until_state(&f->rig, 0, MC_SERVER_UP);
    rig_set(&f->rig, "a", "hello", 60);
    probe_start(&f->rig, &sent, "a");
    probe_start(&f->rig, &other, "a");
    loop_turn(f->rig.loop, 0);
    mc_get_cancel(&sent.get);
    mc_get_cancel(&sent.get); /* a second time does nothing */
    rig_until_count(&f->rig, MC_HITS, 1);
    probe_expect(&other, "hello");
    assert_int_equal(waiting.calls + sent.calls, 0);
}

/* -- faults -- */

static void test_killed_in_the_middle(void **state)
{
    struct fixture *f = *state;
    struct probe p[100];
    open_and_connect(f);
    for (int i = 0; i < 100; i++)
        probe_start(&f->rig, &p[i], "a");
    memcached_stop(&f->memcached);
    loop_turn(f->rig.loop, 0); /* sent, and never answered */
    memcached_kill(&f->memcached);
    rig_until_count(&f->rig, MC_ERRORS, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(p[i].result, MC_FAILED);
        assert_int_equal(p[i].calls, 1);
        assert_in_range(p[i].took_ms, 0, 1000);
    }
    probe_start(&f->rig, &p[0], "a");
    assert_int_equal(p[0].result, MC_FAILED); /* at once from now on */
}

static void test_killed_and_started_again(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    open_and_connect(f);
    rig_set(&f->rig, "a", "hello", 60);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_HIT);
    probe_expect(&p, "hello");
    memcached_kill(&f->memcached);
    rig_until_state(&f->rig, 0, MC_SERVER_DOWN);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_FAILED);
    rig_turns(&f->rig, 3000); /* attempts are at least a second apart */
    assert_in_range(rig_count(&f->rig, MC_CONNECTS), 3, 6);
    assert_int_equal(rig_logged(&f->rig, "is down"), 1);
    memcached_start_again(&f->memcached);
    mono_ms before = clock_mono_ms();
    rig_until_state(&f->rig, 0, MC_SERVER_UP);
    assert_in_range(clock_mono_ms() - before, 0, 2000);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_MISS); /* a new one is empty */
    assert_int_equal(rig_logged(&f->rig, "is down"), 1);
    assert_int_equal(rig_logged(&f->rig, "is up"), 1);
}

/* A black hole: connections stay and are even accepted, nothing answers. */
static void test_stopped_and_continued(void **state)
{
    struct fixture *f = *state;
    struct probe p;
    int paid = 0;
    f->rig.conf.read_timeout_ms = 100;
    open_and_connect(f);
    rig_set(&f->rig, "a", "hello", 60);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_HIT);
    blob_unref(&p.get.blob);
    memcached_stop(&f->memcached);
    mono_ms end = clock_mono_ms() + 4000;
    while (clock_mono_ms() < end) {
        assert_int_equal(rig_get(&f->rig, "a", &p), MC_FAILED);
        assert_in_range(p.took_ms, 0, 300);
        paid += p.calls; /* the others were told at once */
        rig_turns(&f->rig, 5);
    }
    assert_in_range(paid, 1, 3);
    assert_int_equal(rig_count(&f->rig, MC_BREAKER_OPENS), 1);
    assert_int_equal(rig_logged(&f->rig, "is down"), 1);
    memcached_continue(&f->memcached);
    mono_ms continued = clock_mono_ms();
    rig_until_state(&f->rig, 0, MC_SERVER_UP);
    assert_in_range(clock_mono_ms() - continued, 0, 2000);
    assert_int_equal(rig_get(&f->rig, "a", &p), MC_HIT);
    probe_expect(&p, "hello");
}

/* A hung server does not hold stores for ever either. */
static void test_stores_to_a_stopped_server_are_given_up(void **state)
{
    struct fixture *f = *state;
    open_and_connect(f);
    f->rig.conf.send_timeout_ms = 50;
    memcached_stop(&f->memcached);
    for (int i = 0; i < 400 && mc_pool_server_state(f->rig.pool, 0) == MC_SERVER_UP; i++) {
        set_bytes(&f->rig, "a", 500000);
        rig_turns(&f->rig, 5);
    }
    assert_int_not_equal(mc_pool_server_state(f->rig.pool, 0), MC_SERVER_UP);
    memcached_continue(&f->memcached);
}

static void test_other_servers_are_not_disturbed(void **state)
{
    struct fixture *f = *state;
    struct memcached second;
    char key[16];
    memcached_start(&second);
    rig_add(&f->rig, second.address);
    open_and_connect(f);
    rig_until_state(&f->rig, 1, MC_SERVER_UP);
    memcached_kill(&second);
    rig_until_state(&f->rig, 1, MC_SERVER_DOWN);
    int answered = 0, failed = 0;
    for (int i = 0; i < 100; i++) {
        struct probe p;
        (void)snprintf(key, sizeof(key), "k%d", i);
        enum mc_result r = rig_get(&f->rig, key, &p);
        answered += r == MC_MISS;
        failed += r == MC_FAILED;
    }
    assert_int_equal(answered + failed, 100);
    assert_in_range(answered, 20, 80);
}

static void text_on_end(struct mc_get *get, enum mc_result result)
{
    *(enum mc_result *)get->owner = result;
}

static enum mc_result ask(struct rig *rig, const char *line, struct mc_text *text)
{
    enum mc_result result = MC_PENDING;
    *text = (struct mc_text){.get.fn = text_on_end, .get.owner = &result, .line = slice_of(line)};
    buf_init(&text->reply, MC_TEXT_MAX);
    assert_int_equal(mc_pool_ask(rig->pool, 0, text), MC_PENDING);
    for (mono_ms end = clock_mono_ms() + PATIENCE_MS;
         result == MC_PENDING && clock_mono_ms() < end;)
        loop_turn(rig->loop, 10);
    return result;
}

static void test_text_between_lookups(void **state)
{
    struct fixture *f = *state;
    struct mc_text text;
    struct probe before;
    struct probe after;
    open_and_connect(f);
    probe_start(&f->rig, &before, "nothing");
    enum mc_result result = ask(&f->rig, "stats", &text);
    struct slice reply = buf_slice(&text.reply);
    assert_int_equal(result, MC_HIT);
    assert_int_equal(before.result, MC_MISS);
    assert_true(slice_starts(reply, SLICE("STAT pid ")));
    assert_true(slice_ends(reply, SLICE("\r\nEND\r\n")));
    buf_fini(&text.reply);
    assert_int_equal(rig_get(&f->rig, "nothing", &after), MC_MISS);
}

static void test_text_of_one_line(void **state)
{
    static const struct {
        const char *line;
        const char *begins;
    } rows[] = {{"version", "VERSION 1."},
                {"delete nothing", "NOT_FOUND\r\n"},
                {"me nothing", "EN\r\n"},
                {"nonsense", "ERROR\r\n"}};
    struct fixture *f = *state;
    open_and_connect(f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mc_text text;
        assert_int_equal(ask(&f->rig, rows[i].line, &text), MC_HIT);
        assert_true(slice_starts(buf_slice(&text.reply), slice_of(rows[i].begins)));
        buf_fini(&text.reply);
    }
}

static void test_facts_of_a_server(void **state)
{
    struct fixture *f = *state;
    struct mc_server_facts facts;
    open_and_connect(f);
    mc_pool_server_facts(f->rig.pool, 0, &facts);
    assert_string_equal(facts.protocol, "meta");
    assert_true(slice_starts(facts.version, SLICE("1.")));
    assert_true(slice_starts(facts.address, SLICE("127.0.0.1:")));
    assert_null(facts.trouble);
}

static void test_unix_socket(void **state UNUSED)
{
    struct rig rig;
    struct memcached m;
    struct probe p;
    char path[64];
    (void)snprintf(path, sizeof(path), "/tmp/mcproxy-test-%d.sock", (int)getpid());
    memcached_start_unix(&m, path);
    rig_init(&rig);
    rig_add(&rig, m.address);
    rig_open(&rig);
    rig_until_state(&rig, 0, MC_SERVER_UP);
    rig_set(&rig, "a", "hello", 60);
    assert_int_equal(rig_get(&rig, "a", &p), MC_HIT);
    probe_expect(&p, "hello");
    rig_fini(&rig);
    memcached_kill(&m);
    (void)unlink(path);
}

#define WITH_MEMCACHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MEMCACHED(test_meta),
        WITH_MEMCACHED(test_classic),
        WITH_MEMCACHED(test_foreign_items),
        WITH_MEMCACHED(test_foreign_items_by_classic),
        WITH_MEMCACHED(test_lookups_wait_for_the_first_connection),
        WITH_MEMCACHED(test_lookups_of_a_turn_leave_in_one_write),
        WITH_MEMCACHED(test_values_of_every_size),
        WITH_MEMCACHED(test_values_of_every_size_behind_long_ones),
        WITH_MEMCACHED(test_too_long_values_are_not_sent),
        WITH_MEMCACHED(test_what_the_server_would_refuse_is_not_sent),
        WITH_MEMCACHED(test_full_buffer_drops_stores),
        WITH_MEMCACHED(test_pending_is_bounded),
        WITH_MEMCACHED(test_cancelled_lookups_never_call_back),
        WITH_MEMCACHED(test_killed_in_the_middle),
        WITH_MEMCACHED(test_text_between_lookups),
        WITH_MEMCACHED(test_text_of_one_line),
        WITH_MEMCACHED(test_facts_of_a_server),
        WITH_MEMCACHED(test_killed_and_started_again),
        WITH_MEMCACHED(test_stopped_and_continued),
        WITH_MEMCACHED(test_stores_to_a_stopped_server_are_given_up),
        WITH_MEMCACHED(test_other_servers_are_not_disturbed),
        cmocka_unit_test(test_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
