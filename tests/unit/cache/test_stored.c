/* The stored format: what is written comes back, whatever else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/hash.h"
#include "cache/stored.h"

#include <stdlib.h>

#define KEY      SLICE("\x01http\x01/a")
#define CONTENT  SLICE("hello, world")
#define TRAILERS SLICE("A: b\r\n")

static const struct stored_meta sample = {
    .kind = STORED_RESPONSE,
    .status = 200,
    .flags = STORED_HAS_ETAG | STORED_IMMUTABLE,
    .received_ms = INT64_C(1700000000123),
    .initial_age_s = 30,
    .lifetime_s = 3600,
    .swr_s = 10,
    .sie_s = 20,
    .keep_s = 600,
    .content_length = 12,
    .last_modified = 1699999999,
    .generation = 7,
    .purge_seq = 9,
};

static struct blob *encode(const struct stored_meta *meta, struct slice content)
{
    const struct stored_parts parts = {
        .key = KEY,
        .vary = SLICE("accept,foo"),
        .etag = SLICE("W/\"a\""),
        .tags = SLICE("t1 t2"),
        .head = SLICE("HTTP/1.1 200 OK\r\nETag: W/\"a\"\r\nX: y\r\n"),
        .trailers = meta->kind == STORED_RESPONSE ? TRAILERS : slice_none(),
    };
    struct stored_meta m = *meta;
    m.content_length = content.n;
    struct blob *blob = blob_new(stored_size(&m, &parts));
    char *at = stored_encode(blob, &m, &parts);
    if (content.n > 0) {
        memcpy(at, content.p, content.n);
    }
    stored_seal(blob);
    return blob;
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    struct blob *blob = encode(&sample, CONTENT);
    struct stored_view v;
    assert_int_equal(blob->len, blob->cap);
    assert_int_equal(stored_parse(blob_slice(blob), KEY, &v), STORED_OK);
    assert_int_equal(v.meta.kind, sample.kind);
    assert_int_equal(v.meta.status, sample.status);
    assert_int_equal(v.meta.flags, sample.flags);
    assert_int_equal(v.meta.received_ms, sample.received_ms);
    assert_int_equal(v.meta.initial_age_s, sample.initial_age_s);
    assert_int_equal(v.meta.lifetime_s, sample.lifetime_s);
    assert_int_equal(v.meta.swr_s, sample.swr_s);
    assert_int_equal(v.meta.sie_s, sample.sie_s);
    assert_int_equal(v.meta.keep_s, sample.keep_s);
    assert_int_equal(v.meta.content_length, CONTENT.n);
    assert_int_equal(v.meta.last_modified, sample.last_modified);
    assert_int_equal(v.meta.generation, sample.generation);
    assert_int_equal(v.meta.purge_seq, sample.purge_seq);
    assert_false(stored_is_manifest(&v.meta));
    assert_true(slice_eq(v.key, KEY));
    assert_true(slice_eq(v.vary, SLICE("accept,foo")));
    assert_true(slice_eq(v.etag, SLICE("W/\"a\"")));
    assert_true(slice_eq(v.tags, SLICE("t1 t2")));
    assert_true(slice_eq(v.head, SLICE("HTTP/1.1 200 OK\r\nETag: W/\"a\"\r\nX: y\r\n")));
    assert_true(slice_eq(v.trailers, TRAILERS));
    assert_true(slice_eq(v.content, CONTENT));
    blob_unref(&blob);
}

static void a_manifest_holds_no_content(void **state)
{
    (void)state;
    const struct stored_parts parts = {.key = KEY, .trailers = TRAILERS};
    struct stored_meta meta = sample;
    meta.content_length = UINT64_C(1) << 40;
    meta.chunk_bytes = 1 << 18;
    struct stored_view v;
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    stored_encode(blob, &meta, &parts);
    stored_seal(blob);
    assert_int_equal(stored_parse(blob_slice(blob), KEY, &v), STORED_OK);
    assert_true(stored_is_manifest(&v.meta));
    assert_int_equal(v.meta.content_length, meta.content_length);
    assert_int_equal(v.content.n, 0);
    assert_true(slice_eq(v.trailers, TRAILERS));
    meta.kind = STORED_VARY; /* only a response can be one */
    stored_encode(blob, &meta, &parts);
    stored_seal(blob);
    assert_int_equal(stored_parse(blob_slice(blob), KEY, &v), STORED_BAD_LENGTH);
    blob_unref(&blob);
}

