/* What is stored, how it is renewed, and in which form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/freshness.h"
#include "cache/heads.h"
#include "cache/policy.h"

static const struct cache_conf plain = {
    .heuristic_max_s = 86400, .vary_fields_max = 8, .max_object_bytes = 1000};

/* -- lookup -- */

static void may_lookup(void **state)
{
    (void)state;
    const struct cache_conf with_post = {.methods = 1U << METHOD_POST};
    static const struct {
        const char *name;
        enum http_method method;
        enum framing framing;
        uint64_t content_length;
        const char *upgrade;
        bool want;
        bool want_with_post;
    } rows[] = {
        {"GET", METHOD_GET, FRAMING_NONE, 0, "", true, true},
        {"HEAD", METHOD_HEAD, FRAMING_NONE, 0, "", true, true},
        {"GET with Content-Length: 0", METHOD_GET, FRAMING_LENGTH, 0, "", true, true},
        {"GET with content", METHOD_GET, FRAMING_LENGTH, 1, "", false, false},
        {"GET with chunked content", METHOD_GET, FRAMING_CHUNKED, 0, "", false, false},
        {"GET that upgrades", METHOD_GET, FRAMING_NONE, 0, "websocket", false, false},
        {"POST", METHOD_POST, FRAMING_NONE, 0, "", false, true},
        {"POST with content", METHOD_POST, FRAMING_LENGTH, 1, "", false, false},
        {"PUT", METHOD_PUT, FRAMING_NONE, 0, "", false, false},
        {"unknown", METHOD_OTHER, FRAMING_NONE, 0, "", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct request_head request = {.method = rows[i].method,
                                             .framing = rows[i].framing,
                                             .content_length = rows[i].content_length,
                                             .upgrade = slice_of(rows[i].upgrade)};
        if (policy_request_may_lookup(&request, &plain) != rows[i].want ||
            policy_request_may_lookup(&request, &with_post) != rows[i].want_with_post) {
            fail_msg("%s", rows[i].name);
        }
    }
}

/* -- storing -- */

struct store_row {
    const char *name;
    const char *asked;
    unsigned status;
    const char *lines;
    enum store_verdict want;
};

static void check_verdicts(const struct store_row *rows, size_t n, const struct cache_conf *conf)
{
    for (size_t i = 0; i < n; i++) {
        struct arena arena;
        struct stored_meta meta;
        arena_init(&arena, NULL);
        struct request_head request = heads_request(&arena, rows[i].asked);
        struct response_head response = heads_response(&arena, rows[i].status, rows[i].lines);
        enum store_verdict got = policy_storable(&request, &response, conf, NOW_MS, NOW_MS, &meta);
        if (got != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, store_verdict_text(got));
        }
        arena_fini(&arena);
    }
}

#define AGED "Cache-Control: max-age=60"
#define TAG  "ETag: \"a\""

