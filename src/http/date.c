/* HTTP-date: days are counted arithmetically in the proleptic Gregorian calendar, without time
 * zones or locale. */
#include "http/date.h"

#define S_PER_DAY    INT64_C(86400)
#define DAYS_PER_ERA 146097                         /* 400 years */
#define DAYS_TO_1970 719468                         /* from 1 March of the year 0 */
#define FIRST_S      (INT64_C(-719528) * S_PER_DAY) /* 1 January of the year 0 */
#define LAST_S       (INT64_C(253402300799))        /* the last second of 9999 */

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const struct slice long_day_names[7] = {
    SLICE_INIT("Sunday"),   SLICE_INIT("Monday"), SLICE_INIT("Tuesday"),  SLICE_INIT("Wednesday"),
    SLICE_INIT("Thursday"), SLICE_INIT("Friday"), SLICE_INIT("Saturday"),
};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
    unsigned hour;
    unsigned minute;
    unsigned second;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Days since 1970. Years begin in March here, so that the leap day is the last one. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t y = year - (month <= 2 ? 1 : 0);
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

static void civil_of_days(int64_t days, struct civil *out)
{
    int64_t z = days + DAYS_TO_1970;
    int64_t era = floor_div(z, DAYS_PER_ERA);
    int64_t doe = z - era * DAYS_PER_ERA;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / (DAYS_PER_ERA - 1)) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned month_from_march = (unsigned)((5 * doy + 2) / 153);
    out->day = (unsigned)(doy - (153 * month_from_march + 2) / 5 + 1);
    out->month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    out->year = yoe + era * 400 + (out->month <= 2 ? 1 : 0);
}

static void put2(char *p, unsigned v)
{
    p[0] = (char)('0' + v / 10 % 10);
    p[1] = (char)('0' + v % 10);
}

void http_date_format(wall_s t, char *buf)
{
    wall_s in_range = t < FIRST_S ? FIRST_S : t > LAST_S ? LAST_S : t;
    int64_t days = floor_div(in_range, S_PER_DAY);
    unsigned s = (unsigned)(in_range - days * S_PER_DAY);
    struct slice shape = SLICE("Sun, 06 Nov 1994 08:49:37 GMT");
    struct civil c;
    civil_of_days(days, &c);
    memcpy(buf, shape.p, shape.n);
    memcpy(buf, day_names[(days % 7 + 11) % 7], 3); /* day 0 was a Thursday */
    put2(buf + 5, c.day);
    memcpy(buf + 8, month_names[c.month - 1], 3);
    put2(buf + 12, (unsigned)c.year / 100);
    put2(buf + 14, (unsigned)c.year % 100);
    put2(buf + 17, s / 3600);
    put2(buf + 20, s / 60 % 60);
    put2(buf + 23, s % 60);
}

/* -- parsing: each function takes what it names off the front of `*s` -- */

static bool take_text(struct slice *s, struct slice text)
{
    bool there = slice_starts_nocase(*s, text);
    *s = slice_skip(*s, there ? text.n : 0);
    return there;
}

static bool take_number(struct slice *s, size_t digits, unsigned *out)
{
    unsigned v = 0;
    if (s->n < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (s->p[i] < '0' || s->p[i] > '9') {
            return false;
        }
        v = v * 10 + (unsigned)(s->p[i] - '0');
    }
    *s = slice_skip(*s, digits);
    *out = v;
    return true;
}

/* Three letters as a number, without case: no other byte becomes one of the letters. */
static uint32_t three_letters(const char *p)
{
    return (uint32_t)(p[0] | 0x20) << 16 | (uint32_t)(p[1] | 0x20) << 8 | (uint32_t)(p[2] | 0x20);
}

/* Which one of the names it is; `count` where it is none. */
static size_t take_short_name(struct slice *s, const char (*names)[4], size_t count)
{
    if (s->n < 3) {
        return count;
    }
    uint32_t letters = three_letters(s->p);
    size_t i = 0;
    while (i < count && three_letters(names[i]) != letters) {
        i++;
    }
    *s = slice_skip(*s, i < count ? 3 : 0);
    return i;
}

static bool take_short_day(struct slice *s)
{
    return take_short_name(s, day_names, ARRAY_LEN(day_names)) < ARRAY_LEN(day_names);
}

