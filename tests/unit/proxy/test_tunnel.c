/* Tunnels between two socket pairs, driven by turns of the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/request_fixture.h"
#include "proxy/tunnel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct both_ends {
    struct request_fixture *fixture;
    struct worker *worker;
    int client; /* the test's ends */
    int origin;
    int done;
    uint64_t to_client;
    uint64_t to_origin;
};

static void record_done(void *owner, uint64_t to_client, uint64_t to_origin)
{
    struct both_ends *b = owner;
    b->done++;
    b->to_client = to_client;
    b->to_origin = to_origin;
}

static int make(void **state)
{
    struct both_ends *b = calloc(1, sizeof *b);
    b->fixture = request_fixture_new();
    b->worker = b->fixture->worker;
    *state = b;
    return 0;
}

static int drop(void **state)
{
    struct both_ends *b = *state;
    tunnel_close_all(b->worker);
    close(b->client);
    close(b->origin);
    request_fixture_free(&b->fixture);
    free(b);
    return 0;
}

static void start(struct both_ends *b, struct slice client_early, struct slice origin_early,
                  int64_t idle_timeout_ms)
{
    int client[2];
    int origin[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, origin), 0);
    b->client = client[0];
    b->origin = origin[0];
    tunnel_start(b->worker, (struct tunnel_side){client[1], client_early},
                 (struct tunnel_side){origin[1], origin_early}, idle_timeout_ms, record_done, b);
    assert_int_equal(b->done, 0);
}

static void turn(struct both_ends *b)
{
    loop_turn(b->worker->loop, 10);
}

/* Reads exactly these bytes, turning the loop while they do not come. */
static void assert_comes(struct both_ends *b, int fd, struct slice expected)
{
    char got[256];
    size_t n = 0;
    for (int turns = 0; n < expected.n && turns < 500; turns++) {
        ssize_t r = read(fd, got + n, expected.n - n);
        if (r > 0)
            n += (size_t)r;
        else if (r < 0 && errno == EAGAIN)
            turn(b);
        else
            break;
    }
    assert_int_equal(n, expected.n);
    assert_memory_equal(got, expected.p, n);
}

static void assert_ends(struct both_ends *b, int fd)
{
    char byte;
    ssize_t r = -1;
    for (int turns = 0; r < 0 && turns < 500; turns++) {
        r = read(fd, &byte, 1);
        if (r < 0)
            turn(b);
    }
    assert_int_equal(r, 0);
}

