#include "main/sockets.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct listen_options shared_port = {
    .backlog = 16, .reuseport = true, .ipv6only = true};

static struct address loopback(uint16_t port)
{
    struct address a;
    memset(&a, 0, sizeof a);
    a.u.in4.sin_family = AF_INET;
    a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.u.in4.sin_port = htons(port);
    a.len = sizeof a.u.in4;
    return a;
}

/* A port that is free now. */
static struct address free_address(void)
{
    struct address a = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &a.u.sa, a.len), 0);
    a.len = sizeof a.u;
    assert_int_equal(getsockname(fd, &a.u.sa, &a.len), 0);
    (void)close(fd);
    return a;
}

static void test_one_socket_for_each_worker(void **state UNUSED)
{
    struct sockets s = {0};
    struct address a = free_address();
    for (unsigned worker = 0; worker < 20; worker++)
        assert_non_null(sockets_open(&s, &a, worker, &shared_port));
    assert_int_equal(s.n, 20);
    for (unsigned worker = 0; worker < 20; worker++)
        assert_int_equal(sockets_find(&s, &a, worker)->worker, worker);
    assert_null(sockets_find(&s, &a, 20));
    sockets_close(&s);
    assert_int_equal(s.n, 0);
}

static void test_address_of_another_process_is_refused(void **state UNUSED)
{
    struct sockets ours = {0};
    struct sockets theirs = {0};
    struct address a = free_address();
    assert_non_null(sockets_open(&theirs, &a, 0, &shared_port));
    assert_null(sockets_open(&ours, &a, 0, &shared_port));
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(ours.n, 0);
    sockets_close(&theirs);
    assert_non_null(sockets_open(&ours, &a, 0, &shared_port));
    sockets_close(&ours);
}

static void test_removed_socket_leaves_the_others(void **state UNUSED)
{
    struct sockets s = {0};
    struct address a = free_address();
    for (unsigned worker = 0; worker < 3; worker++)
        assert_non_null(sockets_open(&s, &a, worker, &shared_port));
    sockets_remove(&s, sockets_find(&s, &a, 0));
    assert_null(sockets_find(&s, &a, 0));
    assert_non_null(sockets_find(&s, &a, 1));
    assert_non_null(sockets_find(&s, &a, 2));
    sockets_close(&s);
}

static void test_unix_socket_goes_with_its_file(void **state UNUSED)
{
    struct sockets s = {0};
    struct address a;
    char dir[] = "/tmp/mcproxy-unit-XXXXXX";
    assert_non_null(mkdtemp(dir));
    memset(&a, 0, sizeof a);
    a.u.un.sun_family = AF_UNIX;
    a.len = sizeof a.u.un;
    (void)snprintf(a.u.un.sun_path, sizeof a.u.un.sun_path, "%s/s", dir);
    const struct listen_options options = {.backlog = 16};
    struct listen_socket *one = sockets_open(&s, &a, 0, &options);
    assert_non_null(one);
    assert_int_equal(access(a.u.un.sun_path, F_OK), 0);
    sockets_shut(&s, one);
    assert_int_equal(access(a.u.un.sun_path, F_OK), -1);
    assert_int_equal(s.n, 0);
    sockets_close(&s);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_socket_for_each_worker),
        cmocka_unit_test(test_address_of_another_process_is_refused),
        cmocka_unit_test(test_removed_socket_leaves_the_others),
        cmocka_unit_test(test_unix_socket_goes_with_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
