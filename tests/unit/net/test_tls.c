/* TLS under a stream: the same bytes, ends and errors as without, whatever the library has read
 * ahead or could not write yet. */
#include "net/tls_handshake.h"

#include "base/assert.h"
#include "net_helpers.h"
#include "tls_server.h"

#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BIG (3 * 1024 * 1024)

/* Our end with its stream, and the peer's. */
struct both {
    struct loop *loop;
    struct tls_server server;
    struct tls_conf conf;
    struct tls_context *context;
    struct tls_handshake handshake;
    struct tls_session session;
    int answered; /* the handshake has called back */
    const char *problem;
    struct stream stream;
    struct tls *tls; /* as long as the stream has it */
    SSL *peer;
    int peer_fd;
    size_t cap; /* of one read */
    char *got;
    size_t got_n;
    enum stream_result last;
    int ended;
    int writable;
};

static void on_readable(struct stream *s)
{
    struct both *b = s->owner;
    size_t n = 0;
    ASSERT(b->got_n + b->cap <= BIG + 65536);
    b->last = stream_read(s, b->got + b->got_n, b->cap, &n);
    if (b->last == STREAM_OK)
        b->got_n += n;
    if (b->last == STREAM_EOF || b->last == STREAM_ERROR) {
        stream_want_read(s, false);
        b->ended = 1;
    }
}

static void on_writable(struct stream *s)
{
    struct both *b = s->owner;
    b->writable = 1;
}

static const struct stream_events events = {on_readable, on_writable};

static void on_handshake(struct tls_handshake *h, int fd, struct tls *tls, const char *problem)
{
    struct both *b = h->owner;
    b->answered = 1;
    b->problem = problem;
    if (tls == NULL)
        return;
    stream_init(&b->stream, b->loop, fd, &events, b);
    stream_take_tls(&b->stream, tls);
    b->tls = tls;
}

static int setup(void **state)
{
    struct both *b = calloc(1, sizeof(*b));
    (void)signal(SIGPIPE, SIG_IGN);
    b->loop = loop_new();
    tls_server_init(&b->server);
    b->conf = (struct tls_conf){.trusted_certificate = b->server.path,
                                .protocols = TLS_PROTOCOL_1_2 | TLS_PROTOCOL_1_3,
                                .verify = true,
                                .verify_depth = 1};
    b->cap = 65536;
    b->got = malloc(BIG + 65536);
    b->stream.fd = -1;
    b->peer_fd = -1;
    tls_handshake_init(&b->handshake, b->loop, on_handshake, b);
    *state = b;
    return 0;
}

static void hang_up(struct both *b)
{
    SSL_free(b->peer);
    b->peer = NULL;
    if (b->peer_fd >= 0)
        (void)close(b->peer_fd);
    b->peer_fd = -1;
}

static int teardown(void **state)
{
    struct both *b = *state;
    stream_close(&b->stream, false);
    tls_handshake_cancel(&b->handshake);
    tls_session_forget(&b->session);
    tls_context_free(&b->context);
    hang_up(b);
    tls_server_fini(&b->server);
    loop_free(&b->loop);
    free(b->got);
    free(b);
    return 0;
}

static void start(struct both *b, const char *name, int64_t timeout_ms)
{
    char error[256] = "";
    int fds[2];
    if (b->context == NULL)
        b->context = tls_context_new(&b->conf, error, sizeof(error));
    assert_string_equal(error, "");
    test_tcp_pair(fds);
    b->peer_fd = fds[1];
    b->peer = tls_server_accept(&b->server, b->peer_fd);
    b->answered = 0;
    b->got_n = 0;
    b->ended = 0;
    const struct tls_peer peer = {.name = slice_of(name), .send_name = true};
    tls_handshake_start(&b->handshake, b->context, fds[0], &peer, &b->session, timeout_ms);
    assert_false(b->answered);
}

static void shake(struct both *b)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    bool done = false;
    while ((!b->answered || !done) && clock_mono_ms() < end) {
        loop_turn(b->loop, 1);
        ERR_clear_error();
        done = done || SSL_do_handshake(b->peer) == 1 || (b->answered && b->problem != NULL);
    }
    assert_true(b->answered && done);
}

static void connect_both(struct both *b)
{
    start(b, "localhost", PATIENCE_MS);
    shake(b);
    assert_null(b->problem);
    stream_want_read(&b->stream, true);
}

static void close_both(struct both *b)
{
    stream_close(&b->stream, false);
    assert_null(b->stream.tls);
    hang_up(b);
}

static char byte_at(size_t i)
{
    return (char)(i * 31 + i / 251);
}

/* As much as the socket takes. */
static size_t peer_write(struct both *b, size_t from, size_t n)
{
    char *out = malloc(n + 1);
    size_t done = 0;
    size_t sent = 0;
    for (size_t i = 0; i < n; i++)
        out[i] = byte_at(from + i);
    ERR_clear_error();
    while (done < n && SSL_write_ex(b->peer, out + done, n - done, &sent) == 1)
        done += sent;
    free(out);
    return done;
}

