/* Which peer is next: weights, failures, backups, limits; nginx's rules. */
#include "upstream_helpers.h"

#include <string.h>
#include <unistd.h>

#define T0 1000000 /* a time to begin at, in milliseconds */

static size_t index_of(struct rig *r, const struct peer *p)
{
    for (size_t i = 0; i < r->conf.servers_n; i++) {
        if (slice_eq(peer_name(p), r->servers[i].text)) {
            return i;
        }
    }
    fail_msg("not a configured peer");
    return 0;
}

/* The letter of the next peer of a request that has tried those in `s`; '-': none. */
static char pick_of(struct rig *r, struct upstream *u, struct pick_state *s, mono_ms now)
{
    struct peer *p = upstream_pick(u, s, now);
    if (p == NULL) {
        return '-';
    }
    char c = (char)('a' + index_of(r, p));
    peer_release(&p);
    assert_null(p);
    return c;
}

/* A new request's first pick. */
static char pick(struct rig *r, mono_ms now)
{
    struct pick_state s = {0};
    return pick_of(r, r->upstream, &s, now);
}

static void expect_picks(struct rig *r, mono_ms now, const char *expected)
{
    char got[64] = {0};
    for (size_t i = 0; i < strlen(expected); i++) {
        got[i] = pick(r, now);
    }
    assert_string_equal(got, expected);
}

/* All picks of one request. */
static void expect_tries(struct rig *r, mono_ms now, const char *expected)
{
    char got[64] = {0};
    struct pick_state s = {0};
    for (size_t i = 0; i < strlen(expected); i++) {
        got[i] = pick_of(r, r->upstream, &s, now);
    }
    assert_string_equal(got, expected);
}

/* Reports the outcome of a try with peer `index`. */
static void outcome(struct rig *r, size_t index, bool good, mono_ms now)
{
    struct pick_state s = {0};
    struct peer *p = upstream_pick(r->upstream, &s, now);
    while (p != NULL && index_of(r, p) != index) {
        peer_release(&p);
        p = upstream_pick(r->upstream, &s, now);
    }
    assert_non_null(p);
    if (good) {
        peer_succeeded(p);
    } else {
        peer_failed(p, now);
    }
    peer_release(&p);
}

static void test_weights(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t weights[4];
        const char *picks;
    } rows[] = {
        {"equal weights take turns", {1, 1, 1}, "abcabc"},
        {"5 1 1 is spread smoothly", {5, 1, 1}, "aabacaaaabacaa"},
        {"2 1", {2, 1}, "abaaba"},
        {"weight 0 counts as 1", {0, 1}, "abab"},
        {"one peer", {3}, "aaa"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = 0;
        while (n < 4 && (rows[i].weights[n] > 0 || (n == 0 && rows[i].weights[1] > 0))) {
            n++;
        }
        struct rig r;
        rig_init(&r, n);
        for (size_t k = 0; k < n; k++) {
            r.servers[k].weight = rows[i].weights[k];
        }
        rig_start(&r);
        print_message("  %s\n", rows[i].name);
        expect_picks(&r, T0, rows[i].picks);
        rig_fini(&r);
    }
}

static void test_a_request_tries_each_peer_once(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 3);
    rig_start(&r);
    expect_tries(&r, T0, "abc--");
    assert_int_equal(upstream_peer_count(r.upstream), 3);
    rig_fini(&r);
}

static void test_backups_come_after_all_others(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 3);
    r.servers[0].backup = true;
    rig_start(&r);
    expect_picks(&r, T0, "bcbc");
    expect_tries(&r, T0, "bca-");
    outcome(&r, 1, false, T0);
    outcome(&r, 2, false, T0);
    expect_picks(&r, T0, "aaa");
    rig_fini(&r);
}

static void test_configured_down_is_never_picked(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 2);
    r.servers[0].down = true;
    rig_start(&r);
    expect_tries(&r, T0, "b-");
    outcome(&r, 1, false, T0);
    expect_tries(&r, T0,
                 "b-"); /* all that may be used are marked down: another chance, but not for `a` */
    rig_fini(&r);
}

