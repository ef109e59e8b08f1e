#include "net/stream.h"

#include "net_helpers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Takes the place of libc's, so that the test sees how often libev asks the kernel. */
static int epoll_ctl_calls;

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    epoll_ctl_calls++;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

struct end {
    struct loop *loop;
    struct stream stream;
    int peer; /* the other end, blocking calls are not used on it */
    int readable;
    int writable;
    char buf[64];
    size_t n;
    enum stream_result last;
};

static void end_on_readable(struct stream *s)
{
    struct end *e = s->owner;
    e->readable++;
    e->last = stream_read(s, e->buf, sizeof(e->buf), &e->n);
    if (e->last == STREAM_EOF || e->last == STREAM_ERROR)
        stream_want_read(s, false);
}

static void end_on_writable(struct stream *s)
{
    struct end *e = s->owner;
    e->writable++;
}

static const struct stream_events end_events = {end_on_readable, end_on_writable};

static int end_open(void **state)
{
    struct end *e = calloc(1, sizeof(*e));
    int fds[2];
    e->loop = loop_new();
    test_tcp_pair(fds);
    stream_init(&e->stream, e->loop, fds[0], &end_events, e);
    e->peer = fds[1];
    *state = e;
    return 0;
}

static int end_close(void **state)
{
    struct end *e = *state;
    stream_close(&e->stream, false);
    stream_close(&e->stream, true);
    assert_false(stream_is_open(&e->stream));
    if (e->peer >= 0)
        close(e->peer);
    loop_free(&e->loop);
    free(e);
    return 0;
}

static void peer_says(struct end *e, const char *text)
{
    assert_int_equal(send(e->peer, text, strlen(text), 0), strlen(text));
}

static enum stream_result say(struct end *e, const char *text, size_t *n)
{
    size_t half = strlen(text) / 2;
    struct iovec iov[] = {{(char *)text, half}, {(char *)text + half, strlen(text) - half}};
    return stream_writev(&e->stream, iov, 2, n);
}

static void test_reading_tells_nothing_bytes_and_end_apart(void **state)
{
    struct end *e = *state;
    char buf[8];
    size_t n = 77;
    assert_int_equal(stream_read(&e->stream, buf, sizeof(buf), &n), STREAM_AGAIN);
    assert_int_equal(n, 77);
    peer_says(e, "0123456789");
    test_wait_readable(e->stream.fd);
    assert_int_equal(stream_read(&e->stream, buf, sizeof(buf), &n), STREAM_OK);
    assert_int_equal(n, 8);
    assert_int_equal(stream_read(&e->stream, buf, sizeof(buf), &n), STREAM_OK);
    assert_int_equal(n, 2);
    assert_memory_equal(buf, "89", 2);
    assert_int_equal(shutdown(e->peer, SHUT_WR), 0);
    test_wait_readable(e->stream.fd);
    assert_int_equal(stream_read(&e->stream, buf, sizeof(buf), &n), STREAM_EOF);
}

static void test_reading_scatters(void **state)
{
    struct end *e = *state;
    char first[4];
    char second[8];
    const struct iovec places[] = {{first, sizeof(first)}, {second, sizeof(second)}};
    size_t n = 0;
    assert_int_equal(stream_readv(&e->stream, places, 2, &n), STREAM_AGAIN);
    peer_says(e, "0123456789");
    test_wait_readable(e->stream.fd);
    assert_int_equal(stream_readv(&e->stream, places, 2, &n), STREAM_OK);
    assert_int_equal(n, 10);
    assert_memory_equal(first, "0123", 4);
    assert_memory_equal(second, "456789", 6);
    assert_int_equal(shutdown(e->peer, SHUT_WR), 0);
    test_wait_readable(e->stream.fd);
    assert_int_equal(stream_readv(&e->stream, places, 2, &n), STREAM_EOF);
}

static void test_writing_gathers(void **state)
{
    struct end *e = *state;
    size_t n = 0;
    char buf[16];
    assert_int_equal(say(e, "hello", &n), STREAM_OK);
    assert_int_equal(n, 5);
    test_wait_readable(e->peer);
    assert_int_equal(recv(e->peer, buf, sizeof(buf), 0), 5);
    assert_memory_equal(buf, "hello", 5);
}

