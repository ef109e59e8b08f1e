/* The log of purges: what it says of a response, how it stays bounded, how two of them merge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cache/purge_log.h"

#include <stdio.h>
#include <stdlib.h>

static struct purge_log *log_new(void)
{
    struct purge_log *log = malloc(sizeof *log);
    assert_non_null(log);
    purge_log_init(log);
    return log;
}

static void add(struct purge_log *log, enum purge_kind kind, const char *value, bool soft,
                uint64_t seq)
{
    struct purge_scope scope = {kind, slice_of(value)};
    purge_log_add(log, &scope, soft, seq);
}

static const struct purge_subject page = {
    .key = SLICE_INIT("KEY"),
    .tags = SLICE_INIT("example.com/blog/a?x=1 red blue"),
};

static enum purge_verdict match(const struct purge_log *log, uint64_t since)
{
    uint64_t soft_seq = 0;
    return purge_log_match(log, &page, since, &soft_seq);
}

static const struct match_row {
    const char *name;
    enum purge_kind kind;
    const char *value;
    bool soft;
    uint64_t since; /* the purge is number 100 */
    enum purge_verdict verdict;
} match_rows[] = {
    {"everything", PURGE_ALL, "", false, 99, PURGE_HARD},
    {"everything, softly", PURGE_ALL, "", true, 99, PURGE_SOFT},
    {"what came later stays", PURGE_ALL, "", false, 100, PURGE_NONE},
    {"what came later stays fresh", PURGE_ALL, "", true, 100, PURGE_NONE},
    {"its host", PURGE_HOST, "example.com", false, 99, PURGE_HARD},
    {"another host", PURGE_HOST, "example.org", false, 99, PURGE_NONE},
    {"a host that is the beginning of its own", PURGE_HOST, "example", false, 99, PURGE_NONE},
    {"a prefix", PURGE_PREFIX, "example.com/blog/", false, 99, PURGE_HARD},
    {"a prefix, softly", PURGE_PREFIX, "example.com/b", true, 99, PURGE_SOFT},
    {"a prefix that is later", PURGE_PREFIX, "example.com/b", true, 100, PURGE_NONE},
    {"another prefix", PURGE_PREFIX, "example.com/c", false, 99, PURGE_NONE},
    {"a prefix ends before the tags", PURGE_PREFIX, "example.com/blog/a?x=1 red", false, 99,
     PURGE_NONE},
    {"its URL", PURGE_URL, "example.com/blog/a?x=1", false, 99, PURGE_HARD},
    {"the URL without its query", PURGE_URL, "example.com/blog/a", false, 99, PURGE_NONE},
    {"its key", PURGE_KEY, "KEY", false, 99, PURGE_HARD},
    {"its key, softly", PURGE_KEY, "KEY", true, 99, PURGE_SOFT},
    {"another key", PURGE_KEY, "KEY2", false, 99, PURGE_NONE},
    {"its first tag", PURGE_TAG, "red", false, 99, PURGE_HARD},
    {"its last tag", PURGE_TAG, "blue", true, 99, PURGE_SOFT},
    {"another tag", PURGE_TAG, "green", false, 99, PURGE_NONE},
    {"tags have a case", PURGE_TAG, "Red", false, 99, PURGE_NONE},
    {"a tag that is named as the host", PURGE_TAG, "example.com", false, 99, PURGE_NONE},
    {"a host that is named as a tag", PURGE_HOST, "red", false, 99, PURGE_NONE},
    {"a tag that came before it", PURGE_TAG, "red", false, 100, PURGE_NONE},
};

static void a_purge_counts_for_what_it_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(match_rows); i++) {
        const struct match_row *row = &match_rows[i];
        struct purge_log *log = log_new();
        add(log, row->kind, row->value, row->soft, 100);
        if (match(log, row->since) != row->verdict)
            fail_msg("%s", row->name);
        free(log);
    }
}

