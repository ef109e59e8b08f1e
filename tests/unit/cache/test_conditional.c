/* Conditional requests, answered and made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/conditional.h"
#include "cache/heads.h"
#include "http/date.h"

/* A stored response whose head is these lines. */
static struct stored_view view_of(struct arena *arena, unsigned status, const char *lines)
{
    struct fields fields = heads_fields(arena, lines);
    struct stored_view view = {
        .meta = {.kind = STORED_RESPONSE,
                 .status = (uint16_t)status,
                 .received_ms = NOW_MS,
                 .last_modified = -1},
        .etag = fields_get(&fields, FIELD_ETAG),
        .head = arena_printf(arena, "HTTP/1.1 %u X\r\n", status),
    };
    struct slice modified = fields_get(&fields, FIELD_LAST_MODIFIED);
    if (modified.p == NULL || !http_date_parse(modified, NOW_S, &view.meta.last_modified)) {
        view.meta.last_modified = -1;
    }
    for (size_t i = 0; i < fields.n; i++) {
        struct slice line = arena_printf(arena, "%.*s: %.*s\r\n", SLICE_ARG(fields.v[i].name),
                                         SLICE_ARG(fields.v[i].value));
        view.head = arena_concat(arena, view.head, line);
    }
    return view;
}

static const char *condition_text(enum condition c)
{
    switch (c) {
    case CONDITION_PASS: return "pass";
    case CONDITION_NOT_MODIFIED: return "304";
    case CONDITION_FAILED: return "412";
    }
    return "?";
}

