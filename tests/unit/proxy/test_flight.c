/* Flights: who joins and leads, what readers and the writer are told and when, the window, every
 * order of leaving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/flight.h"

#include <stdlib.h>

enum { READERS = 4 };

struct user {
    struct loop *loop;
    struct flight_reader *reader;
    bool leader;
    int told;
    bool leaves_when_told;
};

struct sky {
    struct flight_table *table;
    struct loop *loop;  /* of the writer and of most readers */
    struct loop *other; /* as of another worker, but turned by this thread */
    struct user users[READERS];
    struct flight_writer *writer;
    int woken;
    struct blob *blob; /* "0123456789" */
};

static const struct cache_key key_a = {SLICE_INIT("a"), 1};
static const struct cache_key key_b = {SLICE_INIT("b"), 1}; /* the same hash */

static int make(void **state)
{
    struct sky *s = calloc(1, sizeof *s);
    s->table = flight_table_new();
    s->loop = loop_new();
    s->other = loop_new();
    s->blob = blob_new(10);
    memcpy(s->blob->data, "0123456789", 10);
    s->blob->len = 10;
    *state = s;
    return 0;
}

static int drop(void **state)
{
    struct sky *s = *state;
    for (size_t i = 0; i < READERS; i++)
        flight_leave(&s->users[i].reader);
    if (s->writer)
        flight_end(&s->writer, FLIGHT_BROKEN, 0);
    loop_turn(s->loop, 0);
    loop_turn(s->other, 0);
    loop_free(&s->loop);
    loop_free(&s->other);
    flight_table_free(&s->table);
    unsigned refs = atomic_load(&s->blob->refs);
    blob_unref(&s->blob);
    free(s);
    return refs == 1 ? 0 : -1; /* no flight keeps content */
}

static void on_progress(struct flight_reader *r)
{
    struct user *u = r->owner;
    assert_ptr_equal(u->reader, r);
    u->told++;
    if (u->leaves_when_told)
        flight_leave(&u->reader);
}

static void on_wake(void *owner)
{
    struct sky *s = owner;
    assert_non_null(s->writer);
    s->woken++;
}

static void turn(struct sky *s)
{
    for (int i = 0; i < 3; i++) {
        loop_turn(s->loop, 0);
        loop_turn(s->other, 0);
    }
}

static struct user *join_on(struct sky *s, size_t i, const struct cache_key *key, struct loop *loop,
                            bool alone)
{
    struct user *u = &s->users[i];
    u->loop = loop;
    u->told = 0;
    u->reader = flight_join(s->table, key, alone, loop, on_progress, u, &u->leader);
    return u;
}

static struct user *join(struct sky *s, size_t i, const struct cache_key *key)
{
    return join_on(s, i, key, s->loop, false);
}

/* The first user leads a flight of key_a and has attached its writer. */
static struct user *start(struct sky *s)
{
    struct user *u = join(s, 0, &key_a);
    assert_true(u->leader);
    s->writer = flight_attach_writer(u->reader, s->loop, on_wake, s);
    return u;
}

static struct flight_response *response(struct sky *s)
{
    struct flight_response *r = ARENA_NEW(flight_arena(s->writer), struct flight_response);
    r->head.status = 200;
    r->head_blob = blob_ref(s->blob);
    return r;
}

static void publish(struct sky *s, bool shared, bool collect, size_t window)
{
    flight_publish_head(s->writer, response(s), shared, collect, window);
}

static bool append(struct sky *s, size_t from, size_t n)
{
    return flight_append(s->writer, s->blob, slice_make(s->blob->data + from, n));
}

/* Takes what is there, at most `max` pieces, and expects these bytes. */
static void assert_takes(struct user *u, size_t max, const char *expected, bool expected_end)
{
    struct flight_piece pieces[8];
    char got[64];
    size_t got_n = 0;
    bool end = false;
    size_t n = flight_take(u->reader, pieces, max, &end);
    assert_true(n <= max);
    for (size_t i = 0; i < n; i++) {
        memcpy(got + got_n, pieces[i].bytes.p, pieces[i].bytes.n);
        got_n += pieces[i].bytes.n;
        blob_unref(&pieces[i].blob);
    }
    got[got_n] = '\0';
    assert_string_equal(got, expected);
    assert_int_equal(end, expected_end);
}

