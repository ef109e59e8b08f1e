/* Lifetime, age and reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/freshness.h"
#include "cache/heads.h"

static const struct cache_conf plain = {.heuristic_max_s = 86400};

/* -- lifetime -- */

struct lifetime_row {
    const char *name;
    unsigned status;
    const char *lines;
    int64_t want;
    enum freshness_source source;
};

static void check_lifetimes(const struct lifetime_row *rows, size_t n,
                            const struct cache_conf *conf)
{
    for (size_t i = 0; i < n; i++) {
        struct arena arena;
        struct cache_control c;
        enum freshness_source source;
        bool is_explicit;
        arena_init(&arena, NULL);
        struct response_head head = heads_response(&arena, rows[i].status, rows[i].lines);
        cache_control_parse(&head.fields, &c);
        int64_t got = freshness_lifetime_by(&head, &c, conf, NOW_S, &source);
        if (got != rows[i].want || source != rows[i].source) {
            fail_msg("%s: %lld by %d", rows[i].name, (long long)got, (int)source);
        }
        assert_int_equal(freshness_lifetime_s(&head, &c, conf, NOW_S, &is_explicit), got);
        assert_int_equal(is_explicit, source != FRESHNESS_NONE && source != FRESHNESS_HEURISTIC);
        arena_fini(&arena);
    }
}

static void order_of_sources(void **state)
{
    (void)state;
    static const struct lifetime_row rows[] = {
        {"nothing said: no default", 200, "", 0, FRESHNESS_NONE},
        {"unknown directive says nothing", 200, "Cache-Control: foobar", 0, FRESHNESS_NONE},
        {"public says no lifetime", 200, "Cache-Control: public", 0, FRESHNESS_NONE},
        {"5.2.2.1: max-age", 200, "Cache-Control: max-age=3600", 3600, FRESHNESS_CACHE_CONTROL},
        {"5.3: max-age=0 beats a future Expires", 200,
         "Cache-Control: max-age=0\nDate: {0}\nExpires: {100}", 0, FRESHNESS_CACHE_CONTROL},
        {"5.3: max-age beats a past Expires", 200,
         "Cache-Control: max-age=3600\nDate: {0}\nExpires: {-100}", 3600, FRESHNESS_CACHE_CONTROL},
        {"5.3: max-age beats an invalid Expires", 200, "Cache-Control: max-age=3600\nExpires: 0",
         3600, FRESHNESS_CACHE_CONTROL},
        {"5.2.2.10: s-maxage alone", 200, "Cache-Control: s-maxage=3600", 3600,
         FRESHNESS_CACHE_CONTROL},
        {"5.2.2.10: short s-maxage first", 200, "Cache-Control: s-maxage=1, max-age=3600", 1,
         FRESHNESS_CACHE_CONTROL},
        {"5.2.2.10: short s-maxage last", 200, "Cache-Control: max-age=3600, s-maxage=1", 1,
         FRESHNESS_CACHE_CONTROL},
        {"5.2.2.10: on two lines", 200, "Cache-Control: max-age=3600\nCache-Control: s-maxage=1", 1,
         FRESHNESS_CACHE_CONTROL},
        {"5.2.2.10: long s-maxage beats max-age", 200, "Cache-Control: max-age=1, s-maxage=3600",
         3600, FRESHNESS_CACHE_CONTROL},
        {"5.2.2.10: beats max-age=0 and a past Expires", 200,
         "Cache-Control: max-age=0, s-maxage=3600\nExpires: {-100}", 3600, FRESHNESS_CACHE_CONTROL},
        {"4.2.1: unusable s-maxage is stale, not absent", 200,
         "Cache-Control: s-maxage=x, max-age=3600", 0, FRESHNESS_CACHE_CONTROL},
        {"nginx: X-Accel-Expires beats all", 200,
         "X-Accel-Expires: 5\nCache-Control: s-maxage=60, max-age=60\nExpires: {60}", 5,
         FRESHNESS_ACCEL},
        {"nginx: X-Accel-Expires 0", 200, "X-Accel-Expires: 0\nCache-Control: max-age=60", 0,
         FRESHNESS_ACCEL},
        {"nginx: X-Accel-Expires @epoch", 200, "X-Accel-Expires: @1700000030", 30, FRESHNESS_ACCEL},
        {"nginx: unusable X-Accel-Expires is absent", 200,
         "X-Accel-Expires: x\nCache-Control: max-age=60", 60, FRESHNESS_CACHE_CONTROL},
        {"5.4: Pragma in a response means nothing", 200,
         "Pragma: no-cache\nCache-Control: max-age=60", 60, FRESHNESS_CACHE_CONTROL},
        {"any status with explicit freshness", 599, "Cache-Control: max-age=60", 60,
         FRESHNESS_CACHE_CONTROL},
    };
    check_lifetimes(rows, ARRAY_LEN(rows), &plain);
}

