/* Chunks: what is written comes back, whatever else is refused. */
#include "store/chunk.h"

#include "base/hash.h"
#include "cache/stored.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONTENT SLICE("hello, chunk")

static const struct chunk_id sample = {.generation = 77, .offset = 520192, .length = 12};

static struct blob *sealed(const struct chunk_id *id)
{
    struct blob *blob = chunk_new(CONTENT.n);
    assert_non_null(blob);
    memcpy(blob->data + CHUNK_HEAD_BYTES, CONTENT.p, id->length);
    chunk_seal(blob, id);
    return blob;
}

static void test_what_is_written_comes_back(void **state UNUSED)
{
    struct blob *blob = sealed(&sample);
    struct slice content;
    assert_true(chunk_parse(blob_slice(blob), &sample, &content));
    assert_true(slice_eq(content, CONTENT));
    blob_unref(&blob);
}

static void test_the_format_is_fixed(void **state UNUSED)
{
    static const unsigned char head[] = {'m', 'p', 'r', 'c', 1, 0, 40, 0};
    static const unsigned char rest[] = {77, 0, 0, 0, 0,  0, 0, 0, 0, 0xf0, 7, 0,
                                         0,  0, 0, 0, 12, 0, 0, 0, 0, 0,    0, 0};
    struct blob *blob = sealed(&sample);
    assert_int_equal(blob->len, CHUNK_HEAD_BYTES + CONTENT.n);
    assert_memory_equal(blob->data, head, sizeof(head));
    assert_memory_equal(blob->data + 16, rest, sizeof(rest));
    blob_unref(&blob);
}

static void test_other_chunks_are_found_out(void **state UNUSED)
{
    static const struct {
        const char *name;
        struct chunk_id id;
    } rows[] = {
        {"of another fill", {78, 520192, 12}},
        {"of another place", {77, 0, 12}},
        {"shorter", {77, 520192, 11}},
        {"longer", {77, 520192, 13}},
    };
    struct blob *blob = sealed(&sample);
    struct slice content;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].name);
        assert_false(chunk_parse(blob_slice(blob), &rows[i].id, &content));
    }
    blob_unref(&blob);
}

static void test_every_flipped_bit_is_refused(void **state UNUSED)
{
    struct blob *blob = sealed(&sample);
    struct slice content;
    for (size_t bit = 0; bit < blob->len * 8; bit++) {
        blob->data[bit / 8] = (char)(blob->data[bit / 8] ^ (1 << bit % 8));
        assert_false(chunk_parse(blob_slice(blob), &sample, &content));
        blob->data[bit / 8] = (char)(blob->data[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(chunk_parse(blob_slice(blob), &sample, &content));
    blob_unref(&blob);
}

static void test_every_cut_is_refused(void **state UNUSED)
{
    struct blob *blob = sealed(&sample);
    struct slice content;
    for (size_t n = 0; n < blob->len; n++) {
        char *cut = malloc(n + 1); /* of its own, so that a read behind it is seen */
        memcpy(cut, blob->data, n);
        assert_false(chunk_parse(slice_make(cut, n), &sample, &content));
        free(cut);
    }
    blob_unref(&blob);
}

struct size_row {
    const char *name;
    size_t item_max_bytes;
    uint32_t content_bytes;
};

static const struct size_row sizes[] = {
    {"default of memcached", 1024 * 1024, 127 * 4096},
    {"-I 512k", 512 * 1024, 127 * 4096},
    {"-I 8m", 8 * 1024 * 1024, 127 * 4096},
    {"-I 64k", 64 * 1024, 15 * 4096},
    {"one page and its overhead", 4096 + 156, 4096},
    {"a byte less", 4096 + 155, 0},
    {"-I 1k", 1024, 0},
    {"nothing", 0, 0},
};

static void test_size_of_chunks(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        print_message("%s\n", sizes[i].name);
        assert_int_equal(chunk_content_bytes(sizes[i].item_max_bytes, 44), sizes[i].content_bytes);
        assert_true(sizes[i].content_bytes <= STORED_CHUNK_BYTES_MAX);
    }
}

static void test_keys(void **state UNUSED)
{
    struct mc_key_maker *keys = mc_key_maker_new();
    struct mc_key response, other, key, same, of[4];
    const struct chunk_id ids[] = {{1, 0, 5}, {1, 5, 5}, {2, 0, 5}};
    mc_key_make(keys, SLICE("p"), SLICE("/a"), &response);
    mc_key_make(keys, SLICE("p"), SLICE("/b"), &other);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        chunk_key(keys, SLICE("p"), &response, &ids[i], &of[i]);
    chunk_key(keys, SLICE("p"), &other, &ids[0], &of[3]);
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        assert_true(slice_starts(mc_key_slice(&of[i]), SLICE("p:")));
        for (size_t j = 0; j < i; j++)
            assert_false(slice_eq(mc_key_slice(&of[i]), mc_key_slice(&of[j])));
    }
    struct chunk_id last = {1, 0, 3}; /* the length is no part of it */
    chunk_key(keys, SLICE("p"), &response, &ids[0], &key);
    chunk_key(keys, SLICE("p"), &response, &last, &same);
    assert_true(slice_eq(mc_key_slice(&key), mc_key_slice(&same)));
    mc_key_maker_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_comes_back),
        cmocka_unit_test(test_the_format_is_fixed),
        cmocka_unit_test(test_other_chunks_are_found_out),
        cmocka_unit_test(test_every_flipped_bit_is_refused),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_size_of_chunks),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
