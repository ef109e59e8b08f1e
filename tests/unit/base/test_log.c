/* The error log, written to a file in a directory of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct place {
    char dir[64];
    char path[96];
    char moved[96];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    snprintf(p->dir, sizeof(p->dir), "/tmp/mcproxy-log-XXXXXX");
    if (mkdtemp(p->dir) == NULL) {
        return -1;
    }
    snprintf(p->path, sizeof(p->path), "%s/error.log", p->dir);
    snprintf(p->moved, sizeof(p->moved), "%s/error.log.1", p->dir);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    unlink(p->path);
    unlink(p->moved);
    rmdir(p->dir);
    free(p);
    return 0;
}

/* The whole file; NUL-terminated, to be freed. */
static char *content(const char *path, size_t *len)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = NULL;
    size_t cap = 0;
    ssize_t n =
        getdelim(&text, &cap, EOF, f); /* the byte 0xff is in no line that is written here */
    fclose(f);
    *len = n < 0 ? 0 : (size_t)n;
    if (n < 0 && text != NULL) {
        text[0] = '\0';
    }
    return text;
}

static void assert_content_matches(const char *path, const char *pattern)
{
    size_t len;
    char *text = content(path, &len);
    regex_t re;
    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&re, text, 0, NULL, 0) != 0) {
        fail_msg("\"%s\" does not match %s", text, pattern);
    }
    regfree(&re);
    free(text);
}

#define STAMP "^[0-9]{4}/[01][0-9]/[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9] "

static void a_line_has_time_level_process_and_text(void **state)
{
    struct place *p = *state;
    struct log l;
    assert_true(log_init(&l, p->path, LOG_INFO));
    log_write(&l, LOG_ERROR, "peer %s:%d", "a", 80);
    char pattern[128];
    snprintf(pattern, sizeof(pattern), STAMP "\\[error\\] %d#%d: peer a:80\n$", (int)getpid(),
             (int)gettid());
    assert_content_matches(p->path, pattern);
    log_fini(&l);
}

static void a_lower_level_is_dropped(void **state)
{
    struct place *p = *state;
    struct log l;
    assert_true(log_init(&l, p->path, LOG_WARN));
    assert_true(log_enabled(&l, LOG_WARN));
    assert_false(log_enabled(&l, LOG_NOTICE));
    log_write(&l, LOG_NOTICE, "dropped");
    log_write(&l, LOG_WARN, "kept");
    assert_content_matches(p->path, STAMP "\\[warn\\] [0-9]+#[0-9]+: kept\n$");
    log_fini(&l);
}

static void control_bytes_are_escaped(void **state)
{
    struct place *p = *state;
    struct log l;
    assert_true(log_init(&l, p->path, LOG_INFO));
    log_write(&l, LOG_INFO, "a\r\nb\x1b[m\x7f\t\xc3\xa4");
    assert_content_matches(
        p->path, STAMP "\\[info\\] [0-9#]+: a\\\\x0D\\\\x0Ab\\\\x1B\\[m\\\\x7F\\\\x09\xc3\xa4\n$");
    log_fini(&l);
}

static void long_lines_are_cut_and_still_end(void **state)
{
    struct place *p = *state;
    static const char *const fills[] = {"x", "\n"}; /* one byte in the line, and four */
    char text[4000];
    for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
        struct log l;
        memset(text, fills[i][0], sizeof(text));
        unlink(p->path);
        assert_true(log_init(&l, p->path, LOG_INFO));
        log_write(&l, LOG_INFO, "%.*s", (int)sizeof(text), text);
        size_t len;
        char *line = content(p->path, &len);
        assert_in_range(len, 2040, 2048);
        assert_ptr_equal(strchr(line, '\n'), line + len - 1);
        free(line);
        log_fini(&l);
    }
}

static void errno_survives_and_can_be_printed(void **state)
{
    struct place *p = *state;
    struct log l;
    assert_true(log_init(&l, p->path, LOG_INFO));
    errno = ENOENT;
    log_write(&l, LOG_INFO, "open: %m");
    assert_int_equal(errno, ENOENT);
    assert_content_matches(p->path, ": open: No such file or directory\n$");
    log_fini(&l);
}

static void errno_survives_a_failed_write(void **state)
{
    (void)state;
    struct log l;
    assert_true(log_init(&l, "/dev/full", LOG_INFO));
    errno = ENOENT;
    log_write(&l, LOG_INFO, "lost");
    assert_int_equal(errno, ENOENT);
    log_fini(&l);
}

static void two_logs_of_one_file_append(void **state)
{
    struct place *p = *state;
    struct log old, new;
    assert_true(log_init(&old, p->path, LOG_INFO));
    assert_true(log_init(&new, p->path, LOG_INFO));
    log_write(&old, LOG_INFO, "one");
    log_write(&new, LOG_INFO, "two");
    log_write(&old, LOG_INFO, "three");
    assert_content_matches(p->path, ": one\n.*: two\n.*: three\n$");
    log_fini(&old);
    log_fini(&new);
}

