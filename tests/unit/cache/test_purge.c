/* What a process knows of purges, and what follows for its stored responses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/blob.h"
#include "cache/freshness.h"
#include "cache/purge.h"

#include <string.h>

#define NOW    INT64_C(1700000000000)
#define NOW_US ((uint64_t)NOW * 1000)

static struct entry *entry_at(uint64_t purge_seq, uint32_t flags)
{
    struct stored_meta meta = {.kind = STORED_RESPONSE,
                               .status = 200,
                               .flags = flags,
                               .received_ms = NOW,
                               .lifetime_s = 600,
                               .swr_s = 5,
                               .last_modified = -1,
                               .purge_seq = purge_seq};
    const struct stored_parts parts = {.key = SLICE("KEY\x04variant"),
                                       .tags = SLICE("example.com/a red"),
                                       .head = SLICE("HTTP/1.1 200 OK\r\n")};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    (void)stored_encode(blob, &meta, &parts);
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, slice_none(), &why);
    assert_non_null(e);
    return e;
}

static uint64_t purge(struct purge_book *b, enum purge_kind kind, const char *value, bool soft,
                      wall_ms now)
{
    struct purge_scope scope = {kind, slice_of(value)};
    return purge_book_add(b, &scope, 1, soft, now);
}

/* What becomes of an entry that was asked for at `purge_seq`: gone, stale or as it was. */
static char look(struct purge_book *b, uint64_t purge_seq, wall_ms now)
{
    struct entry *e = entry_at(purge_seq, 0);
    bool same = purge_check(b, &e, now);
    char result = e == NULL ? 'x' : same ? '=' : 's';
    entry_unref(&e);
    return result;
}

static void without_a_book_nothing_is_purged(void **state)
{
    (void)state;
    assert_int_equal(look(NULL, 0, NOW), '=');
    assert_int_equal(purge_book_seq(NULL), 0);
}

static void a_purge_counts_for_what_was_asked_for_before_it(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(false, NOW);
    uint64_t before = purge_book_seq(b);
    assert_int_equal(before, NOW_US);
    uint64_t seq = purge(b, PURGE_TAG, "red", false, NOW + 1000);
    assert_int_equal(look(b, before, NOW + 1000), 'x');
    assert_int_equal(purge_book_seq(b), seq);
    assert_int_equal(look(b, seq, NOW + 1000), '=');
    assert_int_equal(purge_book_found(b), 1);
    purge_book_free(&b);
}

static void a_variant_is_purged_by_the_key_of_its_url(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(false, NOW);
    uint64_t before = purge_book_seq(b);
    (void)purge(b, PURGE_KEY, "KEY", false, NOW + 1000);
    assert_int_equal(look(b, before, NOW + 1000), 'x');
    purge_book_free(&b);
}

static void what_was_looked_at_is_not_looked_at_again(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(false, NOW);
    struct entry *e = entry_at(purge_book_seq(b), 0);
    uint64_t seq = purge(b, PURGE_TAG, "blue", false, NOW + 1000);
    assert_true(purge_check(b, &e, NOW + 1000));
    assert_int_equal(atomic_load(&e->purge_seq), seq);
    (void)purge(b, PURGE_TAG, "red", false, NOW + 2000);
    assert_false(purge_check(b, &e, NOW + 2000));
    assert_null(e);
    purge_book_free(&b);
}

static void a_record_without_content_is_left_alone(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(false, NOW);
    struct stored_meta meta = {.kind = STORED_MARK, .received_ms = NOW, .last_modified = -1};
    const struct stored_parts parts = {.key = SLICE("KEY")};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    (void)stored_encode(blob, &meta, &parts);
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, slice_none(), &why);
    (void)purge(b, PURGE_ALL, "", false, NOW);
    assert_true(purge_check(b, &e, NOW));
    assert_non_null(e);
    entry_unref(&e);
    purge_book_free(&b);
}

static const struct {
    const char *name;
    uint32_t flags;
    int64_t after_ms; /* the purge */
    int64_t lifetime_s;
    int64_t swr_s;
} soft_rows[] = {
    {"at once", 0, 300, 0, 600},
    {"later", 0, 2700, 2, 598},
    {"when little was left", 0, 598000, 598, 5},
    {"when it was stale already", 0, 700000, 600, 5},
    {"its own window counts", STORED_SAYS_WHILE_REVALIDATE, 2700, 2, 5},
    {"a clock that was set back", 0, -5000, 0, 600},
};

static void a_soft_purge_ends_freshness_when_it_was_made(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(soft_rows); i++) {
        struct purge_book *b = purge_book_new(false, NOW - 10000);
        struct entry *e = entry_at(purge_book_seq(b), soft_rows[i].flags);
        struct entry *before = e;
        wall_ms at = NOW + soft_rows[i].after_ms;
        (void)purge(b, PURGE_URL, "example.com/a", true, at);
        assert_false(purge_check(b, &e, at));
        assert_non_null(e);
        assert_ptr_not_equal(e, before);
        if (e->view.meta.lifetime_s != soft_rows[i].lifetime_s ||
            e->view.meta.swr_s != soft_rows[i].swr_s)
            fail_msg("%s: %lld %lld", soft_rows[i].name, (long long)e->view.meta.lifetime_s,
                     (long long)e->view.meta.swr_s);
        entry_unref(&e);
        purge_book_free(&b);
    }
}

/* -- the pool's log -- */

static struct blob *log_of(struct purge_book *b)
{
    struct blob *blob = purge_book_encode(b);
    assert_non_null(blob);
    return blob;
}

/* `b` learns what `from` knows. */
static bool learn(struct purge_book *b, struct purge_book *from, wall_ms now)
{
    bool lacks = true;
    struct blob *log = log_of(from);
    assert_true(purge_book_learn(b, blob_slice(log), now, &lacks));
    blob_unref(&log);
    return lacks;
}

