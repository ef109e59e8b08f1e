/* A failed assertion ends the process and says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail_plainly(void)
{
    ASSERT(1 + 1 == 3);
}

static void fail_in_a_state(void)
{
    ASSERT_STATE(0 > 1, "lookup");
}

/* Runs `fn` in a child; gives its wait status and what it wrote to stderr. */
static int run_in_child(void (*fn)(void), char *text, size_t cap)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    do {
        n = read(ends[0], text + len, cap - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    text[len] = '\0';
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_failure_aborts_with_condition_and_place(void **state)
{
    (void)state;
    char text[4096];
    int status = run_in_child(fail_plainly, text, sizeof(text));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "test_assert.c:"));
    assert_non_null(strstr(text, "assertion failed: 1 + 1 == 3\n"));
}

static void a_failure_names_its_state(void **state)
{
    (void)state;
    char text[4096];
    int status = run_in_child(fail_in_a_state, text, sizeof(text));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "assertion failed: 0 > 1 in state lookup\n"));
}

static void a_true_condition_is_evaluated_once_and_goes_on(void **state)
{
    (void)state;
    int evaluated = 0;
    ASSERT(++evaluated == 1);
    ASSERT_STATE(++evaluated == 2, "any");
    assert_int_equal(evaluated, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_aborts_with_condition_and_place),
        cmocka_unit_test(a_failure_names_its_state),
        cmocka_unit_test(a_true_condition_is_evaluated_once_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
