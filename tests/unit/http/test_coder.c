/* Coders as streams: whatever the pieces, what goes in comes out, and a flush holds nothing back.
 */
#include "http/coder.h"

#include "http/check.h"

#include <brotli/decode.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define TEXT_BYTES  3000
#define CODED_BYTES 200000

static const enum coding codings[] = {CODING_GZIP, CODING_ZSTD, CODING_BR};

/* Text that gets shorter, but not by much. */
static void fill_text(char *text, size_t n)
{
    uint32_t x = 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        text[i] = (char)('a' + (x >> 24) % 16);
    }
}

static struct coder *encoder(enum coding coding, uint64_t length)
{
    const struct coder_conf conf = {
        .coding = coding, .level = 1, .window_bits = 19, .length = length};
    struct coder *c = coder_encode_new(&conf);
    assert_non_null(c);
    return c;
}

/* One operation with an output buffer of `cap` bytes at a time, appended to `out`. */
static enum coder_result run(struct coder *c, enum coder_op op, struct slice in, size_t cap,
                             char *out, size_t *n)
{
    enum coder_result result;
    do {
        size_t wrote = 0;
        assert_true(*n + cap <= CODED_BYTES);
        result = coder_step(c, op, &in, out + *n, cap, &wrote);
        assert_true(wrote <= cap);
        *n += wrote;
    } while (result == CODER_FULL);
    return result;
}

static size_t inflate_all(struct slice coded, char *out, size_t cap)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)coded.p,
                  .avail_in = (uInt)coded.n,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)cap};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    int rc = inflate(&z, Z_SYNC_FLUSH);
    assert_true(rc == Z_OK || rc == Z_STREAM_END);
    size_t n = z.total_out;
    inflateEnd(&z);
    return n;
}

static size_t unbrotli_all(struct slice coded, char *out, size_t cap)
{
    BrotliDecoderState *s = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    const uint8_t *in = (const uint8_t *)coded.p;
    uint8_t *to = (uint8_t *)out;
    size_t left = cap;
    assert_int_not_equal(BrotliDecoderDecompressStream(s, &coded.n, &in, &left, &to, NULL),
                         BROTLI_DECODER_RESULT_ERROR);
    BrotliDecoderDestroyInstance(s);
    return cap - left;
}

static size_t unzstd_all(struct slice coded, char *out, size_t cap)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();
    ZSTD_inBuffer in = {coded.p, coded.n, 0};
    ZSTD_outBuffer to = {out, cap, 0};
    while (in.pos < in.size)
        assert_false(ZSTD_isError(ZSTD_decompressStream(d, &to, &in)));
    ZSTD_freeDCtx(d);
    return to.pos;
}

/* What a client has once it has got these bytes. */
static size_t decode(enum coding coding, struct slice coded, char *out, size_t cap)
{
    switch (coding) {
    case CODING_GZIP: return inflate_all(coded, out, cap);
    case CODING_BR: return unbrotli_all(coded, out, cap);
    case CODING_ZSTD: return unzstd_all(coded, out, cap);
    case CODING_IDENTITY:
    case CODING_COUNT: break;
    }
    return 0;
}

static void check_decodes(enum coding coding, struct slice coded, struct slice want)
{
    static char back[CODED_BYTES];
    size_t n = decode(coding, coded, back, sizeof back);
    if (!slice_eq(slice_make(back, n), want))
        fail_msg("%s: %zu bytes instead of %zu", coding_name(coding).p, n, want.n);
}

static void test_split_at_every_byte(void **state)
{
    (void)state;
    static char text[TEXT_BYTES];
    static char coded[CODED_BYTES];
    fill_text(text, sizeof text);
    for (size_t k = 0; k < ARRAY_LEN(codings); k++) {
        for (size_t at = 0; at <= sizeof text; at += 7) {
            struct coder *c = encoder(codings[k], at % 2 ? sizeof text : 0);
            size_t n = 0;
            assert_int_equal(run(c, CODER_MORE, slice_make(text, at), 64, coded, &n), CODER_DONE);
            assert_int_equal(
                run(c, CODER_END, slice_make(text + at, sizeof text - at), 64, coded, &n),
                CODER_DONE);
            coder_free(&c);
            check_decodes(codings[k], slice_make(coded, n), slice_make(text, sizeof text));
        }
    }
}