static void assert_silent(struct both_ends *b, int fd)
{
    char byte;
    turn(b);
    assert_int_equal(read(fd, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void bytes_go_both_ways(void **state)
{
    struct both_ends *b = *state;
    start(b, slice_none(), slice_none(), 60000);
    say(b->client, "ping");
    assert_comes(b, b->origin, SLICE("ping"));
    say(b->origin, "pong!");
    assert_comes(b, b->client, SLICE("pong!"));
    close(b->client);
    b->client = -1;
    assert_ends(b, b->origin);
    assert_int_equal(b->done, 0);
    close(b->origin);
    b->origin = -1;
    turn(b);
    assert_int_equal(b->done, 1);
    assert_int_equal(b->to_client, 5);
    assert_int_equal(b->to_origin, 4);
    assert_true(list_empty(&b->worker->tunnels));
}

static void bytes_read_behind_the_heads_go_first(void **state)
{
    struct both_ends *b = *state;
    start(b, SLICE("early "), SLICE("hello "), 60000);
    say(b->client, "late");
    say(b->origin, "world");
    assert_comes(b, b->origin, SLICE("early late"));
    assert_comes(b, b->client, SLICE("hello world"));
}

static void the_end_of_one_side_is_a_half_close(void **state)
{
    struct both_ends *b = *state;
    start(b, slice_none(), slice_none(), 60000);
    say(b->client, "last words");
    shutdown(b->client, SHUT_WR);
    assert_comes(b, b->origin, SLICE("last words"));
    assert_ends(b, b->origin);
    say(b->origin, "answer");
    assert_comes(b, b->client, SLICE("answer"));
    assert_silent(b, b->client);
    assert_int_equal(b->done, 0);
    shutdown(b->origin, SHUT_WR);
    assert_ends(b, b->client);
    assert_int_equal(b->done, 1);
    assert_int_equal(b->to_client, 6);
    assert_int_equal(b->to_origin, 10);
}

/* A side that does not read stops the other one's reader; nothing is lost when it reads on. */
static void a_side_that_does_not_read_stops_the_other(void **state)
{
    struct both_ends *b = *state;
    start(b, slice_none(), slice_none(), 60000);
    char block[4096];
    uint64_t sent = 0;
    uint64_t received = 0;
    int stuck = 0;
    while (stuck < 5) {
        memset(block, (int)(sent / sizeof block % 251), sizeof block);
        ssize_t n = write(b->origin, block, sizeof block);
        if (n > 0)
            assert_int_equal(n, sizeof block);
        sent += n > 0 ? (uint64_t)n : 0;
        stuck = n > 0 ? 0 : stuck + 1;
        assert_true(sent < UINT64_C(64) << 20);
        loop_turn(b->worker->loop, 0);
    }
    say(b->client, "the other way is free");
    assert_comes(b, b->origin, SLICE("the other way is free"));
    shutdown(b->origin, SHUT_WR);
    for (int turns = 0; received < sent && turns < 100000;) {
        unsigned char got[4096];
        ssize_t n = read(b->client, got, sizeof got);
        if (n <= 0) {
            loop_turn(b->worker->loop, 0);
            turns++;
            continue;
        }
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(got[i], (received + (uint64_t)i) / sizeof block % 251);
        received += (uint64_t)n;
    }
    assert_int_equal(received, sent);
    assert_ends(b, b->client);
    shutdown(b->client, SHUT_WR);
    assert_ends(b, b->origin);
    assert_int_equal(b->done, 1);
    assert_int_equal(b->to_client, sent);
}

static void an_idle_tunnel_ends(void **state)
{
    struct both_ends *b = *state;
    start(b, slice_none(), slice_none(), 60);
    turn(b);
    say(b->client, "x");
    assert_comes(b, b->origin, SLICE("x"));
    assert_int_equal(b->done, 0);
    mono_ms began = loop_now(b->worker->loop);
    while (b->done == 0 && loop_now(b->worker->loop) < began + 5000)
        turn(b);
    assert_int_equal(b->done, 1);
    assert_true(loop_now(b->worker->loop) >= began + 40);
    assert_ends(b, b->client);
    assert_ends(b, b->origin);
}

static void a_broken_side_ends_it(void **state)
{
    struct both_ends *b = *state;
    start(b, slice_none(), slice_none(), 60000);
    turn(b);
    close(b->origin);
    b->origin = -1;
    assert_ends(b, b->client); /* a half-close so far */
    say(b->client, "to nobody");
    for (int turns = 0; b->done == 0 && turns < 100; turns++)
        turn(b);
    assert_int_equal(b->done, 1);
    assert_int_equal(b->to_origin, 0);
}

static void all_are_closed_at_the_shutdown_timeout(void **state)
{
    struct both_ends *b = *state;
    start(b, SLICE("a"), SLICE("bc"), 60000);
    turn(b);
    int client = b->client;
    int origin = b->origin;
    start(b, slice_none(), slice_none(), 60000);
    tunnel_close_all(b->worker); /* the second has not had its first turn */
    assert_int_equal(b->done, 2);
    assert_true(list_empty(&b->worker->tunnels));
    assert_ends(b, b->client);
    assert_ends(b, b->origin);
    assert_comes(b, client, SLICE("bc"));
    assert_ends(b, client);
    close(client);
    close(origin);
    turn(b);
    assert_int_equal(b->done, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(bytes_go_both_ways),
        TEST(bytes_read_behind_the_heads_go_first),
        TEST(the_end_of_one_side_is_a_half_close),
        TEST(a_side_that_does_not_read_stops_the_other),
        TEST(an_idle_tunnel_ends),
        TEST(a_broken_side_ends_it),
        TEST(all_are_closed_at_the_shutdown_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
