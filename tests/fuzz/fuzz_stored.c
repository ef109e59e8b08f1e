/* Stored responses out of a pool that anyone may have written to. The checksum is made right first,
 * or no input would come behind it; what is accepted then is safe to use and encodes to the same
 * bytes again. */
#include "base/arena.h"
#include "base/assert.h"
#include "base/hash.h"
#include "cache/conditional.h"
#include "cache/freshness.h"
#include "cache/store.h"
#include "cache/variants.h"

#include <endian.h>

#define NOW_MS INT64_C(1700000000000)

/* The fields that the fuzzer cannot guess: total length and checksum. */
static void seal(char *p, size_t n)
{
    if (n < 24) {
        return;
    }
    uint64_t total = htole64(n);
    memcpy(p + 16, &total, sizeof(total));
    uint64_t checksum = htole64(hash_checksum(slice_make(p + 16, n - 16)));
    memcpy(p + 8, &checksum, sizeof(checksum));
}

static void check_parts(const struct stored_view *v, struct slice all)
{
    const struct slice parts[] = {v->key,  v->vary,     v->etag,   v->tags,
                                  v->head, v->trailers, v->content};
    size_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        ASSERT(parts[i].n == 0 ||
               (parts[i].p >= all.p && parts[i].p + parts[i].n <= all.p + all.n));
        bytes += parts[i].n;
    }
    ASSERT(bytes < all.n &&
           (stored_is_manifest(&v->meta) ? v->content.n == 0
                                         : v->content.n == v->meta.content_length));
}

static void check_numbers(const struct stored_view *v)
{
    const struct cache_control asked = {.max_age_s = CACHE_SECONDS_MAX,
                                        .max_stale_s = CACHE_SECONDS_MAX,
                                        .min_fresh_s = CACHE_SECONDS_MAX};
    ASSERT(freshness_age_s(&v->meta, NOW_MS) >= 0);
    ASSERT(freshness_store_ttl_s(&v->meta) >= 1);
    (void)freshness_reuse(&v->meta, &asked, NOW_MS);
    (void)freshness_stale_on_error(&v->meta, false, NOW_MS);
    (void)freshness_stale_on_error(&v->meta, true, NOW_MS);
}

static void check_fields(const struct stored_view *v)
{
    struct slice rest = v->head;
    struct field field;
    size_t lines = 0;
    while (stored_field_next(&rest, &field)) {
        ASSERT(field.name.n > 0 && ++lines <= v->head.n);
        ASSERT(stored_field(v, field.name).p != NULL);
    }
    rest = v->trailers;
    while (stored_field_next(&rest, &field))
        ASSERT(field.name.n > 0 && ++lines <= v->head.n + v->trailers.n);
}

static void check_variants(const struct stored_view *v)
{
    struct slice rest = v->content;
    struct slice one;
    size_t n = 0;
    while (variants_next(&rest, &one)) {
        ASSERT(one.n <= v->content.n && rest.n < v->content.n);
        n++;
    }
    ASSERT(n == variants_count(v->content));
}

static void check_conditions(const struct stored_view *v)
{
    struct arena arena;
    arena_init(&arena, NULL);
    struct request_head request = {.method = METHOD_GET};
    bool added = conditional_add(v, &request.fields, &arena);
    ASSERT(added == (request.fields.n > 0));
    (void)conditional_evaluate(&request, v, NOW_MS / 1000);
    (void)conditional_range_validator(v);
    arena_fini(&arena);
}

/* First, last and one between; what is read or asked for is bounded. */
static void check_chunks(const struct stored_view *v)
{
    if (!stored_is_manifest(&v->meta)) {
        return;
    }
    const uint64_t n = v->meta.content_length;
    const uint64_t places[] = {0, n / 2, n - 1};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct store_chunk c = store_chunk_at(v, places[i]);
        ASSERT(c.length > 0 && c.length <= STORED_CHUNK_BYTES_MAX);
        ASSERT(c.offset <= places[i] && places[i] - c.offset < c.length);
        ASSERT(c.offset + c.length <= n);
    }
}

static void check_encoding(const struct stored_view *v, struct slice all)
{
    struct blob *blob = blob_new(all.n);
    const struct stored_parts parts = {v->key, v->vary, v->etag, v->tags, v->head, v->trailers};
    char *at = stored_encode(blob, &v->meta, &parts);
    memcpy(at, v->content.p, v->content.n);
    stored_seal(blob);
    ASSERT(slice_eq(blob_slice(blob), all));
    blob_unref(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct blob *copy = blob_new(size); /* so that a read behind the end is seen */
    struct stored_view v;
    memcpy(copy->data, data, size);
    copy->len = size;
    (void)!stored_parse(blob_slice(copy), slice_none(), &v);
    seal(copy->data, size);
    struct slice all = blob_slice(copy);
    if (stored_parse(all, slice_none(), &v) == STORED_OK) {
        check_parts(&v, all);
        check_numbers(&v);
        check_fields(&v);
        check_conditions(&v);
        check_chunks(&v);
        check_variants(&v);
        check_encoding(&v, all);
        ASSERT(stored_parse(all, v.key, &v) == STORED_OK);
    }
    blob_unref(&copy);
    return 0;
}