static void other_kinds_have_no_content(void **state)
{
    (void)state;
    static const enum stored_kind kinds[] = {STORED_VARY, STORED_MARK};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct stored_meta meta = {.kind = kinds[i], .last_modified = -1};
        struct blob *blob = encode(&meta, slice_none());
        struct stored_view v;
        assert_int_equal(stored_parse(blob_slice(blob), slice_none(), &v), STORED_OK);
        assert_int_equal(v.meta.kind, kinds[i]);
        assert_int_equal(v.meta.last_modified, -1);
        assert_int_equal(v.content.n, 0);
        blob_unref(&blob);
    }
}

/* The bytes are the same on every machine: another process reads them out of the pool. */
static void the_format_is_fixed(void **state)
{
    (void)state;
    static const unsigned char front[] = {
        'm', 'p', 'r', 'x', 3, 0, 140, 0, /* magic, version, bytes of the fixed head */
    };
    static const unsigned char numbers[] = {
        1,    0,    200,  0,    0x00, 0x03, 0, 0, /* kind, status, flags */
        0x7b, 0x68, 0xe5, 0xcf, 0x8b, 0x01, 0, 0, /* received_ms */
        30,   0,    0,    0,    0,    0,    0, 0,
        0x10, 0x0e, 0,    0,    0, /* initial_age_s, lifetime_s */
    };
    struct blob *blob = encode(&sample, CONTENT);
    const unsigned char *p = (const unsigned char *)blob->data;
    assert_memory_equal(p, front, sizeof(front));
    assert_int_equal(p[16], blob->len);
    assert_memory_equal(p + 24, numbers, sizeof(numbers));
    assert_int_equal(p[96], sample.generation);
    assert_int_equal(p[104], sample.purge_seq);
    assert_int_equal(p[112], 0); /* no chunks */
    assert_int_equal(p[116], KEY.n);
    assert_int_equal(p[136], TRAILERS.n);
    assert_memory_equal(p + 140, KEY.p, KEY.n);
    blob_unref(&blob);
}

static void foreign_keys_are_found_out(void **state)
{
    (void)state;
    struct blob *blob = encode(&sample, CONTENT);
    struct stored_view v;
    assert_int_equal(stored_parse(blob_slice(blob), SLICE("\x01http\x01/b"), &v), STORED_BAD_KEY);
    assert_int_equal(stored_parse(blob_slice(blob), SLICE(""), &v), STORED_BAD_KEY);
    assert_int_equal(stored_parse(blob_slice(blob), slice_none(), &v), STORED_OK);
    blob_unref(&blob);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    struct blob *blob = encode(&sample, CONTENT);
    struct stored_view v;
    for (size_t n = 0; n < blob->len; n++) {
        char *cut = malloc(n + 1); /* of its own, so that a read behind it is seen */
        memcpy(cut, blob->data, n);
        assert_int_not_equal(stored_parse(slice_make(cut, n), KEY, &v), STORED_OK);
        free(cut);
    }
    char *longer = malloc(blob->len + 1);
    memcpy(longer, blob->data, blob->len);
    longer[blob->len] = 0;
    assert_int_equal(stored_parse(slice_make(longer, blob->len + 1), KEY, &v), STORED_BAD_LENGTH);
    free(longer);
    blob_unref(&blob);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct blob *blob = encode(&sample, CONTENT);
    struct stored_view v;
    for (size_t bit = 0; bit < blob->len * 8; bit++) {
        blob->data[bit / 8] = (char)(blob->data[bit / 8] ^ (1 << bit % 8));
        enum stored_check check = stored_parse(blob_slice(blob), KEY, &v);
        if (check == STORED_OK || check == STORED_BAD_KEY) {
            fail_msg("bit %zu: %s", bit, stored_check_text(check));
        }
        blob->data[bit / 8] = (char)(blob->data[bit / 8] ^ (1 << bit % 8));
    }
    assert_int_equal(stored_parse(blob_slice(blob), KEY, &v), STORED_OK);
    blob_unref(&blob);
}

