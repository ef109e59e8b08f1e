#include "http/media_type.h"

#include "http/fields.h"

struct slice media_type_of(struct slice content_type)
{
    struct slice parameters;
    return slice_trim(slice_cut(content_type, ';', &parameters));
}

bool media_type_is_pattern(struct slice s)
{
    struct slice behind;
    struct slice subtype;
    (void)slice_cut(s, '*', &behind);
    bool one_star = slice_find(behind, '*') == behind.n;
    struct slice type = slice_cut(s, '/', &subtype);
    return slice_eq(s, SLICE("*")) || (one_star && slice_is_token(type) && slice_is_token(subtype));
}

bool media_type_matches(struct slice pattern, struct slice type)
{
    struct slice end = slice_none();
    struct slice start = slice_cut(pattern, '*', &end);
    if (start.n == pattern.n)
        return slice_eq_nocase(pattern, type);
    return type.n >= start.n + end.n && slice_eq_nocase(slice_take(type, start.n), start) &&
           slice_eq_nocase(slice_skip(type, type.n - end.n), end);
}