static void before_the_pools_log_is_known_its_content_is_not_used(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(true, NOW);
    assert_false(purge_book_is_known(b));
    assert_int_equal(purge_book_seq(b), 0);
    assert_int_equal(look(b, NOW_US, NOW), 'x');
    assert_int_equal(look(b, 0, NOW), '=');
    (void)purge(b, PURGE_TAG, "red", false, NOW);
    assert_int_equal(look(b, 0, NOW), 'x');
    purge_book_free(&b);
}

static void a_log_made_anew_purges_what_was_stored_before(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(true, NOW);
    purge_book_begin(b, NOW);
    assert_true(purge_book_is_known(b));
    assert_int_equal(look(b, 0, NOW), 'x');
    assert_int_equal(look(b, NOW_US - 1, NOW), 'x');
    assert_int_equal(look(b, purge_book_seq(b), NOW), '=');
    purge_book_free(&b);
}

static void a_log_that_is_known_is_not_begun_again(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(true, NOW);
    purge_book_begin(b, NOW);
    uint64_t seq = purge_book_seq(b);
    purge_book_begin(b, NOW + 5000);
    assert_int_equal(purge_book_seq(b), seq);
    assert_int_equal(look(b, seq, NOW), '=');
    purge_book_free(&b);
}

static void what_others_purged_is_learnt(void **state)
{
    (void)state;
    struct purge_book *a = purge_book_new(true, NOW);
    struct purge_book *b = purge_book_new(true, NOW);
    purge_book_begin(a, NOW);
    uint64_t before = purge_book_seq(a);
    assert_false(learn(b, a, NOW));
    assert_int_equal(look(b, before, NOW), '=');
    (void)purge(a, PURGE_TAG, "red", false, NOW + 1000);
    assert_false(learn(b, a, NOW + 2000));
    assert_int_equal(look(b, before, NOW + 2000), 'x');
    assert_true(learn(b, b, NOW) == false);
    purge_book_free(&a);
    purge_book_free(&b);
}

static void what_the_copy_lacks_is_told(void **state)
{
    (void)state;
    struct purge_book *a = purge_book_new(true, NOW);
    struct purge_book *b = purge_book_new(true, NOW);
    purge_book_begin(a, NOW);
    assert_false(learn(b, a, NOW));
    (void)purge(b, PURGE_TAG, "red", false, NOW + 1000);
    assert_true(learn(b, a, NOW + 1000));
    assert_false(learn(a, b, NOW + 1000));
    assert_false(learn(b, a, NOW + 1000));
    purge_book_free(&a);
    purge_book_free(&b);
}

/* `b`'s clock is behind: what `a` asked for after its own purge, not knowing `b`'s, is older than
 * that. */
static void a_clock_that_is_behind_loses_no_purge(void **state)
{
    (void)state;
    struct purge_book *a = purge_book_new(true, NOW);
    struct purge_book *b = purge_book_new(true, NOW);
    purge_book_begin(a, NOW);
    (void)learn(b, a, NOW);
    uint64_t asked = purge(a, PURGE_TAG, "green", false, NOW + 60000);
    (void)purge(b, PURGE_TAG, "red", false, NOW + 1000);
    assert_true(learn(b, a, NOW + 1000));
    assert_int_equal(look(b, asked, NOW + 1000), 'x');
    assert_false(learn(a, b, NOW + 60000));
    assert_int_equal(look(a, asked, NOW + 60000), 'x');
    uint64_t newest = purge_book_newest(a);
    assert_int_equal(purge_book_newest(b), newest);
    purge_book_settled(b, newest);
    assert_false(learn(b, a, NOW + 1000));
    assert_int_equal(purge_book_newest(b), newest);
    purge_book_free(&a);
    purge_book_free(&b);
}

static void garbage_is_no_log(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(true, NOW);
    bool lacks = true;
    assert_false(purge_book_learn(b, SLICE("garbage"), NOW, &lacks));
    assert_false(purge_book_is_known(b));
    purge_book_free(&b);
}

static void a_cache_that_gets_a_pool_waits_for_its_log(void **state)
{
    (void)state;
    struct purge_book *b = purge_book_new(false, NOW);
    uint64_t before = purge_book_seq(b);
    purge_book_expect_pool(b);
    assert_int_equal(look(b, before, NOW), 'x');
    purge_book_begin(b, NOW + 1000);
    assert_int_equal(look(b, before, NOW), 'x');
    uint64_t after = purge_book_seq(b);
    purge_book_expect_pool(b);
    assert_int_equal(look(b, after, NOW), '=');
    purge_book_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_book_nothing_is_purged),
        cmocka_unit_test(a_purge_counts_for_what_was_asked_for_before_it),
        cmocka_unit_test(a_variant_is_purged_by_the_key_of_its_url),
        cmocka_unit_test(what_was_looked_at_is_not_looked_at_again),
        cmocka_unit_test(a_record_without_content_is_left_alone),
        cmocka_unit_test(a_soft_purge_ends_freshness_when_it_was_made),
        cmocka_unit_test(before_the_pools_log_is_known_its_content_is_not_used),
        cmocka_unit_test(a_log_made_anew_purges_what_was_stored_before),
        cmocka_unit_test(a_log_that_is_known_is_not_begun_again),
        cmocka_unit_test(what_others_purged_is_learnt),
        cmocka_unit_test(what_the_copy_lacks_is_told),
        cmocka_unit_test(a_clock_that_is_behind_loses_no_purge),
        cmocka_unit_test(garbage_is_no_log),
        cmocka_unit_test(a_cache_that_gets_a_pool_waits_for_its_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
