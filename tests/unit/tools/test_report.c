#include "tools/report.h"

#include "base/assert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena_pool arenas;
    struct arena arena;
    struct report report;
    char text[8192];
    size_t columns;
};

static int setup(void **state)
{
    static struct fixture f;
    arena_pool_init(&f.arenas, 4);
    arena_init(&f.arena, &f.arenas);
    report_init(&f.report, &f.arena);
    f.columns = 0;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    arena_pool_fini(&f->arenas);
    return 0;
}

static const char *printed(struct fixture *f, bool json)
{
    memset(f->text, 0, sizeof f->text);
    FILE *file = fmemopen(f->text, sizeof f->text, "w");
    assert_true(report_print(&f->report, file, json, f->columns));
    (void)fclose(file);
    return f->text;
}

static void test_nothing(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(printed(f, true), "{}\n");
    assert_string_equal(printed(f, false), "");
}

static void test_values(void **state)
{
    struct fixture *f = *state;
    struct report *r = &f->report;
    report_text(r, "text", SLICE("a b"));
    report_number(r, "number", -7);
    report_flag(r, "is_so", true);
    report_nothing(r, "nothing", "-");
    report_bytes(r, "size_bytes", 1536);
    report_seconds(r, "age_s", 90);
    report_us(r, "took_us", 1234);
    report_percent(r, "hit_percent", 1, 3);
    report_percent(r, "of_none_percent", 0, 0);
    assert_string_equal(printed(f, true),
                        "{\"text\": \"a b\", \"number\": -7, \"is_so\": true, \"nothing\": null, "
                        "\"size_bytes\": 1536, \"age_s\": 90, \"took_us\": 1234, "
                        "\"hit_percent\": 33.3, \"of_none_percent\": null}\n");
    assert_string_equal(printed(f, false), "text     a b\n"
                                           "number   -7\n"
                                           "is so    yes\n"
                                           "nothing  -\n"
                                           "size     1.5 KiB\n"
                                           "age      1 m 30 s\n"
                                           "took     1.23 ms\n"
                                           "hit      33.3 %\n"
                                           "of none  -\n");
}

static void add_row(struct report *r, const char *name, int64_t n)
{
    report_row(r);
    report_text(r, "name", slice_of(name));
    report_number(r, "how_many", n);
    report_details(r, "more");
    report_number(r, "n", n);
    report_end(r);
    report_end(r);
}

static void test_tables(void **state)
{
    struct fixture *f = *state;
    struct report *r = &f->report;
    report_text(r, "url", SLICE("/"));
    report_table(r, "rows");
    add_row(r, "a", 1);
    add_row(r, "m\xc3\xbcller", 22);
    report_end(r);
    report_text(r, "behind", SLICE("x"));
    assert_string_equal(printed(f, true),
                        "{\"url\": \"/\", \"rows\": [{\"name\": \"a\", \"how_many\": 1, "
                        "\"more\": {\"n\": 1}}, {\"name\": \"m\xc3\xbcller\", \"how_many\": 22, "
                        "\"more\": {\"n\": 22}}], \"behind\": \"x\"}\n");
    assert_string_equal(printed(f, false), "url     /\n"
                                           "\n"
                                           "name    how many\n"
                                           "a       1\n"
                                           "m\xc3\xbcller  22\n"
                                           "\n"
                                           "behind  x\n");
}

static void test_tables_that_are_too_wide(void **state)
{
    struct fixture *f = *state;
    struct report *r = &f->report;
    report_text(r, "url", SLICE("/"));
    report_table(r, "rows");
    for (int i = 1; i <= 2; i++) {
        report_row(r);
        report_text(r, "name", i == 1 ? SLICE("a") : SLICE("m\xc3\xbcller"));
        report_number(r, "how_many", i);
        report_end(r);
    }
    report_end(r);
    f->columns = 16;
    assert_string_equal(printed(f, false),
                        "url  /\n\nname    how many\na       1\nm\xc3\xbcller  2\n");
    f->columns = 15;
    assert_string_equal(printed(f, false), "url  /\n\nname      a\nhow many  1\n\n"
                                           "name      m\xc3\xbcller\nhow many  2\n");
}

static void test_objects_and_lists(void **state)
{
    struct fixture *f = *state;
    struct report *r = &f->report;
    report_object(r, "the_record");
    report_text(r, "kind", SLICE("x"));
    report_list(r, "fields");
    add_row(r, "A", 1);
    report_end(r);
    report_table(r, "none");
    report_end(r);
    report_end(r);
    assert_string_equal(printed(f, true),
                        "{\"the_record\": {\"kind\": \"x\", \"fields\": [{\"name\": \"A\", "
                        "\"how_many\": 1, \"more\": {\"n\": 1}}], \"none\": []}}\n");
    assert_string_equal(printed(f, false), "the record:\n"
                                           "  kind  x\n"
                                           "\n"
                                           "  A  1\n");
}

static void test_foreign_bytes(void **state)
{
    struct fixture *f = *state;
    report_text(&f->report, "a", SLICE("\x1b[2J\"\\\n\xff"));
    assert_string_equal(printed(f, true), "{\"a\": \"\\u001b[2J\\\"\\\\\\u000a\\ufffd\"}\n");
    assert_string_equal(printed(f, false), "a  \\x1b[2J\"\\\\x0a\xff\n");
}

static void test_what_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    report_text(&f->report, "a", SLICE("b"));
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_false(report_print(&f->report, full, true, 0));
    (void)fclose(full);
}

static void test_durations(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } rows[] = {{0, "0 s"},         {59, "59 s"},       {60, "1 m"},    {61, "1 m 1 s"},
                {3600, "1 h"},      {3661, "1 h 1 m"},  {86400, "1 d"}, {90000, "1 d 1 h"},
                {-90, "-1 m 30 s"}, {31536000, "365 d"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(slice_eq(report_duration(&f->arena, rows[i].s), slice_of(rows[i].text)));
}

static void test_sizes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {{0, "0 B"},           {1023, "1023 B"},        {1024, "1.0 KiB"},
                {1 << 20, "1.0 MiB"}, {3ULL << 29, "1.5 GiB"}, {UINT64_MAX, "16777216.0 TiB"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(slice_eq(report_size(&f->arena, rows[i].bytes), slice_of(rows[i].text)));
}

#define WITH_REPORT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_REPORT(test_nothing),
        WITH_REPORT(test_values),
        WITH_REPORT(test_tables),
        WITH_REPORT(test_tables_that_are_too_wide),
        WITH_REPORT(test_objects_and_lists),
        WITH_REPORT(test_foreign_bytes),
        WITH_REPORT(test_what_cannot_be_written),
        WITH_REPORT(test_durations),
        WITH_REPORT(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
