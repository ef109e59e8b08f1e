/* The parser of RFC 8941 section 4.2: each function takes what it names off the front of `*s`, and
 * is false where that does not stand there. */
#include "cache/structured.h"

#include "http/fields.h"

#define INTEGER_DIGITS  15
#define DECIMAL_DIGITS  12
#define FRACTION_DIGITS 3

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_alpha(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool starts_with(const struct slice *s, char c)
{
    return s->n > 0 && s->p[0] == c;
}

static bool take_char(struct slice *s, char c)
{
    bool there = starts_with(s, c);
    *s = slice_skip(*s, there ? 1 : 0);
    return there;
}

static void skip_spaces(struct slice *s)
{
    while (take_char(s, ' ')) {
    }
}

static void skip_white_space(struct slice *s)
{
    while (take_char(s, ' ') || take_char(s, '\t')) {
    }
}

/* The first `n` bytes. */
static struct slice take_bytes(struct slice *s, size_t n)
{
    struct slice taken = slice_take(*s, n);
    *s = slice_skip(*s, n);
    return taken;
}

/* Section 4.2.3.3. */
static bool take_key(struct slice *s, struct slice *key)
{
    if (s->n == 0 || !(is_lower(s->p[0]) || s->p[0] == '*')) {
        return false;
    }
    size_t n = 1;
    while (n < s->n && (is_lower(s->p[n]) || is_digit(s->p[n]) || s->p[n] == '_' ||
                        s->p[n] == '-' || s->p[n] == '.' || s->p[n] == '*')) {
        n++;
    }
    *key = take_bytes(s, n);
    return true;
}

static size_t take_digits(struct slice *s, int64_t *value)
{
    size_t n = 0;
    *value = 0;
    while (s->n > 0 && is_digit(s->p[0]) && n <= INTEGER_DIGITS) {
        *value = *value * 10 + (s->p[0] - '0');
        *s = slice_skip(*s, 1);
        n++;
    }
    return n;
}

/* Section 4.2.4. */
static bool take_number(struct slice *s, struct structured_member *out)
{
    bool negative = take_char(s, '-');
    int64_t fraction = 0;
    size_t digits = take_digits(s, &out->integer);
    out->integer = negative ? -out->integer : out->integer;
    out->type = STRUCTURED_INTEGER;
    if (!take_char(s, '.')) {
        return digits > 0 && digits <= INTEGER_DIGITS;
    }
    size_t behind = take_digits(s, &fraction);
    out->type = STRUCTURED_DECIMAL;
    return digits > 0 && digits <= DECIMAL_DIGITS && behind > 0 && behind <= FRACTION_DIGITS;
}

/* Section 4.2.5. */
static bool take_string(struct slice *s, struct slice *text)
{
    struct slice rest = slice_skip(*s, 1);
    for (size_t i = 0; i < rest.n; i++) {
        char c = rest.p[i];
        if (c == '"') {
            *text = slice_take(rest, i);
            *s = slice_skip(rest, i + 1);
            return true;
        }
        if (c == '\\') {
            i++;
            if (i == rest.n || (rest.p[i] != '"' && rest.p[i] != '\\')) {
                return false;
            }
        } else if (c < 0x20 || c > 0x7e) {
            return false;
        }
    }
    return false;
}

/* Section 4.2.6. */
static struct slice take_token(struct slice *s)
{
    size_t n = 1;
    while (n < s->n && (byte_is_tchar(s->p[n]) || s->p[n] == ':' || s->p[n] == '/')) {
        n++;
    }
    return take_bytes(s, n);
}

/* Section 4.2.7. */
static bool take_byte_sequence(struct slice *s, struct slice *text)
{
    struct slice rest = slice_skip(*s, 1);
    size_t n = 0;
    while (n < rest.n && (is_alpha(rest.p[n]) || is_digit(rest.p[n]) || rest.p[n] == '+' ||
                          rest.p[n] == '/' || rest.p[n] == '=')) {
        n++;
    }
    *text = take_bytes(&rest, n);
    *s = rest;
    return take_char(s, ':');
}

/* Section 4.2.8. */
static bool take_boolean(struct slice *s, bool *value)
{
    *s = slice_skip(*s, 1);
    *value = starts_with(s, '1');
    return take_char(s, '1') || take_char(s, '0');
}

/* Section 4.2.3.1. */
static bool take_bare_item(struct slice *s, struct structured_member *out)
{
    char c = '\0';
    if (s->n > 0) {
        c = s->p[0];
    }
    if (c == '-' || is_digit(c)) {
        return take_number(s, out);
    }
    if (c == '"') {
        out->type = STRUCTURED_STRING;
        return take_string(s, &out->text);
    }
    if (c == ':') {
        out->type = STRUCTURED_BYTES;
        return take_byte_sequence(s, &out->text);
    }
    if (c == '?') {
        out->type = STRUCTURED_BOOLEAN;
        return take_boolean(s, &out->boolean);
    }
    if (c == '*' || is_alpha(c)) {
        out->type = STRUCTURED_TOKEN;
        out->text = take_token(s);
        return true;
    }
    return false;
}

/* Section 4.2.3.2. */
static bool take_parameters(struct slice *s)
{
    struct slice key;
    struct structured_member value;
    while (take_char(s, ';')) {
        skip_spaces(s);
        if (!take_key(s, &key) || (take_char(s, '=') && !take_bare_item(s, &value))) {
            return false;
        }
    }
    return true;
}

/* Section 4.2.1.2, behind the opening parenthesis. */
static bool take_inner_list(struct slice *s)
{
    struct structured_member item;
    for (;;) {
        skip_spaces(s);
        if (take_char(s, ')')) {
            return true;
        }
        if (!take_bare_item(s, &item) || !take_parameters(s) ||
            !(starts_with(s, ' ') || starts_with(s, ')'))) {
            return false;
        }
    }
}

static bool take_value(struct slice *s, struct structured_member *out)
{
    if (!take_char(s, '=')) {
        out->type = STRUCTURED_BOOLEAN;
        out->boolean = true;
        return true;
    }
    if (take_char(s, '(')) {
        out->type = STRUCTURED_INNER_LIST;
        return take_inner_list(s);
    }
    return take_bare_item(s, out);
}

/* Section 4.2.2: behind a member stands the end, or a comma and another member. */
static bool take_separator(struct slice *s)
{
    skip_white_space(s);
    if (s->n == 0) {
        return true;
    }
    bool comma = take_char(s, ',');
    skip_white_space(s);
    return comma && s->n > 0;
}

enum structured_result structured_next(struct slice *rest, struct structured_member *out)
{
    *out = (struct structured_member){0};
    skip_spaces(rest);
    if (rest->n == 0) {
        return STRUCTURED_END;
    }
    bool valid = take_key(rest, &out->key) && take_value(rest, out) && take_parameters(rest) &&
                 take_separator(rest);
    return valid ? STRUCTURED_MEMBER : STRUCTURED_INVALID;
}
