#include "cache/tags.h"

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == ',';
}

bool tags_next(struct slice *rest, struct slice *tag)
{
    size_t from = 0;
    while (from < rest->n && is_separator(rest->p[from]))
        from++;
    size_t end = from;
    while (end < rest->n && !is_separator(rest->p[end]))
        end++;
    *tag = slice_make(rest->p + from, end - from);
    *rest = slice_skip(*rest, end);
    return tag->n > 0;
}

bool tags_are_named(const struct slice *names, size_t n, struct slice field_name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(names[i], field_name))
            return true;
    return false;
}

/* Never longer than the fields are. */
static char *put_tags(char *at, struct slice value, size_t *count)
{
    struct slice tag;
    while (tags_next(&value, &tag)) {
        *at++ = ' ';
        memcpy(at, tag.p, tag.n);
        at += tag.n;
        ++*count;
    }
    return at;
}

bool tags_collect(const struct fields *fields, const struct slice *names, size_t names_n,
                  struct slice first, struct arena *arena, struct slice *out)
{
    size_t bytes = first.n;
    for (size_t i = 0; i < fields->n; i++)
        if (tags_are_named(names, names_n, fields->v[i].name))
            bytes += 1 + fields->v[i].value.n;
    char *p = arena_alloc(arena, bytes + 1);
    if (first.n > 0)
        memcpy(p, first.p, first.n);
    char *at = p + first.n;
    size_t count = 0;
    for (size_t i = 0; i < fields->n; i++)
        if (tags_are_named(names, names_n, fields->v[i].name))
            at = put_tags(at, fields->v[i].value, &count);
    *out = slice_make(p, (size_t)(at - p));
    return count <= TAGS_MAX;
}
