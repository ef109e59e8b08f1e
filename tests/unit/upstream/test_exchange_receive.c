/* What an exchange makes of the bytes of a response. */
#include "upstream_helpers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
#define CHUNKED  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define TO_EOF   "HTTP/1.1 200 OK\r\n\r\n"

enum then { STAYS, CLOSES };

struct row {
    const char *name;
    enum http_method method;
    const char *said;
    enum then then; /* the origin */
    enum exchange_error error;
    int status;
    const char *content; /* of a whole response; of a failed one what came before */
    bool pooled;
};

static const struct row rows[] = {
    /* Whole (RFC 9112 section 6.3). */
    {"length", METHOD_GET, LENGTH_5 "abcde", STAYS, EXCHANGE_OK, 200, "abcde", true},
    {"length 0", METHOD_GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", STAYS, EXCHANGE_OK,
     200, "", true},
    {"chunked", METHOD_GET, CHUNKED "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", STAYS, EXCHANGE_OK, 200,
     "abcde", true},
    {"chunked, empty", METHOD_GET, CHUNKED "0\r\n\r\n", STAYS, EXCHANGE_OK, 200, "", true},
    {"to the end of the connection", METHOD_GET, TO_EOF "abcde", CLOSES, EXCHANGE_OK, 200, "abcde",
     false},
    {"nothing to the end", METHOD_GET, TO_EOF, CLOSES, EXCHANGE_OK, 200, "", false},
    {"HEAD", METHOD_HEAD, LENGTH_5, STAYS, EXCHANGE_OK, 200, "", true},
    {"204", METHOD_GET, "HTTP/1.1 204 No Content\r\n\r\n", STAYS, EXCHANGE_OK, 204, "", true},
    {"304 with a length", METHOD_GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
     STAYS, EXCHANGE_OK, 304, "", true},
    /* The connection goes. */
    {"Connection: close", METHOD_GET,
     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde", STAYS, EXCHANGE_OK,
     200, "abcde", false},
    {"HTTP/1.0", METHOD_GET, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nabcde", STAYS,
     EXCHANGE_OK, 200, "abcde", false},
    {"Keep-Alive: timeout=0", METHOD_GET,
     "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 5\r\n\r\nabcde", STAYS,
     EXCHANGE_OK, 200, "abcde", false},
    {"more than its length", METHOD_GET, LENGTH_5 "abcdefgh", STAYS, EXCHANGE_OK, 200, "abcde",
     false},
    {"a second response behind it", METHOD_GET, LENGTH_5 "abcde" LENGTH_5 "fghij", STAYS,
     EXCHANGE_OK, 200, "abcde", false},
    {"bytes behind the last chunk", METHOD_GET, CHUNKED "1\r\na\r\n0\r\n\r\nx", STAYS, EXCHANGE_OK,
     200, "a", false},
    {"HEAD with content", METHOD_HEAD, LENGTH_5 "abcde", STAYS, EXCHANGE_OK, 200, "", false},
    {"204 with content", METHOD_GET, "HTTP/1.1 204 No Content\r\n\r\nabc", STAYS, EXCHANGE_OK, 204,
     "", false},
    {"304 with content", METHOD_GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nabcde",
     STAYS, EXCHANGE_OK, 304, "", false},
    /* Cut. */
    {"closed at once", METHOD_GET, "", CLOSES, EXCHANGE_CLOSED, 0, "", false},
    {"cut in the status line", METHOD_GET, "HTTP/1.1 20", CLOSES, EXCHANGE_CLOSED, 0, "", false},
    {"cut in the head", METHOD_GET, "HTTP/1.1 200 OK\r\nA: b\r\n", CLOSES, EXCHANGE_CLOSED, 0, "",
     false},
    {"only an interim response", METHOD_GET, "HTTP/1.1 103 Early Hints\r\n\r\n", CLOSES,
     EXCHANGE_CLOSED, 0, "", false},
    {"less than its length", METHOD_GET, LENGTH_5 "abc", CLOSES, EXCHANGE_TRUNCATED, 200, "abc",
     false},
    {"nothing of its length", METHOD_GET, LENGTH_5, CLOSES, EXCHANGE_TRUNCATED, 200, "", false},
    {"cut in a chunk", METHOD_GET, CHUNKED "5\r\nabc", CLOSES, EXCHANGE_TRUNCATED, 200, "abc",
     false},
    {"cut between chunks", METHOD_GET, CHUNKED "3\r\nabc\r\n", CLOSES, EXCHANGE_TRUNCATED, 200,
     "abc", false},
    {"cut behind the last chunk's size", METHOD_GET, CHUNKED "0\r\n", CLOSES, EXCHANGE_TRUNCATED,
     200, "", false},
    /* Malformed. */
    {"no HTTP", METHOD_GET, "SSH-2.0-OpenSSH\r\n\r\n", STAYS, EXCHANGE_BAD_HEAD, 0, "", false},
    {"two lengths", METHOD_GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
     STAYS, EXCHANGE_BAD_HEAD, 0, "", false},
    {"length and chunked", METHOD_GET,
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", STAYS,
     EXCHANGE_BAD_HEAD, 0, "", false},
    {"folded field", METHOD_GET, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", STAYS, EXCHANGE_BAD_HEAD,
     0, "", false},
    {"broken chunk size", METHOD_GET, CHUNKED "3\r\nabc\r\nzz\r\n", STAYS, EXCHANGE_BAD_CONTENT,
     200, "abc", false},
    {"chunk longer than its size", METHOD_GET, CHUNKED "3\r\nabcde\r\n0\r\n\r\n", STAYS,
     EXCHANGE_BAD_CONTENT, 200, "abc", false},
};

