#include "net/listener.h"

#include "net_helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ACCEPTED_MAX = 200 };

struct place {
    struct loop *loop;
    struct listener listener;
    int accepted[ACCEPTED_MAX];
    struct address peers[ACCEPTED_MAX];
    int count;
    int stop_after; /* 0: never */
    char dir[64];
    char path[100];
};

static void place_on_accept(struct listener *l, int fd, const struct address *peer)
{
    struct place *p = l->owner;
    assert_true(p->count < ACCEPTED_MAX);
    p->accepted[p->count] = fd;
    p->peers[p->count] = *peer;
    if (++p->count == p->stop_after)
        listener_stop(l);
}

static int place_open(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    p->loop = loop_new();
    p->listener.fd = -1;
    (void)snprintf(p->dir, sizeof(p->dir), "/tmp/mcproxy-unit-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof(p->path), "%s/a.sock", p->dir);
    *state = p;
    return 0;
}

static int place_close(void **state)
{
    struct place *p = *state;
    for (int i = 0; i < p->count; i++)
        close(p->accepted[i]);
    if (p->listener.fd >= 0) {
        listener_stop(&p->listener);
        close(p->listener.fd);
    }
    loop_free(&p->loop);
    (void)unlink(p->path);
    assert_int_equal(rmdir(p->dir), 0);
    free(p);
    return 0;
}

static struct address place_unix(const struct place *p)
{
    char text[120];
    (void)snprintf(text, sizeof(text), "unix:%s", p->path);
    return test_address(text);
}

static void place_listen(struct place *p, const struct address *at, const struct listen_options *o)
{
    int fd = listener_open(at, o);
    assert_true(fd >= 0);
    listener_start(&p->listener, p->loop, fd, place_on_accept, p);
}

static int connect_to(const struct address *to)
{
    int fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &to->u.sa, to->len), 0);
    return fd;
}

