#include "http/h1.h"

#include "http/check.h"

static struct arena arena;

/* What a decoder has made of some input. */
struct decoded {
    enum h1_body_state state;
    char content[64];
    size_t n;
    size_t rest; /* bytes behind the end */
    const char *error;
    struct fields trailers;
};

/* Feeds `input` in pieces of `piece` bytes. */
static void decode(enum framing framing, uint64_t length, struct slice input, size_t piece,
                   bool keep_trailers, struct decoded *out)
{
    struct h1_body body;
    *out = (struct decoded){.state = H1_BODY_MORE};
    h1_body_init(&body, framing, length);
    out->state = body.state;
    while (input.n > 0 && out->state == H1_BODY_MORE) {
        struct slice in = copy_of(slice_take(input, piece));
        struct slice whole = in;
        do {
            struct slice content;
            out->state =
                h1_body_next(&body, &in, &content, keep_trailers ? &out->trailers : NULL, &arena);
            assert_true(out->n + content.n <= sizeof(out->content));
            memcpy(out->content + out->n, content.n > 0 ? content.p : "", content.n);
            out->n += content.n;
        } while (in.n > 0 && out->state == H1_BODY_MORE);
        input = slice_skip(input, whole.n - in.n);
        copy_free(whole);
    }
    out->rest = input.n;
    out->error = body.error;
    assert_int_equal(body.total, out->n);
}

#define MORE  H1_BODY_MORE
#define DONE  H1_BODY_DONE
#define ERROR H1_BODY_ERROR