static void expect_got(struct both *b, size_t n)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (b->got_n < n && clock_mono_ms() < end)
        loop_turn(b->loop, 10);
    assert_int_equal(b->got_n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(b->got[i], byte_at(i));
}

/* The socket says nothing more when the library has taken a whole record off it. */
static void test_short_reads_get_all_of_a_record(void **state)
{
    struct both *b = *state;
    static const size_t caps[] = {1000, 1, 16384, 7};
    size_t total = 0;
    connect_both(b);
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        b->cap = caps[i];
        assert_int_equal(peer_write(b, total, 16384), 16384);
        total += 16384;
        expect_got(b, total);
    }
}

static void test_reading_that_is_switched_off_and_on(void **state)
{
    struct both *b = *state;
    connect_both(b);
    b->cap = 100;
    assert_int_equal(peer_write(b, 0, 1000), 1000);
    expect_got(b, 1000);
    b->cap = 10;
    assert_int_equal(peer_write(b, 1000, 1000), 1000);
    while (b->got_n == 1000)
        loop_turn(b->loop, 10);
    stream_want_read(&b->stream, false);
    size_t stopped = b->got_n;
    for (int i = 0; i < 5; i++)
        loop_turn(b->loop, 0);
    assert_int_equal(b->got_n, stopped);
    stream_want_read(&b->stream, true);
    expect_got(b, 2000);
}

static void test_much_comes_through_whole(void **state)
{
    struct both *b = *state;
    connect_both(b);
    size_t sent = 0;
    while (sent < BIG) {
        sent += peer_write(b, sent, BIG - sent < 65536 ? BIG - sent : 65536);
        loop_turn(b->loop, 0);
    }
    expect_got(b, BIG);
}

/* Odd pieces, so that records begin and end within them. */
static int pieces_of(char *bytes, size_t from, struct iovec *iov, int max)
{
    static const size_t sizes[] = {3, 0, 17000, 1, 40000, 250, 16384};
    int count = 0;
    while (count < max && from < BIG) {
        size_t n = sizes[(from + (size_t)count) % ARRAY_LEN(sizes)];
        n = n < BIG - from ? n : BIG - from;
        iov[count++] = (struct iovec){bytes + from, n};
        from += n;
    }
    return count;
}

static size_t peer_read(struct both *b, size_t at)
{
    char in[5000];
    size_t n = 0;
    ERR_clear_error();
    if (SSL_read_ex(b->peer, in, sizeof(in), &n) != 1)
        return 0;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(in[i], byte_at(at + i));
    return n;
}

static void test_writes_that_block_go_on_where_they_stopped(void **state)
{
    struct both *b = *state;
    char *bytes = malloc(BIG);
    size_t sent = 0;
    size_t arrived = 0;
    size_t blocked = 0;
    int small = 16384;
    connect_both(b);
    assert_int_equal(setsockopt(b->stream.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = byte_at(i);
    b->writable = 1;
    while (arrived < BIG) {
        struct iovec iov[20];
        size_t n = 0;
        if (sent < BIG && b->writable) {
            int count = pieces_of(bytes, sent, iov, 20);
            enum stream_result result = stream_writev(&b->stream, iov, count, &n);
            assert_true(result == STREAM_OK || result == STREAM_AGAIN);
            sent += result == STREAM_OK ? n : 0;
            if (result == STREAM_AGAIN) {
                blocked++;
                b->writable = 0;
                stream_want_write(&b->stream, true);
            }
        } else {
            arrived += peer_read(b, arrived);
            loop_turn(b->loop, 0);
        }
    }
    assert_int_equal(sent, BIG);
    assert_true(blocked > 0);
    free(bytes);
}

static void test_orderly_end_behind_bytes(void **state)
{
    struct both *b = *state;
    connect_both(b);
    assert_int_equal(peer_write(b, 0, 100), 100);
    SSL_shutdown(b->peer); /* the socket stays open: nothing else tells of the end */
    test_turn_until(b->loop, &b->ended);
    assert_int_equal(b->last, STREAM_EOF);
    assert_int_equal(b->got_n, 100);
    assert_null(stream_problem(&b->stream));
}

/* Without the peer's word for it the bytes may have been cut. */
static void test_end_without_a_word_is_an_error(void **state)
{
    struct both *b = *state;
    connect_both(b);
    assert_int_equal(peer_write(b, 0, 100), 100);
    hang_up(b);
    test_turn_until(b->loop, &b->ended);
    assert_int_equal(b->last, STREAM_ERROR);
    assert_int_equal(b->got_n, 100);
    assert_non_null(stream_problem(&b->stream));
}

static void test_garbage_is_an_error(void **state)
{
    struct both *b = *state;
    connect_both(b);
    assert_int_equal(write(b->peer_fd, "this is no record at all", 24), 24);
    test_turn_until(b->loop, &b->ended);
    assert_int_equal(b->last, STREAM_ERROR);
    assert_int_equal(b->got_n, 0);
}

static void test_our_end_is_orderly(void **state)
{
    struct both *b = *state;
    char byte;
    size_t n = 0;
    connect_both(b);
    stream_close(&b->stream, false);
    test_wait_readable(b->peer_fd);
    int returned = SSL_read_ex(b->peer, &byte, 1, &n);
    assert_int_equal(SSL_get_error(b->peer, returned), SSL_ERROR_ZERO_RETURN);
}

static void test_idle_connection_is_seen_to_end(void **state)
{
    struct both *b = *state;
    connect_both(b);
    for (int i = 0; i < 5; i++)
        loop_turn(b->loop, 1); /* takes the tickets in */
    stream_want_read(&b->stream, false);
    assert_false(stream_has_unread(&b->stream));
    SSL_shutdown(b->peer);
    test_wait_readable(b->stream.fd);
    assert_true(stream_has_unread(&b->stream));
}

/* Tickets come behind the handshake (TLS 1.3). */
static void until_session(struct both *b)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (b->session.resume == NULL && clock_mono_ms() < end)
        loop_turn(b->loop, 10);
    assert_non_null(b->session.resume);
}

static void test_sessions_are_resumed(void **state)
{
    struct both *b = *state;
    static const unsigned protocols[] = {TLS_PROTOCOL_1_2, TLS_PROTOCOL_1_3};
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        b->conf.protocols = protocols[i];
        connect_both(b);
        assert_false(SSL_session_reused(b->peer));
        until_session(b);
        close_both(b);
        connect_both(b);
        assert_true(SSL_session_reused(b->peer));
        close_both(b);
        tls_session_forget(&b->session);
        connect_both(b);
        assert_false(SSL_session_reused(b->peer));
        close_both(b);
        tls_session_forget(&b->session);
        tls_context_free(&b->context);
    }
}