static void reopen_follows_a_rename(void **state)
{
    struct place *p = *state;
    struct log l;
    assert_true(log_init(&l, p->path, LOG_INFO));
    log_write(&l, LOG_INFO, "old");
    assert_int_equal(rename(p->path, p->moved), 0);
    log_write(&l, LOG_INFO, "still old");
    assert_true(log_reopen(&l));
    log_write(&l, LOG_INFO, "new");
    assert_content_matches(p->moved, ": old\n.*: still old\n$");
    assert_content_matches(p->path, STAMP "\\[info\\] [0-9#]+: new\n$");
    log_fini(&l);
}

static void a_failed_reopen_keeps_the_file(void **state)
{
    struct place *p = *state;
    struct log l;
    char moved_dir[80];
    snprintf(moved_dir, sizeof(moved_dir), "%s-moved", p->dir);
    assert_true(log_init(&l, p->path, LOG_INFO));
    assert_int_equal(rename(p->dir, moved_dir), 0);
    assert_false(log_reopen(&l));
    log_write(&l, LOG_INFO, "goes on");
    assert_int_equal(rename(moved_dir, p->dir), 0);
    assert_content_matches(p->path, ": goes on\n$");
    log_fini(&l);
}

static void what_cannot_be_opened_falls_back_to_stderr(void **state)
{
    struct place *p = *state;
    struct log l;
    char path[128];
    snprintf(path, sizeof(path), "%s/none/error.log", p->dir);
    errno = 0;
    assert_false(log_init(&l, path, LOG_INFO));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(atomic_load(&l.fd), STDERR_FILENO);
    char longer[400];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_false(log_init(&l, longer, LOG_INFO));
    assert_int_equal(errno, ENAMETOOLONG);
}

static void stderr_by_name_or_empty(void **state)
{
    (void)state;
    static const char *const names[] = {"", "stderr"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct log l;
        assert_true(log_init(&l, names[i], LOG_INFO));
        assert_int_equal(atomic_load(&l.fd), STDERR_FILENO);
        assert_true(log_reopen(&l));
        log_fini(&l);
        assert_true(write(STDERR_FILENO, "", 0) == 0); /* not closed */
    }
}

#define LINES_PER_THREAD 500

static void *write_many(void *arg)
{
    for (int i = 0; i < LINES_PER_THREAD; i++) {
        log_write(arg, LOG_INFO, "%s", "begin 0123456789 0123456789 0123456789 end");
    }
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    struct place *p = *state;
    struct log l;
    pthread_t threads[4];
    assert_true(log_init(&l, p->path, LOG_INFO));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &l), 0);
    }
    for (int i = 0; i < 20; i++) {
        assert_true(log_reopen(&l));
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    size_t len, lines = 0;
    char *text = content(p->path, &len);
    struct slice rest = slice_make(text, len);
    while (!slice_empty(rest)) {
        struct slice line = slice_cut(rest, '\n', &rest);
        assert_true(slice_ends(line, SLICE(": begin 0123456789 0123456789 0123456789 end")));
        lines++;
    }
    assert_int_equal(lines, LINES_PER_THREAD * ARRAY_LEN(threads));
    free(text);
    log_fini(&l);
}

static const struct level_row {
    const char *name;
    enum log_level level;
} level_rows[] = {
    {"emerg", LOG_EMERG}, {"alert", LOG_ALERT},   {"crit", LOG_CRIT}, {"error", LOG_ERROR},
    {"warn", LOG_WARN},   {"notice", LOG_NOTICE}, {"info", LOG_INFO}, {"debug", LOG_DEBUG},
};

static void levels_have_the_names_of_nginx(void **state)
{
    (void)state;
    enum log_level level = LOG_DEBUG;
    for (size_t i = 0; i < ARRAY_LEN(level_rows); i++) {
        assert_string_equal(log_level_name(level_rows[i].level), level_rows[i].name);
        assert_true(log_level_parse(slice_of(level_rows[i].name), &level));
        assert_int_equal(level, level_rows[i].level);
    }
    assert_false(log_level_parse(SLICE("warning"), &level));
    assert_false(log_level_parse(SLICE("Error"), &level));
    assert_false(log_level_parse(slice_none(), &level));
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(a_line_has_time_level_process_and_text),
        WITH_PLACE(a_lower_level_is_dropped),
        WITH_PLACE(control_bytes_are_escaped),
        WITH_PLACE(long_lines_are_cut_and_still_end),
        WITH_PLACE(errno_survives_and_can_be_printed),
        cmocka_unit_test(errno_survives_a_failed_write),
        WITH_PLACE(two_logs_of_one_file_append),
        WITH_PLACE(reopen_follows_a_rename),
        WITH_PLACE(a_failed_reopen_keeps_the_file),
        WITH_PLACE(what_cannot_be_opened_falls_back_to_stderr),
        WITH_PLACE(lines_of_threads_do_not_mix),
        cmocka_unit_test(stderr_by_name_or_empty),
        cmocka_unit_test(levels_have_the_names_of_nginx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