static void test_one_byte_at_a_time(void **state)
{
    (void)state;
    static char text[TEXT_BYTES];
    static char coded[CODED_BYTES];
    fill_text(text, sizeof text);
    for (size_t k = 0; k < ARRAY_LEN(codings); k++) {
        struct coder *c = encoder(codings[k], 0);
        size_t n = 0;
        for (size_t i = 0; i < sizeof text; i++)
            assert_int_equal(run(c, CODER_MORE, slice_make(text + i, 1), 64, coded, &n),
                             CODER_DONE);
        assert_int_equal(run(c, CODER_END, slice_none(), 64, coded, &n), CODER_DONE);
        coder_free(&c);
        check_decodes(codings[k], slice_make(coded, n), slice_make(text, sizeof text));
    }
}

static void test_a_flush_holds_nothing_back(void **state)
{
    (void)state;
    static char text[TEXT_BYTES];
    static char coded[CODED_BYTES];
    fill_text(text, sizeof text);
    for (size_t k = 0; k < ARRAY_LEN(codings); k++) {
        struct coder *c = encoder(codings[k], 0);
        size_t n = 0;
        for (size_t at = 0; at < sizeof text; at += 100) {
            (void)run(c, CODER_MORE, slice_make(text + at, 100), 64, coded, &n);
            assert_int_equal(run(c, CODER_FLUSH, slice_none(), 64, coded, &n), CODER_DONE);
            check_decodes(codings[k], slice_make(coded, n), slice_make(text, at + 100));
        }
        coder_free(&c);
    }
}

static void test_empty_content_is_whole(void **state)
{
    (void)state;
    static char coded[CODED_BYTES];
    for (size_t k = 0; k < ARRAY_LEN(codings); k++) {
        struct coder *c = encoder(codings[k], 0);
        size_t n = 0;
        assert_int_equal(run(c, CODER_END, slice_none(), 64, coded, &n), CODER_DONE);
        assert_true(n > 0);
        coder_free(&c);
        check_decodes(codings[k], slice_make(coded, n), slice_none());
    }
}

/* Of levels and windows at their ends, too. */
static void test_levels(void **state)
{
    (void)state;
    static const struct coder_conf confs[] = {
        {CODING_GZIP, 1, 0, 0},  {CODING_GZIP, 9, 99, 0}, {CODING_BR, 0, 0, 0},
        {CODING_BR, 11, 99, 0},  {CODING_ZSTD, 1, 0, 0},  {CODING_ZSTD, 19, 20, 0},
        {CODING_GZIP, 6, 15, 1}, {CODING_BR, 5, 19, 1},   {CODING_ZSTD, 3, 20, 1},
    };
    static char text[TEXT_BYTES];
    static char coded[CODED_BYTES];
    fill_text(text, sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
        struct coder *c = coder_encode_new(&confs[i]);
        size_t n = 0;
        assert_non_null(c);
        assert_int_equal(run(c, CODER_END, slice_make(text, sizeof text), 64, coded, &n),
                         CODER_DONE);
        coder_free(&c);
        check_decodes(confs[i].coding, slice_make(coded, n), slice_make(text, sizeof text));
    }
}

/* -- gunzip -- */

static size_t gzip_text(struct slice text, char *coded)
{
    struct coder *c = encoder(CODING_GZIP, 0);
    size_t n = 0;
    assert_int_equal(run(c, CODER_END, text, 4096, coded, &n), CODER_DONE);
    coder_free(&c);
    return n;
}

