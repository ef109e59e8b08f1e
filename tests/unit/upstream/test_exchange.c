/* Beginning and end of an exchange: connecting, failures, deadlines, cancelling, tunnels. */
#include "upstream_helpers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct fixture {
    struct rig r;
    struct call c;
};

static void set_up(struct fixture *f)
{
    rig_init(&f->r, 1);
    rig_start(&f->r);
    call_init(&f->c, &f->r);
}

static void tear_down(struct fixture *f, int fd)
{
    call_end(&f->c);
    if (fd >= 0) {
        close(fd);
    }
    rig_fini(&f->r);
}

static void test_a_whole_exchange(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    call_start(&f.c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    rig_until(&f.r, &f.c.connected);
    origin_expect(&f.r, fd, GET_HEAD);
    origin_say(fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    assert_int_equal(f.c.connected, 1);
    assert_int_equal(exchange_bytes_sent(f.c.ex), strlen(GET_HEAD));
    assert_int_equal(exchange_bytes_received(f.c.ex), strlen(OK_2));
    assert_false(exchange_reused_connection(f.c.ex));
    assert_true(slice_eq(peer_name(exchange_peer(f.c.ex)), f.r.servers[0].text));
    const struct upstream_counters *n = upstream_counters(f.r.upstream);
    assert_int_equal(n->connects, 1);
    assert_int_equal(n->reused, 0);
    assert_int_equal(n->errors, 0);
    assert_int_equal(n->bytes_sent, strlen(GET_HEAD));
    assert_int_equal(n->bytes_received, strlen(OK_2));
    tear_down(&f, fd);
}

static void test_unix_socket(void **state)
{
    (void)state;
    struct fixture f;
    rig_init(&f.r, 1);
    char path[64];
    snprintf(path, sizeof(path), "/tmp/test_exchange.%d.sock", (int)getpid());
    snprintf(f.r.texts[0], sizeof(f.r.texts[0]), "unix:%s", path);
    f.r.servers[0].text = slice_of(f.r.texts[0]);
    assert_true(endpoint_parse(f.r.servers[0].text, &f.r.servers[0].endpoint));
    struct address at;
    assert_true(address_from_endpoint(&f.r.servers[0].endpoint, &at));
    close(f.r.listening[0]);
    f.r.listening[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f.r.listening[0], &at.u.sa, at.len), 0);
    assert_int_equal(listen(f.r.listening[0], 8), 0);
    rig_start(&f.r);
    call_init(&f.c, &f.r);
    struct address any = {.len = sizeof(any.u.in4), .u.in4.sin_family = AF_INET};
    f.c.req.bind = &any; /* does not concern a unix socket */
    call_start(&f.c, rig_pick(&f.r), false);
    while (f.c.connected == 0) {
        rig_turn(&f.r, 10);
    }
    int fd = accept(f.r.listening[0], NULL, NULL);
    assert_true(fd >= 0);
    origin_expect(&f.r, fd, GET_HEAD);
    origin_say(fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    unlink(path);
    tear_down(&f, fd);
}

static void test_bind(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct address here = {.len = sizeof(here.u.in4), .u.in4.sin_family = AF_INET};
    here.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 4);
    f.c.req.bind = &here;
    call_start(&f.c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    struct address from = {.len = sizeof(from.u)};
    assert_int_equal(getpeername(fd, &from.u.sa, &from.len), 0);
    assert_int_equal(from.u.in4.sin_addr.s_addr, here.u.in4.sin_addr.s_addr);
    origin_expect(&f.r, fd, GET_HEAD);
    origin_say(fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    call_end(&f.c);
    f.c.req.bind = NULL; /* another local address wants another connection */
    call_start(&f.c, rig_pick(&f.r), false);
    int other = rig_accept(&f.r, 0);
    close(other);
    tear_down(&f, fd);
}

static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    close(f.r.listening[0]);
    f.r.listening[0] = -1;
    call_start(&f.c, rig_pick(&f.r), false);
    call_expect_failed(&f.c, EXCHANGE_CONNECT_REFUSED);
    assert_int_equal(f.c.connected, 0);
    assert_int_equal(exchange_bytes_sent(f.c.ex), 0);
    assert_int_equal(upstream_counters(f.r.upstream)->errors, 1);
    assert_int_equal(upstream_counters(f.r.upstream)->connects, 0);
    tear_down(&f, -1);
}

/* Fills the queue of a listening socket, so that another connection gets no answer. */
static void fill_queue(struct rig *r, int *fds, size_t count)
{
    struct address at = {.len = sizeof(at.u)};
    assert_int_equal(listen(r->listening[0], 0), 0);
    assert_int_equal(getsockname(r->listening[0], &at.u.sa, &at.len), 0);
    for (size_t i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fds[i], &at.u.sa, at.len);
    }
}

static void test_connect_timeout(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    int fds[4];
    fill_queue(&f.r, fds, ARRAY_LEN(fds));
    f.c.req.connect_timeout_ms = 50;
    call_start(&f.c, rig_pick(&f.r), false);
    call_expect_failed(&f.c, EXCHANGE_CONNECT_TIMEOUT);
    assert_int_equal(upstream_counters(f.r.upstream)->timeouts, 1);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
    tear_down(&f, -1);
}

static void test_no_descriptor(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    int idle = call_once(&f.r, &f.c, -1);
    int free_fd = dup(0);
    close(free_fd);
    struct rlimit saved;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)free_fd, .rlim_max = saved.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    call_start(&f.c, rig_pick(&f.r), true);
    call_expect_failed(&f.c, EXCHANGE_LOCAL);
    origin_expect_close(&f.r, idle); /* its descriptor serves the next try */
    call_end(&f.c);
    call_start(&f.c, rig_pick(&f.r), true);
    rig_until(&f.r, &f.c.connected);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    tear_down(&f, idle);
}

