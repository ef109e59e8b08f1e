/* Bounded parsing of numbers and units, and the way back. */
#include "base/parse.h"

#include "base/slice.h"

struct unit {
    const char *name;
    uint64_t factor;
};

#define MS_PER_S   UINT64_C(1000)
#define MS_PER_DAY (86400 * MS_PER_S)

/* A name that begins another one stands behind it. */
static const struct unit duration_units[] = {
    {"y", 365 * MS_PER_DAY}, {"M", 30 * MS_PER_DAY}, {"w", 7 * MS_PER_DAY},
    {"d", MS_PER_DAY},       {"h", 3600 * MS_PER_S}, {"ms", 1},
    {"m", 60 * MS_PER_S},    {"s", MS_PER_S},
};
#define UNIT_SECONDS (ARRAY_LEN(duration_units) - 1)
#define UNIT_UNKNOWN ARRAY_LEN(duration_units)

static const struct unit size_units[] = {
    {"g", UINT64_C(1) << 30},
    {"m", UINT64_C(1) << 20},
    {"k", UINT64_C(1) << 10},
};

static const struct bool_word {
    const char *word;
    bool value;
} bool_words[] = {{"on", true},  {"off", false}, {"yes", true},
                  {"no", false}, {"true", true}, {"false", false}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at the front of `s`, which are cut off it; UINT64_MAX where they are more than that.
 * False: there are none. */
static bool take_digits(struct slice *s, uint64_t *out, bool *overflow)
{
    uint64_t v = 0;
    size_t i = 0;
    *overflow = false;
    for (; i < s->n && is_digit(s->p[i]); i++) {
        uint64_t digit = (uint64_t)(s->p[i] - '0');
        *overflow |= __builtin_mul_overflow(v, UINT64_C(10), &v);
        *overflow |= __builtin_add_overflow(v, digit, &v);
    }
    *out = *overflow ? UINT64_MAX : v;
    *s = slice_skip(*s, i);
    return i > 0;
}

bool parse_u64(struct slice s, uint64_t max, uint64_t *out)
{
    uint64_t v;
    bool overflow;
    if (!take_digits(&s, &v, &overflow) || s.n > 0 || overflow || v > max) {
        return false;
    }
    *out = v;
    return true;
}

bool parse_u64_saturate(struct slice s, uint64_t max, uint64_t *out)
{
    uint64_t v;
    bool overflow;
    if (!take_digits(&s, &v, &overflow) || s.n > 0) {
        return false;
    }
    *out = v < max ? v : max;
    return true;
}

bool parse_i64(struct slice s, int64_t *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t v;
    if (!parse_u64(slice_skip(s, negative ? 1 : 0), (uint64_t)INT64_MAX + (negative ? 1 : 0), &v)) {
        return false;
    }
    *out = (int64_t)(negative ? -v : v);
    return true;
}

int parse_hex_digit(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool parse_hex_u64(struct slice s, uint64_t *out)
{
    if (s.n < 1 || s.n > 16) {
        return false;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        int digit = parse_hex_digit(s.p[i]);
        if (digit < 0) {
            return false;
        }
        v = v << 4 | (uint64_t)digit;
    }
    *out = v;
    return true;
}

static bool add_product(uint64_t *total, uint64_t value, uint64_t factor)
{
    uint64_t product;
    return !__builtin_mul_overflow(value, factor, &product) &&
           !__builtin_add_overflow(*total, product, total) && *total <= INT64_MAX;
}

/* Index of the unit whose name stands at the front of `s`, which is cut off it; seconds where
 * nothing follows the number. */
static size_t take_duration_unit(struct slice *s)
{
    if (s->n == 0) {
        return UNIT_SECONDS;
    }
    for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
        struct slice name = slice_of(duration_units[i].name);
        if (slice_starts(*s, name)) {
            *s = slice_skip(*s, name.n);
            return i;
        }
    }
    return UNIT_UNKNOWN;
}

bool parse_duration_ms(struct slice s, int64_t *out_ms)
{
    uint64_t total = 0;
    unsigned seen = 0; /* a bit per unit: each stands once */
    do {
        uint64_t value;
        bool overflow;
        if (!take_digits(&s, &value, &overflow) || overflow) {
            return false;
        }
        size_t unit = take_duration_unit(&s);
        if (unit == UNIT_UNKNOWN || (seen >> unit & 1) != 0 ||
            !add_product(&total, value, duration_units[unit].factor)) {
            return false;
        }
        seen |= 1U << unit;
        while (s.n > 1 && s.p[0] == ' ') { /* `1h 30m`; none at the end */
            s = slice_skip(s, 1);
        }
    } while (s.n > 0);
    *out_ms = (int64_t)total;
    return true;
}

static uint64_t size_factor(char name)
{
    for (size_t i = 0; i < ARRAY_LEN(size_units); i++) {
        if (size_units[i].name[0] == ascii_lower(name)) {
            return size_units[i].factor;
        }
    }
    return 0;
}

bool parse_size_bytes(struct slice s, int64_t *out_bytes)
{
    uint64_t value;
    bool overflow;
    if (!take_digits(&s, &value, &overflow) || overflow || s.n > 1) {
        return false;
    }
    uint64_t factor = s.n == 1 ? size_factor(s.p[0]) : 1;
    uint64_t total = 0;
    if (factor == 0 || !add_product(&total, value, factor)) {
        return false;
    }
    *out_bytes = (int64_t)total;
    return true;
}

bool parse_bool(struct slice s, bool *out)
{
    for (size_t i = 0; i < ARRAY_LEN(bool_words); i++) {
        if (slice_eq_nocase(s, slice_of(bool_words[i].word))) {
            *out = bool_words[i].value;
            return true;
        }
    }
    return false;
}

size_t format_u64(char *buf, uint64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    memcpy(buf, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

static size_t format_with_unit(char *buf, int64_t v, uint64_t factor, const char *name)
{
    size_t n = 0;
    if (v < 0) {
        buf[n++] = '-';
    }
    uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;
    n += format_u64(buf + n, magnitude / factor);
    while (*name != '\0') {
        buf[n++] = *name++;
    }
    return n;
}

static const struct unit *largest_divisor(const struct unit *units, size_t count, int64_t v)
{
    uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;
    const struct unit *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (magnitude % units[i].factor == 0 && (best == NULL || units[i].factor > best->factor)) {
            best = &units[i];
        }
    }
    return best;
}

size_t format_duration_ms(char *buf, int64_t ms)
{
    if (ms == 0) {
        return format_with_unit(buf, 0, 1, "s");
    }
    const struct unit *unit = largest_divisor(duration_units, ARRAY_LEN(duration_units), ms);
    return format_with_unit(buf, ms, unit->factor, unit->name);
}

size_t format_size_bytes(char *buf, int64_t bytes)
{
    const struct unit *unit =
        bytes == 0 ? NULL : largest_divisor(size_units, ARRAY_LEN(size_units), bytes);
    return unit == NULL ? format_with_unit(buf, bytes, 1, "")
                        : format_with_unit(buf, bytes, unit->factor, unit->name);
}
