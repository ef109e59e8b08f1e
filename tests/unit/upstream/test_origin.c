/* The pool of idle connections: when one is used again, when it is closed. */
#include "upstream_helpers.h"

#include <string.h>
#include <unistd.h>

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct fixture {
    struct rig r;
    struct call c;
};

static void set_up(struct fixture *f)
{
    rig_init(&f->r, 1);
    call_init(&f->c, &f->r);
}

static void tear_down(struct fixture *f, int fd)
{
    call_end(&f->c);
    close(fd);
    rig_fini(&f->r);
}

static void test_an_idle_connection_is_used_again(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    rig_start(&f.r);
    int fd = call_once(&f.r, &f.c, -1);
    for (int i = 0; i < 20; i++) {
        call_once(&f.r, &f.c, fd);
    }
    assert_int_equal(upstream_counters(f.r.upstream)->connects, 1);
    assert_int_equal(upstream_counters(f.r.upstream)->reused, 20);
    rig_expect_no_connection(&f.r, 0);
    call_start(&f.c, rig_pick(&f.r), false);
    assert_true(exchange_reused_connection(f.c.ex));
    tear_down(&f, fd);
}

static void test_fresh_does_not_use_it(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    rig_start(&f.r);
    int fd = call_once(&f.r, &f.c, -1);
    call_start(&f.c, rig_pick(&f.r), true);
    int other = rig_accept(&f.r, 0);
    origin_expect_silence(&f.r, fd);
    close(other);
    tear_down(&f, fd);
}

static void test_keepalive_0_pools_nothing(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.r.conf.keepalive = 0;
    rig_start(&f.r);
    int fd = call_once(&f.r, &f.c, -1);
    origin_expect_close(&f.r, fd);
    tear_down(&f, fd);
}

static void test_requests_on_one_connection(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.r.conf.keepalive_requests = 3;
    rig_start(&f.r);
    int fd = call_once(&f.r, &f.c, -1);
    call_once(&f.r, &f.c, fd);
    origin_expect_silence(&f.r, fd);
    call_once(&f.r, &f.c, fd);
    origin_expect_close(&f.r, fd);
    tear_down(&f, fd);
}

static void test_life_of_a_connection(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.r.conf.keepalive_time_ms = 100;
    rig_start(&f.r);
    int fd = call_once(&f.r, &f.c, -1);
    for (int i = 0; i < 4; i++) {
        origin_expect_silence(&f.r, fd);
    }
    call_once(&f.r, &f.c, fd); /* older than that: it ends with this exchange */
    origin_expect_close(&f.r, fd);
    tear_down(&f, fd);
}

static void test_idle_timeout(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.r.conf.keepalive_timeout_ms = 100;
    rig_start(&f.r);
    int fd = call_once(&f.r, &f.c, -1);
    mono_ms begin = clock_mono_ms();
    assert_false(origin_expect_close(&f.r, fd));
    assert_in_range(clock_mono_ms() - begin, 70, 5000);
    tear_down(&f, fd);
}

static void test_the_origins_own_idle_timeout_is_heeded(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        int64_t from_ms;
        int64_t to_ms;
    } rows[] = {
        {"half of one second", "timeout=1", 400, 5000},
        {"with other parameters", "max=100, Timeout = 1", 400, 5000},
        {"three seconds less one", "timeout=3", 1900, 2950},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("  %s\n", rows[i].name);
        struct fixture f;
        set_up(&f);
        rig_start(&f.r);
        call_start(&f.c, rig_pick(&f.r), false);
        int fd = rig_accept(&f.r, 0);
        origin_expect(&f.r, fd, GET_HEAD);
        origin_say(fd, "HTTP/1.1 200 OK\r\nKeep-Alive: ");
        origin_say(fd, rows[i].value);
        origin_say(fd, "\r\nContent-Length: 0\r\n\r\n");
        call_expect_done(&f.c, 200, "");
        mono_ms begin = clock_mono_ms();
        origin_expect_close(&f.r, fd);
        assert_in_range(clock_mono_ms() - begin, rows[i].from_ms, rows[i].to_ms);
        tear_down(&f, fd);
    }
}

static void test_the_pool_is_bounded_and_the_longest_idle_goes_first(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 1);
    r.conf.keepalive = 2;
    rig_start(&r);
    struct call calls[3];
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        call_init(&calls[i], &r);
        call_start(&calls[i], rig_pick(&r), false);
        fds[i] = rig_accept(&r, 0);
        origin_expect(&r, fds[i], GET_HEAD);
    }
    const size_t order[] = {1, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        origin_say(fds[order[i]], OK_2);
        call_expect_done(&calls[order[i]], 200, "ok");
        call_end(&calls[order[i]]);
    }
    origin_expect_close(&r, fds[1]);
    call_once(&r, &calls[0], fds[2]); /* the one used last is used first */
    origin_expect_silence(&r, fds[0]);
    for (size_t i = 0; i < 3; i++) {
        close(fds[i]);
    }
    rig_fini(&r);
}