static unsigned kept(const struct sky *s)
{
    return atomic_load(&s->blob->refs) - 2; /* without ours and that of the head */
}

/* -- joining -- */

static void one_leads_and_others_of_the_key_join(void **state)
{
    struct sky *s = *state;
    assert_false(flight_exists(s->table, &key_a));
    start(s);
    assert_true(flight_exists(s->table, &key_a));
    assert_false(flight_exists(s->table, &key_b));
    assert_false(join(s, 1, &key_a)->leader);
    assert_int_equal(flight_readers(s->writer), 2);
    turn(s);
    assert_int_equal(s->users[0].told + s->users[1].told + s->woken, 0);
    assert_int_equal(flight_state(s->users[1].reader), FLIGHT_PENDING);
}

static void a_flight_alone_is_not_joined(void **state)
{
    struct sky *s = *state;
    assert_true(join_on(s, 0, &key_a, s->loop, true)->leader);
    s->writer = flight_attach_writer(s->users[0].reader, s->loop, on_wake, s);
    assert_false(flight_exists(s->table, &key_a));
    flight_list_variant(s->writer, &key_b);
    assert_false(flight_exists(s->table, &key_b));
    struct user *u = join_on(s, 1, &key_a, s->loop, true);
    assert_true(u->leader);
    struct flight_writer *second = flight_attach_writer(u->reader, s->loop, on_wake, s);
    flight_end(&second, FLIGHT_RELEASED, 0);
}

static void the_key_is_the_flights_own_copy(void **state)
{
    struct sky *s = *state;
    char *bytes = strdup("a");
    struct cache_key key = {slice_make(bytes, 1), 1};
    struct user *u = join(s, 0, &key);
    s->writer = flight_attach_writer(u->reader, s->loop, on_wake, s);
    free(bytes);
    assert_true(flight_exists(s->table, &key_a));
}

static void a_flight_that_has_ended_is_not_joined(void **state)
{
    struct sky *s = *state;
    start(s);
    publish(s, true, true, 100);
    flight_end(&s->writer, FLIGHT_COMPLETE, 0);
    assert_null(s->writer);
    assert_false(flight_exists(s->table, &key_a));
    struct user *u = join(s, 1, &key_a);
    assert_true(u->leader);
    s->writer = flight_attach_writer(u->reader, s->loop, on_wake, s);
}

static void a_flight_is_found_under_its_variant_too(void **state)
{
    struct sky *s = *state;
    start(s);
    flight_list_variant(s->writer, &key_b);
    flight_list_variant(s->writer, &key_b);
    assert_false(join(s, 1, &key_b)->leader);
    publish(s, true, true, 100);
    turn(s);
    assert_int_equal(flight_state(s->users[1].reader), FLIGHT_HEAD);
    flight_end(&s->writer, FLIGHT_COMPLETE, 0);
    assert_false(flight_exists(s->table, &key_a));
    assert_false(flight_exists(s->table, &key_b));
}

/* -- telling -- */

static void readers_are_told_after_the_call_and_once_a_turn(void **state)
{
    struct sky *s = *state;
    struct user *here = start(s);
    struct user *there = join_on(s, 1, &key_a, s->other, false);
    publish(s, true, true, 100);
    (void)append(s, 0, 1);
    (void)append(s, 1, 1);
    assert_int_equal(here->told + there->told, 0);
    loop_turn(s->loop, 0);
    assert_int_equal(here->told, 1);
    assert_int_equal(there->told, 0);
    loop_turn(s->other, 0);
    assert_int_equal(there->told, 1);
    (void)append(s, 2, 1);
    turn(s);
    assert_int_equal(here->told, 2);
    assert_int_equal(there->told, 2);
    assert_int_equal(s->woken, 0);
}

static void who_joins_late_is_told_at_once(void **state)
{
    struct sky *s = *state;
    start(s);
    publish(s, true, true, 100);
    (void)append(s, 0, 3);
    turn(s);
    struct user *late = join(s, 1, &key_a);
    assert_int_equal(late->told, 0);
    turn(s);
    assert_int_equal(late->told, 1);
    assert_int_equal(flight_state(late->reader), FLIGHT_HEAD);
    assert_int_equal(flight_response(late->reader)->head.status, 200);
    assert_takes(late, 8, "012", false);
}

