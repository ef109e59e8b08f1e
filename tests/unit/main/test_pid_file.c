#include "main/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char dir[64];
    char path[80];
};

static int place_open(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/mcproxy-unit-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof p->path, "%s/pid", p->dir);
    *state = p;
    return 0;
}

static int place_close(void **state)
{
    struct place *p = *state;
    (void)unlink(p->path);
    assert_int_equal(rmdir(p->dir), 0);
    free(p);
    return 0;
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_names_us_while_it_is_locked(void **state)
{
    struct place *p = *state;
    struct pid_file f;
    pid_t pid = 0;
    assert_int_equal(pid_file_read(p->path, &pid), PID_FILE_NONE);
    assert_true(pid_file_lock(&f, p->path));
    assert_int_equal(pid_file_read(p->path, &pid), PID_FILE_BAD); /* nothing in it yet */
    assert_true(pid_file_write(&f));
    assert_int_equal(pid_file_read(p->path, &pid), PID_FILE_ALIVE);
    assert_int_equal(pid, getpid());
    pid_file_remove(&f);
    assert_int_equal(access(p->path, F_OK), -1);
    assert_int_equal(f.fd, -1);
}

static void test_second_one_is_refused(void **state)
{
    struct place *p = *state;
    struct pid_file first;
    struct pid_file second;
    assert_true(pid_file_lock(&first, p->path));
    assert_true(pid_file_write(&first));
    assert_false(pid_file_lock(&second, p->path));
    assert_int_equal(errno, EWOULDBLOCK);
    pid_file_remove(&second); /* does no harm */
    assert_int_equal(access(p->path, F_OK), 0);
    pid_file_remove(&first);
}

static void test_file_left_behind_is_stale_and_taken_over(void **state)
{
    struct place *p = *state;
    struct pid_file f;
    pid_t pid = 0;
    write_text(p->path, "12345678\n");
    assert_int_equal(pid_file_read(p->path, &pid), PID_FILE_STALE);
    assert_true(pid_file_lock(&f, p->path));
    assert_true(pid_file_write(&f));
    assert_int_equal(pid_file_read(p->path, &pid), PID_FILE_ALIVE);
    assert_int_equal(pid, getpid());
    pid_file_remove(&f);
}

static void test_nonsense_is_no_pid(void **state)
{
    struct place *p = *state;
    static const char *const texts[] = {"", "x\n", "0\n", "-1\n", "99999999999\n", "12 13\n"};
    pid_t pid;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(p->path, texts[i]);
        assert_int_equal(pid_file_read(p->path, &pid), PID_FILE_BAD);
    }
}

static void test_link_is_not_followed(void **state)
{
    struct place *p = *state;
    struct pid_file f;
    char target[100];
    (void)snprintf(target, sizeof target, "%s/target", p->dir);
    write_text(target, "precious");
    assert_int_equal(symlink(target, p->path), 0);
    assert_false(pid_file_lock(&f, p->path));
    assert_int_equal(unlink(target), 0);
}

static void test_name_may_go_after_it_was_locked(void **state)
{
    struct place *p = *state;
    struct pid_file f;
    char path[sizeof p->path];
    memcpy(path, p->path, sizeof path);
    assert_true(pid_file_lock(&f, path));
    memset(path, 'x', sizeof path);
    pid_file_remove(&f);
    assert_int_equal(access(p->path, F_OK), -1);
}

static void test_none_is_fine(void **state)
{
    (void)state;
    struct pid_file f;
    assert_true(pid_file_lock(&f, NULL));
    assert_true(pid_file_write(&f));
    pid_file_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_us_while_it_is_locked, place_open, place_close),
        cmocka_unit_test_setup_teardown(test_second_one_is_refused, place_open, place_close),
        cmocka_unit_test_setup_teardown(test_file_left_behind_is_stale_and_taken_over, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(test_nonsense_is_no_pid, place_open, place_close),
        cmocka_unit_test_setup_teardown(test_link_is_not_followed, place_open, place_close),
        cmocka_unit_test_setup_teardown(test_name_may_go_after_it_was_locked, place_open,
                                        place_close),
        cmocka_unit_test(test_none_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
