/* What an exchange on an idle connection costs: one write, one read, no other system call, and no
 * allocation of blobs. The calls of libc are counted by standing in front of them; the origin's
 * side uses others. */
#include "upstream_helpers.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXCHANGES 200

struct counts {
    int sendmsg;
    int recv;
    int epoll_ctl;
    int getsockopt;
    int shutdown;
    int connect;
};

/* The functions below have no other way to tell. */
static struct counts counts;

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    ssize_t (*real)(int, const struct msghdr *, int) =
        (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
    counts.sendmsg++;
    return real(fd, msg, flags);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
    ssize_t (*real)(int, void *, size_t, int) =
        (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    counts.recv++;
    return real(fd, buf, n, flags);
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    int (*real)(int, int, int, struct epoll_event *) =
        (int (*)(int, int, int, struct epoll_event *))dlsym(RTLD_NEXT, "epoll_ctl");
    counts.epoll_ctl++;
    return real(epfd, op, fd, event);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *n)
{
    int (*real)(int, int, int, void *, socklen_t *) =
        (int (*)(int, int, int, void *, socklen_t *))dlsym(RTLD_NEXT, "getsockopt");
    counts.getsockopt++;
    return real(fd, level, name, value, n);
}

int shutdown(int fd, int how)
{
    int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "shutdown");
    counts.shutdown++;
    return real(fd, how);
}

int connect(int fd, const struct sockaddr *to, socklen_t n)
{
    int (*real)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
    counts.connect++;
    return real(fd, to, n);
}

static void expect_cost(int exchanges)
{
    assert_int_equal(counts.sendmsg, exchanges);
    assert_int_equal(counts.recv, exchanges);
    assert_int_equal(counts.epoll_ctl, 0);
    assert_int_equal(counts.getsockopt, 0);
    assert_int_equal(counts.shutdown, 0);
    assert_int_equal(counts.connect, 0);
}

static void test_one_write_and_one_read(void **state)
{
    (void)state;
    struct rig r;
    struct call c;
    rig_init(&r, 1);
    rig_start(&r);
    call_init(&c, &r);
    int fd = call_once(&r, &c, -1);
    call_once(&r, &c, fd);
    counts = (struct counts){0};
    for (int i = 0; i < EXCHANGES; i++) {
        call_once(&r, &c, fd);
    }
    expect_cost(EXCHANGES);
    close(fd);
    rig_fini(&r);
}

static void test_a_response_in_three_pieces_costs_three_reads(void **state)
{
    (void)state;
    struct rig r;
    struct call c;
    rig_init(&r, 1);
    rig_start(&r);
    call_init(&c, &r);
    int fd = call_once(&r, &c, -1);
    counts = (struct counts){0};
    call_start(&c, rig_pick(&r), false);
    origin_expect(&r, fd, GET_HEAD);
    origin_say(fd, "HTTP/1.1 200 OK\r\nContent-");
    rig_settle(&r);
    origin_say(fd, "Length: 4\r\n\r\nab");
    rig_settle(&r);
    origin_say(fd, "cd");
    call_expect_done(&c, 200, "abcd");
    call_end(&c);
    assert_int_equal(counts.recv, 3); /* none that only learns that there is nothing */
    assert_int_equal(counts.epoll_ctl, 0);
    close(fd);
    rig_fini(&r);
}

static void test_content_goes_out_with_the_head(void **state)
{
    (void)state;
    struct rig r;
    struct call c;
    rig_init(&r, 1);
    rig_start(&r);
    call_init(&c, &r);
    int fd = call_once(&r, &c, -1);
    c.req.framing = FRAMING_LENGTH;
    c.req.content_length = 6;
    counts = (struct counts){0};
    for (int i = 0; i < EXCHANGES; i++) {
        call_start(&c, rig_pick(&r), false);
        assert_true(exchange_send(c.ex, SLICE("abc")));
        assert_true(exchange_send(c.ex, SLICE("def")));
        exchange_send_end(c.ex);
        origin_expect(&r, fd, GET_HEAD "abcdef");
        assert_int_equal(write(fd, "HTTP/1.1 204 No Content\r\n\r\n", 27), 27);
        call_expect_done(&c, 204, "");
        call_end(&c);
    }
    expect_cost(EXCHANGES);
    close(fd);
    rig_fini(&r);
}

static void test_blobs_are_used_again(void **state)
{
    (void)state;
    struct rig r;
    struct call c;
    rig_init(&r, 1);
    rig_start(&r);
    call_init(&c, &r);
    int fd = call_once(&r, &c, -1);
    struct blob *first = NULL;
    for (int i = 0; i < 5; i++) {
        call_start(&c, rig_pick(&r), false);
        origin_expect(&r, fd, GET_HEAD);
        assert_int_equal(write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 40), 40);
        call_expect_done(&c, 200, "ok");
        first = first == NULL ? c.last_blob : first;
        assert_ptr_equal(c.last_blob, first);
        call_end(&c);
    }
    close(fd);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_write_and_one_read),
        cmocka_unit_test(test_a_response_in_three_pieces_costs_three_reads),
        cmocka_unit_test(test_content_goes_out_with_the_head),
        cmocka_unit_test(test_blobs_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