static int get_int(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static void test_accepted_tcp_sockets_are_ready_for_use(void **state)
{
    struct place *p = *state;
    struct address any = test_address("127.0.0.1:0");
    place_listen(p, &any, &(struct listen_options){.backlog = 0});
    assert_int_not_equal(address_port(&p->listener.local), 0);
    int client = connect_to(&p->listener.local);
    test_turn_until(p->loop, &p->count);
    int fd = p->accepted[0];
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(p->listener.fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(get_int(fd, IPPROTO_TCP, TCP_NODELAY), 1); /* from the listening socket */
    struct address here = {.len = sizeof(here.u)};
    assert_int_equal(getsockname(client, &here.u.sa, &here.len), 0);
    assert_true(address_eq(&p->peers[0], &here));
    close(client);
}

static void test_all_connections_of_a_burst_are_accepted(void **state)
{
    struct place *p = *state;
    struct address any = test_address("127.0.0.1:0");
    place_listen(p, &any, &(struct listen_options){.backlog = 0});
    int clients[150];
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = connect_to(&p->listener.local);
    loop_turn(p->loop, PATIENCE_MS);
    assert_true(p->count > 1 && p->count <= 64);
    for (int turns = 0; turns < 100 && p->count < (int)ARRAY_LEN(clients); turns++)
        loop_turn(p->loop, PATIENCE_MS);
    assert_int_equal(p->count, ARRAY_LEN(clients));
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        close(clients[i]);
}

static void test_a_callback_may_stop_the_listener(void **state)
{
    struct place *p = *state;
    struct address any = test_address("127.0.0.1:0");
    place_listen(p, &any, &(struct listen_options){.backlog = 0});
    int clients[3];
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = connect_to(&p->listener.local);
    p->stop_after = 2;
    for (int i = 0; i < 5; i++)
        loop_turn(p->loop, 20);
    assert_int_equal(p->count, 2);
    listener_start(&p->listener, p->loop, p->listener.fd, place_on_accept, p);
    p->stop_after = 0;
    loop_turn(p->loop, PATIENCE_MS);
    assert_int_equal(p->count, 3);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        close(clients[i]);
}

static void test_lack_of_descriptors_pauses_without_spinning(void **state)
{
    struct place *p = *state;
    struct address any = test_address("127.0.0.1:0");
    place_listen(p, &any, &(struct listen_options){.backlog = 0});
    int client = connect_to(&p->listener.local);
    struct rlimit saved;
    test_exhaust_fds(&saved);
    loop_turn(p->loop, PATIENCE_MS);
    assert_int_equal(p->listener.paused_total, 1);
    mono_ms start = clock_mono_ms();
    int turns = 0;
    while (p->listener.paused_total < 4) { /* three pauses of 100 ms, and few turns in between */
        loop_turn(p->loop, PATIENCE_MS);
        turns++;
    }
    assert_true(clock_mono_ms() - start >= 300);
    assert_true(turns < 30);
    assert_int_equal(p->count, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    test_turn_until(p->loop, &p->count);
    assert_int_equal(p->listener.paused_total, 4);
    close(client);
}

static void test_a_stopped_listener_does_not_come_back_from_its_pause(void **state)
{
    struct place *p = *state;
    struct address any = test_address("127.0.0.1:0");
    place_listen(p, &any, &(struct listen_options){.backlog = 0});
    int client = connect_to(&p->listener.local);
    struct rlimit saved;
    test_exhaust_fds(&saved);
    loop_turn(p->loop, PATIENCE_MS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    assert_int_equal(p->listener.paused_total, 1);
    listener_stop(&p->listener);
    assert_false(timer_is_set(&p->listener.pause));
    loop_turn(p->loop, 0);
    assert_int_equal(p->count, 0);
    close(client);
}

static void test_a_unix_socket_is_open_to_all_users(void **state)
{
    struct place *p = *state;
    struct address at = place_unix(p);
    mode_t mask = umask(077);
    place_listen(p, &at, &(struct listen_options){.backlog = 0});
    (void)umask(mask);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    int client = connect_to(&at);
    test_turn_until(p->loop, &p->count);
    char buf[ADDRESS_TEXT_MAX];
    assert_true(slice_eq(address_print(&p->peers[0], buf), SLICE("unix:")));
    close(client);
}

static void test_a_stale_unix_socket_is_replaced(void **state)
{
    struct place *p = *state;
    struct address at = place_unix(p);
    struct listen_options options = {.backlog = 0};
    int left_behind = listener_open(&at, &options);
    assert_true(left_behind >= 0);
    assert_int_equal(listener_open(&at, &options), -1); /* somebody listens */
    assert_int_equal(errno, EADDRINUSE);
    close(left_behind);
    place_listen(p, &at, &options);
    int client = connect_to(&at);
    test_turn_until(p->loop, &p->count);
    close(client);
}

static void test_a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct place *p = *state;
    struct address at = place_unix(p);
    int file = open(p->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(file, "data", 4), 4);
    close(file);
    assert_int_equal(listener_open(&at, &(struct listen_options){.backlog = 0}), -1);
    assert_int_equal(errno, EADDRINUSE);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_size, 4);
}

static void test_workers_share_an_address_by_reuseport_only(void **state UNUSED)
{
    struct address at = test_address("127.0.0.1:0");
    struct listen_options shared = {.reuseport = true};
    struct listen_options alone = {.reuseport = false};
    int first = listener_open(&at, &shared);
    assert_true(first >= 0);
    at.len = sizeof(at.u);
    assert_int_equal(getsockname(first, &at.u.sa, &at.len), 0);
    int second = listener_open(&at, &shared);
    assert_true(second >= 0);
    assert_int_equal(listener_open(&at, &alone), -1);
    assert_int_equal(errno, EADDRINUSE);
    close(first);
    close(second);
}

static void test_options_reach_the_socket(void **state UNUSED)
{
    struct address at = test_address("127.0.0.1:0");
    struct listen_options options = {.rcvbuf = 20000, .sndbuf = 30000};
    int fd = listener_open(&at, &options);
    assert_true(fd >= 0);
    assert_int_equal(get_int(fd, SOL_SOCKET, SO_RCVBUF), 40000); /* the kernel doubles it */
    assert_int_equal(get_int(fd, SOL_SOCKET, SO_SNDBUF), 60000);
    close(fd);
}

static void test_ipv6_alone_or_for_both(void **state UNUSED)
{
    struct address at = test_address("[::]:0");
    for (int only = 0; only <= 1; only++) {
        struct listen_options options = {.ipv6only = only != 0};
        int fd = listener_open(&at, &options);
        if (fd < 0 && errno == EAFNOSUPPORT)
            skip(); /* no IPv6 here */
        assert_true(fd >= 0);
        assert_int_equal(get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY), only);
        close(fd);
    }
}

static void test_a_foreign_address_is_refused_with_its_error(void **state UNUSED)
{
    struct address at = test_address("192.0.2.1:0");
    assert_int_equal(listener_open(&at, &(struct listen_options){.backlog = 0}), -1);
    assert_int_equal(errno, EADDRNOTAVAIL);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(test_accepted_tcp_sockets_are_ready_for_use),
        IN_PLACE(test_all_connections_of_a_burst_are_accepted),
        IN_PLACE(test_a_callback_may_stop_the_listener),
        IN_PLACE(test_lack_of_descriptors_pauses_without_spinning),
        IN_PLACE(test_a_stopped_listener_does_not_come_back_from_its_pause),
        IN_PLACE(test_a_unix_socket_is_open_to_all_users),
        IN_PLACE(test_a_stale_unix_socket_is_replaced),
        IN_PLACE(test_a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(test_workers_share_an_address_by_reuseport_only),
        cmocka_unit_test(test_options_reach_the_socket),
        cmocka_unit_test(test_ipv6_alone_or_for_both),
        cmocka_unit_test(test_a_foreign_address_is_refused_with_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