static void who_has_left_is_not_told(void **state)
{
    struct sky *s = *state;
    struct user *here = start(s);
    struct user *there = join_on(s, 1, &key_a, s->other, false);
    publish(s, true, true, 100);
    flight_leave(&here->reader);
    flight_leave(&there->reader);
    assert_null(here->reader);
    flight_leave(&here->reader);
    turn(s);
    assert_int_equal(here->told + there->told, 0);
    assert_int_equal(s->woken, 1); /* the last reader has left */
}

static void the_writer_is_not_woken_after_its_end(void **state)
{
    struct sky *s = *state;
    start(s);
    publish(s, true, true, 1);
    assert_false(append(s, 0, 1));
    assert_takes(&s->users[0], 8, "0", false);
    flight_end(&s->writer, FLIGHT_COMPLETE, 0); /* with a wake-up on its way */
    turn(s);
    assert_int_equal(s->woken, 0);
    assert_takes(&s->users[0], 8, "", true);
}

/* -- what is not shared -- */

static void a_response_that_is_not_shared_is_the_leaders(void **state)
{
    struct sky *s = *state;
    struct user *leader = start(s);
    struct user *waiting = join(s, 1, &key_a);
    publish(s, false, false, 100);
    assert_false(flight_exists(s->table, &key_a));
    turn(s);
    assert_int_equal(waiting->told, 1);
    assert_int_equal(flight_state(waiting->reader), FLIGHT_RELEASED);
    assert_int_equal(flight_state(leader->reader), FLIGHT_HEAD);
    flight_leave(&waiting->reader);
    (void)append(s, 0, 2);
    flight_end(&s->writer, FLIGHT_COMPLETE, 0);
    assert_takes(leader, 8, "01", true);
}

static void others_are_released_before_the_head(void **state)
{
    struct sky *s = *state;
    struct user *leader = start(s);
    struct user *waiting = join_on(s, 1, &key_a, s->other, false);
    flight_release_others(s->writer);
    assert_false(flight_exists(s->table, &key_a));
    turn(s);
    assert_int_equal(flight_state(waiting->reader), FLIGHT_RELEASED);
    assert_int_equal(flight_state(leader->reader), FLIGHT_PENDING);
    flight_list_variant(s->writer, &key_b);
    publish(s, true, true, 100);
    struct user *later = join(s, 2, &key_b);
    assert_false(later->leader);
    assert_int_equal(flight_state(later->reader), FLIGHT_HEAD);
    assert_int_equal(flight_state(waiting->reader), FLIGHT_RELEASED);
}

static void all_are_released_by_the_end(void **state)
{
    struct sky *s = *state;
    struct user *leader = start(s);
    struct user *waiting = join(s, 1, &key_a);
    flight_end(&s->writer, FLIGHT_RELEASED, 0);
    turn(s);
    assert_int_equal(flight_state(leader->reader), FLIGHT_RELEASED);
    assert_int_equal(flight_state(waiting->reader), FLIGHT_RELEASED);
    assert_int_equal(waiting->told, 1);
}

/* Those who wait read along, but nobody who would miss the beginning. */
static void content_that_is_shared_but_not_collected_is_not_joined(void **state)
{
    struct sky *s = *state;
    struct user *leader = start(s);
    struct user *waiting = join(s, 1, &key_a);
    publish(s, true, false, 100);
    assert_false(flight_exists(s->table, &key_a));
    (void)append(s, 0, 2);
    assert_takes(leader, 8, "01", false);
    assert_takes(waiting, 8, "01", false);
    assert_int_equal(kept(s), 0);
}

/* -- content -- */

