#include "net/dial.h"

#include "net_helpers.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct caller {
    struct loop *loop;
    struct dial dial;
    int calls;
    enum dial_result result;
    int fd;
    bool starting;
    const struct address *again; /* dialled from the callback */
};

static void caller_start(struct caller *c, const struct address *to, const struct address *from,
                         int64_t timeout_ms)
{
    c->starting = true;
    dial_start(&c->dial, to, from, timeout_ms);
    assert_true(dial_in_progress(&c->dial));
    c->starting = false;
}

static void caller_on_dialled(struct dial *d, enum dial_result result, int fd)
{
    struct caller *c = d->owner;
    assert_false(c->starting);
    assert_false(dial_in_progress(d));
    assert_false(timer_is_set(&d->deadline));
    assert_int_equal(result == DIAL_OK, fd >= 0);
    c->calls++;
    c->result = result;
    c->fd = fd;
    if (c->again != NULL) {
        const struct address *to = c->again;
        c->again = NULL;
        caller_start(c, to, NULL, PATIENCE_MS);
    }
}

static int caller_open(void **state)
{
    struct caller *c = calloc(1, sizeof(*c));
    c->loop = loop_new();
    c->fd = -1;
    dial_init(&c->dial, c->loop, caller_on_dialled, c);
    assert_false(dial_in_progress(&c->dial));
    *state = c;
    return 0;
}

static int caller_close(void **state)
{
    struct caller *c = *state;
    dial_cancel(&c->dial);
    if (c->fd >= 0)
        close(c->fd);
    loop_free(&c->loop);
    free(c);
    return 0;
}

static enum dial_result outcome(struct caller *c)
{
    test_turn_until(c->loop, &c->calls);
    loop_turn(c->loop, 0);
    assert_int_equal(c->calls, 1);
    return c->result;
}

static void test_a_tcp_connection_is_ready_for_use(void **state)
{
    struct caller *c = *state;
    struct address at;
    int listening = test_listen(NULL, 5, &at);
    caller_start(c, &at, NULL, PATIENCE_MS);
    assert_int_equal(outcome(c), DIAL_OK);
    assert_true(fcntl(c->fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(c->fd, F_GETFD) & FD_CLOEXEC);
    int nodelay = 0;
    socklen_t len = sizeof(nodelay);
    assert_int_equal(getsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
    assert_int_equal(nodelay, 1);
    int accepted = accept(listening, NULL, NULL);
    assert_int_equal(write(accepted, "x", 1), 1);
    test_wait_readable(c->fd);
    close(accepted);
    close(listening);
}

static void test_nobody_listening_is_refused(void **state)
{
    struct caller *c = *state;
    struct address at;
    close(test_listen(NULL, 5, &at));
    caller_start(c, &at, NULL, PATIENCE_MS);
    assert_int_equal(outcome(c), DIAL_REFUSED);
}

/* A listen queue that is full makes the kernel drop what comes. */
static void test_silence_ends_with_the_deadline(void **state)
{
    struct caller *c = *state;
    struct address at;
    int listening = test_listen(NULL, 0, &at);
    int fill[8];
    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fill[i], &at.u.sa, at.len);
    }
    mono_ms start = clock_mono_ms();
    caller_start(c, &at, NULL, 60);
    assert_int_equal(outcome(c), DIAL_TIMEOUT);
    assert_true(clock_mono_ms() - start >= 60);
    for (size_t i = 0; i < ARRAY_LEN(fill); i++)
        close(fill[i]);
    close(listening);
}

static void test_a_unix_socket_connects_at_once_and_says_so_later(void **state)
{
    struct caller *c = *state;
    char dir[] = "/tmp/mcproxy-unit-XXXXXX";
    char text[100];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(text, sizeof(text), "unix:%s/s", dir);
    struct address path = test_address(text);
    struct address at;
    int listening = test_listen(&path, 5, &at);
    caller_start(c, &at, NULL, PATIENCE_MS);
    assert_int_equal(outcome(c), DIAL_OK);
    close(listening);
    c->calls = 0;
    close(c->fd);
    caller_start(c, &at, NULL, PATIENCE_MS);
    assert_int_equal(outcome(c), DIAL_REFUSED); /* a socket to which nobody listens */
    assert_int_equal(unlink(path.u.un.sun_path), 0);
    c->calls = 0;
    caller_start(c, &at, NULL, PATIENCE_MS);
    assert_int_equal(outcome(c), DIAL_REFUSED); /* no socket */
    assert_int_equal(rmdir(dir), 0);
}

