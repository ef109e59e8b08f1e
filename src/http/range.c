#include "http/range.h"

#include "base/assert.h"
#include "base/parse.h"

/* RFC 9110 section 14.1.1: `first-last`, `first-` or `-suffix`. */
struct range_spec {
    bool is_suffix;
    uint64_t first;
    uint64_t last; /* of a suffix: its length; of an open range: UINT64_MAX */
};

/* Numbers too large to count are beyond any content. */
static bool parse_place(struct slice s, uint64_t *out)
{
    return parse_u64_saturate(s, UINT64_MAX, out);
}

static bool spec_parse(struct slice s, struct range_spec *out)
{
    size_t dash = slice_find(s, '-');
    struct slice first = slice_take(s, dash);
    struct slice last = slice_skip(s, dash + 1);
    if (dash == s.n) {
        return false;
    }
    *out = (struct range_spec){.is_suffix = first.n == 0, .last = UINT64_MAX};
    if (out->is_suffix) {
        return parse_place(last, &out->last);
    }
    if (!parse_place(first, &out->first)) {
        return false;
    }
    return last.n == 0 || (parse_place(last, &out->last) && out->last >= out->first);
}

/* Steps behind the unit; false: it is another one (units are compared without case). */
static bool skip_unit(struct slice *value)
{
    struct slice unit = SLICE("bytes=");
    if (!slice_starts_nocase(*value, unit)) {
        return false;
    }
    *value = slice_skip(*value, unit.n);
    return true;
}

/* The next member that is not empty. */
static bool spec_next(struct slice *rest, struct slice *spec)
{
    while (rest->n > 0) {
        *spec = slice_trim(slice_cut(*rest, ',', rest));
        if (spec->n > 0) {
            return true;
        }
    }
    return false;
}

/* False: nothing of it lies within `length` bytes. */
static bool spec_place(const struct range_spec *spec, uint64_t length, struct byte_range *out)
{
    if (spec->is_suffix) {
        out->n = spec->last < length ? spec->last : length;
        out->first = length - out->n;
        return out->n > 0;
    }
    if (spec->first >= length) {
        return false;
    }
    uint64_t last = spec->last < length ? spec->last : length - 1;
    *out = (struct byte_range){spec->first, last - spec->first + 1};
    return true;
}

static bool overlaps_any(const struct byte_range *v, size_t n, const struct byte_range *with)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].first < with->first + with->n && with->first < v[i].first + v[i].n) {
            return true;
        }
    }
    return false;
}

enum range_result range_select(struct slice value, uint64_t length, size_t max,
                               struct byte_range *out, size_t *n)
{
    struct slice text;
    struct range_spec spec;
    bool any = false;
    ASSERT(max <= BYTE_RANGES_MAX);
    *n = 0;
    if (max == 0 || !skip_unit(&value)) {
        return RANGE_WHOLE;
    }
    while (spec_next(&value, &text)) {
        struct byte_range range;
        any = true;
        if (!spec_parse(text, &spec) || (spec.is_suffix && spec.last > 0 && length == 0)) {
            return RANGE_WHOLE; /* a part of nothing cannot be told in Content-Range */
        }
        if (!spec_place(&spec, length, &range)) {
            continue;
        }
        /* RFC 9110 section 14.2: many ranges and those that overlap may be ignored. */
        if (*n == max || overlaps_any(out, *n, &range)) {
            return RANGE_WHOLE;
        }
        out[(*n)++] = range;
    }
    if (*n > 0) {
        return RANGE_PARTIAL;
    }
    return any ? RANGE_UNSATISFIABLE : RANGE_WHOLE;
}

bool range_begins_below(struct slice value, uint64_t limit)
{
    struct slice text;
    struct range_spec spec;
    bool any = false;
    if (!skip_unit(&value)) {
        return false;
    }
    while (spec_next(&value, &text)) {
        any = true;
        if (!spec_parse(text, &spec) || spec.is_suffix || spec.first >= limit) {
            return false;
        }
    }
    return any;
}

bool content_range_parse(struct slice value, struct byte_range *out, uint64_t *length)
{
    struct slice unit = SLICE("bytes ");
    struct slice total;
    struct slice last;
    uint64_t end;
    if (!slice_starts_nocase(value, unit)) {
        return false;
    }
    struct slice first = slice_cut(slice_skip(value, unit.n), '/', &total);
    first = slice_cut(first, '-', &last);
    if (!parse_u64(first, INT64_MAX, &out->first) || !parse_u64(last, INT64_MAX, &end) ||
        !parse_u64(total, INT64_MAX, length)) {
        return false;
    }
    out->n = end - out->first + 1;
    return out->first <= end && end < *length;
}
