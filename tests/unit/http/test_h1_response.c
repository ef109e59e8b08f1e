#include "http/h1.h"

#include "http/check.h"

static struct arena arena;
static const struct h1_limits usual = {
    .line_bytes = 65536, .head_bytes = 65536, .field_count = 100};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
    const char *name;
    struct slice head;
    enum h1_result want;
} refused[] = {
    /* the status line (RFC 9112 section 4) */
    {"HTTP/2.0", SLICE_INIT("HTTP/2.0 200 OK\r\n\r\n"), H1_BAD},
    {"HTTP/0.9", SLICE_INIT("HTTP/0.9 200 OK\r\n\r\n"), H1_BAD},
    {"HTTP/1.2", SLICE_INIT("HTTP/1.2 200 OK\r\n\r\n"), H1_BAD},
    {"HTTP/1.10", SLICE_INIT("HTTP/1.10 200 OK\r\n\r\n"), H1_BAD},
    {"ICY", SLICE_INIT("ICY 200 OK\r\n\r\n"), H1_BAD},
    {"RTSP", SLICE_INIT("RTSP/1.0 200 OK\r\n\r\n"), H1_BAD},
    {"lower case", SLICE_INIT("http/1.1 200 OK\r\n\r\n"), H1_BAD},
    {"status 2", SLICE_INIT("HTTP/1.1 2 OK\r\n\r\n"), H1_BAD},
    {"status 20", SLICE_INIT("HTTP/1.1 20 OK\r\n\r\n"), H1_BAD},
    {"status 2000", SLICE_INIT("HTTP/1.1 2000 OK\r\n\r\n"), H1_BAD},
    {"status 099", SLICE_INIT("HTTP/1.1 099 OK\r\n\r\n"), H1_BAD},
    {"status 000", SLICE_INIT("HTTP/1.1 000 OK\r\n\r\n"), H1_BAD},
    {"status +20", SLICE_INIT("HTTP/1.1 +20 OK\r\n\r\n"), H1_BAD},
    {"status 2x0", SLICE_INIT("HTTP/1.1 2x0 OK\r\n\r\n"), H1_BAD},
    {"status 200OK", SLICE_INIT("HTTP/1.1 200OK\r\n\r\n"), H1_BAD},
    {"no status", SLICE_INIT("HTTP/1.1\r\n\r\n"), H1_BAD},
    {"empty status", SLICE_INIT("HTTP/1.1 \r\n\r\n"), H1_BAD},
    {"two spaces", SLICE_INIT("HTTP/1.1  200 OK\r\n\r\n"), H1_BAD},
    {"TAB", SLICE_INIT("HTTP/1.1\t200 OK\r\n\r\n"), H1_BAD},
    {"control byte in the reason", SLICE_INIT("HTTP/1.1 200 O\x01K\r\n\r\n"), H1_BAD},
    {"NUL in the reason", SLICE_INIT("HTTP/1.1 200 O\0K\r\n\r\n"), H1_BAD},
    {"empty line in front", SLICE_INIT("\r\n" OK "\r\n"), H1_BAD},
    {"space in front", SLICE_INIT(" " OK "\r\n"), H1_BAD},
    {"no head at all", SLICE_INIT("<html>\n\n"), H1_BAD},
    /* lines, names and values: as in requests */
    {"CVE-2023-30589: bare CR", SLICE_INIT(OK "X: a\rContent-Length: 5\r\n\r\n"), H1_BAD},
    {"CVE-2025-23167: CR X in the place of the empty line", SLICE_INIT(OK "X: a\r\n\rX\r\n\r\n"),
     H1_BAD},
    {"bare LF after the status line", SLICE_INIT("HTTP/1.1 200 OK\nX: a\r\n\r\n"), H1_BAD},
    {"bare LF after a field", SLICE_INIT(OK "X: a\nY: b\r\n\r\n"), H1_BAD},
    {"bare LF as the empty line", SLICE_INIT(OK "X: a\r\n\n"), H1_BAD},
    {"obs-fold", SLICE_INIT(OK "X: a\r\n b\r\n\r\n"), H1_BAD},
    {"empty name", SLICE_INIT(OK ": a\r\n\r\n"), H1_BAD},
    {"space before the colon", SLICE_INIT(OK "Content-Length : 5\r\n\r\n"), H1_BAD},
    {"space inside a name", SLICE_INIT(OK "X Y: 5\r\n\r\n"), H1_BAD},
    {"no colon", SLICE_INIT(OK "X\r\n\r\n"), H1_BAD},
    {"NUL in a value", SLICE_INIT(OK "X: a\0b\r\n\r\n"), H1_BAD},
    {"control byte in a value", SLICE_INIT(OK "X: \x1f\r\n\r\n"), H1_BAD},
    {"bytes behind the head", SLICE_INIT(OK "\r\nx"), H1_BAD},
    /* framing (RFC 9112 section 6.3) */
    {"two Content-Length", SLICE_INIT(OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), H1_BAD},
    {"two equal Content-Length", SLICE_INIT(OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
     H1_BAD},
    {"Content-Length list", SLICE_INIT(OK "Content-Length: 1, 1\r\n\r\n"), H1_BAD},
    {"Content-Length -1", SLICE_INIT(OK "Content-Length: -1\r\n\r\n"), H1_BAD},
    {"Content-Length a", SLICE_INIT(OK "Content-Length: a\r\n\r\n"), H1_BAD},
    {"Content-Length empty", SLICE_INIT(OK "Content-Length: \r\n\r\n"), H1_BAD},
    {"Content-Length overflows", SLICE_INIT(OK "Content-Length: 99999999999999999999\r\n\r\n"),
     H1_BAD},
    {"bad Content-Length of a 304", SLICE_INIT("HTTP/1.1 304 \r\nContent-Length: a\r\n\r\n"),
     H1_BAD},
    {"chunked and Content-Length",
     SLICE_INIT(OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"), H1_BAD},
    {"Content-Length and unknown coding",
     SLICE_INIT(OK "Content-Length: 1\r\nTransfer-Encoding: foo\r\n\r\n"), H1_BAD},
    {"chunked in 1.0 (9112 6.1)",
     SLICE_INIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), H1_BAD},
    {"gzip, chunked", SLICE_INIT(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"), H1_BAD},
    {"gzip, then chunked",
     SLICE_INIT(OK "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"), H1_BAD},
    {"chunked, gzip", SLICE_INIT(OK "Transfer-Encoding: chunked, gzip\r\n\r\n"), H1_BAD},
    {"chunked, chunked", SLICE_INIT(OK "Transfer-Encoding: chunked, chunked\r\n\r\n"), H1_BAD},
    {",chunked", SLICE_INIT(OK "Transfer-Encoding: ,chunked\r\n\r\n"), H1_BAD},
    {"empty Transfer-Encoding", SLICE_INIT(OK "Transfer-Encoding:\r\n\r\n"), H1_BAD},
    /* limits */
    {"not complete", SLICE_INIT(OK "X: a\r\n"), H1_PARTIAL},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct response_head out;
        struct h1_error err;
        struct slice head = copy_of(refused[i].head);
        enum h1_result got = h1_parse_response(head, &usual, METHOD_GET, &arena, &out, &err);
        check_number(refused[i].name, "result", got, refused[i].want);
        check_number(refused[i].name, "code", err.code, got);
        if (err.what == NULL || err.what[0] == '\0') {
            fail_msg("%s: no reason given", refused[i].name);
        }
        copy_free(head);
    }
}

static const struct {
    const char *name;
    struct slice head;
    enum http_method to;
    struct {
        unsigned status;
        const char *reason;
        enum framing framing;
        uint64_t length;
        bool has_length;
        bool keep_alive;
    } want;
} accepted[] = {
    {"length",
     SLICE_INIT(OK "Content-Length: 5\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_LENGTH, 5, true, true}},
    {"length 0",
     SLICE_INIT(OK "Content-Length: 0\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_LENGTH, 0, true, true}},
    {"chunked",
     SLICE_INIT(OK "Transfer-Encoding: Chunked\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_CHUNKED, 0, false, true}},
    {"until the end", SLICE_INIT(OK "\r\n"), METHOD_GET, {200, "OK", FRAMING_EOF, 0, false, false}},
    {"unknown coding: until the end (9112 6.3)",
     SLICE_INIT(OK "Transfer-Encoding: foo\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_EOF, 0, false, false}},
    {"1.0",
     SLICE_INIT("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_LENGTH, 5, true, false}},
    {"1.0 keep-alive",
     SLICE_INIT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_LENGTH, 5, true, true}},
    {"close",
     SLICE_INIT(OK "Connection: close\r\nContent-Length: 5\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_LENGTH, 5, true, false}},
    {"to HEAD, length (9112 6.3)",
     SLICE_INIT(OK "Content-Length: 5\r\n\r\n"),
     METHOD_HEAD,
     {200, "OK", FRAMING_NONE, 5, true, true}},
    {"to HEAD, chunked",
     SLICE_INIT(OK "Transfer-Encoding: chunked\r\n\r\n"),
     METHOD_HEAD,
     {200, "OK", FRAMING_NONE, 0, false, true}},
    {"to HEAD, nothing",
     SLICE_INIT(OK "\r\n"),
     METHOD_HEAD,
     {200, "OK", FRAMING_NONE, 0, false, true}},
    {"304 with length",
     SLICE_INIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"),
     METHOD_GET,
     {304, "Not Modified", FRAMING_NONE, 10, true, true}},
    {"204 with length",
     SLICE_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n"),
     METHOD_GET,
     {204, "No Content", FRAMING_NONE, 10, true, true}},
    {"204 chunked",
     SLICE_INIT("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
     METHOD_GET,
     {204, "No Content", FRAMING_NONE, 0, false, true}},
    {"100",
     SLICE_INIT("HTTP/1.1 100 Continue\r\n\r\n"),
     METHOD_POST,
     {100, "Continue", FRAMING_NONE, 0, false, true}},
    {"101",
     SLICE_INIT(
         "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
     METHOD_GET,
     {101, "Switching Protocols", FRAMING_NONE, 0, false, true}},
    {"103 with length",
     SLICE_INIT("HTTP/1.1 103 Early Hints\r\nContent-Length: 10\r\n\r\n"),
     METHOD_GET,
     {103, "Early Hints", FRAMING_NONE, 10, true, true}},
    {"205 has what its fields say",
     SLICE_INIT("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
     METHOD_GET,
     {205, "Reset Content", FRAMING_LENGTH, 0, true, true}},
    {"999",
     SLICE_INIT("HTTP/1.1 999 x\r\nContent-Length: 1\r\n\r\n"),
     METHOD_GET,
     {999, "x", FRAMING_LENGTH, 1, true, true}},
    {"no reason",
     SLICE_INIT("HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n"),
     METHOD_GET,
     {200, "", FRAMING_LENGTH, 1, true, true}},
    {"no reason and no space",
     SLICE_INIT("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n"),
     METHOD_GET,
     {200, "", FRAMING_LENGTH, 1, true, true}},
    {"8-bit reason",
     SLICE_INIT("HTTP/1.1 200 \xc3\xa9 \t!\r\nContent-Length: 1\r\n\r\n"),
     METHOD_GET,
     {200, "\xc3\xa9 \t!", FRAMING_LENGTH, 1, true, true}},
    {"Upgrade on a 200",
     SLICE_INIT(OK "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_LENGTH, 1, true, true}},
    {"Connection: word",
     SLICE_INIT(OK "Connection: word\r\nContent-Length: 1\r\n\r\n"),
     METHOD_GET,
     {200, "OK", FRAMING_LENGTH, 1, true, true}},
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        struct response_head out;
        struct h1_error err;
        const char *name = accepted[i].name;
        struct slice head = copy_of(accepted[i].head);
        if (h1_parse_response(head, &usual, accepted[i].to, &arena, &out, &err) != H1_OK) {
            fail_msg("%s: refused: %s", name, err.what);
        }
        check_number(name, "status", out.status, accepted[i].want.status);
        if (accepted[i].want.reason[0] == '\0') {
            check_number(name, "bytes of reason", (int64_t)out.reason.n, 0);
        } else {
            check_slice(name, "reason", out.reason, accepted[i].want.reason);
        }
        check_number(name, "framing", out.framing, accepted[i].want.framing);
        check_number(name, "length", (int64_t)out.content_length, (int64_t)accepted[i].want.length);
        check_number(name, "has length", out.has_length, accepted[i].want.has_length);
        check_number(name, "keep alive", out.keep_alive, accepted[i].want.keep_alive);
        copy_free(head);
    }
}

static void test_an_unknown_coding_is_not_passed_on(void **state)
{
    (void)state;
    struct response_head out;
    struct h1_error err;
    struct slice head = SLICE(OK "A: b\r\nTransfer-Encoding: foo, bar;q=1\r\n\r\n");
    assert_int_equal(h1_parse_response(head, &usual, METHOD_GET, &arena, &out, &err), H1_OK);
    assert_int_equal(out.fields.n, 1);
    assert_false(fields_has(&out.fields, FIELD_TRANSFER_ENCODING));
}

static void test_all_fields_are_kept_in_order(void **state)
{
    (void)state;
    struct response_head out;
    struct h1_error err;
    struct slice head =
        SLICE(OK "Set-Cookie: a\r\nX_Y: 1\r\nset-cookie: b\r\nETag: \"x\"\r\nETag: \"y\"\r\n\r\n");
    static const char *const values[] = {"a", "1", "b", "\"x\"", "\"y\""};
    assert_int_equal(h1_parse_response(head, &usual, METHOD_GET, &arena, &out, &err), H1_OK);
    assert_int_equal(out.fields.n, ARRAY_LEN(values));
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        check_slice("in order", "value", out.fields.v[i].value, values[i]);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct h1_limits limits;
        enum h1_result want;
    } rows[] = {
        {"just right", {.line_bytes = 31, .head_bytes = 31, .field_count = 2}, H1_OK},
        {"head too large",
         {.line_bytes = 31, .head_bytes = 30, .field_count = 2},
         H1_HEAD_TOO_LARGE},
        {"too many fields",
         {.line_bytes = 31, .head_bytes = 31, .field_count = 1},
         H1_HEAD_TOO_LARGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct response_head out;
        struct h1_error err;
        struct slice head = SLICE(OK "X: a\r\nY: b\r\n\r\n");
        check_number(rows[i].name, "result",
                     h1_parse_response(head, &rows[i].limits, METHOD_GET, &arena, &out, &err),
                     rows[i].want);
    }
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
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_an_unknown_coding_is_not_passed_on),
        cmocka_unit_test(test_all_fields_are_kept_in_order),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, arena_up, arena_down);
}
