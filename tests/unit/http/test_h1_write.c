#include "http/h1.h"

#include "base/parse.h"
#include "http/check.h"

static struct arena arena;

static struct fields two_fields(void)
{
    struct fields f = {0};
    fields_add_id(&f, &arena, FIELD_HOST, SLICE("a:8"));
    fields_add(&f, &arena, SLICE("X-Empty"), SLICE(""));
    return f;
}

static void test_request(void **state)
{
    (void)state;
    struct fields f = two_fields();
    struct fields none = {0};
    check_slice("two fields", "bytes", h1_write_request(&arena, SLICE("GET"), SLICE("/a?b"), &f),
                "GET /a?b HTTP/1.1\r\nHost: a:8\r\nX-Empty: \r\n\r\n");
    check_slice("no fields", "bytes", h1_write_request(&arena, SLICE("OPTIONS"), SLICE("*"), &none),
                "OPTIONS * HTTP/1.1\r\n\r\n");
}

static void test_response(void **state)
{
    (void)state;
    struct fields f = two_fields();
    struct fields none = {0};
    check_slice("two fields", "bytes", h1_write_response_part(&arena, 200, SLICE("OK"), &f),
                "HTTP/1.1 200 OK\r\nHost: a:8\r\nX-Empty: \r\n");
    /* RFC 9112 section 4: the SP stands there without a reason too */
    check_slice("no reason", "bytes", h1_write_response_part(&arena, 999, slice_none(), &none),
                "HTTP/1.1 999 \r\n");
    check_slice("fields alone", "bytes", h1_write_fields(&arena, &f), "Host: a:8\r\nX-Empty: \r\n");
    check_slice("none", "bytes", h1_write_fields(&arena, &none), "");
    check_slice("100", "bytes", h1_write_response_part(&arena, 100, SLICE("Continue"), &none),
                "HTTP/1.1 100 Continue\r\n");
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    struct h1_limits limits = {.line_bytes = 100, .head_bytes = 1000, .field_count = 10};
    struct request_head request;
    struct response_head response;
    struct h1_error err;
    struct fields f = two_fields();
    struct slice text = h1_write_request(&arena, SLICE("FOO"), SLICE("/a?b"), &f);
    assert_int_equal(h1_parse_request(text, &limits, &arena, &request, &err), H1_OK);
    assert_true(slice_eq(
        h1_write_request(&arena, request.method_token, request.target, &request.fields), text));
    text = h1_write_response_part(&arena, 404, SLICE("Not Found"), &f);
    struct slice whole = arena_concat(&arena, text, SLICE("\r\n"));
    assert_int_equal(h1_parse_response(whole, &limits, METHOD_GET, &arena, &response, &err), H1_OK);
    assert_true(slice_eq(
        h1_write_response_part(&arena, response.status, response.reason, &response.fields), text));
}

static void test_chunk_header(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        const char *want;
    } rows[] = {
        {0, "0\r\n"},
        {1, "1\r\n"},
        {15, "f\r\n"},
        {16, "10\r\n"},
        {500, "1f4\r\n"},
        {65536, "10000\r\n"},
        {0xabcdef, "abcdef\r\n"},
        {SIZE_MAX, "ffffffffffffffff\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char buf[20];
        size_t n = h1_chunk_header(buf, rows[i].bytes);
        assert_true(n <= sizeof(buf));
        check_slice(rows[i].want, "header", slice_make(buf, n), rows[i].want);
    }
    for (unsigned shift = 0; shift < 64; shift++) {
        char buf[20];
        uint64_t back = 0;
        size_t n = h1_chunk_header(buf, (size_t)1 << shift);
        assert_true(parse_hex_u64(slice_make(buf, n - 2), &back));
        assert_true(back == UINT64_C(1) << shift);
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
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_what_is_written_is_read_back),
        cmocka_unit_test(test_chunk_header),
    };
    return cmocka_run_group_tests(tests, arena_up, arena_down);
}