static void verdicts(void **state)
{
    (void)state;
    static const struct store_row rows[] = {
        {"no default: neither lifetime nor validator", "", 200, "", STORE_NO_FRESHNESS},
        {"unknown directives alone", "", 200, "Cache-Control: foo", STORE_NO_FRESHNESS},
        {"Pragma means nothing", "", 200, "Pragma: no-cache\n" AGED, STORE_YES},
        {"max-age", "", 200, AGED, STORE_YES},
        {"s-maxage", "", 200, "Cache-Control: s-maxage=60", STORE_YES},
        {"Expires", "", 200, "Date: {0}\nExpires: {60}", STORE_YES},
        {"Expires in the past", "", 200, "Date: {0}\nExpires: {-60}", STORE_NO_FRESHNESS},
        {"Expires in the past with a validator", "", 200, "Date: {0}\nExpires: {-60}\n" TAG,
         STORE_YES},
        {"max-age=0", "", 200, "Cache-Control: max-age=0", STORE_NO_FRESHNESS},
        {"max-age=0 with a tag", "", 200, "Cache-Control: max-age=0\n" TAG, STORE_YES},
        {"max-age=0 with Last-Modified", "", 200, "Cache-Control: max-age=0\nLast-Modified: {-5}",
         STORE_YES},
        {"unusable Last-Modified is no validator", "", 200,
         "Cache-Control: max-age=0\nLast-Modified: yesterday", STORE_NO_FRESHNESS},
        {"a tag alone", "", 200, TAG, STORE_YES},
        {"an empty tag", "", 200, "ETag:", STORE_NO_FRESHNESS},
        {"Last-Modified alone", "", 200, "Last-Modified: {-5}", STORE_YES},
        {"RFC 5861 3: no lifetime but a window", "", 200,
         "Cache-Control: max-age=0, stale-while-revalidate=60", STORE_YES},
        {"RFC 5861 4: no lifetime but a window", "", 200,
         "Expires: 0\nCache-Control: stale-if-error=60", STORE_YES},
        {"RFC 5861: a window of 0 is none", "", 200,
         "Cache-Control: max-age=0, stale-while-revalidate=0", STORE_NO_FRESHNESS},
        {"RFC 5861: a window without a lifetime that was said", "", 200,
         "Cache-Control: stale-while-revalidate=60", STORE_NO_FRESHNESS},
        {"4.2.4: a window that must-revalidate closes", "", 200,
         "Cache-Control: max-age=0, must-revalidate, stale-if-error=60", STORE_NO_FRESHNESS},
        {"4.2.4: a window that s-maxage closes", "", 200,
         "Cache-Control: s-maxage=0, stale-if-error=60", STORE_NO_FRESHNESS},
        {"4.2.4: a window that no-cache closes", "", 200,
         "Cache-Control: no-cache, max-age=0, stale-if-error=60", STORE_NO_FRESHNESS},
        {"stale on arrival, for max-stale", "", 200, "Cache-Control: max-age=1500\nAge: 2000",
         STORE_YES},

        {"5.2.2.5: no-store", "", 200, "Cache-Control: no-store", STORE_NO_STORE},
        {"5.2.2.5: in any case", "", 200, "Cache-Control: No-StOrE", STORE_NO_STORE},
        {"5.2.2.5: with max-age and Expires", "", 200,
         "Cache-Control: max-age=60, no-store\nExpires: {60}\n" TAG, STORE_NO_STORE},
        {"5.2.2.5: on a line of its own", "", 200, AGED "\nCache-Control: no-store",
         STORE_NO_STORE},
        {"5.2.1.5: no-store in the request", "Cache-Control: no-store", 200, AGED, STORE_NO_STORE},
        {"5.2.2.3: must-understand, understood", "", 200,
         "Cache-Control: max-age=60, no-store, must-understand", STORE_YES},
        {"5.2.2.3: must-understand, not understood", "", 599,
         "Cache-Control: max-age=60, no-store, must-understand", STORE_NO_STORE},
        {"5.2.2.3: without no-store, not understood", "", 599,
         "Cache-Control: max-age=60, must-understand", STORE_NO_STORE},
        {"5.2.2.7: private", "", 200, "Cache-Control: private, max-age=60", STORE_NO_PRIVATE},
        {"5.2.2.7: qualified", "", 200, "Cache-Control: private=\"x\", max-age=60",
         STORE_NO_PRIVATE},
        {"5.2.2.7: s-maxage does not help", "", 200, "Cache-Control: private, s-maxage=60",
         STORE_NO_PRIVATE},
        {"5.2.2.4: no-cache with a tag", "", 200, "Cache-Control: no-cache\n" TAG, STORE_YES},
        {"5.2.2.4: no-cache with max-age and a tag", "", 200,
         "Cache-Control: no-cache, max-age=60\n" TAG, STORE_YES},
        {"5.2.2.4: no-cache without a validator", "", 200, "Cache-Control: no-cache, max-age=60",
         STORE_NO_FRESHNESS},
        {"5.2.2.4: qualified", "", 200, "Cache-Control: no-cache=\"a\"\n" AGED, STORE_YES},

        {"3.5: Authorization", "Authorization: Basic YTpi", 200, AGED, STORE_NO_AUTHORIZATION},
        {"3.5: public", "Authorization: Basic YTpi", 200, "Cache-Control: public, max-age=60",
         STORE_YES},
        {"3.5: must-revalidate", "Authorization: Basic YTpi", 200,
         "Cache-Control: must-revalidate, max-age=60", STORE_YES},
        {"3.5: s-maxage", "Authorization: Basic YTpi", 200, "Cache-Control: s-maxage=60",
         STORE_YES},
        {"3.5: proxy-revalidate does not allow it", "Authorization: Basic YTpi", 200,
         "Cache-Control: proxy-revalidate, max-age=60", STORE_NO_AUTHORIZATION},
        {"3.5: X-Accel-Expires does not allow it", "Authorization: Basic YTpi", 200,
         "X-Accel-Expires: 60", STORE_NO_AUTHORIZATION},
        {"a Cookie in the request does not prevent it", "Cookie: a=b", 200, AGED, STORE_YES},
        {"Set-Cookie", "", 200, AGED "\nSet-Cookie: a=b", STORE_NO_SET_COOKIE},
        {"Set-Cookie withheld", "", 200,
         "Cache-Control: max-age=60, no-cache=\"set-cookie\"\n"
         "Set-Cookie: a=b",
         STORE_YES},

        {"4.1: Vary: *", "", 200, AGED "\nVary: *", STORE_NO_VARY},
        {"4.1: * among others", "", 200, AGED "\nVary: Foo\nVary: Bar, *", STORE_NO_VARY},
        {"Vary", "", 200, AGED "\nVary: Foo, Bar", STORE_YES},
        {"Vary on too much", "", 200, AGED "\nVary: a, b, c, d, e, f, g, h, i", STORE_NO_VARY},

        {"nginx: X-Accel-Expires: 0", "", 200, AGED "\nX-Accel-Expires: 0\n" TAG, STORE_NO_ACCEL},
        {"nginx: X-Accel-Expires in the past", "", 200, "X-Accel-Expires: @1", STORE_NO_ACCEL},
        {"nginx: X-Accel-Expires beats no-store, private, no-cache", "", 200,
         "X-Accel-Expires: 60\nCache-Control: no-store, private, no-cache", STORE_YES},
        {"nginx: and must-understand", "", 599,
         "X-Accel-Expires: 60\nCache-Control: must-understand", STORE_YES},
        {"5.2.1.5: but not the request's no-store", "Cache-Control: no-store", 200,
         "X-Accel-Expires: 60", STORE_NO_STORE},
        {"nginx: nor Set-Cookie", "", 200, "X-Accel-Expires: 60\nSet-Cookie: a=b",
         STORE_NO_SET_COOKIE},
    };
    check_verdicts(rows, ARRAY_LEN(rows), &plain);
}