static void evaluation(void **state)
{
    (void)state;
#define TAG     "ETag: \"a\""
#define WEAK    "ETag: W/\"a\""
#define CHANGED "Last-Modified: {-1000}"
    static const struct {
        const char *name;
        const char *asked;
        const char *stored;
        enum condition want;
    } rows[] = {
        {"no condition", "", TAG, CONDITION_PASS},
        {"13.1.2: same tag", "If-None-Match: \"a\"", TAG, CONDITION_NOT_MODIFIED},
        {"13.1.2: other tag", "If-None-Match: \"b\"", TAG, CONDITION_PASS},
        {"13.1.2: first of a list", "If-None-Match: \"a\", \"b\"", TAG, CONDITION_NOT_MODIFIED},
        {"13.1.2: middle of a list", "If-None-Match: \"x\",\"a\",\"b\"", TAG,
         CONDITION_NOT_MODIFIED},
        {"13.1.2: last of a list", "If-None-Match: \"b\" , \"a\"", TAG, CONDITION_NOT_MODIFIED},
        {"13.1.2: on a second line", "If-None-Match: \"b\"\nIf-None-Match: \"a\"", TAG,
         CONDITION_NOT_MODIFIED},
        {"13.1.2: *", "If-None-Match: *", TAG, CONDITION_NOT_MODIFIED},
        {"13.1.2: * without a tag", "If-None-Match: *", CHANGED, CONDITION_NOT_MODIFIED},
        {"13.1.2: tag against no tag", "If-None-Match: \"a\"", CHANGED, CONDITION_PASS},
        {"13.1.2: empty", "If-None-Match:", TAG, CONDITION_PASS},
        {"8.8.3.2: weak asked", "If-None-Match: W/\"a\"", TAG, CONDITION_NOT_MODIFIED},
        {"8.8.3.2: weak stored", "If-None-Match: \"a\"", WEAK, CONDITION_NOT_MODIFIED},
        {"8.8.3.2: both weak", "If-None-Match: \"b\", W/\"a\"", WEAK, CONDITION_NOT_MODIFIED},
        {"8.8.3: comma in a tag", "If-None-Match: \"x,a\", \"y\"", "ETag: \"x,a\"",
         CONDITION_NOT_MODIFIED},
        {"8.8.3: part of a tag with a comma", "If-None-Match: \"x,a\"", "ETag: \"a\"",
         CONDITION_PASS},
        {"8.8.3: backslash escapes nothing", "If-None-Match: \"x\\\", \"a\"", TAG,
         CONDITION_NOT_MODIFIED},
        {"quoted against unquoted", "If-None-Match: a", TAG, CONDITION_PASS},
        {"unquoted against quoted", "If-None-Match: \"a\"", "ETag: a", CONDITION_PASS},
        {"unquoted, equal bytes", "If-None-Match: a", "ETag: a", CONDITION_NOT_MODIFIED},
        {"w/ is not W/", "If-None-Match: w/\"a\"", TAG, CONDITION_PASS},
        {"case of a tag counts", "If-None-Match: \"A\"", TAG, CONDITION_PASS},
        {"unterminated", "If-None-Match: \"a", TAG, CONDITION_PASS},

        {"13.1.3: equal", "If-Modified-Since: {-1000}", CHANGED, CONDITION_NOT_MODIFIED},
        {"13.1.3: later", "If-Modified-Since: {-10}", CHANGED, CONDITION_NOT_MODIFIED},
        {"13.1.3: earlier", "If-Modified-Since: {-1001}", CHANGED, CONDITION_PASS},
        {"13.1.3: RFC 850 date", "If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT", CHANGED,
         CONDITION_NOT_MODIFIED},
        {"13.1.3: invalid", "If-Modified-Since: yesterday", CHANGED, CONDITION_PASS},
        {"13.1.3: two lines", "If-Modified-Since: {0}\nIf-Modified-Since: {0}", CHANGED,
         CONDITION_PASS},
        {"RFC 9111 4.3.2: Date in place of Last-Modified", "If-Modified-Since: {-50}",
         "Date: {-50}", CONDITION_NOT_MODIFIED},
        {"RFC 9111 4.3.2: before Date", "If-Modified-Since: {-51}", "Date: {-50}", CONDITION_PASS},
        {"RFC 9111 4.3.2: neither, receipt counts", "If-Modified-Since: {0}", "X: y",
         CONDITION_NOT_MODIFIED},
        {"RFC 9111 4.3.2: before receipt", "If-Modified-Since: {-1}", "X: y", CONDITION_PASS},

        {"13.2.2: tag before date, matches", "If-None-Match: \"a\"\nIf-Modified-Since: {-2000}",
         TAG "\n" CHANGED, CONDITION_NOT_MODIFIED},
        {"13.2.2: tag before date, does not", "If-None-Match: \"b\"\nIf-Modified-Since: {0}",
         TAG "\n" CHANGED, CONDITION_PASS},

        {"13.1.1: same tag", "If-Match: \"a\"", TAG, CONDITION_PASS},
        {"13.1.1: other tag", "If-Match: \"b\"", TAG, CONDITION_FAILED},
        {"13.1.1: in a list", "If-Match: \"b\", \"a\"", TAG, CONDITION_PASS},
        {"13.1.1: on a second line", "If-Match: \"b\"\nIf-Match: \"a\"", TAG, CONDITION_PASS},
        {"13.1.1: *", "If-Match: *", CHANGED, CONDITION_PASS},
        {"13.1.1: weak stored", "If-Match: \"a\"", WEAK, CONDITION_FAILED},
        {"13.1.1: weak asked", "If-Match: W/\"a\"", TAG, CONDITION_FAILED},
        {"13.1.1: equal weak tags", "If-Match: W/\"a\"", WEAK, CONDITION_FAILED},
        {"13.1.1: no tag stored", "If-Match: \"a\"", CHANGED, CONDITION_FAILED},
        {"13.1.4: unmodified", "If-Unmodified-Since: {-1000}", CHANGED, CONDITION_PASS},
        {"13.1.4: modified", "If-Unmodified-Since: {-1001}", CHANGED, CONDITION_FAILED},
        {"13.1.4: invalid", "If-Unmodified-Since: x", CHANGED, CONDITION_PASS},
        {"13.1.4: no Last-Modified", "If-Unmodified-Since: {-1001}", TAG, CONDITION_PASS},
        {"13.2.2: If-Match before If-Unmodified-Since",
         "If-Match: \"a\"\nIf-Unmodified-Since: {-2000}", TAG "\n" CHANGED, CONDITION_PASS},
        {"13.2.2: If-Match, then If-None-Match", "If-Match: \"a\"\nIf-None-Match: \"a\"", TAG,
         CONDITION_NOT_MODIFIED},
        {"13.2.2: If-Match failed", "If-Match: \"b\"\nIf-None-Match: \"a\"", TAG, CONDITION_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct request_head request = heads_request(&arena, rows[i].asked);
        struct stored_view view = view_of(&arena, 200, rows[i].stored);
        enum condition got = conditional_evaluate(&request, &view, NOW_S);
        if (got != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, condition_text(got));
        }
        arena_fini(&arena);
    }
}

