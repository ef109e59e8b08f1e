/* Preconditions of clients, and conditions of our own for an origin. */
#include "cache/conditional.h"

#include "http/date.h"

/* -- entity tags -- */

static bool etag_is_weak(struct slice etag)
{
    return slice_starts(etag, SLICE("W/"));
}

static struct slice etag_opaque(struct slice etag)
{
    return slice_skip(etag, etag_is_weak(etag) ? 2 : 0);
}

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == ',';
}

/* Where the tag that `s` starts with ends. An opaque tag knows no escapes (RFC 9110 section 8.8.3),
 * so it is no quoted string: `"a\"` is whole. What stands unquoted ends at the comma. */
static size_t etag_end(struct slice s)
{
    size_t at = etag_is_weak(s) ? 2 : 0;
    if (at < s.n && s.p[at] == '"') {
        at += 1;
        at += slice_find(slice_skip(s, at), '"');
    }
    return at + slice_find(slice_skip(s, at), ',');
}

static bool etag_next(struct slice *rest, struct slice *etag)
{
    while (rest->n > 0 && is_separator(rest->p[0])) {
        *rest = slice_skip(*rest, 1);
    }
    size_t end = etag_end(*rest);
    *etag = slice_trim(slice_take(*rest, end));
    *rest = slice_skip(*rest, end);
    return etag->n > 0;
}

bool etag_list_matches_weak(struct slice list, struct slice etag)
{
    struct slice opaque = etag_opaque(etag);
    struct slice one;
    if (slice_eq(slice_trim(list), SLICE("*"))) {
        return true;
    }
    while (opaque.n > 0 && etag_next(&list, &one)) {
        if (slice_eq(etag_opaque(one), opaque)) {
            return true;
        }
    }
    return false;
}

bool etag_matches_strong(struct slice a, struct slice b)
{
    return a.n > 0 && !etag_is_weak(a) && slice_eq(a, b);
}

static bool etag_list_matches_strong(struct slice list, struct slice etag)
{
    struct slice one;
    if (slice_eq(slice_trim(list), SLICE("*"))) {
        return true;
    }
    while (etag_next(&list, &one)) {
        if (etag_matches_strong(one, etag)) {
            return true;
        }
    }
    return false;
}

/* -- evaluation -- */

typedef bool etag_match_fn(struct slice list, struct slice etag);

/* Does any line of that field match? */
static bool any_line_matches(const struct fields *fields, enum field_id id, struct slice etag,
                             etag_match_fn *match)
{
    const struct field *line = fields_find(fields, id);
    while (line != NULL && !match(line->value, etag)) {
        line = fields_next(fields, id, slice_none(), line);
    }
    return line != NULL;
}

/* A single, valid date; else the condition does not count (RFC 9110 sections 13.1.3, 13.1.4). */
static bool condition_date(const struct fields *fields, enum field_id id, wall_s now, wall_s *out)
{
    return fields_count(fields, id) == 1 && http_date_parse(fields_get(fields, id), now, out);
}

static wall_s date_of(const struct stored_view *view, wall_s now)
{
    wall_s date = 0;
    bool dated = http_date_parse(stored_field(view, SLICE("Date")), now, &date);
    return dated ? date : view->meta.received_ms / 1000;
}

/* RFC 9111 section 4.3.2: without Last-Modified the Date counts, without Date the time of receipt.
 */
static wall_s modified_at(const struct stored_view *view, wall_s now)
{
    return view->meta.last_modified >= 0 ? view->meta.last_modified : date_of(view, now);
}

/* Steps 1 and 2 of section 13.2.2. */
static bool preconditions_hold(const struct fields *fields, const struct stored_view *view,
                               wall_s now)
{
    wall_s date = 0;
    if (fields_has(fields, FIELD_IF_MATCH)) {
        return any_line_matches(fields, FIELD_IF_MATCH, view->etag, etag_list_matches_strong);
    }
    bool dated = condition_date(fields, FIELD_IF_UNMODIFIED_SINCE, now, &date);
    return !dated || view->meta.last_modified < 0 || view->meta.last_modified <= date;
}

