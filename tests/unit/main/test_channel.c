#include "main/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    int ends[2];
};

static int open_pair(void **state)
{
    static struct pair pair; /* cmocka hands it on */
    assert_true(channel_open(pair.ends));
    *state = &pair;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *p = *state;
    for (int i = 0; i < 2; i++)
        if (p->ends[i] >= 0)
            (void)close(p->ends[i]);
    return 0;
}

static void test_message_arrives_whole(void **state)
{
    struct pair *p = *state;
    struct channel_msg sent = {.type = CHANNEL_LISTEN, .worker = 3, .error = 5};
    struct channel_msg got;
    int fd;
    assert_int_equal(channel_receive(p->ends[1], &got, &fd), CHANNEL_AGAIN);
    sent.options.backlog = 77;
    assert_true(channel_send(p->ends[0], &sent, -1));
    assert_true(channel_send(p->ends[0], &sent, -1));
    assert_int_equal(channel_receive(p->ends[1], &got, &fd), CHANNEL_OK);
    assert_int_equal(got.type, CHANNEL_LISTEN);
    assert_int_equal(got.worker, 3);
    assert_int_equal(got.options.backlog, 77);
    assert_int_equal(fd, -1);
    assert_int_equal(channel_receive(p->ends[1], &got, &fd), CHANNEL_OK);
    assert_int_equal(channel_receive(p->ends[1], &got, &fd), CHANNEL_AGAIN);
}

static void test_descriptor_comes_along(void **state)
{
    struct pair *p = *state;
    struct channel_msg m = {.type = CHANNEL_SOCKET};
    int fd;
    int pipe_fds[2];
    char byte = 0;
    assert_int_equal(pipe(pipe_fds), 0);
    assert_true(channel_send(p->ends[0], &m, pipe_fds[1]));
    (void)close(pipe_fds[1]);
    assert_int_equal(channel_receive(p->ends[1], &m, &fd), CHANNEL_OK);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(read(pipe_fds[0], &byte, 1), 0); /* no copy is left open */
    (void)close(pipe_fds[0]);
}

static void test_end_of_the_other_side_is_seen(void **state)
{
    struct pair *p = *state;
    struct channel_msg m = {.type = CHANNEL_QUIT};
    int fd;
    assert_true(channel_send(p->ends[0], &m, -1));
    (void)close(p->ends[0]);
    p->ends[0] = -1;
    assert_int_equal(channel_receive(p->ends[1], &m, &fd), CHANNEL_OK); /* its last words */
    assert_int_equal(channel_receive(p->ends[1], &m, &fd), CHANNEL_CLOSED);
    assert_false(channel_send(p->ends[1], &m, -1));
}

static void test_message_of_another_length_is_nonsense(void **state)
{
    struct pair *p = *state;
    struct channel_msg m;
    int fd;
    assert_int_equal(write(p->ends[0], "short", 5), 5);
    assert_int_equal(channel_receive(p->ends[1], &m, &fd), CHANNEL_CLOSED);
    assert_int_equal(fd, -1);
}

static void test_full_channel_does_not_block(void **state)
{
    struct pair *p = *state;
    struct channel_msg m = {.type = CHANNEL_RELOAD};
    int sent = 0;
    while (channel_send(p->ends[0], &m, -1))
        assert_true(++sent < 100000);
    assert_true(sent > 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_message_arrives_whole, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_descriptor_comes_along, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_end_of_the_other_side_is_seen, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_message_of_another_length_is_nonsense, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(test_full_channel_does_not_block, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