static void test_readable_is_called_while_there_is_something(void **state)
{
    struct end *e = *state;
    stream_want_read(&e->stream, true);
    stream_want_read(&e->stream, true);
    loop_turn(e->loop, 0);
    assert_int_equal(e->readable, 0);
    peer_says(e, "abc");
    test_turn_until(e->loop, &e->readable);
    assert_int_equal(e->last, STREAM_OK);
    assert_int_equal(e->n, 3);
    close(e->peer);
    e->peer = -1;
    e->readable = 0;
    test_turn_until(e->loop, &e->readable);
    assert_int_equal(e->last, STREAM_EOF);
}

static void test_a_stopped_reader_is_not_called(void **state)
{
    struct end *e = *state;
    stream_want_read(&e->stream, true);
    stream_want_read(&e->stream, false);
    peer_says(e, "abc");
    test_wait_readable(e->stream.fd);
    for (int i = 0; i < 5; i++)
        loop_turn(e->loop, 0);
    assert_int_equal(e->readable, 0);
    stream_want_read(&e->stream, true);
    test_turn_until(e->loop, &e->readable);
    assert_int_equal(e->n, 3);
}

/* Writes until the kernel takes no more; returns the bytes it took. */
static size_t fill(struct end *e)
{
    char block[16384];
    memset(block, 'x', sizeof(block));
    struct iovec iov = {block, sizeof(block)};
    size_t total = 0;
    for (;;) {
        size_t n = 0;
        enum stream_result r = stream_writev(&e->stream, &iov, 1, &n);
        if (r == STREAM_AGAIN)
            return total;
        assert_int_equal(r, STREAM_OK);
        total += n;
    }
}

static void test_writable_is_called_once_when_there_is_room(void **state)
{
    struct end *e = *state;
    size_t total = fill(e);
    stream_want_write(&e->stream, true);
    stream_want_write(&e->stream, true);
    loop_turn(e->loop, 0);
    assert_int_equal(e->writable, 0);
    char buf[65536];
    for (size_t got = 0; got < total;) {
        loop_turn(e->loop, 0);
        ssize_t n = recv(e->peer, buf, sizeof(buf), 0);
        if (n < 0)
            test_wait_readable(e->peer);
        else
            got += (size_t)n;
    }
    test_turn_until(e->loop, &e->writable);
    for (int i = 0; i < 5; i++)
        loop_turn(e->loop, 0);
    assert_int_equal(e->writable, 1);
    stream_want_write(&e->stream, true);
    stream_want_write(&e->stream, false);
    loop_turn(e->loop, 0);
    assert_int_equal(e->writable, 1);
}