static void test_read_timeout(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *said;
    } rows[] = {
        {"nothing", ""},
        {"half of a head", "HTTP/1.1 200 OK\r\n"},
        {"half of the content", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("  %s\n", rows[i].name);
        struct fixture f;
        set_up(&f);
        f.c.req.read_timeout_ms = 60;
        call_start(&f.c, rig_pick(&f.r), false);
        int fd = rig_accept(&f.r, 0);
        origin_expect(&f.r, fd, GET_HEAD);
        origin_say(fd, rows[i].said);
        call_expect_failed(&f.c, EXCHANGE_READ_TIMEOUT);
        assert_int_equal(upstream_counters(f.r.upstream)->timeouts, 1);
        origin_expect_close(&f.r, fd);
        tear_down(&f, fd);
    }
}

static void test_read_timeout_runs_between_two_reads(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.read_timeout_ms = 400;
    call_start(&f.c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
    for (int i = 0; i < 20; i++) { /* 600 ms in all */
        rig_settle(&f.r);
        origin_say(fd, "x");
    }
    call_expect_done(&f.c, 200, "xxxxxxxxxxxxxxxxxxxx");
    tear_down(&f, fd);
}

static void test_cancel(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);

    call_start(&f.c, rig_pick(&f.r), false); /* while it connects */
    exchange_cancel(&f.c.ex);
    assert_null(f.c.ex);
    rig_settle(&f.r);
    assert_int_equal(f.c.connected + f.c.failed + f.c.done, 0);
    close(rig_accept(&f.r, 0)); /* the kernel had accepted it */

    call_start(&f.c, rig_pick(&f.r), false); /* before the response */
    int fd = rig_accept(&f.r, 0);
    origin_expect(&f.r, fd, GET_HEAD);
    call_end(&f.c);
    assert_false(origin_expect_close(&f.r, fd)); /* the request was whole */
    close(fd);

    f.c.cancel_on_connected = true; /* from each callback */
    call_start(&f.c, rig_pick(&f.r), false);
    fd = rig_accept(&f.r, 0);
    rig_until(&f.r, &f.c.connected);
    assert_null(f.c.ex);
    assert_true(origin_expect_close(&f.r, fd)); /* cut: it was never sent */
    close(fd);
    call_end(&f.c);

    f.c.cancel_on_head = true;
    call_start(&f.c, rig_pick(&f.r), false);
    fd = rig_accept(&f.r, 0);
    origin_say(fd, OK_2);
    rig_until(&f.r, &f.c.heads);
    rig_settle(&f.r);
    assert_int_equal(f.c.content_n + (size_t)f.c.done + (size_t)f.c.failed, 0);
    close(fd);
    call_end(&f.c);

    f.c.cancel_on_content = true;
    call_start(&f.c, rig_pick(&f.r), false);
    fd = rig_accept(&f.r, 0);
    origin_say(fd, OK_2);
    rig_until(&f.r, &f.c.heads);
    rig_settle(&f.r);
    assert_int_equal(f.c.content_n, 2);
    assert_int_equal(f.c.done + f.c.failed, 0);
    tear_down(&f, fd);
}