static void test_failures_mark_down_until_a_probe_succeeds(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 2);
    r.servers[0].max_fails = 2;
    rig_start(&r);
    outcome(&r, 0, false, T0);
    expect_tries(&r, T0 + 1, "ba-"); /* one failure is not enough */
    outcome(&r, 0, false, T0 + 2);
    expect_picks(&r, T0 + 3, "bbb");
    expect_tries(&r, T0 + 3, "b-");
    expect_picks(&r, T0 + 2 + 10000, "b"); /* fail_timeout is not over yet */

    /* Then one request may look, the others still may not. */
    struct pick_state s = {0};
    mono_ms later = T0 + 2 + 10001;
    char got[3] = {pick_of(&r, r.upstream, &s, later), pick_of(&r, r.upstream, &s, later), 0};
    assert_true(strcmp(got, "ab") == 0 || strcmp(got, "ba") == 0);
    expect_picks(&r, later + 1, "bbb");

    /* Its failure starts anew, its success brings the peer back. */
    later += 10001;
    outcome(&r, 0, false, later);
    expect_picks(&r, later + 10000, "bbb");
    outcome(&r, 0, true, later + 10001);
    expect_tries(&r, later + 10002, "ab-");
    rig_fini(&r);
}

static void test_a_success_between_failures_counts_only_after_fail_timeout(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 2);
    r.servers[0].max_fails = 2;
    rig_start(&r);
    outcome(&r, 0, false, T0);
    outcome(&r, 0, true, T0 + 5000); /* within fail_timeout: the failure still counts */
    outcome(&r, 0, false, T0 + 6000);
    expect_picks(&r, T0 + 6001, "bbb");
    outcome(&r, 0, true, T0 + 16001);
    outcome(&r, 0, false, T0 + 20000);
    outcome(&r, 0, true, T0 + 31000); /* after it: forgotten */
    outcome(&r, 0, false, T0 + 32000);
    expect_tries(&r, T0 + 32001, "ba-");
    rig_fini(&r);
}

static void test_max_fails_0_is_never_marked_down(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 2);
    r.servers[0].max_fails = 0;
    rig_start(&r);
    for (int i = 0; i < 5; i++) {
        outcome(&r, 0, false, T0);
    }
    expect_tries(&r, T0, "ba-");
    rig_fini(&r);
}

static void test_all_marked_down_get_another_chance(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 3);
    r.servers[2].backup = true;
    rig_start(&r);
    for (size_t i = 0; i < 3; i++) {
        outcome(&r, i, false, T0);
    }
    struct pick_state s = {0};
    assert_int_not_equal(pick_of(&r, r.upstream, &s, T0 + 1), '-');
    assert_int_not_equal(pick_of(&r, r.upstream, &s, T0 + 1), '-');
    assert_int_equal(pick_of(&r, r.upstream, &s, T0 + 1), 'c');
    assert_int_equal(pick_of(&r, r.upstream, &s, T0 + 1), '-');
    rig_fini(&r);
}

static void test_a_request_that_has_tried_all_gets_none(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 2);
    rig_start(&r);
    struct pick_state s = {0};
    for (int i = 0; i < 2; i++) {
        struct peer *p = upstream_pick(r.upstream, &s, T0);
        assert_non_null(p);
        peer_failed(p, T0);
        peer_release(&p);
    }
    assert_int_equal(s.tries, 2);
    assert_null(upstream_pick(r.upstream, &s, T0));
    rig_fini(&r);
}

static void test_max_conns(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 2);
    r.servers[0].max_conns = 2;
    r.servers[1].backup = true;
    rig_start(&r);
    struct peer *held[3];
    for (size_t i = 0; i < 3; i++) {
        struct pick_state s = {0};
        held[i] = upstream_pick(r.upstream, &s, T0);
        assert_int_equal(index_of(&r, held[i]), i < 2 ? 0 : 1);
    }
    peer_release(&held[0]);
    expect_picks(&r, T0, "a");
    peer_release(&held[1]);
    peer_release(&held[2]);
    rig_fini(&r);
}

/* -- shared by workers, kept over a reload -- */

struct seen {
    int rows;
    int down;
    uint32_t fails;
    uint32_t active;
};