static void expires(void **state)
{
    (void)state;
    static const struct lifetime_row rows[] = {
        {"future", 200, "Date: {0}\nExpires: {100}", 100, FRESHNESS_EXPIRES},
        {"past", 200, "Date: {0}\nExpires: {-100}", 0, FRESHNESS_EXPIRES},
        {"equal to Date", 200, "Date: {0}\nExpires: {0}", 0, FRESHNESS_EXPIRES},
        {"before Date, both in the future", 200, "Date: {100}\nExpires: {50}", 0,
         FRESHNESS_EXPIRES},
        {"counts from Date, not from receipt", 200, "Date: {-10}\nExpires: {10}", 20,
         FRESHNESS_EXPIRES},
        {"Date ahead", 200, "Date: {10}\nExpires: {20}", 10, FRESHNESS_EXPIRES},
        {"no Date: from receipt", 200, "Expires: {10}", 10, FRESHNESS_EXPIRES},
        {"invalid Date: from receipt", 200, "Date: foo\nExpires: {10}", 10, FRESHNESS_EXPIRES},
        {"5.3: 0", 200, "Date: {0}\nExpires: 0", 0, FRESHNESS_EXPIRES},
        {"5.3: -1", 200, "Date: {0}\nExpires: -1", 0, FRESHNESS_EXPIRES},
        {"5.3: empty", 200, "Date: {0}\nExpires:", 0, FRESHNESS_EXPIRES},
        {"invalid Expires says stale, so no heuristic", 200,
         "Date: {0}\nExpires: 0\nLast-Modified: {-86400}", 0, FRESHNESS_EXPIRES},
        {"RFC 850 date, 50 is 2050", 200, "Date: {0}\nExpires: Thursday, 18-Aug-50 02:01:18 GMT",
         844400878, FRESHNESS_EXPIRES},
        {"asctime date", 200, "Date: {0}\nExpires: Thu Aug 18 02:01:18 2050", 844400878,
         FRESHNESS_EXPIRES},
        {"past 2038", 200, "Date: {0}\nExpires: Tue, 19 Jan 2038 14:14:08 GMT", 447523248,
         FRESHNESS_EXPIRES},
        {"in 2286: saturates", 200, "Date: {0}\nExpires: Sun, 21 Nov 2286 04:46:39 GMT",
         CACHE_SECONDS_MAX, FRESHNESS_EXPIRES},
        {"weekday, month and GMT in any case", 200,
         "Date: {0}\nExpires: THU, 18 AUG 2050 02:01:18 gMT", 844400878, FRESHNESS_EXPIRES},
        {"zone UTC", 200, "Date: {0}\nExpires: Thu, 18 Aug 2050 02:01:18 UTC", 0,
         FRESHNESS_EXPIRES},
        {"zone AEST", 200, "Date: {0}\nExpires: Thu, 18 Aug 2050 02:01:18 AEST", 0,
         FRESHNESS_EXPIRES},
        {"two-digit year in fixdate", 200, "Date: {0}\nExpires: Thu, 18 Aug 50 02:01:18 GMT", 0,
         FRESHNESS_EXPIRES},
        {"no comma", 200, "Date: {0}\nExpires: Thu 18 Aug 2050 02:01:18 GMT", 0, FRESHNESS_EXPIRES},
        {"double spaces", 200, "Date: {0}\nExpires: Thu, 18  Aug  2050  02:01:18 GMT", 0,
         FRESHNESS_EXPIRES},
        {"dashes in fixdate", 200, "Date: {0}\nExpires: Thu, 18-Aug-2050 02:01:18 GMT", 0,
         FRESHNESS_EXPIRES},
        {"dots in the time", 200, "Date: {0}\nExpires: Thu, 18 Aug 2050 02.01.18 GMT", 0,
         FRESHNESS_EXPIRES},
        {"one-digit hour", 200, "Date: {0}\nExpires: Thu, 18 Aug 2050 2:01:18 GMT", 0,
         FRESHNESS_EXPIRES},
        {"two lines, both invalid", 200, "Date: {0}\nExpires: 0\nExpires: x", 0, FRESHNESS_EXPIRES},
        {"two lines, the first counts", 200, "Date: {0}\nExpires: {5}\nExpires: {500}", 5,
         FRESHNESS_EXPIRES},
    };
    check_lifetimes(rows, ARRAY_LEN(rows), &plain);
}