/* Overwrites bytes and makes the checksum right again, as someone would who writes to the pool. */
static enum stored_check forged(struct slice content, size_t at, uint64_t v, size_t bytes)
{
    struct blob *blob = encode(&sample, content);
    struct stored_view view;
    for (size_t i = 0; i < bytes; i++) {
        blob->data[at + i] = (char)(v >> 8 * i);
    }
    uint64_t checksum = hash_checksum(slice_skip(blob_slice(blob), 16));
    for (size_t i = 0; i < 8; i++) {
        blob->data[8 + i] = (char)(checksum >> 8 * i);
    }
    enum stored_check check = stored_parse(blob_slice(blob), slice_none(), &view);
    blob_unref(&blob);
    return check;
}

static void numbers_are_checked_behind_the_checksum(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        uint64_t v;
        size_t bytes;
        enum stored_check want;
    } rows[] = {
        {"as it was", 26, 200, 2, STORED_OK},
        {"magic", 0, 0, 4, STORED_BAD_VERSION},
        {"version 0", 4, 0, 2, STORED_BAD_VERSION},
        {"version 1", 4, 1, 2, STORED_BAD_VERSION},
        {"version 2, without trailers", 4, 2, 2, STORED_BAD_VERSION},
        {"bytes of the fixed head", 6, 136, 2, STORED_BAD_VERSION},
        {"total", 16, 1000, 8, STORED_BAD_LENGTH},
        {"kind 0", 24, 0, 2, STORED_BAD_LENGTH},
        {"kind 5", 24, 5, 2, STORED_BAD_LENGTH},
        {"status 0", 26, 0, 2, STORED_BAD_LENGTH},
        {"status 199", 26, 199, 2, STORED_BAD_LENGTH},
        {"status 1000", 26, 1000, 2, STORED_BAD_LENGTH},
        {"received before 1970", 32, UINT64_MAX, 8, STORED_BAD_LENGTH},
        {"received in the far future", 32, INT64_MAX, 8, STORED_BAD_LENGTH},
        {"negative age", 40, UINT64_MAX, 8, STORED_BAD_LENGTH},
        {"endless age", 40, INT64_MAX, 8, STORED_BAD_LENGTH},
        {"negative lifetime", 48, UINT64_MAX, 8, STORED_BAD_LENGTH},
        {"endless lifetime", 48, INT64_MAX, 8, STORED_BAD_LENGTH},
        {"endless stale-while-revalidate", 56, INT64_MAX, 8, STORED_BAD_LENGTH},
        {"endless stale-if-error", 64, INT64_MAX, 8, STORED_BAD_LENGTH},
        {"endless keeping", 72, INT64_MAX, 8, STORED_BAD_LENGTH},
        {"content shorter", 80, 11, 8, STORED_BAD_LENGTH},
        {"content longer", 80, 13, 8, STORED_BAD_LENGTH},
        {"content so long that a sum wraps", 80, UINT64_MAX, 8, STORED_BAD_LENGTH},
        {"Last-Modified", 88, INT64_MAX, 8, STORED_BAD_LENGTH},
        {"Last-Modified -2", 88, (uint64_t)-2, 8, STORED_BAD_LENGTH},
        {"key bytes", 116, UINT32_MAX, 4, STORED_BAD_LENGTH},
        {"vary bytes", 120, UINT32_MAX, 4, STORED_BAD_LENGTH},
        {"etag bytes", 124, 6, 4, STORED_BAD_LENGTH},
        {"tags bytes", 128, 7, 4, STORED_BAD_LENGTH},
        {"chunks beside content", 112, 1, 4, STORED_BAD_LENGTH},
        {"head text bytes", 132, 0x80000000, 4, STORED_BAD_LENGTH},
        {"trailer bytes", 136, UINT32_MAX, 4, STORED_BAD_LENGTH},
        {"trailers of a coded form", 24, STORED_CODED, 2, STORED_BAD_LENGTH},
        {"trailers of a mark", 24, STORED_MARK, 2, STORED_BAD_LENGTH},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum stored_check got = forged(CONTENT, rows[i].at, rows[i].v, rows[i].bytes);
        if (got != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, stored_check_text(got));
        }
    }
    /* The last part and no content behind it: one byte more would be read from nowhere. */
    assert_int_equal(forged(SLICE(""), 136, TRAILERS.n, 4), STORED_OK);
    assert_int_equal(forged(SLICE(""), 136, TRAILERS.n + 1, 4), STORED_BAD_LENGTH);
}

