/* Templates: what compiles, what each variable gives, how values are escaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/request_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int make(void **state)
{
    *state = request_fixture_new();
    return 0;
}

static int drop(void **state)
{
    struct request_fixture *f = *state;
    request_fixture_free(&f);
    return 0;
}

static const struct template *compiled(struct request_fixture *f, const char *text,
                                       enum template_escape escape)
{
    char error[256] = "";
    size_t at = 0;
    const struct template *t =
        template_compile(slice_of(text), escape, NULL, 0, &f->request.arena, error, &at);
    if (!t)
        fail_msg("%s at %zu: %s", text, at, error);
    return t;
}

/* Rendered both ways, which must agree where values are put in as they are. */
static void assert_renders(struct request_fixture *f, const char *text, const char *expected)
{
    const struct template *t = compiled(f, text, TEMPLATE_PLAIN);
    struct slice s = template_render(t, &f->request, &f->request.arena);
    if (!slice_eq(s, slice_of(expected)))
        fail_msg("%s: \"%.*s\" instead of \"%s\"", text, SLICE_ARG(s), expected);
    char out[512];
    s = slice_make(out, template_render_into(t, &f->request, out, sizeof out));
    if (!slice_eq(s, slice_of(expected)))
        fail_msg("%s into: \"%.*s\" instead of \"%s\"", text, SLICE_ARG(s), expected);
}

static void assert_logs(struct request_fixture *f, const char *text, enum template_escape escape,
                        const char *expected)
{
    char out[512];
    const struct template *t = compiled(f, text, escape);
    struct slice s = slice_make(out, template_render_into(t, &f->request, out, sizeof out));
    if (!slice_eq(s, slice_of(expected)))
        fail_msg("%s: \"%.*s\" instead of \"%s\"", text, SLICE_ARG(s), expected);
}

