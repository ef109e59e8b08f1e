#include "admin/fixture.h"
#include "admin/pages.h"
#include "upstream/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct peer_health *acquire(struct fixture *f, const char *group, const char *line,
                                   const char *peer)
{
    struct peer_conf conf = {.text = slice_of(line), .max_fails = 1, .fail_timeout_ms = 10000};
    return health_acquire(f->admin.health, slice_of(group), &conf, slice_of(peer), clock_mono_ms());
}

static void release(struct fixture *f, struct peer_health *row)
{
    health_release(f->admin.health, &row, clock_mono_ms());
}

static void test_peers_are_shown_with_their_health(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    struct admin_table tables[ADMIN_TABLES_MAX + 1];
    struct peer_health *good = acquire(f, "web", "a:1", "10.0.0.1:1");
    struct peer_health *bad = acquire(f, "app", "b:1", "10.0.0.2:1");
    (void)health_failed(bad, clock_mono_ms());
    size_t n = admin_tables(&f->admin, &f->arena, tables);
    const struct admin_table *t = &tables[n - 1];
    assert_string_equal(t->name, "upstreams");
    assert_int_equal(t->rows_n, 2);
    assert_true(slice_eq(t->rows[0].labels[0], SLICE("app")));
    assert_true(slice_eq(t->rows[0].state, SLICE("down")));
    assert_int_equal(t->rows[0].values[0], 0);
    assert_int_equal(t->rows[0].values[1], 1);
    assert_true(slice_eq(t->rows[1].state, SLICE("up")));
    assert_int_equal(t->rows[1].values[0], 1);
    release(f, good);
    release(f, bad);
    fixture_free(f);
}

static void test_address_behind_two_lines_is_one_row(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    struct admin_table tables[ADMIN_TABLES_MAX + 1];
    struct peer_health *down = acquire(f, "web", "a:1", "10.0.0.1:1");
    struct peer_health *up = acquire(f, "web", "b:1", "10.0.0.1:1");
    (void)health_failed(down, clock_mono_ms());
    size_t n = admin_tables(&f->admin, &f->arena, tables);
    assert_int_equal(tables[n - 1].rows_n, 1);
    assert_true(slice_eq(tables[n - 1].rows[0].state, SLICE("up")));
    assert_int_equal(tables[n - 1].rows[0].values[1], 1);
    release(f, down);
    release(f, up);
    fixture_free(f);
}

static void test_more_peers_than_first_expected(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    struct admin_table tables[ADMIN_TABLES_MAX + 1];
    struct peer_health *rows[40];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        rows[i] = acquire(f, "web", "a", arena_printf(&f->arena, "peer %02zu", 39 - i).p);
    size_t n = admin_tables(&f->admin, &f->arena, tables);
    assert_int_equal(tables[n - 1].rows_n, ARRAY_LEN(rows));
    assert_true(slice_eq(tables[n - 1].rows[0].labels[1], SLICE("peer 00")));
    assert_true(slice_eq(tables[n - 1].rows[39].labels[1], SLICE("peer 39")));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        release(f, rows[i]);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers_are_shown_with_their_health),
        cmocka_unit_test(test_address_behind_two_lines_is_one_row),
        cmocka_unit_test(test_more_peers_than_first_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