static void test_the_upstream_may_go_first(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    call_start(&f.c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    origin_expect(&f.r, fd, GET_HEAD);
    upstream_free(&f.r.upstream);
    rig_turn(&f.r, 0);
    origin_say(fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    origin_expect_close(&f.r, fd); /* there is no pool any more */
    tear_down(&f, fd);
}

#define UPGRADE_HEAD "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
#define SWITCHING    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"

static void test_tunnel(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.head = SLICE(UPGRADE_HEAD);
    f.c.req.upgrade = true;
    f.c.req.read_timeout_ms = 50;
    call_start(&f.c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    origin_expect(&f.r, fd, UPGRADE_HEAD);
    origin_say(fd, SWITCHING "early");
    rig_until(&f.r, &f.c.heads);
    assert_int_equal(f.c.status, 101);
    for (int i = 0; i < 3; i++) {
        rig_settle(&f.r); /* longer than the read timeout, which ends with the head */
    }
    assert_int_equal(f.c.failed + f.c.done, 0);
    struct slice early;
    int mine = exchange_take_fd(f.c.ex, &early);
    assert_true(slice_eq(early, SLICE("early")));
    call_end(&f.c);
    assert_true((fcntl(mine, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(write(mine, "hello", 5), 5);
    origin_expect(&f.r, fd, "hello");
    close(mine);
    tear_down(&f, fd);
}

static void test_tunnel_that_nobody_takes(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.head = SLICE(UPGRADE_HEAD);
    f.c.req.upgrade = true;
    f.c.cancel_on_head = true;
    call_start(&f.c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    origin_expect(&f.r, fd, UPGRADE_HEAD);
    origin_say(fd, SWITCHING);
    rig_until(&f.r, &f.c.heads);
    origin_expect_close(&f.r, fd);
    tear_down(&f, fd);
}

static void test_101_that_was_not_asked_for(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    call_start(&f.c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    origin_expect(&f.r, fd, GET_HEAD);
    origin_say(fd, SWITCHING);
    call_expect_failed(&f.c, EXCHANGE_BAD_HEAD);
    assert_non_null(exchange_error_detail(f.c.ex));
    assert_int_equal(f.c.heads, 0);
    tear_down(&f, fd);
}

static void test_no_101_is_an_ordinary_response(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.head = SLICE(UPGRADE_HEAD);
    f.c.req.upgrade = true;
    call_start(&f.c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    origin_expect(&f.r, fd, UPGRADE_HEAD);
    origin_say(fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    call_end(&f.c);
    f.c.req.head = SLICE(GET_HEAD);
    f.c.req.upgrade = false;
    call_once(&f.r, &f.c, fd); /* over the same connection */
    tear_down(&f, fd);
}

static void test_every_error_has_a_text(void **state)
{
    (void)state;
    for (int e = EXCHANGE_OK; e <= EXCHANGE_BAD_CONTENT; e++) {
        const char *text = exchange_error_text((enum exchange_error)e);
        assert_true(strlen(text) > 5);
        for (int other = EXCHANGE_OK; other < e; other++) {
            assert_string_not_equal(text, exchange_error_text((enum exchange_error)other));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_exchange),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_bind),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_connect_timeout),
        cmocka_unit_test(test_no_descriptor),
        cmocka_unit_test(test_read_timeout),
        cmocka_unit_test(test_read_timeout_runs_between_two_reads),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_the_upstream_may_go_first),
        cmocka_unit_test(test_tunnel),
        cmocka_unit_test(test_tunnel_that_nobody_takes),
        cmocka_unit_test(test_101_that_was_not_asked_for),
        cmocka_unit_test(test_no_101_is_an_ordinary_response),
        cmocka_unit_test(test_every_error_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