static void configured(void **state)
{
    (void)state;
    static const struct cache_valid valid[] = {{0, 7}, {200, 600}, {404, 0}};
    static const struct cache_conf conf = {
        .valid = valid, .valid_n = ARRAY_LEN(valid), .heuristic_max_s = 86400};
    static const struct lifetime_row rows[] = {
        {"the status", 200, "", 600, FRESHNESS_CONFIGURED},
        {"the status before any, whatever the order", 404, "", 0, FRESHNESS_CONFIGURED},
        {"any is the rest", 503, "", 7, FRESHNESS_CONFIGURED},
        {"what the response says wins", 200, "Cache-Control: max-age=1", 1,
         FRESHNESS_CACHE_CONTROL},
        {"Expires wins too", 200, "Date: {0}\nExpires: {3}", 3, FRESHNESS_EXPIRES},
        {"before the heuristic", 200, "Last-Modified: {-86400}", 600, FRESHNESS_CONFIGURED},
    };
    check_lifetimes(rows, ARRAY_LEN(rows), &conf);
}

static void ignored_fields(void **state)
{
    (void)state;
    static const struct cache_conf conf = {.ignore = IGNORE_X_ACCEL_EXPIRES | IGNORE_EXPIRES |
                                                     IGNORE_CACHE_CONTROL};
    static const struct lifetime_row rows[] = {
        {"X-Accel-Expires", 200, "X-Accel-Expires: 5", 0, FRESHNESS_NONE},
        {"Cache-Control", 200, "Cache-Control: max-age=5, s-maxage=5", 0, FRESHNESS_NONE},
        {"Expires", 200, "Date: {0}\nExpires: {5}", 0, FRESHNESS_NONE},
    };
    check_lifetimes(rows, ARRAY_LEN(rows), &conf);
}