/* A manifest that someone forged: its numbers are bounded before anybody allocates by them. */
static void numbers_of_a_manifest_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum stored_kind kind;
        uint64_t content_length;
        uint64_t generation;
        uint32_t chunk_bytes;
        enum stored_check want;
    } rows[] = {
        {"as it should be", STORED_RESPONSE, 1000, 7, 100, STORED_OK},
        {"largest chunks", STORED_RESPONSE, 1000, 7, 1 << 20, STORED_OK},
        {"chunks too large", STORED_RESPONSE, 1000, 7, (1 << 20) + 1, STORED_BAD_LENGTH},
        {"chunks of all bits", STORED_RESPONSE, 1000, 7, UINT32_MAX, STORED_BAD_LENGTH},
        {"no generation", STORED_RESPONSE, 1000, 0, 100, STORED_BAD_LENGTH},
        {"no content", STORED_RESPONSE, 0, 7, 100, STORED_BAD_LENGTH},
        {"longest content", STORED_RESPONSE, UINT64_C(1) << 50, 7, 100, STORED_OK},
        {"too long content", STORED_RESPONSE, (UINT64_C(1) << 50) + 1, 7, 100, STORED_BAD_LENGTH},
        {"endless content", STORED_RESPONSE, UINT64_MAX, 7, 100, STORED_BAD_LENGTH},
        {"vary index", STORED_VARY, 1000, 7, 100, STORED_BAD_LENGTH},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stored_meta m = sample;
        const struct stored_parts parts = {.key = KEY};
        struct stored_view v;
        m.kind = rows[i].kind;
        m.content_length = rows[i].content_length;
        m.generation = rows[i].generation;
        m.chunk_bytes = rows[i].chunk_bytes;
        struct blob *blob = blob_new(stored_size(&m, &parts));
        (void)stored_encode(blob, &m, &parts);
        stored_seal(blob);
        enum stored_check got = stored_parse(blob_slice(blob), KEY, &v);
        if (got != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, stored_check_text(got));
        }
        blob_unref(&blob);
    }
}

static void field_lines(void **state)
{
    (void)state;
    struct slice rest =
        SLICE("HTTP/1.1 200 OK: fine\r\nETag: \"a\"\r\nX-Empty:\r\nX-Colon: a:b \r\n"
              "no colon\r\n: no name\r\nLast: 1");
    static const struct {
        const char *name;
        const char *value;
        enum field_id id;
    } rows[] = {
        {"ETag", "\"a\"", FIELD_ETAG},
        {"X-Empty", "", FIELD_OTHER},
        {"X-Colon", "a:b", FIELD_OTHER},
        {"Last", "1", FIELD_OTHER},
    };
    struct stored_view view = {.head = rest};
    struct field field;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(stored_field_next(&rest, &field));
        assert_true(slice_eq(field.name, slice_of(rows[i].name)));
        assert_true(slice_eq(field.value, slice_of(rows[i].value)));
        assert_int_equal(field.id, rows[i].id);
    }
    assert_false(stored_field_next(&rest, &field));
    assert_true(slice_eq(stored_field(&view, SLICE("x-colon")), SLICE("a:b")));
    assert_non_null(stored_field(&view, SLICE("X-Empty")).p);
    assert_null(stored_field(&view, SLICE("X-Absent")).p);
}

static void every_check_has_a_text(void **state)
{
    (void)state;
    for (enum stored_check c = STORED_OK; c <= STORED_BAD_KEY; c++) {
        assert_string_not_equal(stored_check_text(c), "unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(a_manifest_holds_no_content),
        cmocka_unit_test(other_kinds_have_no_content),
        cmocka_unit_test(the_format_is_fixed),
        cmocka_unit_test(foreign_keys_are_found_out),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(numbers_are_checked_behind_the_checksum),
        cmocka_unit_test(numbers_of_a_manifest_are_checked),
        cmocka_unit_test(field_lines),
        cmocka_unit_test(every_check_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
