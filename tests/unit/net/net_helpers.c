#include "net_helpers.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

struct address test_address(const char *text)
{
    struct endpoint e;
    struct address a;
    assert_true(endpoint_parse(slice_of(text), &e));
    assert_true(address_from_endpoint(&e, &a));
    return a;
}

int test_listen(const struct address *at, int backlog, struct address *bound)
{
    struct address any = test_address("127.0.0.1:0");
    const struct address *to = at != NULL ? at : &any;
    int fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &to->u.sa, to->len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    bound->len = sizeof(bound->u);
    assert_int_equal(getsockname(fd, &bound->u.sa, &bound->len), 0);
    return fd;
}

void test_tcp_pair(int out[2])
{
    struct address at;
    int listening = test_listen(NULL, 1, &at);
    out[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(out[0], &at.u.sa, at.len), 0);
    out[1] = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(out[1] >= 0);
    assert_int_equal(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
    int on = 1;
    for (int i = 0; i < 2; i++)
        assert_int_equal(setsockopt(out[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    close(listening);
}

void test_turn_until(struct loop *loop, const int *flag)
{
    mono_ms deadline = clock_mono_ms() + PATIENCE_MS;
    while (*flag == 0 && clock_mono_ms() < deadline)
        loop_turn(loop, 1000);
    assert_int_not_equal(*flag, 0);
}

void test_wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

void test_exhaust_fds(struct rlimit *saved)
{
    int lowest_free = dup(0);
    assert_true(lowest_free >= 0);
    close(lowest_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, saved), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = saved->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}