static void test_a_cancelled_dial_does_not_call(void **state)
{
    struct caller *c = *state;
    struct address at;
    int listening = test_listen(NULL, 5, &at);
    caller_start(c, &at, NULL, PATIENCE_MS);
    dial_cancel(&c->dial);
    dial_cancel(&c->dial);
    assert_false(timer_is_set(&c->dial.deadline));
    assert_false(dial_in_progress(&c->dial));
    struct address none = test_address("unix:/nonexistent/socket");
    caller_start(c, &none, NULL, PATIENCE_MS);
    dial_cancel(&c->dial); /* its outcome was known already */
    for (int i = 0; i < 3; i++)
        loop_turn(c->loop, 5);
    assert_int_equal(c->calls, 0);
    close(listening);
}

static void test_the_callback_may_dial_again(void **state)
{
    struct caller *c = *state;
    struct address good;
    int listening = test_listen(NULL, 5, &good);
    struct address bad = test_address("unix:/nonexistent/socket");
    c->again = &good;
    caller_start(c, &bad, NULL, PATIENCE_MS);
    test_turn_until(c->loop, &c->calls);
    assert_int_equal(c->result, DIAL_REFUSED);
    c->calls = 0;
    assert_int_equal(outcome(c), DIAL_OK);
    close(listening);
}

static void test_our_side_is_bound_as_asked(void **state)
{
    struct caller *c = *state;
    struct address from = test_address("127.0.0.2:0");
    struct address at;
    int listening = test_listen(NULL, 5, &at);
    caller_start(c, &at, &from, PATIENCE_MS);
    assert_int_equal(outcome(c), DIAL_OK);
    struct address peer = {.len = sizeof(peer.u)};
    int accepted = accept(listening, &peer.u.sa, &peer.len);
    assert_true(accepted >= 0);
    address_set_port(&peer, 0);
    assert_true(address_eq(&peer, &from));
    close(accepted);
    close(listening);
}

static void test_an_address_that_is_not_ours_is_a_local_failure(void **state)
{
    struct caller *c = *state;
    struct address from = test_address("192.0.2.1:0");
    struct address at;
    int listening = test_listen(NULL, 5, &at);
    caller_start(c, &at, &from, PATIENCE_MS);
    assert_int_equal(outcome(c), DIAL_LOCAL);
    close(listening);
}

static void test_no_descriptor_is_a_local_failure(void **state)
{
    struct caller *c = *state;
    struct address at = test_address("127.0.0.1:1");
    loop_turn(c->loop, 0);
    struct rlimit saved;
    test_exhaust_fds(&saved);
    caller_start(c, &at, NULL, PATIENCE_MS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    assert_int_equal(outcome(c), DIAL_LOCAL);
}

static void test_a_connection_to_itself_is_refused(void **state)
{
    struct caller *c = *state;
    struct address at;
    int listening = test_listen(NULL, 5, &at);
    close(listening); /* the port is free, and both our side and the peer's */
    caller_start(c, &at, &at, PATIENCE_MS);
    assert_int_equal(outcome(c), DIAL_REFUSED);
}

static void test_each_result_has_its_own_text(void **state UNUSED)
{
    for (enum dial_result a = DIAL_OK; a <= DIAL_LOCAL; a++) {
        assert_int_not_equal(strlen(dial_result_text(a)), 0);
        for (enum dial_result b = DIAL_OK; b < a; b++)
            assert_string_not_equal(dial_result_text(a), dial_result_text(b));
    }
}

#define WITH_CALLER(test) cmocka_unit_test_setup_teardown(test, caller_open, caller_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CALLER(test_a_tcp_connection_is_ready_for_use),
        WITH_CALLER(test_nobody_listening_is_refused),
        WITH_CALLER(test_silence_ends_with_the_deadline),
        WITH_CALLER(test_a_unix_socket_connects_at_once_and_says_so_later),
        WITH_CALLER(test_a_cancelled_dial_does_not_call),
        WITH_CALLER(test_the_callback_may_dial_again),
        WITH_CALLER(test_our_side_is_bound_as_asked),
        WITH_CALLER(test_an_address_that_is_not_ours_is_a_local_failure),
        WITH_CALLER(test_no_descriptor_is_a_local_failure),
        WITH_CALLER(test_a_connection_to_itself_is_refused),
        cmocka_unit_test(test_each_result_has_its_own_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
