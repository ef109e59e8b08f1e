/* The head of a response as it is stored (RFC 9111 section 3.1). */
#include "cache/policy.h"
#include "http/date.h"
#include "http/h1.h"

static bool is_accel(struct slice name)
{
    return slice_starts_nocase(name, SLICE("X-Accel-"));
}

/* Age is among the numbers. */
static bool may_be_stored(const struct field *field, const struct fields *all,
                          const struct cache_conf *conf, bool some_withheld)
{
    if (field->id == FIELD_AGE || field_is_hop_by_hop(field, all)) {
        return false;
    }
    if (field->id == FIELD_SET_COOKIE && (conf->ignore & IGNORE_SET_COOKIE) != 0) {
        return false;
    }
    return !(some_withheld && cache_control_withholds(all, field->name)); /* section 5.2.2.4 */
}

static uint32_t flag_of(const struct field *field)
{
    static const struct {
        enum field_id id;
        uint32_t flag;
    } rows[] = {
        {FIELD_DATE, STORED_HAS_DATE},
        {FIELD_SERVER, STORED_HAS_SERVER},
        {FIELD_VIA, STORED_HAS_VIA},
        {FIELD_CACHE_STATUS, STORED_HAS_CACHE_STATUS},
        {FIELD_LAST_MODIFIED, STORED_HAS_LAST_MODIFIED},
        {FIELD_ETAG, STORED_HAS_ETAG},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].id == field->id) {
            return rows[i].flag;
        }
    }
    return is_accel(field->name) ? STORED_HAS_ACCEL : 0;
}

struct slice policy_head_text_of_fields(unsigned status, struct slice reason,
                                        const struct fields *fields, const struct cache_conf *conf,
                                        struct arena *arena, struct stored_meta *meta)
{
    struct fields kept = {0};
    struct cache_control control;
    policy_control(fields, conf, &control);
    for (size_t i = 0; i < fields->n; i++) {
        const struct field *field = &fields->v[i];
        if (may_be_stored(field, fields, conf, control.no_cache_fields)) {
            fields_push(&kept, arena, *field);
            meta->flags |= flag_of(field);
        }
    }
    if ((meta->flags & STORED_HAS_DATE) == 0) { /* RFC 9110 section 6.6.1 */
        char *date = arena_alloc(arena, HTTP_DATE_BYTES);
        http_date_format(meta->received_ms / 1000, date);
        fields_add_id(&kept, arena, FIELD_DATE, slice_make(date, HTTP_DATE_BYTES));
        meta->flags |= STORED_HAS_DATE;
    }
    return h1_write_response_part(arena, status, reason, &kept);
}

struct slice policy_head_text(const struct response_head *response, const struct cache_conf *conf,
                              struct arena *arena, struct stored_meta *meta)
{
    return policy_head_text_of_fields(response->status, response->reason, &response->fields, conf,
                                      arena, meta);
}

struct slice policy_trailers_text(const struct fields *trailers, const struct fields *head,
                                  const struct cache_conf *conf, struct arena *arena)
{
    struct fields kept = {0};
    struct cache_control control;
    policy_control(head, conf, &control);
    for (size_t i = 0; i < trailers->n; i++) {
        if (may_be_stored(&trailers->v[i], head, conf, control.no_cache_fields)) {
            fields_push(&kept, arena, trailers->v[i]);
        }
    }
    return h1_write_fields(arena, &kept);
}
