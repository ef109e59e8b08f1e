#include "proxy/deliver_range.h"

#include "base/hash.h"
#include "cache/conditional.h"
#include "proxy/deliver_head.h"

/* What a request and a response have to be (section 14.2); `accept` are the values of the
 * response's Accept-Ranges. */
static bool may_be_ranged(struct request *r, const struct stored_view *v, struct slice accept)
{
    const struct fields *asked = &r->head.fields;
    if (r->head.method != METHOD_GET || v->meta.status != 200 ||
        fields_count(asked, FIELD_RANGE) != 1)
        return false;
    struct slice unit;
    bool accepted = r->location->force_ranges;
    while (!accepted && list_member_next(&accept, &unit))
        accepted = slice_eq_nocase(unit, SLICE("bytes"));
    return accepted && conditional_range_holds(asked, v, loop_wall(r->worker->loop) / 1000);
}

static enum range_result select_ranges(struct request *r, uint64_t length, struct byte_range *out,
                                       size_t *n)
{
    return range_select(fields_get(&r->head.fields, FIELD_RANGE), length, r->location->max_ranges,
                        out, n);
}

/* -- the parts -- */

static struct slice content_range(struct request *r, const struct byte_range *range,
                                  uint64_t length)
{
    return arena_printf(&r->arena, "bytes %llu-%llu/%llu", (unsigned long long)range->first,
                        (unsigned long long)(range->first + range->n - 1),
                        (unsigned long long)length);
}

static struct slice unsatisfied(struct request *r, uint64_t length)
{
    return arena_printf(&r->arena, "bytes */%llu", (unsigned long long)length);
}

static void make_single(struct request *r, const struct stored_view *v,
                        const struct byte_range *range, struct range_answer *a)
{
    a->n = 1;
    a->parts[0].range = *range;
    a->text.status = 206;
    a->text.content_length = range->n;
    deliver_head_range(r, v, slice_none(), content_range(r, range, v->meta.content_length),
                       &a->text);
}

/* Sixteen hex digits that nobody outside can foresee, so that no content is made to hold them. */
static uint64_t make_boundary(struct request *r)
{
    uint64_t of[2] = {r->client->serial, (uint64_t)r->start_us};
    return hash_seeded(slice_make((const char *)of, sizeof of), r->worker->key_seed);
}

static struct slice part_head(struct request *r, const struct stored_view *v,
                              const struct byte_range *range, uint64_t boundary, bool first)
{
    struct slice type = stored_field(v, SLICE("Content-Type"));
    struct slice place = content_range(r, range, v->meta.content_length);
    struct slice label = type.n > 0 ? SLICE("Content-Type: ") : slice_none();
    struct slice line_end = type.n > 0 ? SLICE("\r\n") : slice_none();
    return arena_printf(&r->arena, "%s--%016llx\r\n%.*s%.*s%.*sContent-Range: %.*s\r\n\r\n",
                        first ? "" : "\r\n", (unsigned long long)boundary, SLICE_ARG(label),
                        SLICE_ARG(type), SLICE_ARG(line_end), SLICE_ARG(place));
}

/* RFC 9110 section 14.6. */
static void make_multipart(struct request *r, const struct stored_view *v,
                           const struct byte_range *ranges, size_t n, struct range_answer *a)
{
    uint64_t boundary = make_boundary(r);
    a->tail = arena_printf(&r->arena, "\r\n--%016llx--\r\n", (unsigned long long)boundary);
    a->n = n;
    a->text.content_length = a->tail.n;
    for (size_t i = 0; i < n; i++) {
        struct range_part *part = &a->parts[i];
        part->head = part_head(r, v, &ranges[i], boundary, i == 0);
        part->range = ranges[i];
        a->text.content_length += part->head.n + ranges[i].n;
    }
    struct slice type = arena_printf(&r->arena, "multipart/byteranges; boundary=%016llx",
                                     (unsigned long long)boundary);
    a->text.status = 206;
    deliver_head_range(r, v, type, slice_none(), &a->text);
}

const struct range_answer *deliver_range_of_entry(struct request *r, const struct stored_view *v)
{
    struct byte_range ranges[BYTE_RANGES_MAX];
    size_t n = 0;
    if (!may_be_ranged(r, v, stored_field(v, SLICE("Accept-Ranges"))))
        return NULL;
    enum range_result result = select_ranges(r, v->meta.content_length, ranges, &n);
    if (result == RANGE_WHOLE)
        return NULL;
    struct range_answer *a = ARENA_NEW(&r->arena, struct range_answer);
    if (result == RANGE_UNSATISFIABLE) {
        a->text.status = 416;
        deliver_head_range(r, v, slice_none(), unsatisfied(r, v->meta.content_length), &a->text);
    } else if (n == 1) {
        make_single(r, v, &ranges[0], a);
    } else {
        make_multipart(r, v, ranges, n, a);
    }
    return a;
}

/* -- a response as it arrives -- */

void deliver_range_of_response(struct request *r, const struct stored_view *v, uint64_t length,
                               struct response_text *t)
{
    struct byte_range ranges[BYTE_RANGES_MAX];
    size_t n = 0;
    struct slice accept =
        fields_joined(&r->response->head.fields, SLICE("Accept-Ranges"), &r->arena);
    if (!r->response->conditional || !may_be_ranged(r, v, accept))
        return;
    enum range_result result = select_ranges(r, length, ranges, &n);
    if (result == RANGE_WHOLE || n > 1)
        return;
    t->has_length = true;
    if (result == RANGE_UNSATISFIABLE) {
        t->status = 416;
        t->framing = FRAMING_NONE;
        t->content_length = 0;
        t->content_range = unsatisfied(r, length);
        return;
    }
    r->ranged = true;
    r->range_skip = ranges[0].first;
    r->range_left = ranges[0].n;
    t->status = 206;
    t->framing = FRAMING_LENGTH;
    t->content_length = ranges[0].n;
    t->content_range = content_range(r, &ranges[0], length);
}

struct slice deliver_range_cut(struct request *r, struct slice content)
{
    if (!r->ranged)
        return content;
    size_t skipped = r->range_skip < content.n ? (size_t)r->range_skip : content.n;
    r->range_skip -= skipped;
    content = slice_skip(content, skipped);
    if (content.n > r->range_left)
        content = slice_take(content, (size_t)r->range_left);
    r->range_left -= content.n;
    return content;
}