static void what_is_no_template_is_refused(void **state)
{
    struct request_fixture *f = *state;
    static const struct {
        const char *text;
        size_t at;
        const char *error;
    } rows[] = {
        {"$", 0, "\"$\" without the name of a variable"},
        {"a$ b", 1, "\"$\" without the name of a variable"},
        {"${host", 0, "\"$\" without the name of a variable"},
        {"${}", 0, "\"$\" without the name of a variable"},
        {"$host$hots", 5, "unknown variable \"$hots\", did you mean \"$host\"?"},
        {"x $upstream_adr", 2,
         "unknown variable \"$upstream_adr\", did you mean \"$upstream_addr\"?"},
        {"$http_", 0, "unknown variable \"$http_\", did you mean \"$http_NAME\"?"},
        {"$ssl_protocol", 0, NULL},
        {"$zzzzzzzzzz", 0, "unknown variable \"$zzzzzzzzzz\""},
        {"$0", 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char error[256] = "";
        size_t at = 99;
        const struct template *t = template_compile(slice_of(rows[i].text), TEMPLATE_PLAIN, NULL, 0,
                                                    &f->request.arena, error, &at);
        assert_null(t);
        assert_int_equal(at, rows[i].at);
        if (rows[i].error)
            assert_string_equal(error, rows[i].error);
    }
}

static void constants_are_known_as_such(void **state)
{
    struct request_fixture *f = *state;
    struct slice text;
    assert_true(template_is_constant(compiled(f, "plain", TEMPLATE_PLAIN), &text));
    assert_true(slice_eq(text, SLICE("plain")));
    assert_true(template_is_constant(compiled(f, "", TEMPLATE_PLAIN), &text));
    assert_int_equal(text.n, 0);
    assert_false(template_is_constant(compiled(f, "$host", TEMPLATE_PLAIN), &text));
    assert_false(template_is_constant(compiled(f, "a$host", TEMPLATE_PLAIN), &text));
    struct slice source = template_source(compiled(f, "a${host}b", TEMPLATE_PLAIN));
    assert_true(slice_eq(source, SLICE("a${host}b")));
}

static void fields_of_a_template(void **state)
{
    struct request_fixture *f = *state;
    const struct template *t =
        compiled(f, "$uri-$http_accept_language-$sent_http_vary", TEMPLATE_PLAIN);
    assert_true(template_has_field(t, SLICE("Accept-Language")));
    assert_true(template_has_field(t, SLICE("accept-language")));
    assert_false(template_has_field(t, SLICE("Accept")));
    assert_false(template_has_field(t, SLICE("Vary")));
    assert_false(template_has_field(t, SLICE("uri")));
}

static void variables_of_the_request(void **state)
{
    struct request_fixture *f = *state;
    struct request *r = &f->request;
    r->head.path = SLICE("/b c");
    r->head.target = SLICE("/x/../b%20c?One=1&two=a%20b&flag&two=3");
    r->head.query = SLICE("One=1&two=a%20b&flag&two=3");
    r->raw_line = SLICE("GET /x/../b%20c HTTP/1.1");
    r->head_bytes = 100;
    r->upload.received = 11;
    request_fixture_field(f, "Host", "EXAMPLE.com:8080");
    request_fixture_field(f, "User-Agent", "curl/8");
    request_fixture_field(f, "X-Trace-Id", "t1");
    request_fixture_field(f, "x-trace-id", "t2");
    request_fixture_field(f, "Cookie", "a=1; SID = s=5 ;b=");
    request_fixture_field(f, "Cookie", "sid=later; c=3");
    request_fixture_field(f, "Content-Type", "text/plain");
    request_fixture_field(f, "Content-Length", "11");
    request_fixture_field(f, "X-Forwarded-For", "203.0.113.9");
    request_fixture_field(f, "Authorization", "basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==");
    f->location.proxy_host = SLICE("app");
    f->location.proxy_port = 3000;
    static const char *const rows[][2] = {
        {"$uri $document_uri", "/b c /b c"},
        {"$request_uri", "/x/../b%20c?One=1&two=a%20b&flag&two=3"},
        {"$args|$query_string|$is_args", "One=1&two=a%20b&flag&two=3|One=1&two=a%20b&flag&two=3|?"},
        {"$arg_one $arg_TWO [$arg_flag] [$arg_none]", "1 a%20b [] []"},
        {"$request_method $server_protocol $scheme", "GET HTTP/1.1 http"},
        {"$request", "GET /x/../b%20c HTTP/1.1"},
        {"${host}x $HOST", "example.comx example.com"},
        {"$http_host", "EXAMPLE.com:8080"},
        {"$http_user_agent", "curl/8"},
        {"$http_x_trace_id", "t1, t2"},
        {"[$http_referer]", "[]"},
        {"$http_cookie", "a=1; SID = s=5 ;b=; sid=later; c=3"},
        {"$cookie_a [$cookie_sid] [$cookie_b] $cookie_c [$cookie_d]", "1 [s=5] [] 3 []"},
        {"$content_type $content_length", "text/plain 11"},
        {"$proxy_host:$proxy_port", "app:3000"},
        {"$proxy_add_x_forwarded_for", "203.0.113.9, 192.0.2.7"},
        {"$remote_addr:$remote_port $server_addr:$server_port", "192.0.2.7:5000 192.0.2.1:80"},
        {"$remote_user", "Aladdin"},
        {"$server_name", "first.test"},
        {"$connection $connection_requests", "41 3"},
        {"$request_length", "111"},
        {"$1$2", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_renders(f, rows[i][0], rows[i][1]);
}

static void variables_of_an_empty_request(void **state)
{
    struct request_fixture *f = *state;
    f->request.head.host = slice_none();
    static const char *const rows[][2] = {
        {"$host", "first.test"},
        {"[$args$is_args]", "[]"},
        {"$proxy_add_x_forwarded_for", "192.0.2.7"},
        {"[$remote_user$cookie_a$arg_a$upstream_addr$upstream_status]", "[]"},
        {"[$upstream_http_etag$sent_http_etag$upstream_cookie_a$proxy_port]", "[]"},
        {"$status $body_bytes_sent", "000 0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_renders(f, rows[i][0], rows[i][1]);
}

static void addresses_of_other_families(void **state)
{
    struct request_fixture *f = *state;
    struct endpoint e;
    assert_true(endpoint_parse(SLICE("[2001:db8::7]:5001"), &e));
    assert_true(address_from_endpoint(&e, &f->client.peer));
    assert_renders(f, "$remote_addr $remote_port", "2001:db8::7 5001");
    assert_true(endpoint_parse(SLICE("unix:/run/x.sock"), &e));
    assert_true(address_from_endpoint(&e, &f->client.peer));
    assert_renders(f, "$remote_addr [$remote_port]", "unix: []");
    f->client.peer.u.in4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {UINT32_MAX}};
    f->client.peer.len = sizeof f->client.peer.u.in4;
    assert_renders(f, "$remote_addr", "255.255.255.255");
    const struct template *t = compiled(f, "$binary_remote_addr", TEMPLATE_PLAIN);
    assert_true(slice_eq(template_render(t, &f->request, &f->request.arena),
                         slice_make("\xff\xff\xff\xff", 4)));
}

static void variables_of_the_answer(void **state)
{
    struct request_fixture *f = *state;
    struct request *r = &f->request;
    r->status = 200;
    r->content_sent = 5;
    r->bytes_sent = 105;
    r->sent_stored = SLICE("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-A: 1\r\n");
    r->sent_fields = SLICE("Age: 3\r\nX-A:  2 \r\n");
    r->outcome = OUTCOME_REVALIDATED;
    static const char *const rows[][2] = {
        {"$status $body_bytes_sent $bytes_sent", "200 5 105"},
        {"$sent_http_content_type", "text/html"},
        {"$sent_http_age|$sent_http_x_a|$sent_http_x", "3|1, 2|"},
        {"$upstream_cache_status", "REVALIDATED"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_renders(f, rows[i][0], rows[i][1]);
}

static void lists_over_tries(void **state)
{
    struct request_fixture *f = *state;
    struct request *r = &f->request;
    r->tries[r->tries_n++] = (struct upstream_try){.peer = SLICE("10.0.0.1:80"),
                                                   .status = 502,
                                                   .connect_us = -1,
                                                   .header_us = -1,
                                                   .response_us = 1999,
                                                   .bytes_sent = 7};
    assert_renders(f, "$upstream_addr", "10.0.0.1:80");
    r->tries[r->tries_n++] = (struct upstream_try){.peer = SLICE("unix:/s"),
                                                   .status = 0,
                                                   .connect_us = 0,
                                                   .header_us = 12345678,
                                                   .response_us = 60000000,
                                                   .bytes_sent = 8,
                                                   .bytes_received = 300,
                                                   .content_bytes = 200};
    static const char *const rows[][2] = {
        {"$upstream_addr", "10.0.0.1:80, unix:/s"},
        {"$upstream_status", "502, -"},
        {"$upstream_connect_time", "-, 0.000"},
        {"$upstream_header_time", "-, 12.345"},
        {"$upstream_response_time", "0.001, 60.000"},
        {"$upstream_bytes_sent $upstream_bytes_received", "7, 8 0, 300"},
        {"$upstream_response_length", "0, 200"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_renders(f, rows[i][0], rows[i][1]);
}

static void fields_of_the_origins_response(void **state)
{
    struct request_fixture *f = *state;
    struct flight_response response = {.head = {.status = 200}};
    struct fields *fields = &response.head.fields;
    struct arena *arena = &f->request.arena;
    fields_add(fields, arena, SLICE("X-Backend"), SLICE("b1"));
    fields_add(fields, arena, SLICE("Set-Cookie"), SLICE("a=1; Path=/"));
    fields_add(fields, arena, SLICE("set-cookie"), SLICE("B = two"));
    f->request.response = &response;
    assert_renders(f, "$upstream_http_x_backend", "b1");
    assert_renders(f, "$upstream_cookie_a $upstream_cookie_b [$upstream_cookie_path]", "1 two []");
}

static void fields_of_a_stored_response(void **state)
{
    struct request_fixture *f = *state;
    struct entry entry = {.view = {.head = SLICE("HTTP/1.1 200 OK\r\nETag: \"e\"\r\nX-B: 1\r\n")}};
    f->request.entry = &entry;
    assert_renders(f, "$upstream_http_etag [$upstream_http_x]", "\"e\" []");
}

static void captures_by_number_and_name(void **state)
{
    struct request_fixture *f = *state;
    struct request *r = &f->request;
    char error[256];
    struct regex *name = regex_new(SLICE("^(?<app>.+)\\.test$"), true, error);
    struct regex *path = regex_new(SLICE("^/(?<what>[^/]+)/(x)?(.*)$"), false, error);
    static const struct slice groups[] = {SLICE_INIT("app"), SLICE_INIT("what")};
    size_t at;
    const struct template *t = template_compile(SLICE("$app/$what/$1$20[$9]"), TEMPLATE_PLAIN,
                                                groups, 2, &r->arena, error, &at);
    assert_non_null(t);
    assert_true(regex_match(name, SLICE("Shop.test"), r->name_captures));
    r->name_captures_of = name;
    assert_true(regex_match(path, SLICE("/img/y.png"), r->captures));
    r->captures_of = path;
    struct slice s = template_render(t, r, &r->arena);
    assert_true(slice_eq(s, SLICE("Shop/img/img0[]")));
    regex_free(&name);
    regex_free(&path);
}

static void values_in_the_log_are_escaped(void **state)
{
    struct request_fixture *f = *state;
    request_fixture_field(f, "X-Odd", "a\"b\\c\x01\x7f\xc3\xa4\t");
    assert_logs(f, "\"$http_x_odd\" $http_none $arg_x $proxy_port", TEMPLATE_LOG,
                "\"a\\x22b\\x5Cc\\x01\\x7F\\xC3\\xA4\\x09\" - - -");
    assert_logs(f, "{\"a\":\"$http_x_odd\",\"n\":\"$http_none\"}", TEMPLATE_JSON,
                "{\"a\":\"a\\\"b\\\\c\\u0001\x7f\xc3\xa4\\t\",\"n\":\"\"}");
    assert_logs(f, "$http_x_odd", TEMPLATE_PLAIN, "a\"b\\c\x01\x7f\xc3\xa4\t");
}

/* Runs of plain bytes are looked at eight at a time: every place of an odd byte must be seen. */
static void an_odd_byte_is_escaped_wherever_it_stands(void **state)
{
    struct request_fixture *f = *state;
    static const struct {
        char byte;
        const char *log;
        const char *json;
    } rows[] = {
        {'"', "\\x22", "\\\""},    {'\\', "\\x5C", "\\\\"},   {'\x1f', "\\x1F", "\\u001F"},
        {'\x7f', "\\x7F", "\x7f"}, {'\x80', "\\x80", "\x80"}, {'\xff', "\\xFF", "\xff"},
        {' ', " ", " "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int place = 0; place < 20; place++) {
            char path[21] = "~!#[]^azAZ09abcdefgh";
            char expected[64];
            path[place] = rows[i].byte;
            f->request.head.path = slice_make(path, 20);
            for (int json = 0; json < 2; json++) {
                snprintf(expected, sizeof expected, "%.*s%s%s", place, path,
                         json ? rows[i].json : rows[i].log, path + place + 1);
                assert_logs(f, "$uri", json ? TEMPLATE_JSON : TEMPLATE_LOG, expected);
            }
        }
    }
}

/* Whatever room there is: never more than it, a beginning of the whole, and no half escape. */
static void a_line_is_cut_at_the_end_of_its_room(void **state)
{
    struct request_fixture *f = *state;
    request_fixture_field(f, "X-Odd",
                          "a\x01"
                          "b");
    f->client.serial = 1234567890;
    static const enum template_escape escapes[] = {TEMPLATE_PLAIN, TEMPLATE_LOG, TEMPLATE_JSON};
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        const struct template *t = compiled(f, "<$connection|$http_x_odd>", escapes[i]);
        char whole[64];
        size_t n = template_render_into(t, &f->request, whole, sizeof whole);
        for (size_t cap = 0; cap <= n; cap++) {
            char *out = malloc(cap + 1);
            size_t cut = template_render_into(t, &f->request, out, cap);
            assert_in_range(cut, cap > 8 ? cap - 6 : 0, cap);
            if (cut != 0 && out[cut - 1] != '>')
                assert_memory_equal(out, whole, cut);
            free(out);
        }
    }
}

static void truth_is_neither_empty_nor_zero(void **state)
{
    struct request_fixture *f = *state;
    request_fixture_field(f, "X-Zero", "0");
    request_fixture_field(f, "X-More", "00");
    assert_false(template_is_true(compiled(f, "$http_none", TEMPLATE_PLAIN), &f->request));
    assert_false(template_is_true(compiled(f, "$http_x_zero", TEMPLATE_PLAIN), &f->request));
    assert_true(template_is_true(compiled(f, "$http_x_more", TEMPLATE_PLAIN), &f->request));
    assert_true(
        template_is_true(compiled(f, "$http_x_zero$http_x_zero", TEMPLATE_PLAIN), &f->request));
}

static struct cache_key key_of(struct request_fixture *f, const char *text)
{
    struct cache_key_builder b;
    cache_key_begin(&b, &f->request.arena);
    template_render_key(compiled(f, text, TEMPLATE_PLAIN), &f->request, &b);
    return cache_key_end(&b, 1);
}

static void a_key_tells_literals_from_values(void **state)
{
    struct request_fixture *f = *state;
    f->request.head.query = SLICE("a=x&b=yz&c=xy&d=z");
    struct cache_key key = key_of(f, "$arg_a$arg_b");
    assert_true(slice_eq(key.bytes, key_of(f, "$arg_a$arg_b").bytes));
    assert_false(slice_eq(key.bytes, key_of(f, "$arg_c$arg_d").bytes));
    assert_false(slice_eq(key.bytes, key_of(f, "x$arg_b").bytes));
}

static void an_id_is_32_hex_digits_and_stays(void **state)
{
    struct request_fixture *f = *state;
    const struct template *t = compiled(f, "$request_id", TEMPLATE_PLAIN);
    struct slice first =
        arena_dup(&f->request.arena, template_render(t, &f->request, &f->request.arena));
    assert_int_equal(first.n, 32);
    for (size_t i = 0; i < first.n; i++)
        assert_non_null(strchr("0123456789abcdef", first.p[i]));
    assert_true(slice_eq(first, template_render(t, &f->request, &f->request.arena)));
    f->request.id_made = false;
    assert_false(slice_eq(first, template_render(t, &f->request, &f->request.arena)));
}

static void times_have_their_formats(void **state)
{
    (void)state;
    struct time_cache c = {0};
    setenv("TZ", "ABC-05:30", 1);
    tzset();
    assert_true(slice_eq(time_cache_local(&c, 0), SLICE("01/Jan/1970:05:30:00 +0530")));
    assert_true(slice_eq(time_cache_iso8601(&c, 999), SLICE("1970-01-01T05:30:00+05:30")));
    assert_true(slice_eq(time_cache_iso8601(&c, 1000), SLICE("1970-01-01T05:30:01+05:30")));
    setenv("TZ", "ABC+03:30", 1);
    tzset();
    assert_true(slice_eq(time_cache_local(&c, INT64_C(1767225599000)),
                         SLICE("31/Dec/2025:20:29:59 -0330")));
    unsetenv("TZ");
    tzset();
}

static void durations_have_three_decimals(void **state)
{
    struct request_fixture *f = *state;
    struct request *r = &f->request;
    r->start_us = loop_now_us(f->worker->loop) - 12034567;
    char out[64];
    const struct template *t = compiled(f, "$request_time", TEMPLATE_PLAIN);
    size_t n = template_render_into(t, r, out, sizeof out);
    assert_int_equal(n, 6);
    assert_memory_equal(out, "12.0", 4);
    n = template_render_into(compiled(f, "$msec", TEMPLATE_PLAIN), r, out, sizeof out);
    assert_int_equal(n, 14);
    assert_int_equal(out[10], '.');
}

static void all_variables_are_listed_in_order(void **state)
{
    struct request_fixture *f = *state;
    size_t n = 0;
    for (; template_variable_name(n); n++) {
        assert_true(strlen(template_variable_doc(n)) > 4);
        if (n > 0)
            assert_true(strcmp(template_variable_name(n - 1), template_variable_name(n)) < 0);
        char text[64];
        size_t len = strlen(template_variable_name(n));
        snprintf(text, sizeof text, "$%s%s", template_variable_name(n),
                 template_variable_name(n)[len - 1] == '_' ? "x" : "");
        char out[300];
        (void)template_render_into(compiled(f, text, TEMPLATE_LOG), &f->request, out, sizeof out);
    }
    assert_true(n > 40);
    assert_null(template_variable_doc(n));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_template_is_refused),
        TEST(constants_are_known_as_such),
        TEST(fields_of_a_template),
        TEST(variables_of_the_request),
        TEST(variables_of_an_empty_request),
        TEST(addresses_of_other_families),
        TEST(variables_of_the_answer),
        TEST(lists_over_tries),
        TEST(fields_of_the_origins_response),
        TEST(fields_of_a_stored_response),
        TEST(captures_by_number_and_name),
        TEST(values_in_the_log_are_escaped),
        TEST(an_odd_byte_is_escaped_wherever_it_stands),
        TEST(a_line_is_cut_at_the_end_of_its_room),
        TEST(truth_is_neither_empty_nor_zero),
        TEST(a_key_tells_literals_from_values),
        TEST(an_id_is_32_hex_digits_and_stays),
        TEST(times_have_their_formats),
        TEST(durations_have_three_decimals),
        TEST(all_variables_are_listed_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