static void heuristic(void **state)
{
    (void)state;
    static const struct lifetime_row rows[] = {
        {"4.2.2: 10 % of a day", 200, "Date: {0}\nLast-Modified: {-86400}", 8640,
         FRESHNESS_HEURISTIC},
        {"counts from Date", 200, "Date: {-100}\nLast-Modified: {-200}", 10, FRESHNESS_HEURISTIC},
        {"without Date from receipt", 200, "Last-Modified: {-600}", 60, FRESHNESS_HEURISTIC},
        {"60 s ago", 200, "Date: {0}\nLast-Modified: {-60}", 6, FRESHNESS_HEURISTIC},
        {"5 s ago is nothing", 200, "Date: {0}\nLast-Modified: {-5}", 0, FRESHNESS_NONE},
        {"capped", 200, "Date: {0}\nLast-Modified: {-86400000}", 86400, FRESHNESS_HEURISTIC},
        {"in the future", 200, "Date: {0}\nLast-Modified: {500}", 0, FRESHNESS_NONE},
        {"invalid Last-Modified", 200, "Date: {0}\nLast-Modified: yesterday", 0, FRESHNESS_NONE},
        {"only with Last-Modified", 200, "Date: {0}\nETag: \"a\"", 0, FRESHNESS_NONE},
        {"Content-Disposition changes nothing", 200,
         "Date: {0}\nLast-Modified: {-600}\nContent-Disposition: attachment", 60,
         FRESHNESS_HEURISTIC},
        {"Pragma in a response changes nothing", 200,
         "Date: {0}\nLast-Modified: {-600}\nPragma: no-cache", 60, FRESHNESS_HEURISTIC},
        {"5.2.2.9: public allows any status", 599,
         "Date: {0}\nLast-Modified: {-600}\nCache-Control: public", 60, FRESHNESS_HEURISTIC},
    };
    check_lifetimes(rows, ARRAY_LEN(rows), &plain);

    static const struct {
        unsigned status;
        bool allowed;
    } statuses[] = {
        {200, true},  {203, true},  {204, true},  {300, true},  {301, true},  {308, true},
        {404, true},  {405, true},  {410, true},  {414, true},  {501, true},  {201, false},
        {202, false}, {206, false}, {302, false}, {303, false}, {307, false}, {400, false},
        {403, false}, {500, false}, {502, false}, {503, false}, {504, false}, {599, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        const struct lifetime_row row = {
            .name = "status",
            .status = statuses[i].status,
            .lines = "Date: {0}\nLast-Modified: {-600}",
            .want = statuses[i].allowed ? 60 : 0,
            .source = statuses[i].allowed ? FRESHNESS_HEURISTIC : FRESHNESS_NONE,
        };
        check_lifetimes(&row, 1, &plain);
    }

    static const struct cache_conf off = {.heuristic_max_s = 0};
    static const struct lifetime_row row = {"off", 200, "Last-Modified: {-600}", 0, FRESHNESS_NONE};
    check_lifetimes(&row, 1, &off);
}

/* -- age -- */

static void initial_age(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *lines;
        int64_t delay_ms;
        int64_t want;
    } rows[] = {
        {"nothing", "", 0, 0},
        {"Date now", "Date: {0}", 0, 0},
        {"apparent age", "Date: {-7200}", 0, 7200},
        {"Date ahead is no negative age", "Date: {100}", 0, 0},
        {"invalid Date", "Date: foo", 0, 0},
        {"Age", "Date: {0}\nAge: 7200", 0, 7200},
        {"the larger: apparent", "Date: {-100}\nAge: 30", 0, 100},
        {"the larger: Age", "Date: {-30}\nAge: 100", 0, 100},
        {"Age plus delay", "Date: {0}\nAge: 100", 5000, 105},
        {"delay alone", "Date: {0}", 5000, 5},
        {"5 ms are not rounded up", "Date: {0}\nAge: 10", 5, 10},
        {"to nearest, down", "Date: {0}", 1499, 1},
        {"to nearest, up", "Date: {0}", 2999, 3},
        {"negative delay of a clock set back", "Date: {0}", -5000, 0},
        {"not a number", "Date: {0}\nAge: abc", 0, 0},
        {"negative", "Date: {0}\nAge: -7200", 0, 0},
        {"fraction", "Date: {0}\nAge: 7200.0", 0, 0},
        {"empty", "Date: {0}\nAge:", 0, 0},
        {"2^31-1", "Date: {0}\nAge: 2147483647", 0, 2147483647},
        {"2^31", "Date: {0}\nAge: 2147483648", 0, 2147483648},
        {"2^31+1 saturates", "Date: {0}\nAge: 2147483649", 0, 2147483648},
        {"saturates", "Date: {0}\nAge: 99999999999999999999999", 1000, 2147483648},
        {"list: first", "Date: {0}\nAge: 7200, 0", 0, 7200},
        {"list: first, 0", "Date: {0}\nAge: 0, 7200", 0, 0},
        {"two lines: first", "Date: {0}\nAge: 7200\nAge: 0", 0, 7200},
        {"two lines: first, 0", "Date: {0}\nAge: 0\nAge: 7200", 0, 0},
        {"0 twice", "Date: {0}\nAge: 0, 0", 0, 0},
        {"3600 twice", "Date: {0}\nAge: 3600\nAge: 3600", 0, 3600},
        {"parameter makes it invalid", "Date: {0}\nAge: 7200;foo=bar", 0, 0},
        {"numeric parameter too", "Date: {0}\nAge: 7200;foo=111", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct response_head head = heads_response(&arena, 200, rows[i].lines);
        int64_t got = freshness_initial_age_s(&head, NOW_S, rows[i].delay_ms);
        if (got != rows[i].want) {
            fail_msg("%s: %lld", rows[i].name, (long long)got);
        }
        arena_fini(&arena);
    }
}

static void passed_age(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *lines;
        int64_t delay_ms;
        int64_t want;
    } rows[] = {
        {"5.1: what the origin sent", "Date: {0}\nAge: 30", 0, 30},
        {"5.1: and the time of the exchange", "Age: 30", 5000, 35},
        {"5.1: 5 ms are no second", "Age: 30", 5, 30},
        {"5.1: an old Date is not counted", "Date: {-7200}\nAge: 30", 0, 30},
        {"5.1: none sent", "Date: {0}", 5000, 5},
        {"5.1: saturates", "Age: 99999999999", 5000, CACHE_SECONDS_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct response_head head = heads_response(&arena, 200, rows[i].lines);
        int64_t got = freshness_passed_age_s(&head, rows[i].delay_ms);
        if (got != rows[i].want) {
            fail_msg("%s: %lld", rows[i].name, (long long)got);
        }
        arena_fini(&arena);
    }
}

static void current_age(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t initial_s;
        int64_t resident_ms;
        int64_t want;
    } rows[] = {
        {"at once", 0, 0, 0},
        {"grows", 30, 3000, 33},
        {"a timer a millisecond early", 30, 2999, 33},
        {"to nearest, down", 0, 499, 0},
        {"to nearest, up", 0, 500, 1},
        {"clock set back an hour", 30, -3600000, 30},
        {"clock set ahead a year", 30, INT64_C(31536000000), 31536030},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct stored_meta meta = {.received_ms = NOW_MS, .initial_age_s = rows[i].initial_s};
        int64_t got = freshness_age_s(&meta, NOW_MS + rows[i].resident_ms);
        if (got != rows[i].want) {
            fail_msg("%s: %lld", rows[i].name, (long long)got);
        }
    }
}