static void statuses(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        enum store_verdict aged;     /* with max-age */
        enum store_verdict modified; /* with Last-Modified alone */
    } rows[] = {
        {101, STORE_NO_STATUS, STORE_NO_STATUS},
        {103, STORE_NO_STATUS, STORE_NO_STATUS},
        {200, STORE_YES, STORE_YES},
        {203, STORE_YES, STORE_YES},
        {204, STORE_YES, STORE_YES},
        {206, STORE_NO_STATUS, STORE_NO_STATUS},
        {299, STORE_YES, STORE_NO_STATUS},
        {201, STORE_YES, STORE_NO_STATUS},
        {202, STORE_YES, STORE_NO_STATUS},
        {300, STORE_YES, STORE_YES},
        {301, STORE_YES, STORE_YES},
        {302, STORE_YES, STORE_NO_STATUS},
        {303, STORE_YES, STORE_NO_STATUS},
        {304, STORE_NO_STATUS, STORE_NO_STATUS},
        {307, STORE_YES, STORE_NO_STATUS},
        {308, STORE_YES, STORE_YES},
        {400, STORE_YES, STORE_NO_STATUS},
        {403, STORE_YES, STORE_NO_STATUS},
        {404, STORE_YES, STORE_YES},
        {405, STORE_YES, STORE_YES},
        {410, STORE_YES, STORE_YES},
        {412, STORE_NO_STATUS, STORE_NO_STATUS},
        {414, STORE_YES, STORE_YES},
        {416, STORE_NO_STATUS, STORE_NO_STATUS},
        {499, STORE_YES, STORE_NO_STATUS},
        {500, STORE_YES, STORE_NO_STATUS},
        {501, STORE_YES, STORE_YES},
        {502, STORE_YES, STORE_NO_STATUS},
        {503, STORE_YES, STORE_NO_STATUS},
        {504, STORE_YES, STORE_NO_STATUS},
        {599, STORE_YES, STORE_NO_STATUS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct store_row both[] = {
            {"explicit", "", rows[i].status, AGED, rows[i].aged},
            {"heuristic", "", rows[i].status, "Last-Modified: {-600}", rows[i].modified},
        };
        check_verdicts(both, ARRAY_LEN(both), &plain);
    }
    static const struct store_row others[] = {
        {"599 with public", "", 599, "Last-Modified: {-600}\nCache-Control: public", STORE_YES},
        {"a failure is not kept only for validation", "", 503, "Cache-Control: max-age=0\n" TAG,
         STORE_NO_FRESHNESS},
    };
    check_verdicts(others, ARRAY_LEN(others), &plain);
}

