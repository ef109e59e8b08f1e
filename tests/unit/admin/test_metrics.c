#include "admin/fixture.h"
#include "admin/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void has(const char *page, const char *text)
{
    if (!strstr(page, text))
        fail_msg("no %s in %s", text, page);
}

static void test_rows_of_one_metric_share_its_head(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    counter_add(&f->first, COUNTER_CACHE_HIT, 1);
    counter_add(&f->second, COUNTER_CACHE_HIT, 2);
    counter_add(&f->second, COUNTER_CACHE_MISS, 7);
    const char *page = fixture_page(f, admin_metrics);
    has(page, "# HELP mcproxy_cache_requests_total Requests by cache outcome\n"
              "# TYPE mcproxy_cache_requests_total counter\n"
              "mcproxy_cache_requests_total{outcome=\"hit\"} 3\n"
              "mcproxy_cache_requests_total{outcome=\"miss\"} 7\n");
    has(page, "# TYPE mcproxy_connections_active gauge\nmcproxy_connections_active 0\n");
    fixture_free(f);
}

static void test_each_metric_has_one_head(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    const char *page = fixture_page(f, admin_metrics);
    struct slice rest = slice_of(page);
    while (rest.n > 0) {
        struct slice line = slice_cut(rest, '\n', &rest);
        if (!slice_starts(line, SLICE("# TYPE ")))
            continue;
        struct slice wanted = arena_printf(&f->arena, "\n%.*s\n", SLICE_ARG(line));
        if (slice_find_slice(rest, slice_skip(wanted, 1)) < rest.n)
            fail_msg("twice: %.*s", SLICE_ARG(line));
    }
    assert_int_equal(page[strlen(page) - 1], '\n');
    fixture_free(f);
}

static void test_tables_have_their_labels(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    const char *page = fixture_page(f, admin_metrics);
    has(page, "# HELP mcproxy_memory_bytes Bytes held\n# TYPE mcproxy_memory_bytes gauge\n"
              "mcproxy_memory_bytes{cache=\"app\"} 20\nmcproxy_memory_bytes{cache=\"pages\"} 10\n"
              "# HELP mcproxy_memory_hits_total Lookups that found it\n"
              "# TYPE mcproxy_memory_hits_total counter\n"
              "mcproxy_memory_hits_total{cache=\"app\"} 2\n");
    has(page, "# TYPE mcproxy_memcached_gets_total counter\n"
              "mcproxy_memcached_gets_total{pool=\"p1\",server=\"a\\\"1\"} 5\n");
    fixture_free(f);
}

static void test_table_without_rows_is_left_out(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    assert_null(strstr(fixture_page(f, admin_metrics), "mcproxy_upstream_peer"));
    fixture_free(f);
}

static void test_reloads_are_told(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    has(fixture_page(f, admin_metrics), "\nmcproxy_config_last_reload_success 1\n");
    admin_reloads_note(&f->reloads, SLICE("bad"), 7);
    const char *page = fixture_page(f, admin_metrics);
    has(page, "\nmcproxy_config_last_reload_success 0\n");
    has(page, "\nmcproxy_config_reload_failures_total 1\n");
    has(page, "\nmcproxy_config_last_reload_time_seconds 7\n");
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_one_metric_share_its_head),
        cmocka_unit_test(test_each_metric_has_one_head),
        cmocka_unit_test(test_tables_have_their_labels),
        cmocka_unit_test(test_table_without_rows_is_left_out),
        cmocka_unit_test(test_reloads_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
