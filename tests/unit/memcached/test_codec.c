/* Command lines and reply lines of both protocols. */
#include "memcached/codec.h"

#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct mc_key key = {.n = 3, .text = "k:1"};

static void assert_text(const char *buf, size_t n, const char *expected)
{
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(buf, expected, n);
}

static void test_commands(void **state UNUSED)
{
    struct mc_store_line line = {.flags = 7, .exptime = 60, .value_bytes = 1024};
    char buf[MC_COMMAND_MAX];
    const struct mc_protocol *meta = &mc_protocol_meta;
    const struct mc_protocol *classic = &mc_protocol_classic;
    const struct mc_ask plain = {0};
    const struct mc_ask lease = {.cas = true, .lease_s = 5, .refresh_s = 600};
    const struct mc_ask check = {.cas = true, .no_value = true};
    const struct mc_ask foreign = {.foreign = true};
    const struct mc_ask touch = {.no_value = true, .touch_s = 7};
    const struct mc_ask origin = {.origin = true};
    const struct mc_del_line any = {0};
    const struct mc_del_line mark = {.cas = 12, .mark = true};
    assert_text(buf, meta->write_get(buf, &key, &lease, 3), "mg k:1 v c N5 R600 O3\r\n");
    assert_text(buf, meta->write_get(buf, &key, &check, 3), "mg k:1 c O3\r\n");
    assert_text(buf, meta->write_get(buf, &key, &foreign, 3), "mg k:1 v f O3\r\n");
    assert_text(buf, meta->write_get(buf, &key, &touch, 3), "mg k:1 T7 O3\r\n");
    assert_text(buf, meta->write_get(buf, &key, &origin, 3), "mg k:1 v f t O3\r\n");
    assert_text(buf, meta->write_del(buf, &key, &mark, 3), "md k:1 I C12 O3\r\n");
    assert_text(buf, meta->write_get(buf, &key, &plain, 65535), "mg k:1 v O65535\r\n");
    assert_text(buf, meta->write_del(buf, &key, &any, 0), "md k:1 O0\r\n");
    assert_text(buf, meta->write_set(buf, &key, &line), "ms k:1 1024 T60 F7 q\r\n");
    assert_text(buf, classic->write_get(buf, &key, &lease, 5), "get k:1\r\n");
    assert_text(buf, classic->write_del(buf, &key, &any, 5), "delete k:1\r\n");
    assert_text(buf, classic->write_set(buf, &key, &line), "set k:1 7 60 1024 noreply\r\n");
    line.flags = 0;
    assert_text(buf, meta->write_set(buf, &key, &line), "ms k:1 1024 T60 q\r\n");
    line.add = true;
    assert_text(buf, meta->write_set(buf, &key, &line), "ms k:1 1024 T60 ME q\r\n");
    assert_text(buf, classic->write_set(buf, &key, &line), "add k:1 0 60 1024 noreply\r\n");
    line.add = false;
    line.cas = UINT64_MAX;
    assert_text(buf, meta->write_set(buf, &key, &line),
                "ms k:1 1024 T60 C18446744073709551615 q\r\n");
    struct mc_store_line told = {.exptime = 60, .value_bytes = 1024, .told = true, .opaque = 9};
    assert_text(buf, meta->write_set(buf, &key, &told), "ms k:1 1024 T60 O9\r\n");
    assert_text(buf, classic->write_set(buf, &key, &told), "set k:1 0 60 1024\r\n");
}

static void test_longest_command_fits(void **state UNUSED)
{
    struct mc_key longest = {.n = MC_KEY_MAX};
    memset(longest.text, 'k', sizeof(longest.text));
    struct mc_store_line line = {UINT32_MAX, UINT32_MAX, SIZE_MAX,  UINT64_MAX,
                                 true,       true,       UINT32_MAX};
    struct mc_ask ask = {true, false, true, UINT32_MAX, UINT32_MAX, UINT32_MAX, true, false};
    struct mc_del_line del = {UINT64_MAX, true};
    char buf[MC_COMMAND_MAX];
    assert_true(mc_protocol_meta.write_set(buf, &longest, &line) <= sizeof(buf));
    assert_true(mc_protocol_classic.write_set(buf, &longest, &line) <= sizeof(buf));
    assert_true(mc_protocol_meta.write_get(buf, &longest, &ask, UINT32_MAX) <= sizeof(buf));
    assert_true(mc_protocol_meta.write_del(buf, &longest, &del, UINT32_MAX) <= sizeof(buf));
}