static void a_repeated_purge_takes_the_place_of_the_former(void **state)
{
    (void)state;
    struct purge_log *log = log_new();
    add(log, PURGE_TAG, "red", false, 100);
    add(log, PURGE_TAG, "red", false, 200);
    add(log, PURGE_PREFIX, "example.com/", false, 100);
    add(log, PURGE_PREFIX, "example.com/", false, 200);
    assert_int_equal(log->names_n, 1);
    assert_int_equal(log->prefixes_n, 1);
    assert_int_equal(match(log, 199), PURGE_HARD);
    free(log);
}

static void a_soft_purge_does_not_hide_a_hard_one(void **state)
{
    (void)state;
    struct purge_log *log = log_new();
    add(log, PURGE_TAG, "red", false, 100);
    add(log, PURGE_TAG, "red", true, 200);
    add(log, PURGE_PREFIX, "example.com/", false, 110);
    add(log, PURGE_PREFIX, "example.com/", true, 210);
    assert_int_equal(match(log, 99), PURGE_HARD);
    assert_int_equal(match(log, 105), PURGE_HARD);
    assert_int_equal(match(log, 150), PURGE_SOFT);
    assert_int_equal(match(log, 210), PURGE_NONE);
    add(log, PURGE_TAG, "red", false, 300);
    add(log, PURGE_PREFIX, "example.com/", false, 300);
    assert_int_equal(log->names_n, 1);
    assert_int_equal(log->prefixes_n, 1);
    free(log);
}

static void the_newest_soft_purge_is_told(void **state)
{
    (void)state;
    struct purge_log *log = log_new();
    uint64_t soft_seq = 0;
    add(log, PURGE_ALL, "", true, 100);
    add(log, PURGE_TAG, "red", true, 120);
    add(log, PURGE_PREFIX, "example.com/", true, 110);
    assert_int_equal(purge_log_match(log, &page, 50, &soft_seq), PURGE_SOFT);
    assert_int_equal(soft_seq, 120);
    free(log);
}

static void numbers_follow_the_clock_and_never_go_back(void **state)
{
    (void)state;
    struct purge_log *log = log_new();
    assert_int_equal(purge_log_next(log, 1000), 1000);
    add(log, PURGE_TAG, "red", false, 1000);
    assert_int_equal(purge_log_next(log, 1000), 1001);
    assert_int_equal(purge_log_next(log, 10), 1001);
    assert_int_equal(purge_log_next(log, 5000), 5000);
    free(log);
}

static void fill_with_tags(struct purge_log *log, unsigned n, uint64_t from)
{
    for (unsigned i = 0; i < n; i++) {
        char tag[32];
        (void)snprintf(tag, sizeof tag, "tag-%llu-%u", (unsigned long long)from, i);
        add(log, PURGE_TAG, tag, false, from + i);
    }
}

static void too_many_names_make_old_responses_unknown(void **state)
{
    (void)state;
    struct purge_log *log = log_new();
    add(log, PURGE_TAG, "red", false, 10);
    fill_with_tags(log, PURGE_NAMES_MAX, 1000);
    assert_true(log->names_n <= PURGE_NAMES_MAX);
    assert_true(log->names_n > PURGE_NAMES_MAX / 2);
    assert_true(log->names_from >= 10);
    assert_int_equal(match(log, 9), PURGE_UNKNOWN);
    assert_int_equal(match(log, log->names_from - 1), PURGE_UNKNOWN);
    assert_int_equal(match(log, log->names_from), PURGE_NONE);
    free(log);
}