static bool take_long_day(struct slice *s)
{
    for (size_t i = 0; i < ARRAY_LEN(long_day_names); i++) {
        if (take_text(s, long_day_names[i])) {
            return true;
        }
    }
    return false;
}

static bool take_month(struct slice *s, struct civil *c)
{
    size_t i = take_short_name(s, month_names, ARRAY_LEN(month_names));
    c->month = (unsigned)i + 1;
    return i < ARRAY_LEN(month_names);
}

static bool take_year(struct slice *s, struct civil *c)
{
    unsigned year = 0;
    bool there = take_number(s, 4, &year);
    c->year = year;
    return there;
}

static bool take_time(struct slice *s, struct civil *c)
{
    return take_number(s, 2, &c->hour) && take_text(s, SLICE(":")) &&
           take_number(s, 2, &c->minute) && take_text(s, SLICE(":")) &&
           take_number(s, 2, &c->second);
}

/* Behind `Sun, `: `06 Nov 1994 08:49:37 GMT`. */
static bool take_fixdate(struct slice s, struct civil *c)
{
    return take_number(&s, 2, &c->day) && take_text(&s, SLICE(" ")) && take_month(&s, c) &&
           take_text(&s, SLICE(" ")) && take_year(&s, c) && take_text(&s, SLICE(" ")) &&
           take_time(&s, c) && take_text(&s, SLICE(" GMT")) && s.n == 0;
}

static int64_t year_of(wall_s t)
{
    struct civil c;
    civil_of_days(floor_div(t, S_PER_DAY), &c);
    return c.year;
}

/* Behind `Sunday, `: `06-Nov-94 08:49:37 GMT`. */
static bool take_rfc850(struct slice s, wall_s now, struct civil *c)
{
    unsigned two_digits = 0;
    if (!take_number(&s, 2, &c->day) || !take_text(&s, SLICE("-")) || !take_month(&s, c) ||
        !take_text(&s, SLICE("-")) || !take_number(&s, 2, &two_digits) ||
        !take_text(&s, SLICE(" ")) || !take_time(&s, c) || !take_text(&s, SLICE(" GMT")) ||
        s.n != 0) {
        return false;
    }
    /* RFC 9110 section 5.6.7: the latest year with these digits that is at most 50 years ahead. */
    int64_t latest = year_of(now) + 50;
    int64_t back = (latest - two_digits) % 100;
    c->year = latest - (back < 0 ? back + 100 : back);
    return true;
}

/* Behind `Sun `: `Nov  6 08:49:37 1994`. */
static bool take_asctime(struct slice s, struct civil *c)
{
    return take_month(&s, c) && take_text(&s, SLICE(" ")) &&
           (take_text(&s, SLICE(" ")) ? take_number(&s, 1, &c->day)
                                      : take_number(&s, 2, &c->day)) &&
           take_text(&s, SLICE(" ")) && take_time(&s, c) && take_text(&s, SLICE(" ")) &&
           take_year(&s, c) && s.n == 0;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month == 2) {
        return leap ? 29 : 28;
    }
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* A leap second counts as the second behind it. */
static bool civil_to_wall(const struct civil *c, wall_s *out)
{
    if (c->day < 1 || c->day > days_in_month(c->year, c->month) || c->hour > 23 || c->minute > 59 ||
        c->second > 60) {
        return false;
    }
    *out = days_of(c->year, c->month, c->day) * S_PER_DAY + c->hour * 3600 + c->minute * 60 +
           c->second;
    return true;
}

bool http_date_parse(struct slice s, wall_s now, wall_s *out)
{
    struct civil c = {0};
    bool is_short = s.n > 3 && (s.p[3] == ',' || s.p[3] == ' ');
    bool there;
    if (!is_short) {
        there = take_long_day(&s) && take_text(&s, SLICE(", ")) && take_rfc850(s, now, &c);
    } else if (!take_short_day(&s)) {
        there = false;
    } else {
        there = take_text(&s, SLICE(", ")) ? take_fixdate(s, &c)
                                           : take_text(&s, SLICE(" ")) && take_asctime(s, &c);
    }
    return there && civil_to_wall(&c, out);
}
