/* What is written to a client: order, partial writes, references to blobs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct ends {
    struct loop *loop;
    struct stream stream;
    struct out out;
    struct out_queue queue;
    int peer;
};

static void ignore(struct stream *s)
{
    (void)s;
}

static int make(void **state)
{
    static const struct stream_events events = {ignore, ignore};
    struct ends *e = calloc(1, sizeof *e);
    int fds[2];
    int small = 4096;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
        return -1;
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    e->loop = loop_new();
    stream_init(&e->stream, e->loop, fds[0], &events, e);
    out_queue_init(&e->queue);
    e->peer = fds[1];
    *state = e;
    return 0;
}

static int drop(void **state)
{
    struct ends *e = *state;
    out_queue_fini(&e->queue);
    stream_close(&e->stream, false);
    loop_free(&e->loop);
    close(e->peer);
    free(e);
    return 0;
}

static struct blob *blob_of(size_t n, char c)
{
    struct blob *b = blob_new(n);
    memset(b->data, c, n);
    b->len = n;
    return b;
}

static unsigned refs(struct blob *b)
{
    return atomic_load(&b->refs);
}

static enum stream_result flush(struct ends *e)
{
    uint64_t written = 0;
    return out_flush(&e->out, &e->queue, &e->stream, &written);
}

static size_t take(struct ends *e, char *to, size_t cap)
{
    size_t n = 0;
    while (n < cap) {
        ssize_t r = read(e->peer, to + n, cap - n);
        if (r <= 0)
            break;
        n += (size_t)r;
    }
    return n;
}

/* Flushes and reads until all is through; returns the bytes that came. */
static size_t take_all(struct ends *e, char *to, size_t cap)
{
    size_t n = 0;
    for (;;) {
        enum stream_result r = flush(e);
        n += take(e, to + n, cap - n);
        if (r == STREAM_OK)
            return n;
        assert_int_equal(r, STREAM_AGAIN);
    }
}

static void pieces_are_written_in_order_at_once(void **state)
{
    struct ends *e = *state;
    struct blob *b = blob_of(3, 'b');
    out_text(&e->out, &e->queue, SLICE("head "));
    char *at = out_reserve(&e->out, &e->queue, 10);
    memcpy(at, "tail ", 5);
    out_commit(&e->out, 5);
    out_text(&e->out, &e->queue, SLICE(""));
    assert_int_equal(e->out.n, 1); /* neighbouring text is one piece */
    out_blob(&e->out, &e->queue, b, blob_slice(b));
    out_blob(&e->out, &e->queue, b, slice_none());
    out_text(&e->out, &e->queue, SLICE(" end"));
    assert_int_equal(e->out.n, 3);
    assert_int_equal(e->out.bytes, 17);
    assert_int_equal(refs(b), 2);
    uint64_t written = 0;
    assert_int_equal(out_flush(&e->out, &e->queue, &e->stream, &written), STREAM_OK);
    assert_int_equal(written, 17);
    assert_int_equal(refs(b), 1);
    assert_int_equal(e->out.n, 0);
    assert_int_equal(e->queue.bytes, 0);
    char got[32];
    assert_int_equal(take(e, got, sizeof got), 17);
    assert_memory_equal(got, "head tail bbb end", 17);
    assert_int_equal(out_flush(&e->out, &e->queue, &e->stream, &written), STREAM_OK);
    assert_int_equal(written, 0);
    blob_unref(&b);
}

static void what_the_socket_does_not_take_is_queued(void **state)
{
    struct ends *e = *state;
    size_t size = 300000;
    struct blob *b = blob_of(size, 'x');
    char *got = malloc(size + 100);
    out_text(&e->out, &e->queue, SLICE("head"));
    out_blob(&e->out, &e->queue, b, blob_slice(b));
    out_text(&e->out, &e->queue, SLICE("tail"));
    uint64_t written = 0;
    assert_int_equal(out_flush(&e->out, &e->queue, &e->stream, &written), STREAM_AGAIN);
    assert_in_range(written, 1, size);
    assert_int_equal(written + e->queue.bytes, size + 8);
    assert_int_equal(e->out.n, 0);
    assert_int_equal(refs(b), 2);
    assert_int_equal(flush(e), STREAM_AGAIN);
    out_text(&e->out, &e->queue, SLICE("more"));
    size_t n = take_all(e, got, size + 100);
    assert_int_equal(n, size + 12);
    assert_memory_equal(got, "headxxxx", 8);
    assert_memory_equal(got + n - 12, "xxxxtailmore", 12);
    for (size_t i = 4; i < size + 4; i++)
        assert_int_equal(got[i], 'x');
    assert_int_equal(refs(b), 1);
    assert_int_equal(e->queue.bytes, 0);
    blob_unref(&b);
    free(got);
}