static enum coder_result gunzip(struct slice first, struct slice second, char *out, size_t *n)
{
    struct coder *c = coder_gunzip_new();
    assert_non_null(c);
    *n = 0;
    enum coder_result result = run(c, CODER_MORE, first, 64, out, n);
    if (result == CODER_DONE)
        result = run(c, CODER_END, second, 64, out, n);
    coder_free(&c);
    return result;
}

static void test_gunzip_split_at_every_byte(void **state)
{
    (void)state;
    static char text[TEXT_BYTES];
    static char coded[CODED_BYTES];
    static char back[CODED_BYTES];
    fill_text(text, sizeof text);
    size_t coded_n = gzip_text(slice_make(text, sizeof text), coded);
    for (size_t at = 0; at <= coded_n; at++) {
        size_t n;
        assert_int_equal(
            gunzip(slice_make(coded, at), slice_make(coded + at, coded_n - at), back, &n),
            CODER_DONE);
        assert_int_equal(n, sizeof text);
        assert_memory_equal(back, text, n);
    }
}

static void test_gunzip_cut_anywhere_fails(void **state)
{
    (void)state;
    static char coded[CODED_BYTES];
    static char back[CODED_BYTES];
    size_t coded_n = gzip_text(SLICE("some text, and some text again"), coded);
    for (size_t at = 1; at < coded_n; at++) {
        size_t n;
        assert_int_equal(gunzip(slice_make(coded, at), slice_none(), back, &n), CODER_FAILED);
    }
}

static void test_gunzip_of_several_members(void **state)
{
    (void)state;
    static char coded[CODED_BYTES];
    static char back[CODED_BYTES];
    size_t coded_n = gzip_text(SLICE("one "), coded);
    coded_n += gzip_text(SLICE("two"), coded + coded_n);
    for (size_t at = 0; at <= coded_n; at++) {
        size_t n;
        assert_int_equal(
            gunzip(slice_make(coded, at), slice_make(coded + at, coded_n - at), back, &n),
            CODER_DONE);
        assert_int_equal(n, 7);
        assert_memory_equal(back, "one two", 7);
    }
}

static void test_gunzip_refuses(void **state)
{
    (void)state;
    static char coded[CODED_BYTES];
    static char back[CODED_BYTES];
    size_t n;
    size_t coded_n = gzip_text(SLICE("one"), coded);
    assert_int_equal(gunzip(SLICE("no gzip at all"), slice_none(), back, &n), CODER_FAILED);
    assert_int_equal(gunzip(slice_make(coded, coded_n), SLICE("garbage"), back, &n), CODER_FAILED);
    coded[coded_n - 5] ^= 1; /* of the checksum */
    assert_int_equal(gunzip(slice_make(coded, coded_n), slice_none(), back, &n), CODER_FAILED);
    assert_int_equal(gunzip(slice_none(), slice_none(), back, &n), CODER_DONE);
    assert_int_equal(n, 0);
}

/* However much it becomes, a step gives no more than there is room for. */
static void test_gunzip_of_a_bomb_is_bounded(void **state)
{
    (void)state;
    static char coded[CODED_BYTES];
    char *zeros = calloc(1, 10 << 20);
    size_t coded_n = gzip_text(slice_make(zeros, 10 << 20), coded);
    free(zeros);
    struct coder *c = coder_gunzip_new();
    struct slice in = slice_make(coded, coded_n);
    size_t all = 0;
    enum coder_result result;
    do {
        char out[4096];
        size_t n;
        result = coder_step(c, CODER_END, &in, out, sizeof out, &n);
        assert_true(n <= sizeof out);
        all += n;
    } while (result == CODER_FULL);
    assert_int_equal(result, CODER_DONE);
    assert_int_equal(all, 10 << 20);
    coder_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_every_byte),
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_a_flush_holds_nothing_back),
        cmocka_unit_test(test_empty_content_is_whole),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_gunzip_split_at_every_byte),
        cmocka_unit_test(test_gunzip_cut_anywhere_fails),
        cmocka_unit_test(test_gunzip_of_several_members),
        cmocka_unit_test(test_gunzip_refuses),
        cmocka_unit_test(test_gunzip_of_a_bomb_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