struct fixture {
    struct rig r;
    struct call c;
    int fd;
};

static void set_up(struct fixture *f)
{
    rig_init(&f->r, 1);
    rig_start(&f->r);
    call_init(&f->c, &f->r);
    f->fd = -1;
}

static void ask(struct fixture *f)
{
    call_start(&f->c, rig_pick(&f->r), false);
    f->fd = rig_accept(&f->r, 0);
    origin_expect(&f->r, f->fd, GET_HEAD);
}

static void tear_down(struct fixture *f)
{
    call_end(&f->c);
    if (f->fd >= 0) {
        close(f->fd);
    }
    rig_fini(&f->r);
}

static void expect_row(struct fixture *f, const struct row *row)
{
    if (row->error == EXCHANGE_OK) {
        call_expect_done(&f->c, row->status, row->content);
    } else {
        call_expect_failed(&f->c, row->error);
        assert_int_equal(f->c.status, row->status);
        assert_string_equal(f->c.content != NULL ? f->c.content : "", row->content);
    }
    if (row->pooled) {
        origin_expect_silence(&f->r, f->fd);
    } else if (row->then == STAYS) {
        origin_expect_close(&f->r, f->fd);
    }
}

static void test_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("  %s\n", rows[i].name);
        struct fixture f;
        set_up(&f);
        f.c.req.method = rows[i].method;
        ask(&f);
        origin_say(f.fd, rows[i].said);
        if (rows[i].then == CLOSES) {
            close(f.fd);
            f.fd = -1;
        }
        expect_row(&f, &rows[i]);
        tear_down(&f);
    }
}

/* The same, each byte in a turn of its own. */
static void test_responses_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].pooled || rows[i].then == CLOSES) {
            struct fixture f;
            set_up(&f);
            f.c.req.method = rows[i].method;
            f.c.req.buffer_bytes = 16; /* and over many blobs */
            ask(&f);
            for (const char *p = rows[i].said; *p != 0; p++) {
                assert_int_equal(write(f.fd, p, 1), 1);
                rig_turn(&f.r, 5);
            }
            if (rows[i].then == CLOSES) {
                close(f.fd);
                f.fd = -1;
            }
            expect_row(&f, &rows[i]);
            tear_down(&f);
        }
    }
}