static void content_comes_in_order_to_each(void **state)
{
    struct sky *s = *state;
    struct user *a = start(s);
    struct user *b = join(s, 1, &key_a);
    publish(s, true, true, 100);
    for (size_t i = 0; i < 6; i++)
        assert_true(append(s, i, 1));
    assert_takes(a, 8, "012345", false);
    assert_takes(b, 2, "01", false);
    assert_takes(b, 2, "23", false);
    uint64_t length = 0;
    assert_false(flight_whole(b->reader, &length));
    flight_end(&s->writer, FLIGHT_COMPLETE, 0);
    assert_takes(a, 8, "", true);
    assert_takes(b, 1, "4", false);
    assert_takes(b, 1, "5", true);
    assert_takes(b, 1, "", true);
}

static void collected_content_is_whole(void **state)
{
    struct sky *s = *state;
    struct user *u = start(s);
    publish(s, true, true, 100);
    (void)append(s, 0, 4);
    assert_takes(u, 8, "0123", false);
    (void)append(s, 4, 6);
    assert_int_equal(flight_length(s->writer), 10);
    char copy[10];
    flight_collected(s->writer, copy, 10);
    assert_memory_equal(copy, "0123456789", 10);
    struct user *late = join(s, 1, &key_a);
    flight_end(&s->writer, FLIGHT_COMPLETE, 0);
    uint64_t length = 0;
    assert_true(flight_whole(late->reader, &length));
    assert_int_equal(length, 10);
    assert_takes(late, 8, "0123456789", true);
}

static void without_readers_content_is_kept_for_the_store_alone(void **state)
{
    struct sky *s = *state;
    struct user *u = start(s);
    publish(s, true, true, 1);
    flight_leave(&u->reader);
    assert_true(append(s, 0, 5)); /* no reader, no window */
    assert_int_equal(kept(s), 1);
    flight_stop_collecting(s->writer);
    assert_int_equal(kept(s), 0);
    assert_true(append(s, 5, 5));
    assert_int_equal(kept(s), 0);
}

static void collecting_stops_and_what_was_passed_goes(void **state)
{
    struct sky *s = *state;
    struct user *a = start(s);
    struct user *b = join(s, 1, &key_a);
    publish(s, true, true, 100);
    for (size_t i = 0; i < 4; i++)
        (void)append(s, i, 1);
    assert_takes(a, 3, "012", false);
    assert_takes(b, 1, "0", false);
    assert_int_equal(kept(s), 4);
    flight_stop_collecting(s->writer);
    assert_false(flight_exists(s->table, &key_a));
    assert_int_equal(kept(s), 3);
    assert_takes(b, 8, "123", false);
    assert_int_equal(kept(s), 1);
    flight_leave(&a->reader);
    assert_int_equal(kept(s), 0);
    (void)append(s, 4, 1);
    assert_takes(b, 8, "4", false);
}

/* -- the window -- */

struct gathered {
    char bytes[16];
    size_t n;
};

static void trailers_are_there_for_all_once_the_content_is_complete(void **state)
{
    struct sky *s = *state;
    struct user *first = start(s);
    struct user *second = join(s, 1, &key_a);
    publish(s, true, true, 100);
    flight_put_trailers(s->writer, arena_dup(flight_arena(s->writer), SLICE("A: b\r\n")));
    flight_end(&s->writer, FLIGHT_COMPLETE, 0);
    turn(s);
    assert_takes(first, 1, "", true);
    assert_true(slice_eq(flight_trailers(first->reader), SLICE("A: b\r\n")));
    assert_takes(second, 1, "", true);
    assert_true(slice_eq(flight_trailers(second->reader), SLICE("A: b\r\n")));
}

static void gather(void *arg, struct slice content)
{
    struct gathered *g = arg;
    memcpy(g->bytes + g->n, content.p, content.n);
    g->n += content.n;
}

