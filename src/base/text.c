#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define PAGE_BYTES_MAX (16 * 1024 * 1024)
#define PIECE_BYTES    1024

void text_init(struct text *t)
{
    buf_init(&t->buf, PAGE_BYTES_MAX);
    t->failed = false;
}

void text_fini(struct text *t)
{
    buf_fini(&t->buf);
}

void text_add(struct text *t, struct slice s)
{
    if (s.n > 0 && !buf_append(&t->buf, s))
        t->failed = true;
}

void text_printf(struct text *t, const char *fmt, ...)
{
    char piece[PIECE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(piece, sizeof piece, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= (int)sizeof piece) {
        t->failed = true;
        return;
    }
    text_add(t, slice_make(piece, (size_t)n));
}

/* Bytes of the UTF-8 sequence at the start of `s` (RFC 3629 section 4), 0 where there is none. */
static size_t utf8_length(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
               : p[0] >= 0xe0 && p[0] <= 0xef ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;
    if (n == 0 || n > s.n)
        return 0;
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return n;
}

void text_json(struct text *t, struct slice s)
{
    text_add(t, SLICE("\""));
    while (s.n > 0) {
        size_t n = utf8_length(s);
        unsigned char c = (unsigned char)s.p[0];
        if (n == 0)
            text_add(t, SLICE("\\ufffd"));
        else if (c == '"' || c == '\\')
            text_printf(t, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            text_printf(t, "\\u%04x", c);
        else
            text_add(t, slice_take(s, n));
        s = slice_skip(s, n == 0 ? 1 : n);
    }
    text_add(t, SLICE("\""));
}

void text_label(struct text *t, struct slice s)
{
    text_add(t, SLICE("\""));
    for (; s.n > 0; s = slice_skip(s, 1)) {
        if (s.p[0] == '\n')
            text_add(t, SLICE("\\n"));
        else if (s.p[0] == '"' || s.p[0] == '\\')
            text_printf(t, "\\%c", s.p[0]);
        else
            text_add(t, slice_take(s, 1));
    }
    text_add(t, SLICE("\""));
}