/* -- reuse -- */

static const char *reuse_text(enum reuse r)
{
    switch (r) {
    case REUSE_FRESH: return "fresh";
    case REUSE_STALE_REVALIDATE: return "stale, revalidate";
    case REUSE_VALIDATE: return "validate";
    case REUSE_ONLY_IF_CACHED: return "only-if-cached";
    }
    return "?";
}

static void reuse(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *asked; /* request fields */
        uint32_t flags;
        int64_t lifetime_s;
        int64_t age_s; /* it came with */
        int64_t resident_ms;
        int64_t swr_s;
        enum reuse want;
    } rows[] = {
        {"4.2: fresh", "", 0, 10, 0, 9999, 0, REUSE_FRESH},
        {"4.2: lifetime equal to age is stale", "", 0, 10, 0, 10000, 0, REUSE_VALIDATE},
        {"4.2: in milliseconds", "", 0, 1, 0, 999, 0, REUSE_FRESH},
        {"4.2: lifetime 0 is stale at once", "", 0, 0, 0, 0, 0, REUSE_VALIDATE},
        {"4.2.3: came stale", "", 0, 3600, 7200, 0, 0, REUSE_VALIDATE},
        {"4.2.3: Age counts", "", 0, 20, 25, 0, 0, REUSE_VALIDATE},
        {"5.2.2.4: no-cache is validated while fresh", "", STORED_NO_CACHE, 10, 0, 0, 0,
         REUSE_VALIDATE},
        {"5.2.2.2: must-revalidate is reused while fresh", "", STORED_MUST_REVALIDATE, 10, 0, 0, 0,
         REUSE_FRESH},
        {"5.2.2.2: and validated when stale", "", STORED_MUST_REVALIDATE, 1, 0, 3000, 60,
         REUSE_VALIDATE},
        {"clock set back a minute: still fresh", "", 0, 10, 0, -60000, 0, REUSE_FRESH},
        {"clock set back an hour: not to be trusted", "", 0, 10, 0, -3600000, 60, REUSE_VALIDATE},

        {"RFC 5861 3: within the window", "", 0, 1, 0, 3000, 4, REUSE_STALE_REVALIDATE},
        {"RFC 5861 3: behind the window", "", 0, 1, 0, 6000, 4, REUSE_VALIDATE},
        {"RFC 5861 3: fresh needs no window", "", 0, 1, 0, 500, 4, REUSE_FRESH},
        {"RFC 5861 3: not with no-cache", "", STORED_NO_CACHE, 1, 0, 3000, 4, REUSE_VALIDATE},

        {"5.2.1.1: max-age=0", "Cache-Control: max-age=0", 0, 10, 0, 0, 0, REUSE_VALIDATE},
        {"5.2.1.1: younger", "Cache-Control: max-age=5", 0, 10, 0, 3000, 0, REUSE_FRESH},
        {"5.2.1.1: older", "Cache-Control: max-age=1", 0, 10, 0, 3000, 0, REUSE_VALIDATE},
        {"5.2.1.1: Age counts", "Cache-Control: max-age=600", 0, 3600, 1800, 0, 0, REUSE_VALIDATE},
        {"8246 2.1: max-age of what is immutable", "Cache-Control: max-age=0", STORED_IMMUTABLE, 10,
         0, 3000, 0, REUSE_FRESH},
        {"8246 2.1: when stale it is like any other", "Cache-Control: max-age=0", STORED_IMMUTABLE,
         1, 0, 3000, 60, REUSE_VALIDATE},
        {"8246 2.1: no-cache wants it validated", "Cache-Control: no-cache, max-age=0",
         STORED_IMMUTABLE, 10, 0, 3000, 0, REUSE_VALIDATE},
        {"8246 2.1: min-fresh is about what is left", "Cache-Control: min-fresh=60",
         STORED_IMMUTABLE, 10, 0, 0, 0, REUSE_VALIDATE},
        {"5.2.1.1: no stale-while-revalidate against it", "Cache-Control: max-age=1", 0, 1, 0, 3000,
         4, REUSE_VALIDATE},
        {"5.2.1.2: stale taken", "Cache-Control: max-stale=1000", 0, 1500, 2000, 0, 0, REUSE_FRESH},
        {"5.2.1.2: too stale", "Cache-Control: max-stale=100", 0, 1500, 2000, 0, 0, REUSE_VALIDATE},
        {"5.2.1.2: however stale", "Cache-Control: max-stale", 0, 1500, 200000, 0, 0, REUSE_FRESH},
        {"5.2.1.2: not against must-revalidate", "Cache-Control: max-stale", STORED_MUST_REVALIDATE,
         1, 0, 3000, 0, REUSE_VALIDATE},
        {"5.2.1.2: not against no-cache", "Cache-Control: max-stale", STORED_NO_CACHE, 1, 0, 3000,
         0, REUSE_VALIDATE},
        {"5.2.1.3: enough left", "Cache-Control: min-fresh=1000", 0, 1500, 0, 0, 0, REUSE_FRESH},
        {"5.2.1.3: never that fresh", "Cache-Control: min-fresh=2000", 0, 1500, 0, 0, 0,
         REUSE_VALIDATE},
        {"5.2.1.3: Age counts", "Cache-Control: min-fresh=1000", 0, 1500, 1000, 0, 0,
         REUSE_VALIDATE},
        {"5.2.1.4: no-cache", "Cache-Control: no-cache", 0, 10, 0, 0, 0, REUSE_VALIDATE},
        {"5.2.1.4: no-cache, no stale either", "Cache-Control: no-cache", 0, 1, 0, 3000, 60,
         REUSE_VALIDATE},
        {"5.2.1.5: no-store does not prevent reuse", "Cache-Control: no-store", 0, 10, 0, 0, 0,
         REUSE_FRESH},
        {"5.2.1.5: no-store takes nothing stale that it cannot renew", "Cache-Control: no-store", 0,
         1, 0, 3000, 60, REUSE_VALIDATE},
        {"5.2.1.4: no-cache with an argument", "Cache-Control: no-cache=\"a\"", 0, 10, 0, 0, 0,
         REUSE_VALIDATE},
        {"5.2.1.7: only-if-cached, fresh", "Cache-Control: only-if-cached", 0, 10, 0, 0, 0,
         REUSE_FRESH},
        {"5.2.1.7: only-if-cached, stale", "Cache-Control: only-if-cached", 0, 1, 0, 3000, 0,
         REUSE_ONLY_IF_CACHED},
        {"5.2.1.7: only-if-cached, in the window", "Cache-Control: only-if-cached", 0, 1, 0, 3000,
         60, REUSE_STALE_REVALIDATE},
        {"5.2.1.7: with max-stale", "Cache-Control: only-if-cached, max-stale=60", 0, 1, 0, 3000, 0,
         REUSE_FRESH},
        {"5.2.1.7: with no-cache", "Cache-Control: only-if-cached, no-cache", 0, 10, 0, 0, 0,
         REUSE_ONLY_IF_CACHED},
        {"unknown directive", "Cache-Control: foo", 0, 10, 0, 0, 0, REUSE_FRESH},
        {"Pragma: no-cache", "Pragma: no-cache", 0, 10, 0, 0, 0, REUSE_VALIDATE},
        {"Pragma beside Cache-Control", "Pragma: no-cache\nCache-Control: max-stale", 0, 10, 0, 0,
         0, REUSE_FRESH},
        {"unknown pragma", "Pragma: foo", 0, 10, 0, 0, 0, REUSE_FRESH},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct cache_control asked;
        arena_init(&arena, NULL);
        struct fields fields = heads_fields(&arena, rows[i].asked);
        cache_control_parse_request(&fields, &asked);
        const struct stored_meta meta = {.flags = rows[i].flags,
                                         .received_ms = NOW_MS,
                                         .initial_age_s = rows[i].age_s,
                                         .lifetime_s = rows[i].lifetime_s,
                                         .swr_s = rows[i].swr_s};
        enum reuse got = freshness_reuse(&meta, &asked, NOW_MS + rows[i].resident_ms);
        int64_t age_ms = rows[i].age_s * 1000 + (rows[i].resident_ms > 0 ? rows[i].resident_ms : 0);
        assert_int_equal(freshness_is_fresh(&meta, NOW_MS + rows[i].resident_ms),
                         age_ms < rows[i].lifetime_s * 1000);
        if (got != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, reuse_text(got));
        }
        arena_fini(&arena);
    }
}