static void more_pieces_and_text_than_the_scratch_holds(void **state)
{
    struct ends *e = *state;
    struct blob *b = blob_of(1, 'b');
    static char text[3 * OUT_TEXT_BYTES];
    static char got[sizeof text + 1000];
    memset(text, 't', sizeof text);
    assert_null(out_reserve(&e->out, &e->queue, OUT_TEXT_BYTES + 1));
    for (int i = 0; i < 3 * OUT_PIECES; i++) {
        out_blob(&e->out, &e->queue, b, blob_slice(b));
        out_text(&e->out, &e->queue, SLICE("t"));
    }
    out_text(&e->out, &e->queue, slice_make(text, OUT_TEXT_BYTES));
    out_text(&e->out, &e->queue, slice_make(text, sizeof text - OUT_TEXT_BYTES));
    out_blob(&e->out, &e->queue, b, blob_slice(b));
    size_t n = take_all(e, got, sizeof got);
    assert_int_equal(n, sizeof text + 6 * OUT_PIECES + 1);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(got[i], (i < 6 * OUT_PIECES && i % 2 == 0) || i + 1 == n ? 'b' : 't');
    assert_int_equal(refs(b), 1);
    blob_unref(&b);
}

static void what_is_left_is_dropped_with_the_queue(void **state)
{
    struct ends *e = *state;
    struct blob *b = blob_of(300000, 'x');
    out_blob(&e->out, &e->queue, b, blob_slice(b));
    out_blob(&e->out, &e->queue, b, slice_take(blob_slice(b), 5));
    assert_int_equal(flush(e), STREAM_AGAIN);
    assert_int_equal(refs(b), 3);
    out_queue_fini(&e->queue);
    assert_int_equal(refs(b), 1);
    assert_int_equal(e->queue.bytes, 0);
    blob_unref(&b);
}

static void a_broken_connection_leaves_an_empty_scratch(void **state)
{
    struct ends *e = *state;
    struct blob *b = blob_of(10, 'x');
    close(e->peer);
    e->peer = -1;
    out_text(&e->out, &e->queue, SLICE("x"));
    out_blob(&e->out, &e->queue, b, blob_slice(b));
    uint64_t written = 9;
    assert_int_equal(out_flush(&e->out, &e->queue, &e->stream, &written), STREAM_ERROR);
    assert_int_equal(written, 0);
    assert_int_equal(e->out.n, 0);
    out_queue_fini(&e->queue);
    assert_int_equal(refs(b), 1);
    blob_unref(&b);
}

/* Any mixture of pieces, flushes and reads: what comes is what was given. */
static void nothing_is_lost_or_doubled(void **state)
{
    struct ends *e = *state;
    enum { TOTAL = 3000000 };
    struct blob *source = blob_new(TOTAL);
    for (size_t i = 0; i < TOTAL; i++)
        source->data[i] = (char)(i * 31 + i / 257);
    source->len = TOTAL;
    char *got = malloc(TOTAL);
    size_t given = 0;
    size_t came = 0;
    uint64_t written = 0;
    unsigned random = 12345;
    while (came < TOTAL) {
        random = random * 1103515245 + 12345;
        unsigned dice = random >> 16;
        size_t n = dice % 7 == 0 ? 40000 : dice % 3000;
        struct slice s = slice_take(slice_skip(blob_slice(source), given), n);
        if (dice % 2 == 0)
            out_blob(&e->out, &e->queue, source, s);
        else
            out_text(&e->out, &e->queue, s);
        given += s.n;
        if (dice % 3 == 0 || given == TOTAL) {
            uint64_t now;
            assert_int_not_equal(out_flush(&e->out, &e->queue, &e->stream, &now), STREAM_ERROR);
            written += now;
            assert_int_equal(written + e->queue.bytes, given);
        }
        if (dice % 5 < 3)
            came += take(e, got + came, TOTAL - came < 50000 ? TOTAL - came : 50000);
    }
    assert_memory_equal(got, source->data, TOTAL);
    assert_int_equal(refs(source), 1);
    blob_unref(&source);
    free(got);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(pieces_are_written_in_order_at_once),
        TEST(what_the_socket_does_not_take_is_queued),
        TEST(more_pieces_and_text_than_the_scratch_holds),
        TEST(what_is_left_is_dropped_with_the_queue),
        TEST(a_broken_connection_leaves_an_empty_scratch),
        TEST(nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