static void test_a_reset_is_not_the_end_of_content(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    ask(&f);
    origin_say(f.fd, TO_EOF "abc");
    rig_until(&f.r, &f.c.heads);
    rig_settle(&f.r);
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(f.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(f.fd);
    f.fd = -1;
    call_expect_failed(&f.c, EXCHANGE_TRUNCATED);
    tear_down(&f);
}

/* -- interim responses -- */

static void say_interim(int fd, int times)
{
    for (int i = 0; i < times; i++) {
        origin_say(fd, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
    }
}

static void test_interim_responses_up_to_32(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.buffer_bytes = 256; /* heads straddle blobs */
    ask(&f);
    origin_say(f.fd, "HTTP/1.1 100 Continue\r\n\r\n");
    say_interim(f.fd, 31);
    origin_say(f.fd, LENGTH_5 "abcde");
    call_expect_done(&f.c, 200, "abcde");
    assert_int_equal(f.c.interim, 32);
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

static void test_too_many_interim_responses(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    ask(&f);
    say_interim(f.fd, 33);
    call_expect_failed(&f.c, EXCHANGE_TOO_MANY_INTERIM);
    assert_int_equal(f.c.interim, 32);
    tear_down(&f);
}

/* -- sizes of heads -- */

static void say_filler(int fd, size_t n)
{
    char *filler = malloc(n + 1);
    memset(filler, 'x', n);
    filler[n] = 0;
    origin_say(fd, filler);
    free(filler);
}

static void test_a_head_larger_than_a_blob(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.buffer_bytes = 1024;
    f.c.limits.line_bytes = 30000;
    ask(&f);
    origin_say(f.fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Long: ");
    say_filler(f.fd, 20000);
    origin_say(f.fd, "\r\n\r\nabcde");
    call_expect_done(&f.c, 200, "abcde");
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

static void test_a_head_over_its_limit(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.buffer_bytes = 1024;
    f.c.limits.head_bytes = 8192;
    ask(&f);
    origin_say(f.fd, "HTTP/1.1 200 OK\r\nX-Long: ");
    say_filler(f.fd, 10000);
    call_expect_failed(&f.c, EXCHANGE_HEAD_TOO_LARGE);
    tear_down(&f);
}

/* -- large content -- */

#define LARGE (3 * 1000 * 1000)

static char pattern_at(size_t i)
{
    return (char)('a' + i % 23);
}

/* Writes as much as the socket takes without waiting. */
static size_t say_pattern(int fd, size_t from, size_t to)
{
    char piece[8192];
    while (from < to) {
        size_t n = to - from < sizeof(piece) ? to - from : sizeof(piece);
        for (size_t i = 0; i < n; i++) {
            piece[i] = pattern_at(from + i);
        }
        ssize_t took = send(fd, piece, n, MSG_DONTWAIT);
        if (took < 0) {
            break;
        }
        from += (size_t)took;
    }
    return from;
}

static void expect_pattern(const struct call *c, size_t n)
{
    assert_int_equal(c->content_n, n);
    for (size_t i = 0; i < n; i++) {
        if (c->content[i] != pattern_at(i)) {
            fail_msg("byte %zu is wrong", i);
        }
    }
}

static void test_large_content(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    ask(&f);
    origin_say(f.fd, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n");
    for (size_t at = 0; at < LARGE;) {
        at = say_pattern(f.fd, at, LARGE);
        rig_turn(&f.r, 1);
    }
    while (f.c.done == 0) {
        rig_turn(&f.r, 10);
    }
    expect_pattern(&f.c, LARGE);
    assert_true(f.c.pieces < LARGE / 1000); /* it comes in large pieces */
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

static void test_pause_stops_the_origin_and_loses_nothing(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.read_timeout_ms = 100; /* rests during the pause */
    f.c.pause_on_content = true;
    ask(&f);
    origin_say(f.fd, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n");
    size_t at = 0;
    size_t pauses = 0;
    while (f.c.done == 0) {
        at = say_pattern(f.fd, at, LARGE);
        size_t before = f.c.pieces;
        if (pauses < 4) {
            for (int i = 0; i < 6; i++) { /* 180 ms */
                rig_settle(&f.r);
            }
            pauses++;
        } else {
            rig_turn(&f.r, 1);
        }
        assert_in_range(f.c.pieces - before, 0, 1); /* one piece, then it stays quiet */
        assert_int_equal(f.c.failed, 0);
        if (f.c.done == 0) {
            exchange_resume(f.c.ex);
            assert_in_range(f.c.pieces - before, 0, 1); /* not from within the call */
        }
    }
    expect_pattern(&f.c, LARGE);
    tear_down(&f);
}

static void test_resume_gives_what_was_read_before(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.pause_on_content = true;
    ask(&f);
    origin_say(f.fd, CHUNKED "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\nETag: \"1\"\r\n\r\n");
    for (size_t pieces = 1; pieces <= 3; pieces++) {
        rig_settle(&f.r);
        assert_int_equal(f.c.pieces, pieces);
        assert_int_equal(f.c.done, 0);
        exchange_resume(f.c.ex);
        assert_int_equal(f.c.pieces, pieces);
    }
    call_expect_done(&f.c, 200, "abc");
    const struct fields *t = exchange_trailers(f.c.ex);
    assert_int_equal(t->n, 1);
    assert_true(slice_eq(fields_get(t, FIELD_ETAG), SLICE("\"1\"")));
    origin_expect_silence(&f.r, f.fd);
    tear_down(&f);
}

static void test_a_pause_in_the_last_piece_does_not_hold_the_end(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.pause_on_content = true;
    ask(&f);
    origin_say(f.fd, LENGTH_5 "abcde");
    call_expect_done(&f.c, 200, "abcde");
    call_end(&f.c);
    call_once(&f.r, &f.c, f.fd); /* the pooled connection reads again */
    tear_down(&f);
}

/* -- blobs -- */

static void test_small_pieces_share_a_blob(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    ask(&f);
    origin_say(f.fd, LENGTH_5);
    struct blob *first = NULL;
    for (size_t i = 0; i < 5; i++) {
        origin_say(f.fd, "x");
        while (f.c.pieces <= i) {
            rig_turn(&f.r, 10);
        }
        first = first == NULL ? f.c.last_blob : first;
        assert_ptr_equal(f.c.last_blob, first);
    }
    call_expect_done(&f.c, 200, "xxxxx");
    assert_ptr_equal(exchange_head_blob(f.c.ex), first);
    tear_down(&f);
}

static void test_bytes_that_are_held_stay_as_they_are(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.c.req.buffer_bytes = 256;
    ask(&f);
    origin_say(f.fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    say_filler(f.fd, 100);
    while (f.c.content_n < 100) {
        rig_turn(&f.r, 10);
    }
    struct blob *held = blob_ref(f.c.last_blob);
    size_t held_n = held->len;
    char *before = malloc(held_n);
    memcpy(before, held->data, held_n);
    for (int i = 0; i < 9; i++) {
        char other[101];
        memset(other, 'A' + i, 100);
        other[100] = 0;
        origin_say(f.fd, other);
        rig_settle(&f.r);
    }
    assert_int_equal(f.c.done, 1);
    call_end(&f.c);
    assert_memory_equal(held->data, before, held_n);
    blob_unref(&held);
    free(before);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_responses_byte_by_byte),
        cmocka_unit_test(test_a_reset_is_not_the_end_of_content),
        cmocka_unit_test(test_interim_responses_up_to_32),
        cmocka_unit_test(test_too_many_interim_responses),
        cmocka_unit_test(test_a_head_larger_than_a_blob),
        cmocka_unit_test(test_a_head_over_its_limit),
        cmocka_unit_test(test_large_content),
        cmocka_unit_test(test_pause_stops_the_origin_and_loses_nothing),
        cmocka_unit_test(test_resume_gives_what_was_read_before),
        cmocka_unit_test(test_a_pause_in_the_last_piece_does_not_hold_the_end),
        cmocka_unit_test(test_small_pieces_share_a_blob),
        cmocka_unit_test(test_bytes_that_are_held_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