static void too_many_prefixes_purge_everything_before_them(void **state)
{
    (void)state;
    struct purge_log *log = log_new();
    add(log, PURGE_PREFIX, "example.com/blog", true, 10);
    for (unsigned i = 0; i < PURGE_PREFIXES_MAX; i++) {
        char prefix[32];
        (void)snprintf(prefix, sizeof prefix, "other.test/%u", i);
        add(log, PURGE_PREFIX, prefix, false, 100 + i);
    }
    assert_int_equal(log->prefixes_n, PURGE_PREFIXES_MAX);
    assert_int_equal(log->soft_floor, 10);
    assert_int_equal(match(log, 9), PURGE_SOFT);
    add(log, PURGE_PREFIX, "another.test/", false, 1000);
    assert_int_equal(log->floor, 100);
    assert_int_equal(match(log, 99), PURGE_HARD);
    assert_int_equal(match(log, 100), PURGE_NONE);
    free(log);
}

static void assert_same(const struct purge_log *a, const struct purge_log *b)
{
    char *of_a = malloc(PURGE_LOG_BYTES_MAX);
    char *of_b = malloc(PURGE_LOG_BYTES_MAX);
    size_t n = purge_log_encode(a, of_a);
    assert_int_equal(purge_log_encode(b, of_b), n);
    assert_memory_equal(of_a, of_b, n);
    free(of_a);
    free(of_b);
}

static void merging_gives_the_same_in_any_order(void **state)
{
    (void)state;
    struct purge_log *a = log_new();
    struct purge_log *b = log_new();
    add(a, PURGE_TAG, "red", false, 100);
    add(a, PURGE_TAG, "blue", true, 110);
    add(a, PURGE_PREFIX, "example.com/", false, 120);
    add(a, PURGE_ALL, "", true, 90);
    add(b, PURGE_TAG, "red", true, 105);
    add(b, PURGE_TAG, "blue", false, 115);
    add(b, PURGE_HOST, "example.com", false, 101);
    add(b, PURGE_ALL, "", false, 95);
    struct purge_log *ab = log_new();
    struct purge_log *ba = log_new();
    purge_log_merge(ab, a);
    purge_log_merge(ab, b);
    purge_log_merge(ba, b);
    purge_log_merge(ba, a);
    assert_same(ab, ba);
    purge_log_merge(ab, a); /* what it has already changes nothing */
    assert_same(ab, ba);
    assert_int_equal(match(ab, 94), PURGE_HARD);
    assert_int_equal(ab->newest, 120);
    free(a);
    free(b);
    free(ab);
    free(ba);
}

static void full_logs_merge_into_one_that_keeps_what_is_newest(void **state)
{
    (void)state;
    struct purge_log *a = log_new();
    struct purge_log *b = log_new();
    fill_with_tags(a, PURGE_NAMES_MAX, 10000);
    fill_with_tags(b, PURGE_NAMES_MAX, 20000);
    add(b, PURGE_TAG, "red", false, 50000);
    purge_log_merge(a, b);
    assert_true(a->names_n <= PURGE_NAMES_MAX);
    assert_int_equal(match(a, 49999), PURGE_HARD);
    assert_int_equal(match(a, 10000), PURGE_HARD);
    assert_true(a->names_from >= 10000);
    purge_log_merge(b, a);
    assert_same(a, b);
    free(a);
    free(b);
}

static void a_purge_that_others_did_not_know_gets_a_number_above_theirs(void **state)
{
    (void)state;
    struct purge_log *ours = log_new();
    struct purge_log *theirs = log_new();
    add(ours, PURGE_TAG, "old", false, 50);
    add(ours, PURGE_TAG, "red", false, 100);
    add(ours, PURGE_PREFIX, "example.org/", false, 100);
    add(ours, PURGE_ALL, "", true, 100);
    add(theirs, PURGE_TAG, "green", false, 150);
    purge_log_renumber(ours, theirs, 100, 151);
    purge_log_merge(ours, theirs);
    assert_int_equal(ours->newest, 151);
    assert_int_equal(match(ours, 150), PURGE_HARD);
    assert_int_equal(ours->soft_floor, 151);
    assert_int_equal(ours->prefixes[0].seq, 151);
    free(ours);
    free(theirs);
}

