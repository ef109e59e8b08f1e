/* The raw bytes of a head: where it ends, the room it has, and what its lines must look like before
 * a parser sees them. */
#include "http/h1_parse.h"

#include "http/check.h"

#define CRLF8 "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"

static const struct {
    const char *name;
    const char *bytes;
    size_t end; /* 0: not there */
} rows[] = {
    {"empty", "", 0},
    {"line without fields", "GET / HTTP/1.1\r\n\r\n", 18},
    {"something behind", "GET / HTTP/1.1\r\n\r\nGET", 18},
    {"fields", "A b\r\nC: d\r\n\r\n\r\n", 13},
    {"incomplete line", "GET / HTTP/1.1", 0},
    {"CR only", "GET / HTTP/1.1\r\n\r", 0},
    {"one line", "GET / HTTP/1.1\r\n", 0},
    {"bare LF ends it too, to be refused", "A b\n\n", 5},
    {"LF, then CRLF", "A b\n\r\n", 6},
    {"CRLF, then LF", "A b\r\n\n", 6},
    {"CR CR LF is no line end", "A b\r\n\r\r\n", 0},
    {"CVE-2025-23167: CRLF CR X is no end", "A b\r\n\rX", 0},
    {"empty lines in front (RFC 9112 2.2)", "\r\n\r\nA b\r\n\r\n", 11},
    {"LF in front", "\nA b\r\n\r\n", 8},
    {"only empty lines", "\r\n\r\n\r\n", 0},
    {"16 empty lines in front", CRLF8 CRLF8 "A b\r\n\r\n", 39},
    {"17 empty lines are a head of their own", CRLF8 CRLF8 "\r\nA b\r\n\r\n", 34},
};

static void test_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t scanned = 0;
        struct slice bytes = copy_of(slice_of(rows[i].bytes));
        check_number(rows[i].name, "end", (int64_t)h1_head_end(bytes, &scanned),
                     (int64_t)rows[i].end);
        copy_free(bytes);
    }
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t scanned = 0;
        size_t whole = slice_of(rows[i].bytes).n;
        size_t last = rows[i].end == 0 ? whole : rows[i].end;
        for (size_t n = 0; n <= last; n++) {
            struct slice bytes = copy_of(slice_make(rows[i].bytes, n));
            size_t want = n == rows[i].end ? n : 0;
            check_number(rows[i].name, "end", (int64_t)h1_head_end(bytes, &scanned), (int64_t)want);
            assert_true(scanned <= n);
            copy_free(bytes);
        }
    }
}

static void test_bytes_are_scanned_once(void **state)
{
    (void)state;
    char head[4096];
    size_t scanned = 0;
    memset(head, 'a', sizeof(head));
    assert_int_equal(h1_head_end(slice_make(head, 4000), &scanned), 0);
    assert_int_equal(scanned, 4000);
    memcpy(head + 100, "\r\n\r\n", 4); /* would be found by a second look */
    assert_int_equal(h1_head_end(slice_make(head, sizeof(head)), &scanned), 0);
}

static void test_room(void **state)
{
    (void)state;
    struct h1_limits limits = {.line_bytes = 10, .head_bytes = 40, .field_count = 10};
    static const struct {
        const char *name;
        const char *bytes;
        enum h1_result want;
    } room_rows[] = {
        {"nothing", "", H1_OK},
        {"longest line", "0123456789", H1_OK},
        {"longest line and CR", "0123456789\r", H1_OK},
        {"line too long", "0123456789ab", H1_TARGET_TOO_LONG},
        {"line too long, empty lines in front", "\r\n\r\n0123456789ab", H1_TARGET_TOO_LONG},
        {"line complete, fields coming", "0123456789\r\nabcdefghijklmnopqrstuvwxyz", H1_OK},
        {"head too large", "0123456789\r\nabcdefghijklmnopqrstuvwxyz01", H1_HEAD_TOO_LARGE},
        {"complete line too long", "0123456789ab\r\n", H1_TARGET_TOO_LONG},
    };
    for (size_t i = 0; i < ARRAY_LEN(room_rows); i++) {
        check_number(room_rows[i].name, "room", h1_head_room(slice_of(room_rows[i].bytes), &limits),
                     room_rows[i].want);
    }
}

/* Each is refused here, by its own name, and does not depend on what llhttp makes of it. */
static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *head;
        const char *what; /* NULL: accepted */
        size_t field_lines;
    } line_rows[] = {
        {"no fields", "A\r\n\r\n", NULL, 0},
        {"fields", "A\r\nB:\r\nC: d\r\n\r\n", NULL, 2},
        {"two empty lines in front, allowed", "\r\n\r\nA\r\n\r\n", NULL, 0},
        {"three empty lines in front", "\r\n\r\n\r\nA\r\n\r\n", "empty lines before the start line",
         0},
        {"CVE-2023-30589: bare CR", "A\r\nB: c\rD: e\r\n\r\n", "bare CR", 0},
        {"CVE-2025-23167: CR X in the place of the empty line", "A\r\n\rX\r\n\r\n", "bare CR", 0},
        {"CR CR LF", "A\r\nB: c\r\r\n\r\n", "bare CR", 0},
        {"bare CR in the start line", "A\rB\r\n\r\n", "bare CR", 0},
        {"bare LF in the start line", "A\nB: c\r\n\r\n", "bare LF", 0},
        {"bare LF behind a field", "A\r\nB: c\nD: e\r\n\r\n", "bare LF", 0},
        {"bare LF as the empty line", "A\r\nB: c\r\n\n", "bare LF", 0},
        {"bare LF in front", "\nA\r\n\r\n", "bare LF", 0},
        {"folded by SP", "A\r\nB: c\r\n d\r\n\r\n", "folded line", 0},
        {"folded by TAB", "A\r\nB: c\r\n\td\r\n\r\n", "folded line", 0},
        {"white space before the first field", "A\r\n B: c\r\n\r\n", "folded line", 0},
        {"no name", "A\r\n: c\r\n\r\n", "empty field name", 0},
        {"bytes behind", "A\r\n\r\nB", "bytes behind the head", 0},
        {"incomplete", "A\r\nB: c\r\n", "incomplete head", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(line_rows); i++) {
        struct h1_raw_head raw;
        struct h1_error err = {H1_OK, NULL};
        struct slice head = copy_of(slice_of(line_rows[i].head));
        bool good = h1_raw_head_scan(head, 2, &raw, &err);
        check_number(line_rows[i].name, "accepted", good, line_rows[i].what == NULL);
        check_slice(line_rows[i].name, "what", slice_of(err.what), line_rows[i].what);
        if (good) {
            check_number(line_rows[i].name, "fields", (int64_t)raw.field_lines,
                         (int64_t)line_rows[i].field_lines);
            check_slice(line_rows[i].name, "start line", raw.start_line, "A");
        }
        copy_free(head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_bytes_are_scanned_once),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
