/* The table that workers share: its rows, what is remembered of names, and use from many threads.
 */
#include "upstream_helpers.h"

#include "upstream/health.h"

#include <pthread.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

static const struct peer_conf conf = {
    .text = SLICE_INIT("app.test:80"),
    .weight = 1,
    .max_fails = 3,
    .fail_timeout_ms = 10000,
};

static void test_a_row_is_found_by_all_three_parts_of_its_key(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *group;
        const char *text;
        const char *peer;
        bool same;
    } rows[] = {
        {"the same", "g", "app.test:80", "10.0.0.1:80", true},
        {"another group", "h", "app.test:80", "10.0.0.1:80", false},
        {"another line", "g", "b.test:80", "10.0.0.1:80", false},
        {"another address", "g", "app.test:80", "10.0.0.2:80", false},
        {"parts that run together alike", "ga", "pp.test:80", "10.0.0.1:80", false},
    };
    struct upstream_health *h = upstream_health_new();
    struct peer_health *first = health_acquire(h, SLICE("g"), &conf, SLICE("10.0.0.1:80"), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("  %s\n", rows[i].name);
        struct peer_conf other = conf;
        other.text = slice_of(rows[i].text);
        struct peer_health *row =
            health_acquire(h, slice_of(rows[i].group), &other, slice_of(rows[i].peer), 0);
        assert_int_equal(row == first, rows[i].same);
        health_release(h, &row, 0);
        assert_null(row);
    }
    health_release(h, &first, 0);
    upstream_health_free(&h);
    assert_null(h);
}

static void test_an_unused_row_is_kept_for_a_while(void **state)
{
    (void)state;
    struct upstream_health *h = upstream_health_new();
    struct peer_health *row = health_acquire(h, SLICE("g"), &conf, SLICE("10.0.0.1:80"), 0);
    struct peer_health *held = health_acquire(h, SLICE("g"), &conf, SLICE("10.0.0.2:80"), 0);
    (void)health_failed(row, 5);
    (void)health_failed(held, 5);
    health_release(h, &row, 0);

    row = health_acquire(h, SLICE("g"), &conf, SLICE("10.0.0.1:80"), 5 * MINUTE_MS);
    assert_int_equal(row->fails, 1);
    health_release(h, &row, 5 * MINUTE_MS);

    /* A new row sweeps out what nobody has used for long; what is in use stays. */
    struct peer_health *other =
        health_acquire(h, SLICE("g"), &conf, SLICE("10.0.0.3:80"), 16 * MINUTE_MS);
    row = health_acquire(h, SLICE("g"), &conf, SLICE("10.0.0.1:80"), 16 * MINUTE_MS);
    assert_int_equal(row->fails, 0);
    assert_int_equal(held->fails, 1);
    health_release(h, &row, 0);
    health_release(h, &held, 0);
    health_release(h, &other, 0);
    upstream_health_free(&h);
}

static void test_limits_are_those_of_the_last_configuration(void **state)
{
    (void)state;
    struct upstream_health *h = upstream_health_new();
    struct peer_health *row = health_acquire(h, SLICE("g"), &conf, SLICE("10.0.0.1:80"), 0);
    assert_false(health_failed(row, 1000));
    assert_false(health_is_down(row, 1000));
    struct peer_conf strict = conf;
    strict.max_fails = 1;
    struct peer_health *again = health_acquire(h, SLICE("g"), &strict, SLICE("10.0.0.1:80"), 0);
    assert_ptr_equal(again, row);
    assert_true(health_is_down(row, 1000));
    health_release(h, &again, 0);
    health_release(h, &row, 0);
    upstream_health_free(&h);
}

static struct address address_of(unsigned last)
{
    struct address a = {.len = sizeof(a.u.in4), .u.in4.sin_family = AF_INET};
    a.u.in4.sin_addr.s_addr = htonl(0x0a000000 + last);
    return a;
}

static void test_names_are_remembered(void **state)
{
    (void)state;
    struct upstream_health *h = upstream_health_new();
    struct address out[RESOLVER_ADDRESSES_MAX];
    struct address in[2] = {address_of(1), address_of(2)};
    mono_ms expires = 0;
    assert_int_equal(health_recall(h, SLICE("a.test"), 80, out, &expires), 0);
    health_remember(h, SLICE("a.test"), 80, in, 2, 5000);
    assert_int_equal(health_recall(h, SLICE("a.test"), 80, out, &expires), 2);
    assert_true(address_eq(&out[1], &in[1]));
    assert_int_equal(expires, 5000);
    assert_int_equal(health_recall(h, SLICE("a.test"), 81, out, &expires), 0);
    assert_int_equal(health_recall(h, SLICE("b.test"), 80, out, &expires), 0);
    health_remember(h, SLICE("a.test"), 80, &in[1], 1, 6000);
    assert_int_equal(health_recall(h, SLICE("a.test"), 80, out, &expires), 1);
    assert_true(address_eq(&out[0], &in[1]));
    upstream_health_free(&h);
}

/* -- threads -- */

#define THREADS 4
#define ROUNDS  300

static void look(void *arg, struct slice group, struct slice peer, bool down, uint32_t fails,
                 uint32_t active)
{
    size_t *seen = arg;
    (void)down;
    (void)fails;
    (void)active;
    *seen += group.n + peer.n;
}

static void *work(void *arg)
{
    struct upstream_health *h = arg;
    size_t seen = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct slice peer = i % 2 == 0 ? SLICE("10.0.0.1:80") : SLICE("10.0.0.2:80");
        struct peer_health *row = health_acquire(h, SLICE("g"), &conf, peer, i);
        row->active++;
        health_chosen(row, i);
        if (health_is_down(row, i)) {
            health_forgive(row);
        }
        (void)health_failed(row, i);
        (void)health_succeeded(row);
        upstream_health_each(h, look, &seen);
        struct address a = address_of((unsigned)i);
        mono_ms expires = 0;
        health_remember(h, SLICE("a.test"), 80, &a, 1, i);
        struct address out[RESOLVER_ADDRESSES_MAX];
        (void)health_recall(h, SLICE("a.test"), 80, out, &expires);
        row->active--;
        health_release(h, &row, i);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    struct upstream_health *h = upstream_health_new();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, h), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    struct peer_health *row = health_acquire(h, SLICE("g"), &conf, SLICE("10.0.0.1:80"), 0);
    assert_int_equal(row->active, 0);
    assert_int_equal(row->refs, 1);
    health_release(h, &row, 0);
    upstream_health_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_is_found_by_all_three_parts_of_its_key),
        cmocka_unit_test(test_an_unused_row_is_kept_for_a_while),
        cmocka_unit_test(test_limits_are_those_of_the_last_configuration),
        cmocka_unit_test(test_names_are_remembered),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