/* Stored on its way: who waits reads along, who comes later hears of it and goes his own way. */
static void who_comes_behind_a_beginning_that_is_gone_is_late(void **state)
{
    struct sky *s = *state;
    struct user *u = start(s);
    struct user *waits = join(s, 1, &key_a);
    struct gathered g = {.n = 0};
    publish(s, true, true, 100);
    (void)append(s, 0, 4);
    (void)append(s, 4, 2);
    flight_each_collected(s->writer, gather, &g);
    assert_int_equal(g.n, 6);
    assert_memory_equal(g.bytes, "012345", 6);
    assert_takes(u, 8, "012345", false);
    flight_pass_on(s->writer);
    assert_int_equal(kept(s), 2); /* for the one who waits */
    assert_takes(waits, 8, "012345", false);
    assert_int_equal(kept(s), 0);
    assert_true(flight_exists(s->table, &key_a));
    struct user *late = join(s, 2, &key_a);
    assert_true(late->leader && late->reader->late);
    (void)append(s, 6, 4);
    assert_int_equal(flight_length(s->writer), 10);
    assert_takes(u, 8, "6789", false);
    assert_takes(waits, 8, "6789", false);
    flight_end(&s->writer, FLIGHT_COMPLETE, 0);
    assert_false(flight_exists(s->table, &key_a));
    struct user *next = join(s, 3, &key_a);
    assert_true(next->leader && !next->reader->late);
}

static void the_reader_furthest_ahead_opens_the_window(void **state)
{
    struct sky *s = *state;
    struct user *a = start(s);
    struct user *b = join_on(s, 1, &key_a, s->other, false);
    publish(s, true, true, 4);
    assert_true(append(s, 0, 3));
    assert_false(append(s, 3, 3));
    assert_true(flight_window_full(s->writer));
    turn(s);
    assert_int_equal(s->woken, 0);
    assert_takes(b, 1, "012", false); /* three bytes are left before it */
    turn(s);
    assert_int_equal(s->woken, 1);
    assert_false(flight_window_full(s->writer));
    assert_takes(a, 1, "012", false);
    turn(s);
    assert_int_equal(s->woken, 1);
    flight_leave(&b->reader);
    flight_leave(&a->reader);
    turn(s);
    assert_int_equal(s->woken, 2);
    assert_false(flight_window_full(s->writer));
}

static void the_slowest_reader_opens_the_window_when_nothing_is_collected(void **state)
{
    struct sky *s = *state;
    struct user *a = start(s);
    struct user *b = join(s, 1, &key_a);
    publish(s, true, true, 4);
    flight_stop_collecting(s->writer);
    assert_false(append(s, 0, 4));
    assert_takes(a, 8, "0123", false);
    turn(s);
    assert_int_equal(s->woken, 0);
    assert_takes(b, 8, "0123", false);
    assert_int_equal(s->woken, 0); /* not within the call */
    turn(s);
    assert_int_equal(s->woken, 1);
    assert_false(append(s, 4, 5));
    assert_takes(a, 8, "45678", false);
    flight_leave(&b->reader); /* who does not read holds nobody once gone */
    turn(s);
    assert_int_equal(s->woken, 2);
}

/* -- the end -- */

static void a_failure_before_the_head_has_its_reason(void **state)
{
    struct sky *s = *state;
    struct user *u = start(s);
    flight_end(&s->writer, FLIGHT_BROKEN, 7);
    turn(s);
    assert_int_equal(u->told, 1);
    assert_int_equal(flight_state(u->reader), FLIGHT_BROKEN);
    assert_false(flight_has_response(u->reader));
    assert_int_equal(flight_error(u->reader), 7);
}

static void a_failure_in_the_content_is_not_its_end(void **state)
{
    struct sky *s = *state;
    struct user *u = start(s);
    publish(s, true, true, 100);
    (void)append(s, 0, 5);
    flight_end(&s->writer, FLIGHT_BROKEN, 7);
    assert_int_equal(flight_state(u->reader), FLIGHT_BROKEN);
    assert_true(flight_has_response(u->reader));
    assert_takes(u, 8, "01234", false);
    assert_takes(u, 8, "", false);
}

static struct entry *make_entry(void)
{
    struct stored_meta meta = {.kind = STORED_MARK, .last_modified = -1};
    struct slice key = SLICE("k");
    const struct stored_parts parts = {.key = key};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    (void)stored_encode(blob, &meta, &parts);
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, key, &why);
    assert_non_null(e);
    return e;
}