static void see(void *arg, struct slice upstream, struct slice peer, bool down, uint32_t fails,
                uint32_t active)
{
    struct seen *s = arg;
    assert_true(slice_eq(upstream, SLICE("app")) || slice_eq(upstream, SLICE("other")));
    assert_true(slice_starts(peer, SLICE("127.0.0.1:")));
    s->rows++;
    s->down += down;
    s->fails += fails;
    s->active += active;
}

static struct seen look(struct rig *r)
{
    struct seen s = {0};
    upstream_health_each(r->health, see, &s);
    return s;
}

static void test_health_is_shared_and_survives_a_reload(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 2);
    rig_start(&r);
    struct upstream *second = upstream_new(&r.conf, r.health, r.loop, NULL, &r.log);
    mono_ms now = loop_now(r.loop);
    outcome(&r, 0, false, now);
    struct pick_state s = {0};
    assert_int_equal(pick_of(&r, second, &s, now), 'b');
    assert_int_equal(pick_of(&r, second, &s, now), '-');
    struct seen seen = look(&r);
    assert_int_equal(seen.rows, 2);
    assert_int_equal(seen.down, 1);
    assert_int_equal(seen.fails, 1);

    upstream_free(&second);
    upstream_free(&r.upstream);
    rig_turn(&r, 0);
    assert_int_equal(look(&r).rows, 0); /* nobody uses them, but they are remembered */
    rig_start(&r);
    expect_tries(&r, now, "b-");
    rig_fini(&r);
}

static void test_health_is_kept_apart_by_group_and_line(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 2);
    rig_start(&r);
    mono_ms now = loop_now(r.loop);
    outcome(&r, 0, false, now);
    struct upstream_conf other = r.conf;
    other.name = SLICE("other");
    struct upstream *u = upstream_new(&other, r.health, r.loop, NULL, &r.log);
    struct pick_state s = {0};
    assert_int_equal(pick_of(&r, u, &s, now), 'a');
    assert_int_equal(look(&r).rows, 4);
    upstream_free(&u);
    rig_fini(&r);
}

static void test_active_counts_what_is_under_way(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 1);
    rig_start(&r);
    assert_int_equal(look(&r).active, 0);
    struct peer *p = rig_pick(&r);
    struct peer *q = rig_pick(&r);
    assert_int_equal(look(&r).active, 2);
    peer_release(&q);
    assert_int_equal(look(&r).active, 1);
    struct call c;
    call_init(&c, &r);
    call_start(&c, p, false); /* the reference goes to the exchange */
    int fd = rig_accept(&r, 0);
    assert_int_equal(look(&r).active, 1);
    origin_say(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    call_expect_done(&c, 204, "");
    assert_int_equal(look(&r).active, 0); /* an idle connection is nothing under way */
    call_end(&c);
    assert_int_equal(look(&r).active, 0);
    close(fd);
    rig_fini(&r);
}

static void test_a_picked_peer_outlives_the_upstream(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 1);
    rig_start(&r);
    struct peer *p = rig_pick(&r);
    upstream_free(&r.upstream);
    rig_turn(&r, 0);
    assert_true(slice_eq(peer_name(p), r.servers[0].text));
    peer_failed(p, T0);
    peer_release(&p);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_a_request_tries_each_peer_once),
        cmocka_unit_test(test_backups_come_after_all_others),
        cmocka_unit_test(test_configured_down_is_never_picked),
        cmocka_unit_test(test_failures_mark_down_until_a_probe_succeeds),
        cmocka_unit_test(test_a_success_between_failures_counts_only_after_fail_timeout),
        cmocka_unit_test(test_max_fails_0_is_never_marked_down),
        cmocka_unit_test(test_all_marked_down_get_another_chance),
        cmocka_unit_test(test_a_request_that_has_tried_all_gets_none),
        cmocka_unit_test(test_max_conns),
        cmocka_unit_test(test_health_is_shared_and_survives_a_reload),
        cmocka_unit_test(test_health_is_kept_apart_by_group_and_line),
        cmocka_unit_test(test_active_counts_what_is_under_way),
        cmocka_unit_test(test_a_picked_peer_outlives_the_upstream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