static const struct {
    const char *name;
    enum framing framing;
    uint64_t length;
    struct slice input;
    enum h1_body_state want;
    const char *content; /* not looked at on errors */
    size_t rest;
} rows[] = {
    {"none", FRAMING_NONE, 0, SLICE_INIT("abc"), DONE, "", 3},
    {"length", FRAMING_LENGTH, 3, SLICE_INIT("abc"), DONE, "abc", 0},
    {"length, more behind", FRAMING_LENGTH, 3, SLICE_INIT("abcdef"), DONE, "abc", 3},
    {"length, less", FRAMING_LENGTH, 3, SLICE_INIT("ab"), MORE, "ab", 0},
    {"length 0", FRAMING_LENGTH, 0, SLICE_INIT("ab"), DONE, "", 2},
    {"until the end", FRAMING_EOF, 0, SLICE_INIT("abc\r\n0\r\n"), MORE, "abc\r\n0\r\n", 0},
    /* RFC 9112 section 7.1 */
    {"one chunk", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nabc\r\n0\r\n\r\n"), DONE, "abc", 0},
    {"chunks", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), DONE, "abcde",
     0},
    {"next message behind", FRAMING_CHUNKED, 0, SLICE_INIT("1\r\na\r\n0\r\n\r\nGET"), DONE, "a", 3},
    {"empty", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\n\r\n"), DONE, "", 0},
    {"hex, both cases", FRAMING_CHUNKED, 0,
     SLICE_INIT("a\r\n0123456789\r\nC\r\n0123456789ab\r\n0\r\n\r\n"), DONE,
     "01234567890123456789ab", 0},
    {"zeros in front", FRAMING_CHUNKED, 0, SLICE_INIT("0000000000000003\r\nabc\r\n00\r\n\r\n"),
     DONE, "abc", 0},
    {"content like framing", FRAMING_CHUNKED, 0, SLICE_INIT("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), DONE,
     "0\r\n\r\n", 0},
    {"extensions (7.1.1)", FRAMING_CHUNKED, 0,
     SLICE_INIT("1;a\r\nx\r\n1;a=b;c=\"d;e\"\r\ny\r\n0;z\r\n\r\n"), DONE, "xy", 0},
    {"trailers (7.1.2)", FRAMING_CHUNKED, 0, SLICE_INIT("1\r\nx\r\n0\r\nA: b\r\nC:d\r\n\r\nz"),
     DONE, "x", 1},
    {"incomplete size", FRAMING_CHUNKED, 0, SLICE_INIT("3"), MORE, "", 0},
    {"incomplete content", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nab"), MORE, "ab", 0},
    {"no last chunk", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nabc\r\n"), MORE, "abc", 0},
    {"no final empty line", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nabc\r\n0\r\n"), MORE, "abc", 0},
    {"half a final line", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nabc\r\n0\r\n\r"), MORE, "abc", 0},
    /* refused */
    {"5 CR X", FRAMING_CHUNKED, 0, SLICE_INIT("5\rXabcde\r\n0\r\n\r\n"), ERROR, NULL, 0},
    {"CVE-2025-43859: junk after the content", FRAMING_CHUNKED, 0,
     SLICE_INIT("3\r\nabcXX0\r\n\r\n"), ERROR, NULL, 0},
    {"junk after CR", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nabc\rX0\r\n\r\n"), ERROR, NULL, 0},
    {"bare LF after the content", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nabc\n0\r\n\r\n"), ERROR,
     NULL, 0},
    {"content longer than its size", FRAMING_CHUNKED, 0, SLICE_INIT("3\r\nabcd\r\n0\r\n\r\n"),
     ERROR, NULL, 0},
    {"bare LF after the size", FRAMING_CHUNKED, 0, SLICE_INIT("3\nabc\r\n0\r\n\r\n"), ERROR, NULL,
     0},
    {"bare LF after an extension", FRAMING_CHUNKED, 0, SLICE_INIT("3;a\nabc\r\n0\r\n\r\n"), ERROR,
     NULL, 0},
    {"bare CR in an extension", FRAMING_CHUNKED, 0, SLICE_INIT("3;a\rb\r\nabc\r\n0\r\n\r\n"), ERROR,
     NULL, 0},
    {"control byte in an extension", FRAMING_CHUNKED, 0, SLICE_INIT("3;a\x01\r\nabc\r\n0\r\n\r\n"),
     ERROR, NULL, 0},
    {"bare LF as the final line", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\n\n"), ERROR, NULL, 0},
    {"CR X as the final line", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\n\rX"), ERROR, NULL, 0},
    {"no size", FRAMING_CHUNKED, 0, SLICE_INIT("\r\nabc\r\n"), ERROR, NULL, 0},
    {"only an extension", FRAMING_CHUNKED, 0, SLICE_INIT(";a\r\nabc\r\n"), ERROR, NULL, 0},
    {"0x3", FRAMING_CHUNKED, 0, SLICE_INIT("0x3\r\nabc\r\n0\r\n\r\n"), ERROR, NULL, 0},
    {"-3", FRAMING_CHUNKED, 0, SLICE_INIT("-3\r\nabc\r\n0\r\n\r\n"), ERROR, NULL, 0},
    {"+3", FRAMING_CHUNKED, 0, SLICE_INIT("+3\r\nabc\r\n0\r\n\r\n"), ERROR, NULL, 0},
    {"space before the size", FRAMING_CHUNKED, 0, SLICE_INIT(" 3\r\nabc\r\n0\r\n\r\n"), ERROR, NULL,
     0},
    {"space behind the size", FRAMING_CHUNKED, 0, SLICE_INIT("3 \r\nabc\r\n0\r\n\r\n"), ERROR, NULL,
     0},
    {"comma", FRAMING_CHUNKED, 0, SLICE_INIT("3,3\r\nabc\r\n0\r\n\r\n"), ERROR, NULL, 0},
    {"17 digits that wrap to 3", FRAMING_CHUNKED, 0,
     SLICE_INIT("10000000000000003\r\nabc\r\n0\r\n\r\n"), ERROR, NULL, 0},
    {"17 zeros", FRAMING_CHUNKED, 0, SLICE_INIT("00000000000000003\r\nabc\r\n0\r\n\r\n"), ERROR,
     NULL, 0},
    {"folded trailer", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\nA: b\r\n c\r\n\r\n"), ERROR, NULL, 0},
    {"white space before the first trailer", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\n A: b\r\n\r\n"),
     ERROR, NULL, 0},
    {"trailer without a name", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\n: b\r\n\r\n"), ERROR, NULL, 0},
    {"trailer without a colon", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\nA\r\n\r\n"), ERROR, NULL, 0},
    {"space before the colon of a trailer", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\nA : b\r\n\r\n"),
     ERROR, NULL, 0},
    {"bare LF in a trailer", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\nA: b\nC: d\r\n\r\n"), ERROR, NULL,
     0},
    {"bare CR in a trailer", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\nA: b\rC: d\r\n\r\n"), ERROR, NULL,
     0},
    {"NUL in a trailer", FRAMING_CHUNKED, 0, SLICE_INIT("0\r\nA: b\0\r\n\r\n"), ERROR, NULL, 0},
    {"request in the place of trailers", FRAMING_CHUNKED, 0,
     SLICE_INIT("0\r\nGET / HTTP/1.1\r\n\r\n"), ERROR, NULL, 0},
};

static void check_row(size_t i, size_t piece, bool keep_trailers)
{
    struct decoded got;
    const char *name = rows[i].name;
    decode(rows[i].framing, rows[i].length, rows[i].input, piece, keep_trailers, &got);
    check_number(name, "state", got.state, rows[i].want);
    check_number(name, "an error is named", got.error != NULL, rows[i].want == ERROR);
    if (rows[i].want != ERROR) {
        check_slice(name, "content", slice_make(got.content, got.n), rows[i].content);
        check_number(name, "rest", (int64_t)got.rest, (int64_t)rows[i].rest);
    }
}

static void test_split_at_every_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t piece = 1; piece <= rows[i].input.n; piece++) {
            check_row(i, piece, false);
            check_row(i, piece, true);
        }
    }
}

/* What is an error in pieces is one at the same byte as a whole: nothing behind the first wrong
 * byte is ever read. */
static void test_errors_stop_at_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct decoded whole;
        struct decoded single;
        decode(rows[i].framing, rows[i].length, rows[i].input, rows[i].input.n, false, &whole);
        decode(rows[i].framing, rows[i].length, rows[i].input, 1, false, &single);
        check_number(rows[i].name, "rest", (int64_t)single.rest, (int64_t)whole.rest);
        check_number(rows[i].name, "content", (int64_t)single.n, (int64_t)whole.n);
    }
}

static void test_eof(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum framing framing;
        uint64_t length;
        const char *input;
        enum h1_body_state want;
    } eof_rows[] = {
        {"until the end", FRAMING_EOF, 0, "abc", DONE},
        {"until the end, nothing came", FRAMING_EOF, 0, "", DONE},
        {"none", FRAMING_NONE, 0, "", DONE},
        {"length, all", FRAMING_LENGTH, 3, "abc", DONE},
        {"length, cut", FRAMING_LENGTH, 3, "ab", ERROR},
        {"chunked, cut", FRAMING_CHUNKED, 0, "3\r\nabc\r\n", ERROR},
        {"chunked, final line missing", FRAMING_CHUNKED, 0, "0\r\n", ERROR},
        {"chunked, all", FRAMING_CHUNKED, 0, "0\r\n\r\n", DONE},
        {"chunked, broken before", FRAMING_CHUNKED, 0, "x", ERROR},
    };
    for (size_t i = 0; i < ARRAY_LEN(eof_rows); i++) {
        struct h1_body body;
        struct slice in = slice_of(eof_rows[i].input);
        struct slice content;
        h1_body_init(&body, eof_rows[i].framing, eof_rows[i].length);
        while (in.n > 0 && h1_body_next(&body, &in, &content, NULL, NULL) == H1_BODY_MORE) {
        }
        check_number(eof_rows[i].name, "state", h1_body_eof(&body), eof_rows[i].want);
        check_number(eof_rows[i].name, "state kept", body.state, eof_rows[i].want);
    }
}

static void test_trailers_are_given(void **state)
{
    (void)state;
    struct slice input =
        SLICE("0\r\nServer-Timing: \ta; b=\"c\" \r\nETag: \"x\"\r\nX-Empty:\r\nX-A: 1\r\nx-a: 2\r\n"
              "Content-Digest: d\r\nRepr-Digest: r\r\n\r\n");
    static const char *const want[][2] = {
        {"Server-Timing", "a; b=\"c\""},
        {"ETag", "\"x\""},
        {"X-Empty", ""},
        {"X-A", "1"},
        {"x-a", "2"},
        {"Content-Digest", "d"},
        {"Repr-Digest", "r"},
    };
    for (size_t piece = 1; piece <= input.n; piece += 7) {
        struct decoded got;
        decode(FRAMING_CHUNKED, 0, input, piece, true, &got);
        assert_int_equal(got.state, H1_BODY_DONE);
        assert_int_equal(got.trailers.n, ARRAY_LEN(want));
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
            check_slice(want[i][0], "name", got.trailers.v[i].name, want[i][0]);
            check_slice(want[i][0], "value", got.trailers.v[i].value, want[i][1]);
        }
    }
}

/* RFC 9110 section 6.5.1. */
static void test_forbidden_trailers_are_dropped(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Content-Length", "transfer-encoding",
        "Host",           "Authorization",
        "Set-Cookie",     "Cookie",
        "Cache-Control",  "Content-Encoding",
        "Connection",     "X-Forwarded-For",
        "Trailer",        "TE",
        "Content-Range",  "Vary",
        "Location",       "Max-Forwards",
        "Date",           "X-Accel-Redirect",
        "Set-Cookie2",    "content-language",
        "Content-Foo",    "Proxy-Foo",
        "If-Foo",         "Server",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct decoded got;
        decode(FRAMING_CHUNKED, 0, arena_printf(&arena, "0\r\n%s: 5\r\nX: y\r\n\r\n", names[i]),
               100, true, &got);
        assert_int_equal(got.state, H1_BODY_DONE);
        check_number(names[i], "trailers", (int64_t)got.trailers.n, 1);
    }
}

/* `count` times the same text, then `behind`. */
static enum h1_body_state feed_many(const char *before, const char *text, size_t count,
                                    const char *behind)
{
    struct h1_body body;
    h1_body_init(&body, FRAMING_CHUNKED, 0);
    for (size_t i = 0; i < count + 2; i++) {
        struct slice in = slice_of(i == 0 ? before : i == count + 1 ? behind : text);
        struct slice content;
        while (in.n > 0 && h1_body_next(&body, &in, &content, NULL, NULL) == H1_BODY_MORE) {
        }
    }
    return body.state;
}

/* Of a trailer line, which count without LF. */
#define LINE_128                                                       \
    "A: 4567890123456789012345678901234567890123456789012345678901234" \
    "567890123456789012345678901234567890123456789012345678901234567\r\n"

static void test_limits(void **state)
{
    (void)state;
    /* CVE-2024-22019: extensions count over the whole message */
    assert_int_equal(feed_many("1;", "aaaaaaaa", 2047, "aaaaaaa\r\nx\r\n0\r\n\r\n"), H1_BODY_DONE);
    assert_int_equal(feed_many("1;", "aaaaaaaa", 2048, "aaaaaaa\r\nx\r\n0\r\n\r\n"), H1_BODY_ERROR);
    assert_int_equal(feed_many("", "1;aaaaaaaa\r\nx\r\n", 2048, "0\r\n\r\n"), H1_BODY_DONE);
    assert_int_equal(feed_many("", "1;aaaaaaaa\r\nx\r\n", 2049, "0\r\n\r\n"), H1_BODY_ERROR);
    assert_int_equal(feed_many("1;", "aaaaaaaa", 2048, "\r\nx\r\n0\r\n\r\n"), H1_BODY_DONE);
    assert_int_equal(feed_many("1;", "aaaaaaaa", 2048, "a"), H1_BODY_ERROR);
    /* trailers: 8 KiB without the line ends' LF */
    assert_int_equal(feed_many("0\r\n", LINE_128, 64, "\r\n"), H1_BODY_DONE);
    assert_int_equal(feed_many("0\r\n", LINE_128, 65, "\r\n"), H1_BODY_ERROR);
    assert_int_equal(feed_many("0\r\n", LINE_128, 64, "B"), H1_BODY_ERROR);
    assert_int_equal(feed_many("0\r\nA:", "aaaaaaaa", 1024, "\r\n\r\n"), H1_BODY_ERROR);
    assert_int_equal(feed_many("0\r\n", "A: b\r\n", 100, "\r\n"), H1_BODY_DONE);
    assert_int_equal(feed_many("0\r\n", "A: b\r\n", 101, "\r\n"), H1_BODY_ERROR);
    assert_int_equal(feed_many("0\r\n", "Host: b\r\n", 101, "\r\n"), H1_BODY_ERROR);
    /* no limit on the content itself */
    assert_int_equal(feed_many("", "8\r\naaaaaaaa\r\n", 100000, "0\r\n\r\n"), H1_BODY_DONE);
}

static void test_greatest_chunk(void **state)
{
    (void)state;
    struct h1_body body;
    struct slice content;
    struct slice in = SLICE("ffffffffffffffff\r\nabc");
    h1_body_init(&body, FRAMING_CHUNKED, 0);
    assert_int_equal(h1_body_next(&body, &in, &content, NULL, NULL), H1_BODY_MORE);
    check_slice("16 digits", "content", content, "abc");
    assert_true(body.left == UINT64_MAX - 3);
    assert_int_equal(h1_body_eof(&body), H1_BODY_ERROR);
}

static void test_content_is_not_copied(void **state)
{
    (void)state;
    struct h1_body body;
    struct slice content;
    struct slice in = SLICE("3\r\nabc\r\n2\r\nde\r\n");
    const char *p = in.p;
    h1_body_init(&body, FRAMING_CHUNKED, 0);
    assert_int_equal(h1_body_next(&body, &in, &content, NULL, NULL), H1_BODY_MORE);
    assert_true(content.p == p + 3 && content.n == 3 && in.p == p + 6);
    assert_int_equal(h1_body_next(&body, &in, &content, NULL, NULL), H1_BODY_MORE);
    assert_true(content.p == p + 11 && content.n == 2);
}

static int arena_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int arena_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_every_length),
        cmocka_unit_test(test_errors_stop_at_the_byte),
        cmocka_unit_test(test_eof),
        cmocka_unit_test(test_trailers_are_given),
        cmocka_unit_test(test_forbidden_trailers_are_dropped),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_greatest_chunk),
        cmocka_unit_test(test_content_is_not_copied),
    };
    return cmocka_run_group_tests(tests, arena_up, arena_down);
}