static void test_who_is_at_the_other_end(void **state)
{
    struct both *b = *state;
    static const struct {
        const char *name;
        const char *problem; /* NULL: none */
    } rows[] = {
        {"localhost", NULL},
        {"LOCALHOST", NULL},
        {"127.0.0.1", NULL},
        {"127.0.0.2", "IP address mismatch"},
        {"::1", "IP address mismatch"},
        {"other.test", "hostname mismatch"},
        {"a.localhost", "hostname mismatch"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].name);
        start(b, rows[i].name, PATIENCE_MS);
        shake(b);
        if (rows[i].problem == NULL)
            assert_null(b->problem);
        else
            assert_string_equal(b->problem, rows[i].problem);
        close_both(b);
        tls_session_forget(&b->session);
    }
}

static void test_name_that_is_too_long(void **state)
{
    struct both *b = *state;
    char name[400];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    start(b, name, PATIENCE_MS);
    test_turn_until(b->loop, &b->answered);
    assert_string_equal(b->problem, "the name is too long");
}

static void test_handshake_that_takes_too_long(void **state)
{
    struct both *b = *state;
    start(b, "localhost", 20);
    test_turn_until(b->loop, &b->answered);
    assert_string_equal(b->problem, "handshake timed out");
}

static void test_handshake_that_is_cancelled(void **state)
{
    struct both *b = *state;
    start(b, "localhost", 20);
    loop_turn(b->loop, 1);
    tls_handshake_cancel(&b->handshake);
    tls_handshake_cancel(&b->handshake);
    for (int i = 0; i < 5; i++)
        loop_turn(b->loop, 10);
    assert_false(b->answered);
}

static void test_contexts_that_are_the_same(void **state)
{
    struct both *b = *state;
    char error[256];
    struct tls_context *first = tls_context_new(&b->conf, error, sizeof(error));
    struct tls_context *second = tls_context_new(&b->conf, error, sizeof(error));
    b->conf.verify = false;
    struct tls_context *other = tls_context_new(&b->conf, error, sizeof(error));
    assert_true(tls_context_same(first, second));
    assert_false(tls_context_same(first, other));
    assert_false(tls_context_same(first, NULL));
    assert_true(tls_context_same(NULL, NULL));
    tls_context_free(&first);
    tls_context_free(&second);
    tls_context_free(&other);
    b->conf.trusted_certificate = "/nowhere";
    assert_null(tls_context_new(&b->conf, error, sizeof(error)));
    assert_string_equal(error, "trusted_certificate: No such file or directory");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_short_reads_get_all_of_a_record),
        TEST(test_reading_that_is_switched_off_and_on),
        TEST(test_much_comes_through_whole),
        TEST(test_writes_that_block_go_on_where_they_stopped),
        TEST(test_orderly_end_behind_bytes),
        TEST(test_end_without_a_word_is_an_error),
        TEST(test_garbage_is_an_error),
        TEST(test_our_end_is_orderly),
        TEST(test_idle_connection_is_seen_to_end),
        TEST(test_sessions_are_resumed),
        TEST(test_who_is_at_the_other_end),
        TEST(test_name_that_is_too_long),
        TEST(test_handshake_that_takes_too_long),
        TEST(test_handshake_that_is_cancelled),
        TEST(test_contexts_that_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
