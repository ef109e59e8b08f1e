/* Values packed and opened again: what is worth it, and what foreign bytes may claim. */
#include "store/pack.h"

#include "base/assert.h"
#include "store/store_helpers.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

static const struct slice types[] = {
    {"text/*", 6}, {"application/json", 16}, {"application/*+json", 18}};
static const struct cache_compress conf = {
    .on = true, .level = 3, .min_bytes = 100, .types = types, .types_n = ARRAY_LEN(types)};

static void test_what_suits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *fields;
        uint64_t content_bytes;
        enum stored_kind kind;
        bool suits;
    } rows[] = {
        {"listed type", "Content-Type: application/json\r\n", 100, STORED_RESPONSE, true},
        {"in other case", "content-type: Application/JSON\r\n", 100, STORED_RESPONSE, true},
        {"with parameters", "Content-Type: application/json; charset=utf-8\r\n", 100,
         STORED_RESPONSE, true},
        {"star at the end", "Content-Type: text/x-own\r\n", 100, STORED_RESPONSE, true},
        {"star within", "Content-Type: application/ld+json\r\n", 100, STORED_RESPONSE, true},
        {"star without enough text", "Content-Type: application/+json\r\n", 100, STORED_RESPONSE,
         true},
        {"start and end overlap", "Content-Type: application/json+jso\r\n", 100, STORED_RESPONSE,
         false},
        {"only the start of it", "Content-Type: application/jso\r\n", 100, STORED_RESPONSE, false},
        {"other type", "Content-Type: image/png\r\n", 100, STORED_RESPONSE, false},
        {"empty type", "Content-Type: \r\n", 100, STORED_RESPONSE, false},
        {"no type", "", 100, STORED_RESPONSE, false},
        {"short", "Content-Type: text/html\r\n", 99, STORED_RESPONSE, false},
        {"coded", "Content-Type: text/html\r\nContent-Encoding: gzip\r\n", 100, STORED_RESPONSE,
         false},
        {"said not to be coded", "Content-Type: text/html\r\nContent-Encoding: identity\r\n", 100,
         STORED_RESPONSE, true},
        {"vary index", "Content-Type: text/html\r\n", 100, STORED_VARY, false},
        {"mark", "Content-Type: text/html\r\n", 100, STORED_MARK, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char head[256];
        print_message("%s\n", rows[i].name);
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s", rows[i].fields);
        const struct stored_view view = {
            .meta = {.kind = rows[i].kind, .content_length = rows[i].content_bytes},
            .head = slice_of(head)};
        assert_int_equal(pack_suits(&conf, &view), rows[i].suits);
        struct cache_compress off = conf;
        off.on = false;
        assert_false(pack_suits(&off, &view));
    }
}

/* Text that gets much smaller (each line differs), or noise that does not. */
static struct blob *text_of(size_t n)
{
    struct blob *b = blob_new(n);
    while (b->len < n) {
        char line[64];
        int w = snprintf(line, sizeof(line), "line %zu of a page\n", b->len);
        size_t part = (size_t)w < n - b->len ? (size_t)w : n - b->len;
        memcpy(b->data + b->len, line, part);
        b->len += part;
    }
    return b;
}

static struct blob *noise_of(size_t n)
{
    struct blob *b = blob_new(n);
    uint64_t x = 1;
    for (b->len = 0; b->len < n; b->len++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        b->data[b->len] = (char)(x >> 56);
    }
    return b;
}

static void expect_round_trip(struct pack *p, const struct blob *plain, int level)
{
    struct blob *packed = pack_close(p, blob_slice(plain), level);
    assert_non_null(packed);
    assert_true(packed->len <= plain->len - plain->len / 8);
    assert_true(pack_is_closed(blob_slice(packed)));
    assert_false(pack_is_closed(blob_slice(plain)));
    struct blob *again = pack_open(p, blob_slice(packed));
    assert_non_null(again);
    assert_true(slice_eq(blob_slice(again), blob_slice(plain)));
    blob_unref(&again);
    blob_unref(&packed);
}

static void test_round_trips(void **state)
{
    (void)state;
    struct pack *p = pack_new();
    static const size_t sizes[] = {400, 4096, 65537, PACK_BYTES_MAX};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct blob *plain = text_of(sizes[i]);
        for (int level = 1; level <= 9; level += 4)
            expect_round_trip(p, plain, level);
        blob_unref(&plain);
    }
    pack_free(&p);
    assert_null(p);
}

static void expect_left(struct pack *p, struct blob *plain)
{
    assert_null(pack_close(p, blob_slice(plain), 3));
    blob_unref(&plain);
}

static void test_what_does_not_get_smaller_is_left(void **state)
{
    (void)state;
    struct pack *p = pack_new();
    expect_left(p, noise_of(10000));
    expect_left(p, text_of(0));
    expect_left(p, text_of(5));
    expect_left(p, text_of(PACK_BYTES_MAX + 1));
    struct blob *after = text_of(1000); /* a failure leaves nothing behind */
    expect_round_trip(p, after, 3);
    blob_unref(&after);
    pack_free(&p);
}

/* "mcpz", a declared length, and a frame of `n` zero bytes with its own length in it or not. */
static struct blob *bomb_of(uint32_t declared, size_t n, bool says_length)
{
    struct blob *b = blob_new(8 + ZSTD_compressBound(n));
    char *zeros = calloc(1, n + 1);
    ZSTD_CCtx *c = ZSTD_createCCtx();
    uint32_t le = htole32(declared);
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, says_length);
    memcpy(b->data, "mcpz", 4);
    memcpy(b->data + 4, &le, 4);
    b->len = 8 + ZSTD_compress2(c, b->data + 8, b->cap - 8, zeros, n);
    ZSTD_freeCCtx(c);
    free(zeros);
    return b;
}

static void test_foreign_claims(void **state)
{
    (void)state;
    struct pack *p = pack_new();
    static const struct {
        const char *name;
        uint32_t declared;
        size_t bytes;
        bool says_length;
        bool opens;
    } rows[] = {
        {"what it says", 1000, 1000, true, true},
        {"more than it says", 1000, 1001, true, false},
        {"less than it says", 1000, 999, true, false},
        {"length only before the frame", 1000, 1000, false, false},
        {"more than it says, without a length", 1000, 5000, false, false},
        {"nothing", 0, 0, true, false},
        {"as long as allowed", PACK_BYTES_MAX, PACK_BYTES_MAX, true, true},
        {"too long", PACK_BYTES_MAX + 1, PACK_BYTES_MAX + 1, true, false},
        {"bomb", 256 << 20, 256 << 20, true, false},
        {"bomb that lies", 1000, 256 << 20, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].name);
        struct blob *packed = bomb_of(rows[i].declared, rows[i].bytes, rows[i].says_length);
        struct blob *plain = pack_open(p, blob_slice(packed));
        assert_int_equal(plain != NULL, rows[i].opens);
        blob_unref(&plain);
        blob_unref(&packed);
    }
    pack_free(&p);
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    struct pack *p = pack_new();
    struct blob *plain = text_of(600);
    struct blob *packed = pack_close(p, blob_slice(plain), 3);
    for (size_t n = 0; n < packed->len; n++)
        assert_null(pack_open(p, slice_take(blob_slice(packed), n)));
    blob_unref(&packed);
    blob_unref(&plain);
    pack_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_suits),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_what_does_not_get_smaller_is_left),
        cmocka_unit_test(test_foreign_claims),
        cmocka_unit_test(test_every_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