static void test_what_comes_while_idle_closes_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *said; /* NULL: the origin closes */
    } rows[] = {{"a close", NULL}, {"a response nobody asked for", OK_2}, {"a byte", "x"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("  %s\n", rows[i].name);
        struct fixture f;
        set_up(&f);
        rig_start(&f.r);
        int fd = call_once(&f.r, &f.c, -1);
        if (rows[i].said == NULL) {
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        } else {
            origin_say(fd, rows[i].said);
        }
        origin_expect_close(&f.r, fd);
        close(fd);
        fd = call_once(&f.r, &f.c, -1); /* on a new one */
        assert_int_equal(upstream_counters(f.r.upstream)->reused, 0);
        tear_down(&f, fd);
    }
}

/* It comes just before the request would be written: nothing is. */
static void test_closed_or_out_of_step_before_the_request_was_written(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        struct fixture f;
        set_up(&f);
        rig_start(&f.r);
        int fd = call_once(&f.r, &f.c, -1);
        if (closes) {
            close(fd);
        } else {
            origin_say(fd, OK_2); /* must not become the answer to the next request */
        }
        call_start(&f.c, rig_pick(&f.r), false);
        call_expect_failed(&f.c, EXCHANGE_STALE);
        assert_int_equal(exchange_bytes_sent(f.c.ex), 0);
        assert_int_equal(f.c.connected + f.c.heads, 0);
        assert_int_equal(upstream_counters(f.r.upstream)->stale, 1);
        assert_int_equal(upstream_counters(f.r.upstream)->errors, 0);
        call_end(&f.c);
        call_start(&f.c, rig_pick(&f.r), true); /* the retry */
        int other = rig_accept(&f.r, 0);
        origin_expect(&f.r, other, GET_HEAD);
        origin_say(other, OK_2);
        call_expect_done(&f.c, 200, "ok");
        if (!closes) {
            close(fd);
        }
        tear_down(&f, other);
    }
}

static void test_closed_after_the_request_was_written(void **state)
{
    (void)state;
    for (int said = 0; said < 2; said++) {
        struct fixture f;
        set_up(&f);
        rig_start(&f.r);
        int fd = call_once(&f.r, &f.c, -1);
        call_start(&f.c, rig_pick(&f.r), false);
        origin_expect(&f.r, fd, GET_HEAD);
        if (said) {
            origin_say(fd, "H");
        }
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        /* Once a byte of a response has come it is no longer an idle connection's end. */
        call_expect_failed(&f.c, said ? EXCHANGE_CLOSED : EXCHANGE_STALE);
        assert_int_equal(exchange_bytes_sent(f.c.ex), strlen(GET_HEAD));
        tear_down(&f, fd);
    }
}

/* 500 times an origin that closes behind each answer: the caller's one retry always succeeds. */
static void test_an_origin_that_always_closes_costs_no_request(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    rig_start(&f.r);
    bool fresh = false;
    int done = 0;
    int stale = 0;
    while (done < 500) {
        call_start(&f.c, rig_pick(&f.r), fresh);
        if (!exchange_reused_connection(f.c.ex)) {
            int fd = rig_accept(&f.r, 0);
            origin_expect(&f.r, fd, GET_HEAD);
            origin_say(fd, OK_2);
            call_expect_done(&f.c, 200, "ok");
            close(fd);
            done++;
            fresh = false;
        } else {
            call_expect_failed(&f.c, EXCHANGE_STALE);
            stale++;
            fresh = true;
        }
        call_end(&f.c);
        if (done % 2 == 0) {
            rig_turn(&f.r, 0); /* sometimes the close is seen in time */
        }
    }
    assert_int_equal(upstream_counters(f.r.upstream)->connects, 500);
    assert_int_equal(upstream_counters(f.r.upstream)->stale, stale);
    assert_int_equal(upstream_counters(f.r.upstream)->errors, 0);
    call_end(&f.c);
    rig_fini(&f.r);
}

static void test_the_end_of_the_upstream_closes_idle_ones(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    rig_start(&f.r);
    int fd = call_once(&f.r, &f.c, -1);
    upstream_free(&f.r.upstream);
    origin_expect_close(&f.r, fd);
    tear_down(&f, fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_idle_connection_is_used_again),
        cmocka_unit_test(test_fresh_does_not_use_it),
        cmocka_unit_test(test_keepalive_0_pools_nothing),
        cmocka_unit_test(test_requests_on_one_connection),
        cmocka_unit_test(test_life_of_a_connection),
        cmocka_unit_test(test_idle_timeout),
        cmocka_unit_test(test_the_origins_own_idle_timeout_is_heeded),
        cmocka_unit_test(test_the_pool_is_bounded_and_the_longest_idle_goes_first),
        cmocka_unit_test(test_what_comes_while_idle_closes_it),
        cmocka_unit_test(test_closed_or_out_of_step_before_the_request_was_written),
        cmocka_unit_test(test_closed_after_the_request_was_written),
        cmocka_unit_test(test_an_origin_that_always_closes_costs_no_request),
        cmocka_unit_test(test_the_end_of_the_upstream_closes_idle_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
