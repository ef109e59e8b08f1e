/* All field values that the cache interprets: Cache-Control, X-Accel-Expires, Expires, Age, Date,
 * Vary, Accept-Encoding, entity tags. The input is field lines; the first byte chooses what is
 * ignored. The same fields serve as the request and as the response. */
#include "base/arena.h"
#include "base/assert.h"
#include "cache/conditional.h"
#include "cache/freshness.h"
#include "cache/policy.h"
#include "cache/vary.h"

#define NOW_MS INT64_C(1700000000000)

static struct fields fields_of(struct slice rest, struct arena *arena)
{
    struct fields fields = {0};
    while (rest.n > 0 && fields.n < 100) {
        struct slice line = slice_cut(rest, '\n', &rest);
        struct slice value;
        struct slice name = slice_cut(line, ':', &value);
        if (slice_is_token(name) && field_value_is_clean(value)) {
            fields_add(&fields, arena, name, slice_trim(value));
        }
    }
    return fields;
}

static void check_seconds(int64_t s)
{
    ASSERT(s >= CACHE_SECONDS_NONE && s <= CACHE_SECONDS_MAX);
}

static void check_control(const struct fields *fields)
{
    struct cache_control c;
    int64_t accel_s = 0;
    cache_control_parse(fields, &c);
    ASSERT(c.present == fields_has(fields, FIELD_CACHE_CONTROL));
    check_seconds(c.max_age_s);
    check_seconds(c.s_maxage_s);
    check_seconds(c.max_stale_s);
    check_seconds(c.min_fresh_s);
    check_seconds(c.stale_while_revalidate_s);
    check_seconds(c.stale_if_error_s);
    if (accel_expires_parse(fields, NOW_MS / 1000, &accel_s)) {
        ASSERT(accel_s >= 0);
        check_seconds(accel_s);
    }
    bool withholds = cache_control_withholds(fields, SLICE("Set-Cookie"));
    ASSERT(!withholds || c.no_cache_fields || c.no_cache);
}

static void check_vary(const struct fields *fields, const struct cache_conf *conf,
                       struct arena *arena)
{
    struct slice spec;
    enum vary_result result = vary_spec(fields, conf, arena, &spec);
    ASSERT(result == vary_check(fields, conf));
    ASSERT((result == VARY_FIELDS) == (spec.n > 0));
    ASSERT(slice_eq(vary_union(spec, spec, arena), spec));
    struct slice more = vary_union(spec, SLICE("accept-encoding,foo"), arena);
    ASSERT(slice_eq(vary_union(more, spec, arena), more));
    struct slice values = vary_values(more, fields, conf, arena);
    ASSERT(slice_eq(vary_values(more, fields, conf, arena), values));
}

static void check_stored(const struct response_head *response, const struct request_head *request,
                         const struct cache_conf *conf, struct arena *arena)
{
    struct stored_meta meta = {.received_ms = NOW_MS, .last_modified = -1};
    enum store_verdict verdict =
        policy_storable(request, response, conf, NOW_MS - 10, NOW_MS, &meta);
    if (verdict == STORE_YES) {
        ASSERT(meta.lifetime_s >= 0 && meta.initial_age_s >= 0 && meta.last_modified >= -1);
        ASSERT(freshness_store_ttl_s(&meta) >= 1);
    }
    struct slice head = policy_head_text(response, conf, arena, &meta);
    struct stored_view view = {
        .meta = meta, .head = head, .etag = fields_get(&response->fields, FIELD_ETAG)};
    view.meta.status = response->status;
    struct slice rest = head;
    struct field field;
    size_t lines = 0;
    while (stored_field_next(&rest, &field)) {
        lines++;
    }
    ASSERT(lines >= 1 && lines <= response->fields.n + 1);
    (void)conditional_evaluate(request, &view, NOW_MS / 1000);

    struct stored_meta renewed;
    struct fields merged;
    policy_freshen(&view, request, response, conf, NOW_MS - 10, NOW_MS, arena, &renewed, &merged);
    ASSERT(renewed.lifetime_s >= 0 && fields_count(&merged, FIELD_DATE) >= 1);
}

/* The first line is a tag, the others are a list. A tag without separators and quotes is found in
 * any list that it was appended to, whose last member is complete. */
static void check_etags(struct slice text, struct arena *arena)
{
    struct slice list;
    struct slice etag = slice_trim(slice_cut(text, '\n', &list));
    (void)etag_list_matches_weak(list, etag);
    bool plain = etag.n > 0 && !slice_eq(etag, SLICE("W/")) && slice_find(etag, ',') == etag.n &&
                 slice_find(etag, '"') == etag.n;
    if (plain && slice_find(list, '"') == list.n) {
        struct slice longer = arena_concat(arena, arena_concat(arena, list, SLICE(", ")), etag);
        ASSERT(etag_list_matches_weak(longer, etag));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct arena arena;
    arena_init(&arena, NULL);
    struct slice text = arena_dup(&arena, slice_make((const char *)data + 1, size - 1));
    const struct cache_conf conf = {
        .ignore = (unsigned)data[0] << 1, .heuristic_max_s = 86400, .vary_fields_max = 8};
    struct fields fields = fields_of(text, &arena);
    struct request_head request = {.method = METHOD_GET, .fields = fields};
    struct response_head response = {.status = 200, .reason = SLICE("OK"), .fields = fields};
    check_control(&fields);
    check_vary(&fields, &conf, &arena);
    check_stored(&response, &request, &conf, &arena);
    check_etags(text, &arena);
    arena_fini(&arena);
    return 0;
}
