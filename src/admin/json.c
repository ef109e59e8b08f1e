#include "admin/json.h"

#include <stdint.h>

struct json {
    struct slice rest;
    struct arena *arena;
    json_member_fn *fn;
    void *owner;
    const char *wrong;
};

static bool fail(struct json *j, const char *wrong)
{
    j->wrong = wrong;
    return false;
}

static void skip_space(struct json *j)
{
    size_t n = 0;
    while (n < j->rest.n && (j->rest.p[n] == ' ' || j->rest.p[n] == '\t' || j->rest.p[n] == '\n' ||
                             j->rest.p[n] == '\r'))
        n++;
    j->rest = slice_skip(j->rest, n);
}

/* Takes the mark, with white space before it. */
static bool take(struct json *j, char mark)
{
    skip_space(j);
    if (j->rest.n == 0 || j->rest.p[0] != mark)
        return false;
    j->rest = slice_skip(j->rest, 1);
    return true;
}

/* -- strings -- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Four digits. */
static bool take_unit(struct json *j, uint32_t *unit)
{
    *unit = 0;
    if (j->rest.n < 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(j->rest.p[i]);
        if (digit < 0)
            return false;
        *unit = *unit << 4 | (uint32_t)digit;
    }
    j->rest = slice_skip(j->rest, 4);
    return true;
}

/* Behind `\u`: a unit, or two that are one character. */
static bool take_character(struct json *j, uint32_t *c)
{
    uint32_t low = 0;
    if (!take_unit(j, c) || (*c >= 0xdc00 && *c < 0xe000))
        return false;
    if (*c < 0xd800 || *c >= 0xe000)
        return true;
    if (!slice_starts(j->rest, SLICE("\\u")))
        return false;
    j->rest = slice_skip(j->rest, 2);
    if (!take_unit(j, &low) || low < 0xdc00 || low >= 0xe000)
        return false;
    *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* As UTF-8. */
static char *put_character(char *at, uint32_t c)
{
    if (c < 0x80) {
        *at++ = (char)c;
    } else if (c < 0x800) {
        *at++ = (char)(0xc0 | c >> 6);
        *at++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *at++ = (char)(0xe0 | c >> 12);
        *at++ = (char)(0x80 | (c >> 6 & 0x3f));
        *at++ = (char)(0x80 | (c & 0x3f));
    } else {
        *at++ = (char)(0xf0 | c >> 18);
        *at++ = (char)(0x80 | (c >> 12 & 0x3f));
        *at++ = (char)(0x80 | (c >> 6 & 0x3f));
        *at++ = (char)(0x80 | (c & 0x3f));
    }
    return at;
}

/* Behind a backslash. NULL: that is no escape. */
static char *put_escape(struct json *j, char *at)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (j->rest.n == 0)
        return NULL;
    char c = j->rest.p[0];
    j->rest = slice_skip(j->rest, 1);
    uint32_t character = 0;
    if (c == 'u')
        return take_character(j, &character) ? put_character(at, character) : NULL;
    size_t which = slice_find(slice_of(from), c);
    if (which == sizeof from - 1)
        return NULL;
    *at = to[which];
    return at + 1;
}

/* Bytes of the string that begins here, with its escapes. */
static size_t raw_length(struct slice s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] != '"')
        n += s.p[n] == '\\' ? 2 : 1;
    return n < s.n ? n : s.n;
}

/* No escape becomes longer than it was. */
static bool take_string(struct json *j, struct slice *out)
{
    if (!take(j, '"'))
        return fail(j, "a name or a string in double quotes is missing");
    char *p = arena_alloc(j->arena, raw_length(j->rest) + 1);
    char *at = p;
    while (j->rest.n > 0 && j->rest.p[0] != '"') {
        char c = j->rest.p[0];
        j->rest = slice_skip(j->rest, 1);
        if ((unsigned char)c < 0x20)
            return fail(j, "a control byte in a string");
        if (c != '\\')
            *at++ = c;
        else
            at = put_escape(j, at);
        if (at == NULL)
            return fail(j, "an unknown escape in a string");
    }
    *out = slice_make(p, (size_t)(at - p));
    return take(j, '"') || fail(j, "a string does not end");
}

/* -- values -- */

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* A string, or a word: true, false, a number. */
static bool take_scalar(struct json *j, struct slice *out)
{
    skip_space(j);
    if (slice_starts(j->rest, SLICE("\"")))
        return take_string(j, out);
    size_t n = 0;
    while (n < j->rest.n && is_bare(j->rest.p[n]))
        n++;
    *out = slice_take(j->rest, n);
    j->rest = slice_skip(j->rest, n);
    return n > 0 || fail(j, "a value is a string, true, false, or a list of strings");
}

static bool take_value(struct json *j, struct slice name)
{
    struct slice value;
    if (!take(j, '['))
        return take_scalar(j, &value) && j->fn(j->owner, name, value);
    if (take(j, ']'))
        return true;
    do {
        if (!take_scalar(j, &value) || !j->fn(j->owner, name, value))
            return false;
    } while (take(j, ','));
    return take(j, ']') || fail(j, "a list does not end with ]");
}

static bool take_member(struct json *j)
{
    struct slice name;
    if (!take_string(j, &name))
        return false;
    if (!take(j, ':'))
        return fail(j, "a : is missing behind a name");
    return take_value(j, name);
}

static bool take_object(struct json *j)
{
    if (!take(j, '{'))
        return fail(j, "the content is no JSON object");
    if (!take(j, '}')) {
        do {
            if (!take_member(j))
                return false;
        } while (take(j, ','));
        if (!take(j, '}'))
            return fail(j, "the object does not end with }");
    }
    skip_space(j);
    return j->rest.n == 0 || fail(j, "something stands behind the object");
}

bool json_each_member(struct slice text, struct arena *arena, json_member_fn *fn, void *owner,
                      const char **wrong)
{
    struct json j = {.rest = text, .arena = arena, .fn = fn, .owner = owner};
    bool ok = take_object(&j);
    *wrong = j.wrong;
    return ok;
}