static void settings(void **state)
{
    (void)state;
    static const struct cache_valid valid[] = {{200, 60}, {0, 10}};
    static const struct {
        struct cache_conf conf;
        struct store_row row;
    } rows[] = {
        {{.vary_fields_max = 8, .set_cookie = true},
         {"set_cookie: on", "", 200, AGED "\nSet-Cookie: a=b", STORE_YES}},
        {{.vary_fields_max = 8, .ignore = IGNORE_SET_COOKIE},
         {"Set-Cookie ignored", "", 200, AGED "\nSet-Cookie: a=b", STORE_YES}},
        {{.vary_fields_max = 8, .ignore = IGNORE_VARY},
         {"Vary ignored", "", 200, AGED "\nVary: *", STORE_YES}},
        {{.vary_fields_max = 8, .ignore = IGNORE_CACHE_CONTROL},
         {"Cache-Control ignored, nothing else", "", 200, AGED, STORE_NO_FRESHNESS}},
        {{.ignore = IGNORE_CACHE_CONTROL, .valid = valid, .valid_n = 2},
         {"Cache-Control ignored, proxy_cache_valid", "", 200, "Cache-Control: no-store, private",
          STORE_YES}},
        {{.ignore = IGNORE_X_ACCEL_EXPIRES},
         {"X-Accel-Expires ignored", "", 200, AGED "\nX-Accel-Expires: 0", STORE_YES}},
        {{.valid = valid, .valid_n = 2}, {"proxy_cache_valid", "", 200, "", STORE_YES}},
        {{.valid = valid, .valid_n = 2}, {"proxy_cache_valid any", "", 503, "", STORE_YES}},
        {{.valid = valid, .valid_n = 2},
         {"proxy_cache_valid does not beat no-store", "", 200, "Cache-Control: no-store",
          STORE_NO_STORE}},
        {{.valid = valid, .valid_n = 2},
         {"proxy_cache_valid does not beat max-age=0", "", 200, "Cache-Control: max-age=0",
          STORE_NO_FRESHNESS}},
        {{.valid = valid, .valid_n = 2},
         {"proxy_cache_valid does not beat Authorization", "Authorization: x", 200, "",
          STORE_NO_AUTHORIZATION}},
        {{.max_object_bytes = 9}, {"10 bytes into 9", "", 200, AGED, STORE_NO_SIZE}},
        {{.max_object_bytes = 10}, {"10 bytes into 10", "", 200, AGED, STORE_YES}},
        {{.max_object_bytes = 0}, {"no bound", "", 200, AGED, STORE_YES}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_verdicts(&rows[i].row, 1, &rows[i].conf);
    }
}

static void methods(void **state)
{
    (void)state;
    struct arena arena;
    struct stored_meta meta;
    const struct cache_conf with_post = {.methods = 1U << METHOD_POST};
    static const struct {
        enum http_method method;
        enum framing framing;
        const char *lines;
        enum store_verdict want;
        enum store_verdict want_with_post;
    } rows[] = {
        {METHOD_GET, FRAMING_NONE, AGED, STORE_YES, STORE_YES},
        {METHOD_GET, FRAMING_CHUNKED, AGED, STORE_NO_METHOD, STORE_NO_METHOD},
        {METHOD_HEAD, FRAMING_NONE, AGED, STORE_NO_METHOD, STORE_NO_METHOD},
        {METHOD_POST, FRAMING_NONE, AGED, STORE_NO_METHOD, STORE_YES},
        {METHOD_POST, FRAMING_NONE, TAG, STORE_NO_METHOD, STORE_NO_FRESHNESS},
        {METHOD_PUT, FRAMING_NONE, AGED, STORE_NO_METHOD, STORE_NO_METHOD},
        {METHOD_DELETE, FRAMING_NONE, AGED, STORE_NO_METHOD, STORE_NO_METHOD},
        {METHOD_OTHER, FRAMING_NONE, AGED, STORE_NO_METHOD, STORE_NO_METHOD},
    };
    arena_init(&arena, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct request_head request = heads_request(&arena, "");
        struct response_head response = heads_response(&arena, 200, rows[i].lines);
        request.method = rows[i].method;
        request.framing = rows[i].framing;
        assert_int_equal(policy_storable(&request, &response, &plain, NOW_MS, NOW_MS, &meta),
                         rows[i].want);
        assert_int_equal(policy_storable(&request, &response, &with_post, NOW_MS, NOW_MS, &meta),
                         rows[i].want_with_post);
    }
    arena_fini(&arena);
}

/* -- the numbers -- */

static void numbers(void **state)
{
    (void)state;
    static const struct cache_valid valid[] = {{200, 60}};
    static const struct cache_conf conf = {
        .valid = valid, .valid_n = 1, .stale_while_revalidate_s = 7, .stale_if_error_s = 8};
    static const struct {
        const char *name;
        const char *lines;
        uint32_t flags;
        int64_t age_s; /* the exchange took 2 s */
        int64_t lifetime_s;
        int64_t swr_s;
        int64_t sie_s;
    } rows[] = {
        {"said nothing", "X: y", 0, 2, 62, 7, 8},
        {"max-age", "Cache-Control: max-age=60", 0, 2, 60, 7, 8},
        {"Age", "Cache-Control: max-age=60\nAge: 30", 0, 32, 60, 7, 8},
        {"Date", "Date: {-50}\nCache-Control: max-age=60", 0, 50, 60, 7, 8},
        {"configured lifetime counts from receipt", "Age: 100", 0, 102, 162, 7, 8},
        {"so does X-Accel-Expires", "Age: 100\nX-Accel-Expires: 5", 0, 102, 107, 7, 8},
        {"RFC 5861: windows of the response",
         "Cache-Control: max-age=60, stale-while-revalidate=1, stale-if-error=2",
         STORED_SAYS_WHILE_REVALIDATE | STORED_SAYS_IF_ERROR, 2, 60, 1, 2},
        {"RFC 5861 3: one of them", "Cache-Control: max-age=60, stale-while-revalidate=1",
         STORED_SAYS_WHILE_REVALIDATE, 2, 60, 1, 8},
        {"windows of 0 are said too",
         "Cache-Control: max-age=60, stale-while-revalidate=0, stale-if-error=0",
         STORED_SAYS_WHILE_REVALIDATE | STORED_SAYS_IF_ERROR, 2, 60, 0, 0},
        {"4.2.4: must-revalidate", "Cache-Control: max-age=60, must-revalidate, stale-if-error=2",
         STORED_MUST_REVALIDATE | STORED_SAYS_IF_ERROR, 2, 60, 0, 0},
        {"5.2.2.8: proxy-revalidate", "Cache-Control: max-age=60, proxy-revalidate",
         STORED_MUST_REVALIDATE, 2, 60, 0, 0},
        {"5.2.2.10: s-maxage", "Cache-Control: s-maxage=60", STORED_MUST_REVALIDATE, 2, 60, 0, 0},
        {"4.2.4: no-cache", "Cache-Control: no-cache, max-age=60\nETag: \"a\"", STORED_NO_CACHE, 2,
         60, 0, 0},
        {"saturation keeps sums small",
         "Cache-Control: max-age=99999999999, stale-if-error=99999999999", STORED_SAYS_IF_ERROR, 2,
         CACHE_SECONDS_MAX, 7, CACHE_SECONDS_MAX},
        {"RFC 8246", "Cache-Control: max-age=60, immutable", STORED_IMMUTABLE, 2, 60, 7, 8},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct stored_meta m;
        arena_init(&arena, NULL);
        struct request_head request = heads_request(&arena, "");
        struct response_head response = heads_response(&arena, 200, rows[i].lines);
        assert_int_equal(policy_storable(&request, &response, &conf, NOW_MS - 2000, NOW_MS, &m),
                         STORE_YES);
        if (m.flags != rows[i].flags || m.initial_age_s != rows[i].age_s ||
            m.lifetime_s != rows[i].lifetime_s || m.swr_s != rows[i].swr_s ||
            m.sie_s != rows[i].sie_s) {
            fail_msg("%s: flags %#x age %lld lifetime %lld swr %lld sie %lld", rows[i].name,
                     m.flags, (long long)m.initial_age_s, (long long)m.lifetime_s,
                     (long long)m.swr_s, (long long)m.sie_s);
        }
        assert_int_equal(m.kind, STORED_RESPONSE);
        assert_int_equal(m.status, 200);
        assert_int_equal(m.received_ms, NOW_MS);
        assert_int_equal(m.keep_s, 600);
        assert_int_equal(m.last_modified, -1);
        arena_fini(&arena);
    }
}

/* -- CDN-Cache-Control -- */

static void targeted_control_decides_alone(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *lines;
        enum store_verdict verdict;
        int64_t lifetime_s;
        uint32_t flags;
    } rows[] = {
        {"9213 2.1: max-age", "CDN-Cache-Control: max-age=3600", STORE_YES, 3600, 0},
        {"1.2.2: saturates at 2^31", "CDN-Cache-Control: max-age=2147483648", STORE_YES, 2147483648,
         0},
        {"1.2.2: saturates", "CDN-Cache-Control: max-age=99999999999", STORE_YES, CACHE_SECONDS_MAX,
         0},
        {"9213 2.1: unknown member", "CDN-Cache-Control: foo=bar, max-age=60", STORE_YES, 60, 0},
        {"9213 2.1: parameters are nothing", "CDN-Cache-Control: max-age=60;x=1", STORE_YES, 60, 0},
        {"9213 2.1: beats a past Expires", "CDN-Cache-Control: max-age=60\nExpires: {-60}",
         STORE_YES, 60, 0},
        {"9213 2.1: beats an invalid Expires", "CDN-Cache-Control: max-age=60\nExpires: 0",
         STORE_YES, 60, 0},
        {"9213 2.1: max-age=0 beats Expires", "CDN-Cache-Control: max-age=0\nExpires: {60}",
         STORE_NO_FRESHNESS, 0, 0},
        {"9213 2.1: Expires does not count without a lifetime",
         "CDN-Cache-Control: public\nExpires: {60}", STORE_NO_FRESHNESS, 0, 0},
        {"9213 2.1: long beats Cache-Control",
         "CDN-Cache-Control: max-age=3600\nCache-Control: max-age=1", STORE_YES, 3600, 0},
        {"9213 2.1: short beats Cache-Control",
         "CDN-Cache-Control: max-age=1\nCache-Control: max-age=3600", STORE_YES, 1, 0},
        {"9213 2.1: s-maxage beats max-age in it", "CDN-Cache-Control: max-age=1, s-maxage=60",
         STORE_YES, 60, STORED_MUST_REVALIDATE},
        {"9213 2.1: private", "CDN-Cache-Control: private\n" AGED, STORE_NO_PRIVATE, 0, 0},
        {"9213 2.1: no-store", "CDN-Cache-Control: no-store\n" AGED "\nExpires: {60}",
         STORE_NO_STORE, 0, 0},
        {"9213 2.1: no-cache", "CDN-Cache-Control: no-cache, max-age=60\n" AGED "\n" TAG, STORE_YES,
         60, STORED_NO_CACHE},
        {"9213 2.1: no-cache with fields is the whole", "CDN-Cache-Control: no-cache=\"a\"\n" TAG,
         STORE_YES, 0, STORED_NO_CACHE},
        {"9213 2.1: Cache-Control: no-store does not count",
         "CDN-Cache-Control: max-age=60\nCache-Control: no-store, private", STORE_YES, 60, 0},
        {"9213 2.1: must-revalidate of Cache-Control does not count",
         "CDN-Cache-Control: max-age=60\nCache-Control: must-revalidate", STORE_YES, 60, 0},
        {"9213 2.1: invalid, so Cache-Control rules",
         "CDN-Cache-Control: max-age=10000, &&&&&\nCache-Control: no-store", STORE_NO_STORE, 0, 0},
        {"9213 2.1: invalid, so Cache-Control's lifetime",
         "CDN-Cache-Control: no-store,\nCache-Control: max-age=7", STORE_YES, 7, 0},
        {"9213 2.1: invalid on its second line",
         "CDN-Cache-Control: max-age=60\nCDN-Cache-Control: =\nCache-Control: max-age=7", STORE_YES,
         7, 0},
        {"9213 2.1: empty is as absent", "CDN-Cache-Control:\nCache-Control: max-age=7", STORE_YES,
         7, 0},
        {"9213 2.1: two lines", "CDN-Cache-Control: public\nCDN-Cache-Control: max-age=60",
         STORE_YES, 60, 0},
        {"9213 2.1: wrong type", "CDN-Cache-Control: max-age=\"10000\"\n" AGED, STORE_NO_FRESHNESS,
         0, 0},
        {"9213 2.1: a decimal", "CDN-Cache-Control: max-age=60.0\n" AGED, STORE_NO_FRESHNESS, 0, 0},
        {"9213 2.1: negative", "CDN-Cache-Control: max-age=-60\n" AGED, STORE_NO_FRESHNESS, 0, 0},
        {"9213 2.1: no value", "CDN-Cache-Control: max-age\n" AGED, STORE_NO_FRESHNESS, 0, 0},
        {"9213 2.1: a flag that says no", "CDN-Cache-Control: max-age=60, no-store=?0", STORE_YES,
         60, 0},
        {"8941 4.2.2: the last of a repeated key", "CDN-Cache-Control: max-age=1, max-age=60",
         STORE_YES, 60, 0},
        {"8941: space before =", "CDN-Cache-Control: max-age =100", STORE_NO_FRESHNESS, 0, 0},
        {"8941: space behind =", "CDN-Cache-Control: max-age= 100", STORE_NO_FRESHNESS, 0, 0},
        {"8941: keys are lower case", "CDN-Cache-Control: MaX-aGe=3600", STORE_NO_FRESHNESS, 0, 0},
        {"nginx: X-Accel-Expires comes first", "CDN-Cache-Control: no-store\nX-Accel-Expires: 5",
         STORE_YES, 5, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct stored_meta m = {0};
        arena_init(&arena, NULL);
        struct request_head request = heads_request(&arena, "");
        struct response_head response = heads_response(&arena, 200, rows[i].lines);
        enum store_verdict got = policy_storable(&request, &response, &plain, NOW_MS, NOW_MS, &m);
        if (got != rows[i].verdict || m.lifetime_s != rows[i].lifetime_s ||
            m.flags != rows[i].flags) {
            fail_msg("%s: %s lifetime %lld flags %#x", rows[i].name, store_verdict_text(got),
                     (long long)m.lifetime_s, m.flags);
        }
        arena_fini(&arena);
    }
}

static void targeted_control_can_be_ignored(void **state)
{
    (void)state;
    static const struct cache_conf without = {.ignore = IGNORE_CDN_CACHE_CONTROL};
    static const struct cache_conf alone = {.ignore = IGNORE_CACHE_CONTROL};
    static const struct store_row ignored[] = {
        {"Cache-Control rules", "", 200, "CDN-Cache-Control: no-store\n" AGED, STORE_YES},
    };
    static const struct store_row kept[] = {
        {"ignoring Cache-Control is another thing", "", 200,
         "CDN-Cache-Control: max-age=60\nCache-Control: no-store", STORE_YES},
    };
    check_verdicts(ignored, ARRAY_LEN(ignored), &without);
    check_verdicts(kept, ARRAY_LEN(kept), &alone);
}

static void last_modified_is_kept_as_a_number(void **state)
{
    (void)state;
    struct arena arena;
    struct stored_meta m;
    arena_init(&arena, NULL);
    struct request_head request = heads_request(&arena, "");
    struct response_head response = heads_response(&arena, 200, "Last-Modified: {-600}");
    assert_int_equal(policy_storable(&request, &response, &plain, NOW_MS, NOW_MS, &m), STORE_YES);
    assert_int_equal(m.last_modified, NOW_S - 600);
    assert_int_equal(m.lifetime_s, 60);
    arena_fini(&arena);
}

/* Whatever was said and configured, the numbers fit the stored format. */
static void the_largest_numbers_can_be_stored(void **state)
{
    (void)state;
    static const struct cache_valid valid[] = {{200, INT64_MAX}};
    static const struct cache_conf conf = {.valid = valid,
                                           .valid_n = 1,
                                           .stale_while_revalidate_s = INT64_MAX,
                                           .stale_if_error_s = INT64_MAX};
    struct arena arena;
    struct stored_meta m;
    struct stored_view view;
    struct slice none = slice_none();
    arena_init(&arena, NULL);
    struct request_head request = heads_request(&arena, "");
    struct response_head response = heads_response(&arena, 200, "Age: 99999999999");
    assert_int_equal(policy_storable(&request, &response, &conf, NOW_MS, NOW_MS, &m), STORE_YES);
    const struct stored_parts nothing = {.key = none};
    struct blob *blob = blob_new(stored_size(&m, &nothing));
    stored_encode(blob, &m, &nothing);
    stored_seal(blob);
    assert_int_equal(stored_parse(blob_slice(blob), none, &view), STORED_OK);
    const struct stored_meta record = {
        .kind = STORED_VARY, .lifetime_s = freshness_store_ttl_s(&m), .last_modified = -1};
    stored_encode(blob, &record, &nothing);
    stored_seal(blob);
    assert_int_equal(stored_parse(blob_slice(blob), none, &view), STORED_OK);
    blob_unref(&blob);
    arena_fini(&arena);
}

/* -- the head text -- */

static struct slice head_text(struct arena *arena, const char *lines, const struct cache_conf *conf,
                              struct stored_meta *meta)
{
    struct response_head response = heads_response(arena, 200, lines);
    *meta = (struct stored_meta){.received_ms = NOW_MS};
    return policy_head_text(&response, conf, arena, meta);
}

#define DATE_NOW "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"

static void stored_fields(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned ignore;
        const char *lines;
        const char *want; /* behind the status line */
        uint32_t flags;   /* beside STORED_HAS_DATE */
    } rows[] = {
        {"unknown fields, as they came", 0, "X-B: 2\nx-A: 1\nX-B: 3",
         "X-B: 2\r\nx-A: 1\r\nX-B: 3\r\n" DATE_NOW, 0},
        {"the origin's Date, unchanged", 0, "Date: {-3600}",
         "Date: Tue, 14 Nov 2023 21:13:20 GMT\r\n", 0},
        {"RFC 9110 6.6.1: a Date where there was none", 0, "X: y", "X: y\r\n" DATE_NOW, 0},
        {"3.1: hop by hop", 0,
         "Date: {0}\nConnection: close\nKeep-Alive: x\nProxy-Authenticate: x\n"
         "Proxy-Authentication-Info: x\nProxy-Authorization: x\nProxy-Connection: x\nTE: x\n"
         "Transfer-Encoding: chunked\nUpgrade: word",
         DATE_NOW, 0},
        {"3.1: what Connection names", 0, "Date: {0}\nConnection: a, b\nA: 1\nB: 2\nC: 3",
         DATE_NOW "C: 3\r\n", 0},
        {"Age is a number", 0, "Date: {0}\nAge: 5", DATE_NOW, 0},
        {"3.1: these are stored", 0,
         "Date: {0}\nCache-Control: max-age=1\nContent-Encoding: foo\nContent-Range: x\n"
         "Expires: 0\nClear-Site-Data: \"c\"\nSet-Cookie2: a",
         DATE_NOW "Cache-Control: max-age=1\r\nContent-Encoding: foo\r\nContent-Range: x\r\n"
                  "Expires: 0\r\nClear-Site-Data: \"c\"\r\nSet-Cookie2: a\r\n",
         0},
        {"Set-Cookie", 0, "Date: {0}\nSet-Cookie: a=b", DATE_NOW "Set-Cookie: a=b\r\n", 0},
        {"Set-Cookie ignored", IGNORE_SET_COOKIE, "Date: {0}\nSet-Cookie: a=b", DATE_NOW, 0},
        {"5.2.2.4: withheld", 0, "Date: {0}\nCache-Control: no-cache=\"a, b\"\nA: 1\nB: 2\nC: 3",
         DATE_NOW "Cache-Control: no-cache=\"a, b\"\r\nC: 3\r\n", 0},
        {"5.2.2.4: ignored", IGNORE_CACHE_CONTROL, "Date: {0}\nCache-Control: no-cache=\"a\"\nA: 1",
         DATE_NOW "Cache-Control: no-cache=\"a\"\r\nA: 1\r\n", 0},
        {"flags", 0,
         "Date: {0}\nServer: s\nVia: v\nCache-Status: c\nLast-Modified: l\nETag: e\n"
         "Content-Length: 10",
         DATE_NOW "Server: s\r\nVia: v\r\nCache-Status: c\r\nLast-Modified: l\r\nETag: e\r\n"
                  "Content-Length: 10\r\n",
         STORED_HAS_SERVER | STORED_HAS_VIA | STORED_HAS_CACHE_STATUS | STORED_HAS_LAST_MODIFIED |
             STORED_HAS_ETAG},
        {"X-Accel fields, unknown ones too", 0, "Date: {0}\nx-accel-foo: 1",
         DATE_NOW "x-accel-foo: 1\r\n", STORED_HAS_ACCEL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct cache_conf conf = {.ignore = rows[i].ignore};
        struct arena arena;
        struct stored_meta meta;
        arena_init(&arena, NULL);
        struct slice got = head_text(&arena, rows[i].lines, &conf, &meta);
        struct slice want =
            arena_concat(&arena, SLICE("HTTP/1.1 200 OK\r\n"), slice_of(rows[i].want));
        if (!slice_eq(got, want) || meta.flags != (rows[i].flags | STORED_HAS_DATE)) {
            fail_msg("%s: flags %#x\n%.*s", rows[i].name, meta.flags, SLICE_ARG(got));
        }
        arena_fini(&arena);
    }
}

static void stored_trailers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *head;
        const char *trailers;
        const char *want;
    } rows[] = {
        {"3.1: as they came", "X: y", "B: 2\nA: 1\nB: 3", "B: 2\r\nA: 1\r\nB: 3\r\n"},
        {"3.1: what Connection names", "Connection: a", "A: 1\nB: 2", "B: 2\r\n"},
        {"5.2.2.4: withheld", "Cache-Control: no-cache=\"a\"", "A: 1\nB: 2", "B: 2\r\n"},
        {"none", "X: y", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct cache_conf conf = {0};
        struct arena arena;
        arena_init(&arena, NULL);
        struct response_head head = heads_response(&arena, 200, rows[i].head);
        struct response_head trailers = heads_response(&arena, 200, rows[i].trailers);
        struct slice got = policy_trailers_text(&trailers.fields, &head.fields, &conf, &arena);
        if (!slice_eq(got, slice_of(rows[i].want))) {
            fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(got));
        }
        arena_fini(&arena);
    }
}