static void a_stored_response_answers(void **state)
{
    struct sky *s = *state;
    struct user *u = start(s);
    struct entry *e = make_entry();
    struct user *waiting = join_on(s, 1, &key_a, s->other, false);
    flight_end_entry(&s->writer, e, ENTRY_VALIDATED);
    entry_unref(&e);
    turn(s);
    enum flight_entry_from from;
    assert_int_equal(flight_state(waiting->reader), FLIGHT_ENTRY);
    assert_int_equal(flight_entry(waiting->reader, &from)->view.meta.kind, STORED_MARK);
    assert_int_equal(from, ENTRY_VALIDATED);
    assert_int_equal(u->told, 1);
    assert_int_equal(waiting->told, 1);
}

/* -- every order of leaving -- */

enum { LEADER_LEAVES, NEAR_LEAVES, FAR_LEAVES, WRITER_ENDS, STEPS };

struct order {
    int steps[STEPS];
    int turns;         /* bit by step: the loops turn after it */
    bool self_leaving; /* the far reader leaves when it is told */
};

static void run_order(struct sky *s, const struct order *o)
{
    start(s);
    join(s, 1, &key_a);
    join_on(s, 2, &key_a, s->other, false)->leaves_when_told = o->self_leaving;
    publish(s, true, true, 3);
    (void)append(s, 0, 4);
    assert_takes(&s->users[1], 8, "0123", false);
    for (int i = 0; i < STEPS; i++) {
        if (o->steps[i] == WRITER_ENDS)
            flight_end(&s->writer, FLIGHT_COMPLETE, 0);
        else
            flight_leave(&s->users[o->steps[i]].reader);
        if (o->turns >> i & 1)
            turn(s);
        if (s->writer)
            (void)append(s, 4, 1);
    }
    turn(s);
    assert_int_equal(atomic_load(&s->blob->refs), 1);
}

static void next_permutation(int *v)
{
    int i = STEPS - 2;
    while (i >= 0 && v[i] > v[i + 1])
        i--;
    if (i < 0) {
        v[0] = -1;
        return;
    }
    int j = STEPS - 1;
    while (v[j] < v[i])
        j--;
    int kept_i = v[i];
    v[i] = v[j];
    v[j] = kept_i;
    for (int a = i + 1, b = STEPS - 1; a < b; a++, b--) {
        int kept_a = v[a];
        v[a] = v[b];
        v[b] = kept_a;
    }
}

static void all_may_leave_in_any_order(void **state)
{
    struct sky *s = *state;
    struct order o = {.steps = {LEADER_LEAVES, NEAR_LEAVES, FAR_LEAVES, WRITER_ENDS}};
    int orders = 0;
    for (; o.steps[0] >= 0; next_permutation(o.steps), orders++)
        for (o.turns = 0; o.turns < 1 << STEPS; o.turns++)
            for (int self = 0; self < 2; self++) {
                o.self_leaving = self;
                run_order(s, &o);
            }
    assert_int_equal(orders, 24);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(one_leads_and_others_of_the_key_join),
        TEST(a_flight_alone_is_not_joined),
        TEST(the_key_is_the_flights_own_copy),
        TEST(a_flight_that_has_ended_is_not_joined),
        TEST(a_flight_is_found_under_its_variant_too),
        TEST(readers_are_told_after_the_call_and_once_a_turn),
        TEST(who_joins_late_is_told_at_once),
        TEST(who_has_left_is_not_told),
        TEST(the_writer_is_not_woken_after_its_end),
        TEST(a_response_that_is_not_shared_is_the_leaders),
        TEST(others_are_released_before_the_head),
        TEST(all_are_released_by_the_end),
        TEST(content_that_is_shared_but_not_collected_is_not_joined),
        TEST(content_comes_in_order_to_each),
        TEST(collected_content_is_whole),
        TEST(without_readers_content_is_kept_for_the_store_alone),
        TEST(trailers_are_there_for_all_once_the_content_is_complete),
        TEST(collecting_stops_and_what_was_passed_goes),
        TEST(who_comes_behind_a_beginning_that_is_gone_is_late),
        TEST(the_reader_furthest_ahead_opens_the_window),
        TEST(the_slowest_reader_opens_the_window_when_nothing_is_collected),
        TEST(a_failure_before_the_head_has_its_reason),
        TEST(a_failure_in_the_content_is_not_its_end),
        TEST(a_stored_response_answers),
        TEST(all_may_leave_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