#define MAX 1000 /* value_max_bytes of the rows */

struct row {
    const char *name;
    const char *in;
    enum mc_parse result;
    enum mc_reply_kind kind;
    size_t value_bytes;
    int64_t opaque; /* -1: none */
};

static const struct row meta_rows[] = {
    {"value", "VA 5 O12\r\nhello", MC_PARSE_OK, MC_REPLY_VALUE, 5, 12},
    {"empty value", "VA 0 O1\r\n", MC_PARSE_OK, MC_REPLY_VALUE, 0, 1},
    {"longest value", "VA 1000 O1\r\n", MC_PARSE_OK, MC_REPLY_VALUE, 1000, 1},
    {"value without an opaque", "VA 5\r\n", MC_PARSE_OK, MC_REPLY_VALUE, 5, -1},
    {"miss", "EN\r\n", MC_PARSE_OK, MC_REPLY_MISS, 0, -1},
    {"miss with opaque", "EN O7\r\n", MC_PARSE_OK, MC_REPLY_MISS, 0, 7},
    {"done", "HD O7\r\n", MC_PARSE_OK, MC_REPLY_DONE, 0, 7},
    {"not stored", "NS\r\n", MC_PARSE_OK, MC_REPLY_NOT_STORED, 0, -1},
    {"exists", "EX\r\n", MC_PARSE_OK, MC_REPLY_EXISTS, 0, -1},
    {"not found", "NF O8\r\n", MC_PARSE_OK, MC_REPLY_NOT_FOUND, 0, 8},
    {"no-op", "MN\r\n", MC_PARSE_OK, MC_REPLY_NOOP, 0, -1},
    {"version", "VERSION 1.6.18\r\n", MC_PARSE_OK, MC_REPLY_VERSION, 0, -1},
    {"error", "ERROR\r\n", MC_PARSE_OK, MC_REPLY_ERROR, 0, -1},
    {"error with text", "ERROR Too many open connections\r\n", MC_PARSE_OK, MC_REPLY_ERROR, 0, -1},
    {"client error", "CLIENT_ERROR bad data chunk\r\n", MC_PARSE_OK, MC_REPLY_CLIENT_ERROR, 0, -1},
    {"server error", "SERVER_ERROR out of memory\r\n", MC_PARSE_OK, MC_REPLY_SERVER_ERROR, 0, -1},
    {"nothing yet", "", MC_PARSE_MORE, 0, 0, 0},
    {"half a line", "VA 5 O1", MC_PARSE_MORE, 0, 0, 0},
    {"CR but no LF yet", "EN\r", MC_PARSE_MORE, 0, 0, 0},
    {"value above the limit", "VA 1001 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"length that overflows", "VA 99999999999999999999999 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"negative length", "VA -1 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"length with a plus", "VA +5 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"length with a leading zero", "VA 05 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"no length", "VA \r\n", MC_PARSE_BAD, 0, 0, 0},
    {"no length, no space", "VA\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"two spaces", "VA  5 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"space at the end", "VA 5 O1 \r\n", MC_PARSE_BAD, 0, 0, 0},
    {"opaque that is no number", "VA 5 Oabc\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"opaque without digits", "VA 5 O\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"opaque that overflows", "VA 5 O4294967296\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"version and opaque", "VA 5 c18446744073709551615 O1\r\n", MC_PARSE_OK, MC_REPLY_VALUE, 5, 1},
    {"won", "VA 0 c7 O1 W\r\n", MC_PARSE_OK, MC_REPLY_VALUE, 0, 1},
    {"stale and taken", "VA 5 c7 O1 X Z\r\n", MC_PARSE_OK, MC_REPLY_VALUE, 5, 1},
    {"check", "HD c7 O1\r\n", MC_PARSE_OK, MC_REPLY_DONE, 0, 1},
    {"flags and time left", "VA 5 f4294967295 t2147483647 O1\r\n", MC_PARSE_OK, MC_REPLY_VALUE, 5,
     1},
    {"flags that overflow", "VA 5 f4294967296 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"time left that overflows", "VA 5 t2147483648 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"negative time left", "VA 5 t-2 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"flag that is never asked for", "VA 5 O1 l60\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"mark with more behind it", "VA 5 O1 W1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"version that is no number", "VA 5 cx O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"version that overflows", "VA 5 c18446744073709551616 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"two opaques", "VA 5 O1 O1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"two spaces between flags", "VA 5 O1  W\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"bare LF", "EN\n", MC_PARSE_BAD, 0, 0, 0},
    {"CR inside", "EN\rO1\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"empty line", "\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"lower case", "en\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"classic reply", "END\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"HTTP", "HTTP/1.1 400 Bad Request\r\n", MC_PARSE_BAD, 0, 0, 0},
};

static const struct row classic_rows[] = {
    {"value", "VALUE k:1 0 5\r\nhello", MC_PARSE_OK, MC_REPLY_VALUE, 5, -1},
    {"miss", "END\r\n", MC_PARSE_OK, MC_REPLY_MISS, 0, -1},
    {"stored", "STORED\r\n", MC_PARSE_OK, MC_REPLY_DONE, 0, -1},
    {"deleted", "DELETED\r\n", MC_PARSE_OK, MC_REPLY_DONE, 0, -1},
    {"not stored", "NOT_STORED\r\n", MC_PARSE_OK, MC_REPLY_NOT_STORED, 0, -1},
    {"exists", "EXISTS\r\n", MC_PARSE_OK, MC_REPLY_EXISTS, 0, -1},
    {"not found", "NOT_FOUND\r\n", MC_PARSE_OK, MC_REPLY_NOT_FOUND, 0, -1},
    {"version", "VERSION 1.4.5\r\n", MC_PARSE_OK, MC_REPLY_VERSION, 0, -1},
    {"server error", "SERVER_ERROR out of memory\r\n", MC_PARSE_OK, MC_REPLY_SERVER_ERROR, 0, -1},
    {"half a line", "VALUE k:1 0", MC_PARSE_MORE, 0, 0, 0},
    {"value above the limit", "VALUE k:1 0 1001\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"value with a CAS that was not asked for", "VALUE k:1 0 5 9\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"flags that overflow", "VALUE k:1 4294967296 5\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"no key", "VALUE  0 5\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"no length", "VALUE k:1 0\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"meta reply", "EN\r\n", MC_PARSE_BAD, 0, 0, 0},
    {"word with more behind it", "END \r\n", MC_PARSE_BAD, 0, 0, 0},
};

static void check(const struct mc_protocol *protocol, const struct row *row)
{
    struct mc_reply reply = {0};
    struct slice in = slice_of(row->in);
    print_message("%s: %s\n", protocol->name, row->name);
    assert_int_equal(protocol->parse(in, MAX, &reply), row->result);
    if (row->result != MC_PARSE_OK)
        return;
    assert_int_equal(reply.kind, row->kind);
    assert_int_equal(reply.line_bytes, slice_find(in, '\n') + 1);
    assert_int_equal(reply.value_bytes, row->value_bytes);
    assert_int_equal(reply.has_opaque, row->opaque >= 0);
    if (row->opaque >= 0)
        assert_int_equal(reply.opaque, row->opaque);
}

static void test_replies(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(meta_rows); i++)
        check(&mc_protocol_meta, &meta_rows[i]);
    for (size_t i = 0; i < ARRAY_LEN(classic_rows); i++)
        check(&mc_protocol_classic, &classic_rows[i]);
}

/* Every prefix of a good line asks for more, whatever is behind it in memory. */
static void test_prefixes(void **state UNUSED)
{
    struct mc_reply reply;
    struct slice line = SLICE("VA 1000 O65535\r\n");
    for (size_t n = 0; n < line.n; n++)
        assert_int_equal(mc_protocol_meta.parse(slice_take(line, n), MAX, &reply), MC_PARSE_MORE);
    assert_int_equal(mc_protocol_meta.parse(line, MAX, &reply), MC_PARSE_OK);
}

static void test_endless_line_and_nul(void **state UNUSED)
{
    static char line[MC_LINE_MAX];
    memset(line, 'x', sizeof(line));
    struct mc_reply reply;
    struct slice all = slice_make(line, sizeof(line));
    assert_int_equal(mc_protocol_meta.parse(all, MAX, &reply), MC_PARSE_BAD);
    assert_int_equal(mc_protocol_meta.parse(slice_take(all, all.n - 1), MAX, &reply),
                     MC_PARSE_MORE);
    assert_int_equal(mc_protocol_meta.parse(SLICE("SERVER_ERROR a\0b\r\n"), MAX, &reply),
                     MC_PARSE_BAD);
}

static void test_texts(void **state UNUSED)
{
    struct mc_reply reply;
    assert_int_equal(mc_protocol_meta.parse(SLICE("SERVER_ERROR out of memory\r\n"), MAX, &reply),
                     MC_PARSE_OK);
    assert_true(slice_eq(reply.text, SLICE("out of memory")));
    assert_int_equal(mc_protocol_classic.parse(SLICE("VALUE k:1 0 5\r\n"), MAX, &reply),
                     MC_PARSE_OK);
    assert_true(slice_eq(reply.key, SLICE("k:1")));
}

static void test_item(void **state UNUSED)
{
    static const struct {
        const char *line;
        struct mc_item item;
    } rows[] = {
        {"VA 0 c7 O1 W\r\n", {.cas = 7, .won = true}},
        {"VA 0 c7 O1 Z\r\n", {.cas = 7, .taken = true}},
        {"VA 5 c8 O1 W X\r\n", {.cas = 8, .won = true, .stale = true}},
        {"VA 5 c9 O1\r\n", {.cas = 9}},
        {"VA 5 f2 O1\r\n", {.flags = 2}},
        {"VA 5 f1 t60 O1\r\n", {.flags = 1, .ttl_s = 60}},
        {"VA 5 f0 t-1 O1\r\n", {.ttl_s = -1}},
        {"HD c10 O1 X Z\r\n", {.cas = 10, .taken = true, .stale = true}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mc_reply reply;
        print_message("%s", rows[i].line);
        assert_int_equal(mc_protocol_meta.parse(slice_of(rows[i].line), MAX, &reply), MC_PARSE_OK);
        assert_int_equal(reply.item.cas, rows[i].item.cas);
        assert_int_equal(reply.item.flags, rows[i].item.flags);
        assert_int_equal(reply.item.ttl_s, rows[i].item.ttl_s);
        assert_int_equal(reply.item.won, rows[i].item.won);
        assert_int_equal(reply.item.taken, rows[i].item.taken);
        assert_int_equal(reply.item.stale, rows[i].item.stale);
    }
}

#define DAY 86400

static void test_classic_values_tell_their_flags(void **state UNUSED)
{
    struct mc_reply reply;
    struct slice line = SLICE("VALUE k:1 4294967295 5\r\n");
    assert_int_equal(mc_protocol_classic.parse(line, MAX, &reply), MC_PARSE_OK);
    assert_int_equal(reply.item.flags, UINT32_MAX);
}

static void test_exptime(void **state UNUSED)
{
    static const struct {
        const char *name;
        int64_t ttl_s;
        wall_s now;
        uint32_t expected;
    } rows[] = {
        {"nothing left", 0, 1000000000, 1},
        {"negative", -5, 1000000000, 1},
        {"a minute", 60, 1000000000, 60},
        {"exactly 30 days", 30 * DAY, 1000000000, 30 * DAY},
        {"beyond 30 days: a date", 30 * DAY + 1, 1000000000, 1000000000 + 30 * DAY + 1},
        {"a year", 365 * DAY, 1700000000, 1700000000 + 365 * DAY},
        {"past 2038: clamped", 365 * DAY, INT32_MAX - 100, INT32_MAX},
        {"endless", INT64_MAX, 1700000000, INT32_MAX},
        {"clock gone mad", 365 * DAY, -1, INT32_MAX},
        {"clock after 2038", 365 * DAY, (wall_s)INT32_MAX + 5, INT32_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].name);
        assert_int_equal(mc_exptime(rows[i].ttl_s, rows[i].now), rows[i].expected);
    }
}

static void test_version(void **state UNUSED)
{
    static const struct {
        const char *version;
        bool meta;
    } rows[] = {
        {"1.6.10", true},
        {"1.6.18", true},
        {"1.6.9", false},
        {"1.6", false},
        {"1.7.0", true},
        {"2.0.0", true},
        {"1.5.22", false},
        {"0.5.0", false},
        {"", false},
        {"x.y.z", false},
        {"1.6.10_beta1", true},
        {"1.10.0", true},
        {"99999999999.0.0", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].version);
        assert_int_equal(mc_version_has_meta(slice_of(rows[i].version)), rows[i].meta);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_longest_command_fits),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_endless_line_and_nul),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_item),
        cmocka_unit_test(test_classic_values_tell_their_flags),
        cmocka_unit_test(test_exptime),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
