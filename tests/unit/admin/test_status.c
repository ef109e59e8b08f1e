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

static void test_process_and_counters_stand_at_the_top(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    counter_add(&f->first, COUNTER_CACHE_HIT, 12);
    counter_add(&f->second, COUNTER_CACHE_HIT, 30);
    counter_add(&f->first, COUNTER_CONNECTIONS_ACTIVE, 1);
    counter_sub(&f->first, COUNTER_CONNECTIONS_ACTIVE, 1);
    const char *page = fixture_page(f, admin_status);
    has(page, "{\n  \"version\": \"1.2.3\",\n  \"pid\": 42,\n  \"workers\": 2,\n");
    has(page, "\n  \"started\": \"2001-09-09T01:46:40Z\",\n  \"uptime_s\": 5,\n");
    has(page, "\n  \"cache_hit\": 42,\n");
    has(page, "\n  \"connections_active\": 0,\n");
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        struct slice member =
            arena_printf(&f->arena, "\n  \"%s\": ", counter_row((enum counter)i)->name);
        has(page, member.p);
    }
    fixture_free(f);
}

static void test_reloads_are_told(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    const char *page = fixture_page(f, admin_status);
    has(page, "\"reloads\": 0,\n  \"reloads_failed\": 0,\n  \"last_reload\": null,\n"
              "  \"last_reload_error\": null,\n");
    admin_reloads_note(&f->reloads, SLICE("p.yaml:1:1: \"x\""), 1000000001);
    page = fixture_page(f, admin_status);
    has(page, "\"reloads\": 0,\n  \"reloads_failed\": 1,\n  \"last_reload\": "
              "\"2001-09-09T01:46:41Z\",\n  \"last_reload_error\": \"p.yaml:1:1: \\\"x\\\"\",\n");
    admin_reloads_note(&f->reloads, slice_none(), 1000000002);
    page = fixture_page(f, admin_status);
    has(page, "\"reloads\": 1,\n  \"reloads_failed\": 1,\n  \"last_reload\": "
              "\"2001-09-09T01:46:42Z\",\n  \"last_reload_error\": null,\n");
    fixture_free(f);
}

static void test_tables_are_nested_by_label_and_in_order(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    const char *page = fixture_page(f, admin_status);
    has(page, "  \"memory\": {\n"
              "    \"app\": {\"bytes\": 20, \"hits\": 2},\n"
              "    \"pages\": {\"bytes\": 10, \"hits\": 1}\n"
              "  },\n"
              "  \"memcached\": {\n"
              "    \"p1\": {\n"
              "      \"a\\\"1\": {\"state\": \"up\", \"gets\": 5},\n"
              "      \"b:1\": {\"state\": \"down\", \"gets\": 4}\n"
              "    },\n"
              "    \"p2\": {\n"
              "      \"c:1\": {\"state\": \"up\", \"gets\": 3}\n"
              "    }\n"
              "  },\n"
              "  \"upstreams\": {}\n"
              "}\n");
    fixture_free(f);
}

static void test_long_reload_error_is_cut(void **state UNUSED)
{
    struct fixture *f = fixture_new();
    char text[2 * ADMIN_ERROR_BYTES];
    memset(text, 'x', sizeof text);
    admin_reloads_note(&f->reloads, slice_make(text, sizeof text), 1);
    assert_int_equal(admin_reloads_view(&f->reloads, &f->arena).error.n, ADMIN_ERROR_BYTES);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_and_counters_stand_at_the_top),
        cmocka_unit_test(test_reloads_are_told),
        cmocka_unit_test(test_tables_are_nested_by_label_and_in_order),
        cmocka_unit_test(test_long_reload_error_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
