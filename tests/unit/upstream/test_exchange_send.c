/* How an exchange sends the request's content, and what it does when the origin does not want it.
 */
#include "upstream_helpers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define HEAD "POST / HTTP/1.1\r\n\r\n" /* what else is in it is the caller's business */

struct fixture {
    struct rig r;
    struct call c;
    int fd;
};

static void set_up(struct fixture *f, enum framing framing, uint64_t length)
{
    rig_init(&f->r, 1);
    rig_start(&f->r);
    call_init(&f->c, &f->r);
    f->c.req.head = SLICE(HEAD);
    f->c.req.method = METHOD_POST;
    f->c.req.framing = framing;
    f->c.req.content_length = length;
    f->fd = -1;
}

static void begin(struct fixture *f)
{
    call_start(&f->c, rig_pick(&f->r), false);
    f->fd = rig_accept(&f->r, 0);
}

static void tear_down(struct fixture *f)
{
    call_end(&f->c);
    if (f->fd >= 0) {
        close(f->fd);
    }
    rig_fini(&f->r);
}

static void send_text(struct fixture *f, const char *text)
{
    assert_true(exchange_send(f->c.ex, slice_of(text)));
}

static void test_content_with_a_length(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_LENGTH, 10);
    begin(&f);
    send_text(&f, "abcd"); /* before it has connected or after, as it comes */
    origin_expect(&f.r, f.fd, HEAD "abcd");
    send_text(&f, "efgh");
    origin_expect(&f.r, f.fd, "efgh");
    send_text(&f, "ij");
    exchange_send_end(f.c.ex);
    origin_expect(&f.r, f.fd, "ij");
    origin_say(f.fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    assert_int_equal(exchange_bytes_sent(f.c.ex), strlen(HEAD) + 10);
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

static void test_never_more_than_the_length(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_LENGTH, 3);
    begin(&f);
    send_text(&f, "abcdef");
    send_text(&f, "GET /smuggled HTTP/1.1\r\n\r\n");
    exchange_send_end(f.c.ex);
    origin_expect(&f.r, f.fd, HEAD "abc");
    origin_expect_silence(&f.r, f.fd);
    origin_say(f.fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    tear_down(&f);
}

static void test_chunked_content(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_CHUNKED, 0);
    begin(&f);
    send_text(&f, "hello");
    send_text(&f, ""); /* would be the end */
    origin_expect(&f.r, f.fd, HEAD "5\r\nhello\r\n");
    send_text(&f, "a longer piece of content");
    exchange_send_end(f.c.ex);
    exchange_send_end(f.c.ex); /* once is enough */
    origin_expect(&f.r, f.fd, "19\r\na longer piece of content\r\n0\r\n\r\n");
    origin_expect_silence(&f.r, f.fd);
    origin_say(f.fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

static void test_length_0_is_sent_with_its_head(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_LENGTH, 0);
    begin(&f);
    origin_expect(&f.r, f.fd, HEAD);
    origin_say(f.fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

/* -- backpressure -- */

static void test_full_and_writable(void **state)
{
    (void)state;
    struct fixture f;
    const size_t total = 16 * 1000 * 1000;
    const size_t piece_n = 50000;
    set_up(&f, FRAMING_LENGTH, total);
    begin(&f);
    char *piece = malloc(piece_n);
    memset(piece, 'x', piece_n);
    size_t given = 0;
    int filled = 0;
    int expected_writable = 0;
    for (size_t taken = 0; taken < strlen(HEAD) + total;) {
        while (given < total && f.c.writable == expected_writable) {
            given += piece_n;
            if (!exchange_send(f.c.ex, slice_make(piece, piece_n))) {
                expected_writable++;
                filled++;
            }
            assert_in_range(given - (size_t)exchange_bytes_sent(f.c.ex), 0, 65536 + piece_n);
        }
        if (given >= total && expected_writable > f.c.writable) {
            expected_writable = f.c.writable; /* nothing more to give: the signal does not matter */
        }
        rig_turn(&f.r, 5);
        size_t want = (size_t)exchange_bytes_sent(f.c.ex) - taken;
        origin_discard(&f.r, f.fd, want);
        taken += want;
    }
    free(piece);
    assert_in_range(filled, 2, 1000000);
    exchange_send_end(f.c.ex);
    origin_say(f.fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

/* Gives content until neither the socket nor the buffer takes any more. */
static void choke(struct fixture *f)
{
    static const size_t piece_n = 60000;
    char *piece = calloc(1, piece_n);
    for (int quiet = 0; quiet < 3;) {
        uint64_t before = exchange_bytes_sent(f->c.ex);
        if (exchange_send(f->c.ex, slice_make(piece, piece_n))) {
            rig_turn(&f->r, 1);
            continue;
        }
        rig_settle(&f->r);
        quiet = exchange_bytes_sent(f->c.ex) == before ? quiet + 1 : 0;
    }
    free(piece);
}

static void test_write_timeout(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_LENGTH, UINT64_C(1) << 40);
    f.c.req.send_timeout_ms = 800;
    f.c.req.read_timeout_ms = 50; /* does not run yet */
    begin(&f);
    choke(&f);
    assert_int_equal(f.c.failed, 0);
    call_expect_failed(&f.c, EXCHANGE_WRITE_TIMEOUT);
    assert_int_equal(upstream_counters(f.r.upstream)->timeouts, 1);
    tear_down(&f);
}

static void test_no_timeout_while_the_client_is_slow(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_LENGTH, 2);
    f.c.req.send_timeout_ms = 50;
    f.c.req.read_timeout_ms = 50;
    begin(&f);
    send_text(&f, "a");
    origin_expect(&f.r, f.fd, HEAD "a");
    for (int i = 0; i < 6; i++) {
        rig_settle(&f.r);
    }
    assert_int_equal(f.c.failed, 0);
    send_text(&f, "b");
    origin_expect(&f.r, f.fd, "b");
    call_expect_failed(&f.c, EXCHANGE_READ_TIMEOUT); /* now it is the origin's turn */
    tear_down(&f);
}

/* -- a response before the request is out -- */

static void test_early_response_stops_the_request(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum framing framing;
        uint64_t length;
    } rows[] = {{"length", FRAMING_LENGTH, 100}, {"chunked", FRAMING_CHUNKED, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("  %s\n", rows[i].name);
        struct fixture f;
        set_up(&f, rows[i].framing, rows[i].length);
        begin(&f);
        send_text(&f, "abc");
        origin_expect(&f.r, f.fd,
                      rows[i].framing == FRAMING_LENGTH ? HEAD "abc" : HEAD "3\r\nabc\r\n");
        origin_say(f.fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
        rig_until(&f.r, &f.c.heads);
        assert_true(exchange_send(f.c.ex, SLICE("more"))); /* taken and dropped */
        exchange_send_end(f.c.ex);
        call_expect_done(&f.c, 413, "no");
        origin_expect_close(&f.r, f.fd); /* without another byte, and not pooled */
        tear_down(&f);
    }
}

static void test_early_response_while_choked(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_CHUNKED, 0);
    begin(&f);
    choke(&f);
    int before = f.c.writable;
    origin_say(f.fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\n");
    rig_until(&f.r, &f.c.heads);
    rig_settle(&f.r);
    assert_int_equal(f.c.writable, before + 1); /* who waits for room is not left waiting */
    origin_say(f.fd, "no");
    call_expect_done(&f.c, 413, "no");
    tear_down(&f);
}

static void test_an_interim_response_does_not_stop_the_request(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_LENGTH, 4);
    begin(&f);
    origin_expect(&f.r, f.fd, HEAD);
    origin_say(f.fd, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_until(&f.r, &f.c.interim);
    send_text(&f, "abcd");
    origin_expect(&f.r, f.fd, "abcd");
    origin_say(f.fd, OK_2);
    call_expect_done(&f.c, 200, "ok");
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

/* An origin that answers and closes without reading on: what it said still counts. */
static void test_an_answer_before_a_close_is_read(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_LENGTH, 1000);
    begin(&f);
    send_text(&f, "abc");
    origin_expect(&f.r, f.fd, HEAD "abc");
    origin_say(f.fd,
               "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
    assert_int_equal(shutdown(f.fd, SHUT_RDWR), 0);
    send_text(&f, "def");
    call_expect_done(&f.c, 400, "no");
    tear_down(&f);
}

static void test_a_close_without_an_answer(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_LENGTH, 1000);
    begin(&f);
    send_text(&f, "abc");
    origin_expect(&f.r, f.fd, HEAD "abc");
    close(f.fd);
    f.fd = -1;
    send_text(&f, "def");
    call_expect_failed(&f.c, EXCHANGE_CLOSED);
    assert_true(exchange_send(f.c.ex, SLICE("ghi"))); /* harmless */
    exchange_send_end(f.c.ex);
    tear_down(&f);
}

static void test_a_cancelled_request_is_seen_as_cut(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, FRAMING_CHUNKED, 0);
    begin(&f);
    send_text(&f, "abc");
    origin_expect(&f.r, f.fd, HEAD "3\r\nabc\r\n");
    call_end(&f.c);
    assert_true(origin_expect_close(&f.r, f.fd)); /* a reset, and no last chunk */
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_with_a_length),
        cmocka_unit_test(test_never_more_than_the_length),
        cmocka_unit_test(test_chunked_content),
        cmocka_unit_test(test_length_0_is_sent_with_its_head),
        cmocka_unit_test(test_full_and_writable),
        cmocka_unit_test(test_write_timeout),
        cmocka_unit_test(test_no_timeout_while_the_client_is_slow),
        cmocka_unit_test(test_early_response_stops_the_request),
        cmocka_unit_test(test_early_response_while_choked),
        cmocka_unit_test(test_an_interim_response_does_not_stop_the_request),
        cmocka_unit_test(test_an_answer_before_a_close_is_read),
        cmocka_unit_test(test_a_close_without_an_answer),
        cmocka_unit_test(test_a_cancelled_request_is_seen_as_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
