#include "proxy/escape.h"

static const char hex_upper[] = "0123456789ABCDEF";

/* -- runs that need no escape: eight bytes at once, then one by one -- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static bool has_zero_byte(uint64_t w)
{
    return ((w - EACH(1)) & ~w & EACH(0x80)) != 0;
}

/* No control byte, quote or backslash among bytes that are ASCII; 8-bit bytes may be taken for one.
 */
static bool word_is_plain(uint64_t w)
{
    bool control = ((w - EACH(0x20)) & ~w & EACH(0x80)) != 0;
    return !control && !has_zero_byte(w ^ EACH('"')) && !has_zero_byte(w ^ EACH('\\'));
}

static bool word_is_plain_ascii(uint64_t w)
{
    return (w & EACH(0x80)) == 0 && !has_zero_byte(w ^ EACH(0x7f)) && word_is_plain(w);
}

static bool byte_is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* Bytes at the front of `s` that need no escape, at most `max`. */
static size_t plain_log(struct slice s, size_t max)
{
    size_t end = s.n < max ? s.n : max;
    size_t i = 0;
    for (uint64_t w; i + sizeof w <= end; i += sizeof w) {
        memcpy(&w, s.p + i, sizeof w);
        if (!word_is_plain_ascii(w))
            break;
    }
    while (i < end && (unsigned char)s.p[i] < 0x7f && byte_is_plain(s.p[i]))
        i++;
    return i;
}

static size_t plain_json(struct slice s, size_t max)
{
    size_t end = s.n < max ? s.n : max;
    size_t i = 0;
    for (uint64_t w; i + sizeof w <= end; i += sizeof w) {
        memcpy(&w, s.p + i, sizeof w);
        if (!word_is_plain(w))
            break;
    }
    while (i < end && byte_is_plain(s.p[i]))
        i++;
    return i;
}

/* -- escapes -- */

static size_t code_log(unsigned char c, char code[8])
{
    code[0] = '\\';
    code[1] = 'x';
    code[2] = hex_upper[c >> 4];
    code[3] = hex_upper[c & 15];
    return 4;
}

static char json_letter(unsigned char c)
{
    switch (c) {
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\b': return 'b';
    case '\f': return 'f';
    case '"':
    case '\\': return (char)c;
    default: return 0;
    }
}

static size_t code_json(unsigned char c, char code[8])
{
    code[0] = '\\';
    code[1] = json_letter(c);
    if (code[1])
        return 2;
    code[1] = 'u';
    code[2] = '0';
    code[3] = '0';
    code[4] = hex_upper[c >> 4];
    code[5] = hex_upper[c & 15];
    return 6;
}

typedef size_t plain_fn(struct slice s, size_t max);
typedef size_t code_fn(unsigned char c, char code[8]);

static inline size_t append(struct slice s, char *out, size_t cap, plain_fn *plain, code_fn *code)
{
    size_t n = 0;
    for (;;) {
        size_t run = plain(s, cap - n);
        if (run > 0)
            memcpy(out + n, s.p, run);
        n += run;
        s = slice_skip(s, run);
        if (s.n == 0)
            return n;
        char text[8];
        size_t text_n = code((unsigned char)s.p[0], text);
        if (text_n > cap - n)
            return n;
        memcpy(out + n, text, text_n);
        n += text_n;
        s = slice_skip(s, 1);
    }
}

size_t escape_log(struct slice s, char *out, size_t cap)
{
    return append(s, out, cap, plain_log, code_log);
}

size_t escape_json(struct slice s, char *out, size_t cap)
{
    return append(s, out, cap, plain_json, code_json);
}