static void only_reads_of_a_200_or_206_are_conditional(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    struct request_head request = heads_request(&arena, "If-None-Match: \"a\"");
    struct stored_view missing = view_of(&arena, 404, TAG);
    struct stored_view view = view_of(&arena, 200, TAG);
    struct stored_view part = view_of(&arena, 206, TAG);
    assert_int_equal(conditional_evaluate(&request, &missing, NOW_S), CONDITION_PASS);
    assert_int_equal(conditional_evaluate(&request, &part, NOW_S), CONDITION_NOT_MODIFIED);
    request.method = METHOD_HEAD;
    assert_int_equal(conditional_evaluate(&request, &view, NOW_S), CONDITION_NOT_MODIFIED);
    request.method = METHOD_POST;
    assert_int_equal(conditional_evaluate(&request, &view, NOW_S), CONDITION_PASS);
    arena_fini(&arena);
}

static void strong_comparison(void **state)
{
    (void)state;
    assert_true(etag_matches_strong(SLICE("\"1\""), SLICE("\"1\"")));
    assert_false(etag_matches_strong(SLICE("W/\"1\""), SLICE("W/\"1\"")));
    assert_false(etag_matches_strong(SLICE("W/\"1\""), SLICE("\"1\"")));
    assert_false(etag_matches_strong(SLICE("\"1\""), SLICE("W/\"1\"")));
    assert_false(etag_matches_strong(SLICE("\"1\""), SLICE("\"2\"")));
    assert_false(etag_matches_strong(slice_none(), slice_none()));
}

static void validation(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *stored;
        bool want;
        const char *none_match;
        const char *modified_since;
    } rows[] = {
        {"tag", "ETag: \"a\"", true, "\"a\"", NULL},
        {"weak tag, byte for byte", "ETag: W/\"a\"", true, "W/\"a\"", NULL},
        {"unquoted tag, as it came", "ETag: abc", true, "abc", NULL},
        {"date, exactly as received", "Last-Modified: Tuesday, 14-Nov-23 22:13:20 gmt", true, NULL,
         "Tuesday, 14-Nov-23 22:13:20 gmt"},
        {"both", "ETag: \"a\"\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT", true, "\"a\"",
         "Tue, 14 Nov 2023 22:13:20 GMT"},
        {"unusable date", "Last-Modified: yesterday", false, NULL, NULL},
        {"none", "X: y", false, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct stored_view missing = view_of(&arena, 404, rows[i].stored);
        struct fields unchanged = {0};
        assert_false(conditional_add(&missing, &unchanged, &arena));
        assert_false(conditional_is_asked(&unchanged));
        struct stored_view view = view_of(&arena, 200, rows[i].stored);
        struct fields request =
            heads_fields(&arena, "If-None-Match: \"of the client\"\nIf-Modified-Since: {-5}");
        bool got = conditional_add(&view, &request, &arena);
        assert_int_equal(conditional_is_asked(&request), got);
        struct slice tag = fields_get(&request, FIELD_IF_NONE_MATCH);
        struct slice date = fields_get(&request, FIELD_IF_MODIFIED_SINCE);
        if (got != rows[i].want || !slice_eq(tag, slice_of(rows[i].none_match)) ||
            !slice_eq(date, slice_of(rows[i].modified_since))) {
            fail_msg("%s: %d %.*s %.*s", rows[i].name, got, SLICE_ARG(tag), SLICE_ARG(date));
        }
        assert_true(fields_count(&request, FIELD_IF_NONE_MATCH) <= 1);
        arena_fini(&arena);
    }
}