/* -- a 304 -- */

#define OLD_HEAD                                                                             \
    "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 20:13:20 GMT\r\nCache-Control: max-age=2\r\n" \
    "ETag: \"a\"\r\nTest: old\r\nTest: older\r\nKept: yes\r\nContent-Length: 10\r\n"

static struct stored_view old_view(void)
{
    return (struct stored_view){
        .meta = {.kind = STORED_RESPONSE,
                 .status = 200,
                 .received_ms = NOW_MS - 7200000,
                 .lifetime_s = 2,
                 .content_length = 10,
                 .last_modified = -1},
        .etag = SLICE("\"a\""),
        .head = SLICE(OLD_HEAD),
    };
}

static void a_304_updates_fields(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *lines; /* of the 304 */
        const char *field;
        const char *want; /* all its values, joined; NULL none */
    } rows[] = {
        {"absent stays", "Date: {0}", "Kept", "yes"},
        {"present replaces, all lines", "Date: {0}\nTest: new", "Test", "new"},
        {"present replaces, by several", "Date: {0}\nTest: 1\nTest: 2", "Test", "1, 2"},
        {"not mentioned, all lines stay", "Date: {0}", "Test", "old, older"},
        {"new fields are added", "Date: {0}\nX-New: 1", "X-New", "1"},
        {"Content-Length never", "Date: {0}\nContent-Length: 999", "Content-Length", "10"},
        {"ETag", "Date: {0}\nETag: \"b\"", "ETag", "\"b\""},
        {"Set-Cookie is replaced, not added", "Date: {0}\nSet-Cookie: n=1", "Set-Cookie", "n=1"},
        {"Content-Type", "Date: {0}\nContent-Type: a/b", "Content-Type", "a/b"},
        {"Date", "Date: {-1}", "Date", "Tue, 14 Nov 2023 22:13:19 GMT"},
        {"without Date: that of receipt", "X: y", "Date", "Tue, 14 Nov 2023 22:13:20 GMT"},
        {"hop by hop is not taken over", "Date: {0}\nConnection: x-hop\nX-Hop: 1", "X-Hop", NULL},
        {"hop by hop does not remove", "Date: {0}\nConnection: test\nTest: 1", "Test",
         "old, older"},
        {"Age is no field", "Date: {0}\nAge: 7", "Age", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct stored_meta meta;
        struct fields fields;
        arena_init(&arena, NULL);
        struct stored_view view = old_view();
        struct request_head request = heads_request(&arena, "");
        struct response_head response = heads_response(&arena, 304, rows[i].lines);
        policy_freshen(&view, &request, &response, &plain, NOW_MS, NOW_MS, &arena, &meta, &fields);
        struct slice got = fields_joined(&fields, slice_of(rows[i].field), &arena);
        if ((got.p == NULL) != (rows[i].want == NULL) || !slice_eq(got, slice_of(rows[i].want))) {
            fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(got));
        }
        arena_fini(&arena);
    }
}