static void test_a_broken_connection_is_an_error_and_no_signal(void **state)
{
    struct end *e = *state;
    struct linger now = {1, 0};
    assert_int_equal(setsockopt(e->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(e->peer);
    e->peer = -1;
    size_t n;
    char buf[8];
    test_wait_readable(e->stream.fd);
    assert_int_equal(stream_read(&e->stream, buf, sizeof(buf), &n), STREAM_ERROR);
    /* EPIPE, which would be a SIGPIPE that ends the process. */
    assert_int_equal(say(e, "hello", &n), STREAM_ERROR);
    assert_int_equal(say(e, "hello", &n), STREAM_ERROR);
}

static void test_closing_tells_the_peer_how(void **state)
{
    struct end *e = *state;
    char buf[8];
    stream_close(&e->stream, false);
    test_wait_readable(e->peer);
    assert_int_equal(recv(e->peer, buf, sizeof(buf), 0), 0);
    close(e->peer);
    int fds[2];
    test_tcp_pair(fds);
    stream_init(&e->stream, e->loop, fds[0], &end_events, e);
    e->peer = fds[1];
    stream_close(&e->stream, true);
    test_wait_readable(e->peer);
    assert_int_equal(recv(e->peer, buf, sizeof(buf), 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void test_a_half_closed_stream_still_reads(void **state)
{
    struct end *e = *state;
    char buf[8];
    size_t n = 0;
    assert_int_equal(say(e, "last", &n), STREAM_OK);
    stream_shutdown(&e->stream);
    test_wait_readable(e->peer);
    assert_int_equal(recv(e->peer, buf, sizeof(buf), MSG_WAITALL), 4);
    test_wait_readable(e->peer);
    assert_int_equal(recv(e->peer, buf, sizeof(buf), 0), 0);
    peer_says(e, "answer");
    test_wait_readable(e->stream.fd);
    assert_int_equal(stream_read(&e->stream, buf, sizeof(buf), &n), STREAM_OK);
    assert_int_equal(n, 6);
}

static void test_an_idle_connection_shows_bytes_end_and_breakage(void **state)
{
    struct end *e = *state;
    char buf[8];
    size_t n;
    assert_false(stream_has_unread(&e->stream));
    peer_says(e, "x");
    test_wait_readable(e->stream.fd);
    assert_true(stream_has_unread(&e->stream));
    assert_true(stream_has_unread(&e->stream)); /* it only looks */
    assert_int_equal(stream_read(&e->stream, buf, sizeof(buf), &n), STREAM_OK);
    assert_false(stream_has_unread(&e->stream));
    struct linger now = {1, 0};
    assert_int_equal(setsockopt(e->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(e->peer);
    e->peer = -1;
    test_wait_readable(e->stream.fd);
    assert_true(stream_has_unread(&e->stream));
}

static void test_a_closed_peer_counts_as_unread(void **state)
{
    struct end *e = *state;
    assert_int_equal(shutdown(e->peer, SHUT_WR), 0);
    test_wait_readable(e->stream.fd);
    assert_true(stream_has_unread(&e->stream));
}

static void test_a_steady_connection_costs_no_epoll_ctl(void **state)
{
    struct end *e = *state;
    stream_want_read(&e->stream, true);
    loop_turn(e->loop, 0);
    assert_true(epoll_ctl_calls > 0);
    int before = epoll_ctl_calls;
    for (int i = 0; i < 100; i++) {
        size_t n;
        char buf[8];
        e->readable = 0;
        peer_says(e, "ping");
        test_turn_until(e->loop, &e->readable);
        assert_int_equal(say(e, "pong", &n), STREAM_OK);
        test_wait_readable(e->peer);
        assert_int_equal(recv(e->peer, buf, sizeof(buf), 0), 4);
    }
    assert_int_equal(epoll_ctl_calls, before);
}

/* The number of a closed descriptor comes back at once; libev must not take the new socket for the
 * old one. */
static void test_a_descriptor_number_used_again_gets_its_own_events(void **state)
{
    struct end *e = *state;
    int reused = 0;
    for (int i = 0; i < 20; i++) {
        stream_want_read(&e->stream, true);
        loop_turn(e->loop, 0);
        int old = e->stream.fd;
        stream_close(&e->stream, i % 2 == 0);
        close(e->peer);
        int fds[2];
        test_tcp_pair(fds);
        reused += fds[0] == old;
        stream_init(&e->stream, e->loop, fds[0], &end_events, e);
        e->peer = fds[1];
        stream_want_read(&e->stream, true);
        e->readable = 0;
        peer_says(e, "new");
        test_turn_until(e->loop, &e->readable);
        assert_int_equal(e->last, STREAM_OK);
        assert_int_equal(e->n, 3);
    }
    assert_true(reused > 10);
}

static void test_a_detached_descriptor_lives_on_with_its_next_owner(void **state)
{
    struct end *e = *state;
    struct stream old = e->stream;
    stream_init(&old, e->loop, e->stream.fd, &end_events, e);
    stream_want_read(&old, true);
    stream_want_write(&old, true);
    int fd = stream_detach(&old);
    assert_int_equal(fd, e->stream.fd);
    assert_false(stream_is_open(&old));
    peer_says(e, "abc");
    test_wait_readable(fd);
    loop_turn(e->loop, 0);
    assert_int_equal(e->readable + e->writable, 0);
    stream_want_read(&e->stream, true);
    test_turn_until(e->loop, &e->readable);
    assert_int_equal(e->n, 3);
}

#define WITH_END(test) cmocka_unit_test_setup_teardown(test, end_open, end_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_END(test_reading_tells_nothing_bytes_and_end_apart),
        WITH_END(test_reading_scatters),
        WITH_END(test_writing_gathers),
        WITH_END(test_readable_is_called_while_there_is_something),
        WITH_END(test_a_stopped_reader_is_not_called),
        WITH_END(test_writable_is_called_once_when_there_is_room),
        WITH_END(test_a_broken_connection_is_an_error_and_no_signal),
        WITH_END(test_closing_tells_the_peer_how),
        WITH_END(test_a_half_closed_stream_still_reads),
        WITH_END(test_an_idle_connection_shows_bytes_end_and_breakage),
        WITH_END(test_a_closed_peer_counts_as_unread),
        WITH_END(test_a_steady_connection_costs_no_epoll_ctl),
        WITH_END(test_a_descriptor_number_used_again_gets_its_own_events),
        WITH_END(test_a_detached_descriptor_lives_on_with_its_next_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