static void stale_on_error(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t flags;
        int64_t resident_ms; /* the lifetime is 1 s */
        int64_t swr_s;
        int64_t sie_s;
        bool listed; /* wanted where the location lists the failure */
        bool unlisted;
    } rows[] = {
        {"no window", 0, 3000, 0, 0, false, false},
        {"configured, within stale-if-error", 0, 3000, 0, 60, true, false},
        {"RFC 5861 4: said, within it", STORED_SAYS_IF_ERROR, 3000, 0, 60, true, true},
        {"RFC 5861 4: at its end", STORED_SAYS_IF_ERROR, 61000, 0, 60, false, false},
        {"RFC 5861 4: a millisecond before", STORED_SAYS_IF_ERROR, 60999, 0, 60, true, true},
        {"configured, within stale-while-revalidate", 0, 3000, 60, 0, true, false},
        {"RFC 5861 3: said, within it", STORED_SAYS_WHILE_REVALIDATE, 3000, 60, 0, true, true},
        {"RFC 5861 3: one said, the other configured", STORED_SAYS_WHILE_REVALIDATE, 10000, 4, 60,
         true, false},
        {"still fresh: only a client wanted it validated", 0, 500, 0, 0, true, true},
        {"4.2.4: must-revalidate", STORED_MUST_REVALIDATE | STORED_SAYS_IF_ERROR, 3000, 60, 60,
         false, false},
        {"4.2.4: no-cache", STORED_NO_CACHE | STORED_SAYS_IF_ERROR, 3000, 60, 60, false, false},
        {"clock set back", 0, -3600000, 60, 60, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct stored_meta meta = {.flags = rows[i].flags,
                                         .received_ms = NOW_MS,
                                         .lifetime_s = 1,
                                         .swr_s = rows[i].swr_s,
                                         .sie_s = rows[i].sie_s};
        wall_ms now = NOW_MS + rows[i].resident_ms;
        if (freshness_stale_on_error(&meta, true, now) != rows[i].listed ||
            freshness_stale_on_error(&meta, false, now) != rows[i].unlisted) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void store_ttl(void **state)
{
    (void)state;
    const struct stored_meta usual = {
        .lifetime_s = 60, .swr_s = 10, .sie_s = 30, .keep_s = 600, .initial_age_s = 20};
    assert_int_equal(freshness_store_ttl_s(&usual), 60 + 30 + 600 - 20);
    const struct stored_meta wide = {.lifetime_s = 60, .swr_s = 50, .sie_s = 30};
    assert_int_equal(freshness_store_ttl_s(&wide), 110);
    const struct stored_meta old = {.lifetime_s = 60, .initial_age_s = 7200};
    assert_int_equal(freshness_store_ttl_s(&old), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_sources),
        cmocka_unit_test(expires),
        cmocka_unit_test(configured),
        cmocka_unit_test(ignored_fields),
        cmocka_unit_test(heuristic),
        cmocka_unit_test(initial_age),
        cmocka_unit_test(passed_age),
        cmocka_unit_test(current_age),
        cmocka_unit_test(reuse),
        cmocka_unit_test(stale_on_error),
        cmocka_unit_test(store_ttl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