static void a_304_renews_the_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *lines;
        enum store_verdict want;
        int64_t age_s;
        int64_t lifetime_s;
        uint32_t flags;
    } rows[] = {
        {"4.3.4: freshness starts again", "Date: {0}", STORE_YES, 0, 2, 0},
        {"without Date too", "X: y", STORE_YES, 0, 2, 0},
        {"new Cache-Control, new lifetime", "Date: {0}\nCache-Control: max-age=60", STORE_YES, 0,
         60, 0},
        {"its Age counts", "Date: {0}\nAge: 1", STORE_YES, 1, 2, 0},
        {"its Date counts", "Date: {-5}", STORE_YES, 5, 2, 0},
        {"must-revalidate from now on", "Date: {0}\nCache-Control: max-age=1, must-revalidate",
         STORE_YES, 0, 1, STORED_MUST_REVALIDATE},
        {"no-cache from now on", "Date: {0}\nCache-Control: no-cache", STORE_YES, 0, 0,
         STORED_NO_CACHE},
        {"no-store from now on", "Date: {0}\nCache-Control: no-store", STORE_NO_STORE, 0, 0, 0},
        {"private from now on", "Date: {0}\nCache-Control: private", STORE_NO_PRIVATE, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct stored_meta m;
        struct fields fields;
        arena_init(&arena, NULL);
        struct stored_view view = old_view();
        struct request_head request = heads_request(&arena, "");
        struct response_head response = heads_response(&arena, 304, rows[i].lines);
        enum store_verdict got =
            policy_freshen(&view, &request, &response, &plain, NOW_MS, NOW_MS, &arena, &m, &fields);
        if (got != rows[i].want || m.initial_age_s != rows[i].age_s ||
            m.lifetime_s != rows[i].lifetime_s || m.flags != rows[i].flags) {
            fail_msg("%s: %s age %lld lifetime %lld flags %#x", rows[i].name,
                     store_verdict_text(got), (long long)m.initial_age_s, (long long)m.lifetime_s,
                     m.flags);
        }
        assert_int_equal(m.status, 200);
        assert_int_equal(m.received_ms, NOW_MS);
        assert_int_equal(m.content_length, 10);
        arena_fini(&arena);
    }
}