/* Steps 3 and 4. */
static bool is_held_by_client(const struct fields *fields, const struct stored_view *view,
                              wall_s now)
{
    wall_s date = 0;
    if (fields_has(fields, FIELD_IF_NONE_MATCH)) {
        return any_line_matches(fields, FIELD_IF_NONE_MATCH, view->etag, etag_list_matches_weak);
    }
    return condition_date(fields, FIELD_IF_MODIFIED_SINCE, now, &date) &&
           modified_at(view, now) <= date;
}

bool conditional_is_asked(const struct fields *request)
{
    return fields_has(request, FIELD_IF_NONE_MATCH) ||
           fields_has(request, FIELD_IF_MODIFIED_SINCE) || fields_has(request, FIELD_IF_MATCH) ||
           fields_has(request, FIELD_IF_UNMODIFIED_SINCE);
}

enum condition conditional_evaluate(const struct request_head *request,
                                    const struct stored_view *view, wall_s now)
{
    bool is_read = request->method == METHOD_GET || request->method == METHOD_HEAD;
    bool is_success = view->meta.status == 200 || view->meta.status == 206;
    if (!is_read || !is_success) {
        return CONDITION_PASS; /* RFC 9110 section 13.2.1, RFC 9111 section 4.3.2 */
    }
    if (!preconditions_hold(&request->fields, view, now)) {
        return CONDITION_FAILED;
    }
    return is_held_by_client(&request->fields, view, now) ? CONDITION_NOT_MODIFIED : CONDITION_PASS;
}

/* -- If-Range -- */

bool conditional_range_holds(const struct fields *request, const struct stored_view *view,
                             wall_s now)
{
    wall_s asked = 0;
    if (!fields_has(request, FIELD_IF_RANGE)) {
        return true;
    }
    struct slice value = fields_get(request, FIELD_IF_RANGE);
    if (fields_count(request, FIELD_IF_RANGE) != 1) {
        return false;
    }
    if (etag_is_weak(value) || slice_starts(value, SLICE("\""))) {
        return etag_matches_strong(value, view->etag);
    }
    /* Strong only when it was not changed within the second that it was sent in (RFC 9110 section
     * 8.8.2.2), and compared for equality. */
    return http_date_parse(value, now, &asked) && asked >= 0 && asked == view->meta.last_modified &&
           date_of(view, now) > asked;
}

/* RFC 9110 section 8.8.2.2: a client, too, takes a date for strong that is a minute older than the
 * response. */
#define STRONG_DATE_S 60

struct slice conditional_range_validator(const struct stored_view *view)
{
    if (view->etag.n > 0) {
        return etag_is_weak(view->etag) ? slice_none() : view->etag;
    }
    wall_s modified = view->meta.last_modified;
    bool strong =
        modified >= 0 && date_of(view, view->meta.received_ms / 1000) - modified >= STRONG_DATE_S;
    return strong ? stored_field(view, SLICE("Last-Modified")) : slice_none();
}

/* -- our own validation -- */

bool conditional_add(const struct stored_view *view, struct fields *request, struct arena *arena)
{
    bool is_success = view->meta.status / 100 == 2;
    bool dated = view->meta.last_modified >= 0;
    struct slice modified = dated ? stored_field(view, SLICE("Last-Modified")) : slice_none();
    fields_remove(request, FIELD_IF_NONE_MATCH);
    fields_remove(request, FIELD_IF_MODIFIED_SINCE);
    if (!is_success) {
        return false; /* RFC 9110 section 13.2.1: a 304 would speak of a 2xx */
    }
    if (view->etag.n > 0) {
        fields_add_id(request, arena, FIELD_IF_NONE_MATCH, view->etag);
    }
    if (modified.n > 0) {
        fields_add_id(request, arena, FIELD_IF_MODIFIED_SINCE, modified);
    }
    return view->etag.n > 0 || modified.n > 0;
}
