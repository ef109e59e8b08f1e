/* Coded forms: their fields, their keys, and of which response they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/coded.h"

#include <stdio.h>

#define KEY  SLICE("key")
#define SEED 7

static struct entry *entry_of(struct slice etag, const char *fields, struct slice content,
                              wall_ms received_ms)
{
    const struct stored_meta meta = {.kind = STORED_RESPONSE,
                                     .status = 200,
                                     .received_ms = received_ms,
                                     .lifetime_s = 60,
                                     .last_modified = 5,
                                     .content_length = content.n};
    char head[512];
    int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s", fields);
    const struct stored_parts parts = {
        .key = KEY, .etag = etag, .head = slice_make(head, (size_t)n)};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    memcpy(stored_encode(blob, &meta, &parts), content.p, content.n);
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, KEY, &why);
    assert_non_null(e);
    return e;
}

static struct entry *coded_of(const struct entry *source, enum coding coding, bool vary,
                              struct slice content)
{
    struct arena arena;
    arena_init(&arena, NULL);
    struct cache_key key = coded_key(&source->view, coding, &arena, SEED);
    struct entry *e = coded_make(source, key.bytes, coding, vary, content, &arena);
    assert_non_null(e);
    assert_true(slice_eq(e->view.key, key.bytes));
    arena_fini(&arena);
    return e;
}

static const struct {
    const char *name;
    const char *etag;
    const char *fields;
    enum coding coding;
    bool vary;
    const char *want; /* fields */
    const char *want_etag;
} rows[] = {
    {"RFC 9110 8.8.1: the tag becomes weak", "\"a\"", "ETag: \"a\"\r\nX: y\r\n", CODING_GZIP, true,
     "ETag: W/\"a\"\r\nX: y\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n"
     "Content-Length: 5\r\n",
     "W/\"a\""},
    {"a weak tag stays", "W/\"a\"", "ETag: W/\"a\"\r\n", CODING_BR, false,
     "ETag: W/\"a\"\r\nContent-Encoding: br\r\nContent-Length: 5\r\n", "W/\"a\""},
    {"what speaks of the bytes is dropped", "",
     "Content-Length: 9\r\nAccept-Ranges: bytes\r\nContent-MD5: x\r\nDigest: x\r\n"
     "content-digest: x\r\nRepr-Digest: x\r\nDigested: y\r\n",
     CODING_ZSTD, false, "Digested: y\r\nContent-Encoding: zstd\r\nContent-Length: 5\r\n", ""},
    {"decoded", "\"a\"", "Content-Encoding: gzip\r\nETag: \"a\"\r\nContent-Type: t/t\r\n",
     CODING_IDENTITY, true,
     "ETag: W/\"a\"\r\nContent-Type: t/t\r\nVary: Accept-Encoding\r\nContent-Length: 5\r\n",
     "W/\"a\""},
    {"of many short tags", "\"\"", "E: 1\r\nETag: \"\"\r\nETag: \"\"\r\n", CODING_GZIP, false,
     "E: 1\r\nETag: W/\"\"\r\nETag: W/\"\"\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n",
     "W/\"\""},
};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct entry *source = entry_of(slice_of(rows[i].etag), rows[i].fields, SLICE("text"), 1);
        struct entry *coded = coded_of(source, rows[i].coding, rows[i].vary, SLICE("coded"));
        struct slice head = coded->view.head;
        struct slice fields = slice_skip(head, slice_find(head, '\n') + 1);
        if (!slice_starts(head, SLICE("HTTP/1.1 200 OK\r\n")) ||
            !slice_eq(fields, slice_of(rows[i].want)))
            fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(head));
        if (!slice_eq(coded->view.etag, slice_of(rows[i].want_etag)))
            fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(coded->view.etag));
        entry_unref(&coded);
        entry_unref(&source);
    }
}

static void test_numbers_are_those_of_the_response(void **state)
{
    (void)state;
    struct entry *source = entry_of(slice_none(), "", SLICE("text"), 1234);
    struct entry *coded = coded_of(source, CODING_GZIP, true, SLICE("coded"));
    assert_int_equal(coded->view.meta.kind, STORED_CODED);
    assert_int_equal(coded->view.meta.status, 200);
    assert_int_equal(coded->view.meta.received_ms, 1234);
    assert_int_equal(coded->view.meta.lifetime_s, 60);
    assert_int_equal(coded->view.meta.last_modified, 5);
    assert_int_equal(coded->view.meta.content_length, 5);
    assert_true(slice_eq(coded->view.content, SLICE("coded")));
    entry_unref(&coded);
    entry_unref(&source);
}

/* Whatever differs, it is another response. */
static void test_counts_only_for_its_response(void **state)
{
    (void)state;
    struct slice tag = SLICE("\"a\"");
    struct entry *source = entry_of(tag, "X: y\r\n", SLICE("text"), 1);
    struct entry *same = entry_of(tag, "X: y\r\n", SLICE("text"), 1);
    struct entry *others[] = {
        entry_of(tag, "X: y\r\n", SLICE("text"), 2),
        entry_of(tag, "X: z\r\n", SLICE("text"), 1),
        entry_of(tag, "X: y\r\n", SLICE("texT"), 1),
        entry_of(SLICE("\"b\""), "X: y\r\n", SLICE("text"), 1),
    };
    struct entry *coded = coded_of(source, CODING_GZIP, true, SLICE("coded"));
    assert_true(coded_is_of(coded, source));
    assert_true(coded_is_of(coded, same));
    assert_false(coded_is_of(source, source));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(coded_is_of(coded, others[i]));
        entry_unref(&others[i]);
    }
    entry_unref(&coded);
    entry_unref(&same);
    entry_unref(&source);
}

static void test_keys_differ(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    struct entry *source = entry_of(slice_none(), "", SLICE("text"), 1);
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        struct cache_key a = coded_key(&source->view, (enum coding)i, &arena, SEED);
        assert_false(slice_eq(a.bytes, KEY));
        assert_int_equal(a.hash, hash_seeded(a.bytes, SEED));
        for (unsigned j = 0; j < i; j++) {
            struct cache_key b = coded_key(&source->view, (enum coding)j, &arena, SEED);
            assert_false(slice_eq(a.bytes, b.bytes));
        }
    }
    entry_unref(&source);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_numbers_are_those_of_the_response),
        cmocka_unit_test(test_counts_only_for_its_response),
        cmocka_unit_test(test_keys_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