static void an_expires_of_old_counts_from_the_new_date(void **state)
{
    (void)state;
    struct arena arena;
    struct stored_meta m;
    struct fields fields;
    arena_init(&arena, NULL);
    struct stored_view view = old_view();
    view.head = SLICE("HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 20:13:20 GMT\r\nETag: \"a\"\r\n"
                      "Expires: Tue, 14 Nov 2023 22:13:50 GMT\r\n");
    struct request_head request = heads_request(&arena, "");
    struct response_head response = heads_response(&arena, 304, "X: y");
    assert_int_equal(
        policy_freshen(&view, &request, &response, &plain, NOW_MS, NOW_MS, &arena, &m, &fields),
        STORE_YES);
    assert_int_equal(m.lifetime_s, 30);
    arena_fini(&arena);
}

static void what_a_304_renewed_can_be_stored(void **state)
{
    (void)state;
    struct arena arena;
    struct stored_meta m;
    struct fields fields;
    arena_init(&arena, NULL);
    struct stored_view view = old_view();
    struct request_head request = heads_request(&arena, "");
    struct response_head response = heads_response(&arena, 304, "Date: {0}\nTest: new");
    policy_freshen(&view, &request, &response, &plain, NOW_MS, NOW_MS, &arena, &m, &fields);
    struct slice head = policy_head_text_of_fields(200, SLICE("OK"), &fields, &plain, &arena, &m);
    assert_true(
        slice_eq(head, SLICE("HTTP/1.1 200 OK\r\nCache-Control: max-age=2\r\nETag: \"a\"\r\n"
                             "Kept: yes\r\nContent-Length: 10\r\n" DATE_NOW "Test: new\r\n")));
    assert_int_equal(m.flags, STORED_HAS_DATE | STORED_HAS_ETAG);
    arena_fini(&arena);
}

static void every_verdict_has_a_text(void **state)
{
    (void)state;
    for (int v = STORE_YES; v < STORE_VERDICT_COUNT; v++) {
        assert_non_null(store_verdict_text((enum store_verdict)v));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(may_lookup),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(statuses),
        cmocka_unit_test(settings),
        cmocka_unit_test(methods),
        cmocka_unit_test(numbers),
        cmocka_unit_test(targeted_control_decides_alone),
        cmocka_unit_test(targeted_control_can_be_ignored),
        cmocka_unit_test(last_modified_is_kept_as_a_number),
        cmocka_unit_test(the_largest_numbers_can_be_stored),
        cmocka_unit_test(stored_fields),
        cmocka_unit_test(stored_trailers),
        cmocka_unit_test(a_304_updates_fields),
        cmocka_unit_test(a_304_renews_the_numbers),
        cmocka_unit_test(an_expires_of_old_counts_from_the_new_date),
        cmocka_unit_test(what_a_304_renewed_can_be_stored),
        cmocka_unit_test(every_verdict_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