static void if_range(void **state)
{
    (void)state;
#define OLD    "Last-Modified: {-1000}\nDate: {0}"
#define RECENT "Last-Modified: {0}\nDate: {0}"
    static const struct {
        const char *name;
        const char *asked;
        const char *stored;
        bool want;
    } rows[] = {
        {"no If-Range", "", TAG, true},
        {"13.1.5: its tag", "If-Range: \"a\"", TAG, true},
        {"13.1.5: other tag", "If-Range: \"b\"", TAG, false},
        {"13.1.5: weak tag asked", "If-Range: W/\"a\"", TAG, false},
        {"13.1.5: weak tag stored", "If-Range: \"a\"", WEAK, false},
        {"13.1.5: both weak", "If-Range: W/\"a\"", WEAK, false},
        {"13.1.5: tag against no tag", "If-Range: \"a\"", OLD, false},
        {"13.1.5: no list", "If-Range: \"a\", \"b\"", TAG, false},
        {"13.1.5: one line", "If-Range: \"a\"\nIf-Range: \"a\"", TAG, false},
        {"13.1.5: its date", "If-Range: {-1000}", OLD, true},
        {"13.1.5: later date", "If-Range: {-999}", OLD, false},
        {"13.1.5: earlier date", "If-Range: {-1001}", OLD, false},
        {"13.1.5: date against no date", "If-Range: {-1000}", TAG, false},
        {"13.1.5: no date", "If-Range: yesterday", OLD, false},
        {"13.1.5: no date, none stored", "If-Range: Wed, 31 Dec 1969 23:59:59 GMT", TAG, false},
        {"8.8.2.2: changed in the second it was sent", "If-Range: {0}", RECENT, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct stored_view view = view_of(&arena, 200, rows[i].stored);
        struct fields fields = heads_fields(&arena, rows[i].asked);
        if (conditional_range_holds(&fields, &view, NOW_S) != rows[i].want) {
            fail_msg("%s", rows[i].name);
        }
        arena_fini(&arena);
    }
}

static void what_our_own_if_range_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *stored;
        const char *want; /* the field that it is taken from; "" none */
    } rows[] = {
        {"13.1.5: strong tag", TAG, "ETag"},
        {"13.1.5: tag comes first", TAG "\n" OLD, "ETag"},
        {"13.1.5: weak tag, even beside a date", WEAK "\n" OLD, ""},
        {"8.8.2.2: old date", OLD, "Last-Modified"},
        {"8.8.2.2: date of a minute before", "Last-Modified: {-60}\nDate: {0}", "Last-Modified"},
        {"8.8.2.2: date of less", "Last-Modified: {-59}\nDate: {0}", ""},
        {"no validator", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct stored_view view = view_of(&arena, 200, rows[i].stored);
        struct slice want = stored_field(&view, slice_of(rows[i].want));
        if (!slice_eq(conditional_range_validator(&view), want)) {
            fail_msg("%s", rows[i].name);
        }
        arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation),
        cmocka_unit_test(only_reads_of_a_200_or_206_are_conditional),
        cmocka_unit_test(strong_comparison),
        cmocka_unit_test(if_range),
        cmocka_unit_test(validation),
        cmocka_unit_test(what_our_own_if_range_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