static void a_purge_that_others_have_keeps_its_number(void **state)
{
    (void)state;
    struct purge_log *ours = log_new();
    struct purge_log *theirs = log_new();
    add(ours, PURGE_TAG, "red", false, 100);
    add(theirs, PURGE_TAG, "red", false, 100);
    purge_log_renumber(ours, theirs, 100, 151);
    assert_same(ours, theirs);
    free(ours);
    free(theirs);
}

/* -- bytes -- */

static size_t sample(char *bytes)
{
    struct purge_log *log = log_new();
    add(log, PURGE_ALL, "", false, 10);
    add(log, PURGE_TAG, "red", false, 100);
    add(log, PURGE_TAG, "red", true, 110);
    add(log, PURGE_PREFIX, "example.com/", true, 120);
    add(log, PURGE_PREFIX, "example.com/a", false, 130);
    size_t n = purge_log_encode(log, bytes);
    free(log);
    return n;
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    char *bytes = malloc(PURGE_LOG_BYTES_MAX);
    char *again = malloc(PURGE_LOG_BYTES_MAX);
    struct purge_log *log = log_new();
    size_t n = sample(bytes);
    assert_true(purge_log_decode(slice_make(bytes, n), log));
    assert_int_equal(log->newest, 130);
    assert_int_equal(log->floor, 10);
    assert_int_equal(purge_log_encode(log, again), n);
    assert_memory_equal(bytes, again, n);
    free(log);
    free(bytes);
    free(again);
}

static void a_full_log_fits_its_bound(void **state)
{
    (void)state;
    char *bytes = malloc(PURGE_LOG_BYTES_MAX);
    struct purge_log *log = log_new();
    fill_with_tags(log, PURGE_NAMES_MAX, 1000);
    for (unsigned i = 0; i < PURGE_PREFIXES_MAX; i++) {
        char prefix[PURGE_PREFIX_BYTES_MAX + 1];
        (void)snprintf(prefix, sizeof prefix, "%0*u", PURGE_PREFIX_BYTES_MAX, i);
        add(log, PURGE_PREFIX, prefix, false, 10000 + i);
    }
    size_t n = purge_log_encode(log, bytes);
    assert_int_equal(log->names_n, PURGE_NAMES_MAX);
    assert_int_equal(n, PURGE_LOG_BYTES_MAX);
    assert_true(purge_log_decode(slice_make(bytes, n), log));
    free(log);
    free(bytes);
}

static void whatever_else_is_refused(void **state)
{
    (void)state;
    char *bytes = malloc(PURGE_LOG_BYTES_MAX);
    struct purge_log *log = log_new();
    size_t n = sample(bytes);
    for (size_t cut = 0; cut < n; cut++)
        assert_false(purge_log_decode(slice_make(bytes, cut), log));
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(bytes[i] ^ 0x20);
        assert_false(purge_log_decode(slice_make(bytes, n), log));
        bytes[i] = (char)(bytes[i] ^ 0x20);
    }
    assert_true(purge_log_decode(slice_make(bytes, n), log));
    free(log);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_purge_counts_for_what_it_names),
        cmocka_unit_test(a_repeated_purge_takes_the_place_of_the_former),
        cmocka_unit_test(a_soft_purge_does_not_hide_a_hard_one),
        cmocka_unit_test(the_newest_soft_purge_is_told),
        cmocka_unit_test(numbers_follow_the_clock_and_never_go_back),
        cmocka_unit_test(too_many_names_make_old_responses_unknown),
        cmocka_unit_test(too_many_prefixes_purge_everything_before_them),
        cmocka_unit_test(merging_gives_the_same_in_any_order),
        cmocka_unit_test(full_logs_merge_into_one_that_keeps_what_is_newest),
        cmocka_unit_test(a_purge_that_others_did_not_know_gets_a_number_above_theirs),
        cmocka_unit_test(a_purge_that_others_have_keeps_its_number),
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(a_full_log_fits_its_bound),
        cmocka_unit_test(whatever_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
