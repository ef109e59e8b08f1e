/* Access logs in files and pipes of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/access_log.h"
#include "proxy/request_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    struct request_fixture *f;
    struct access_log *log;
    struct access_log *logs[1];
    struct access_log_conf conf;
    char dir[64];
    char path[96];
    char moved[96];
};

static int make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    p->f = request_fixture_new();
    snprintf(p->dir, sizeof p->dir, "/tmp/mcproxy-access-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/access.log", p->dir);
    snprintf(p->moved, sizeof p->moved, "%s/access.log.1", p->dir);
    *state = p;
    return 0;
}

static int drop(void **state)
{
    struct place *p = *state;
    access_log_close(&p->log);
    unlink(p->path);
    unlink(p->moved);
    rmdir(p->dir);
    request_fixture_free(&p->f);
    free(p);
    return 0;
}

static void use(struct place *p, struct access_log *log, const char *format)
{
    char error[256];
    size_t at;
    assert_non_null(log);
    p->log = log;
    p->logs[0] = log;
    p->conf.format =
        template_compile(slice_of(format), TEMPLATE_LOG, NULL, 0, &p->f->request.arena, error, &at);
    p->f->location.logs = &p->conf;
    p->f->location.logs_n = 1;
    p->f->wconf.logs = p->logs;
}

static void log_path(struct place *p, const char *path)
{
    p->f->request.head.path = slice_of(path);
    access_log_request(&p->f->request);
}

static uint64_t dropped(const struct place *p)
{
    return counter_get(&p->f->worker->counters, COUNTER_LOG_DROPPED);
}

static void assert_file(const char *path, const char *expected)
{
    char got[512] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(got, 1, sizeof got - 1, file);
    fclose(file);
    got[n] = '\0';
    assert_string_equal(got, expected);
}

static void lines_are_written_after_a_second(void **state)
{
    struct place *p = *state;
    use(p, access_log_open(p->f->worker, slice_of(p->path)), "$uri $status");
    p->f->request.status = 200;
    log_path(p, "/a");
    log_path(p, "/b");
    assert_file(p->path, "");
    struct stat st = {0};
    for (int i = 0; i < 300 && st.st_size == 0; i++) {
        loop_turn(p->f->worker->loop, 10);
        assert_int_equal(stat(p->path, &st), 0);
    }
    assert_file(p->path, "/a 200\n/b 200\n");
}

static void lines_are_written_when_the_buffer_is_full(void **state)
{
    struct place *p = *state;
    use(p, access_log_open(p->f->worker, slice_of(p->path)), "$uri");
    char path[1024];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    for (int i = 0; i < 100; i++)
        log_path(p, path);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_in_range(st.st_size, 60 * 1024, 64 * 1024);
    assert_int_equal(st.st_size % 1024, 0);
    access_log_close(&p->log);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_size, 100 * 1024);
    assert_int_equal(dropped(p), 0);
}

/* Up to the buffer's size; a line that is longer is cut and still ends. */
static void long_lines_are_logged(void **state)
{
    struct place *p = *state;
    static char path[100 * 1024];
    static const struct {
        size_t bytes;
        size_t written;
    } rows[] = {{5000, 5001}, {60000, 60001}, {65535, 65536}, {100000, 65536}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unlink(p->path);
        use(p, access_log_open(p->f->worker, slice_of(p->path)), "$uri");
        log_path(p, "/first");
        memset(path, 'x', rows[i].bytes);
        path[rows[i].bytes] = '\0';
        log_path(p, path);
        log_path(p, "/last");
        access_log_close(&p->log);
        struct stat st;
        assert_int_equal(stat(p->path, &st), 0);
        assert_int_equal(st.st_size, 7 + rows[i].written + 6);
        assert_int_equal(dropped(p), 0);
    }
}

static void a_moved_file_is_opened_again(void **state)
{
    struct place *p = *state;
    use(p, access_log_open(p->f->worker, slice_of(p->path)), "$uri");
    log_path(p, "/old");
    assert_int_equal(rename(p->path, p->moved), 0);
    log_path(p, "/before");
    access_log_reopen(p->log);
    log_path(p, "/new");
    access_log_flush(p->log);
    assert_file(p->moved, "/old\n/before\n");
    assert_file(p->path, "/new\n");
}

static void lines_are_added_to_a_file(void **state)
{
    struct place *p = *state;
    for (int i = 0; i < 2; i++) {
        use(p, access_log_open(p->f->worker, slice_of(p->path)), "$uri");
        log_path(p, "/x");
        access_log_close(&p->log);
    }
    assert_file(p->path, "/x\n/x\n");
}

static void what_cannot_be_opened_is_reported(void **state)
{
    struct place *p = *state;
    assert_null(access_log_open(p->f->worker, slice_of(p->dir)));
    assert_null(access_log_open(p->f->worker, SLICE("/no/such/dir/access.log")));
}

static void a_full_disk_drops_lines(void **state)
{
    struct place *p = *state;
    use(p, access_log_open(p->f->worker, SLICE("/dev/full")), "$uri");
    for (int i = 0; i < 3; i++)
        log_path(p, "/x");
    access_log_flush(p->log);
    assert_int_equal(dropped(p), 3);
    log_path(p, "/x");
    access_log_close(&p->log);
    assert_int_equal(dropped(p), 4);
}

/* Puts a pipe in the place of stdout while the log is opened. */
static int open_on_stdout(struct place *p, const char *format)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int kept = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    use(p, access_log_open(p->f->worker, SLICE("stdout")), format);
    assert_int_equal(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0); /* others write there too */
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return ends[0];
}

static void stdout_is_a_log(void **state)
{
    struct place *p = *state;
    int reader = open_on_stdout(p, "$uri");
    log_path(p, "/a");
    access_log_flush(p->log);
    char got[16];
    assert_int_equal(read(reader, got, sizeof got), 3);
    assert_memory_equal(got, "/a\n", 3);
    close(reader);
}

/* A pipe that nobody reads: the loop goes on, whole lines are dropped, what is kept comes in order.
 */
static void a_blocked_pipe_drops_lines(void **state)
{
    struct place *p = *state;
    int reader = open_on_stdout(p, "$uri");
    char path[64];
    int lines = 20000;
    for (int i = 0; i < lines; i++) {
        snprintf(path, sizeof path, "%09d", i);
        log_path(p, path);
    }
    uint64_t lost = dropped(p);
    assert_in_range(lost, 1, lines - 6000);
    int expected = 0;
    uint64_t came = 0;
    for (int idle = 0; idle < 20;) {
        char got[10];
        ssize_t n = read(reader, got, sizeof got);
        if (n < 0) {
            loop_turn(p->f->worker->loop, 5);
            idle++;
            continue;
        }
        idle = 0;
        assert_int_equal(n, 10);
        snprintf(path, sizeof path, "%09d\n", expected++);
        assert_memory_equal(got, path, 10);
        came++;
    }
    assert_int_equal(came + lost, lines);
    log_path(p, "again");
    access_log_flush(p->log);
    char got[10];
    assert_int_equal(read(reader, got, sizeof got), 6);
    assert_int_equal(dropped(p), lost);
    close(reader);
}

static void lines_to_a_reader_that_has_gone_are_dropped(void **state)
{
    struct place *p = *state;
    signal(SIGPIPE, SIG_IGN);
    int reader = open_on_stdout(p, "$uri");
    close(reader);
    log_path(p, "/a");
    log_path(p, "/b");
    access_log_flush(p->log);
    assert_int_equal(dropped(p), 2);
}

/* Lines of two logs on one pipe must not be mixed: each write ends behind a line and is of at most
 * PIPE_BUF bytes, which the kernel keeps together. */
static void lines_in_a_pipe_are_written_whole(void **state)
{
    struct place *p = *state;
    assert_int_equal(mkfifo(p->path, 0600), 0);
    int reader = open(p->path, O_RDONLY | O_NONBLOCK);
    use(p, access_log_open(p->f->worker, slice_of(p->path)), "$uri");
    char path[100];
    memset(path, 'y', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    for (int i = 0; i < 600; i++)
        log_path(p, path);
    /* The pipe of 16 pages is filled by writes that are each a multiple of a line. */
    access_log_flush(p->log);
    static char got[128 * 1024];
    ssize_t n = read(reader, got, sizeof got);
    assert_true(n > 40000);
    assert_int_equal(n % 100, 0);
    close(reader);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(lines_are_written_after_a_second),
        TEST(lines_are_written_when_the_buffer_is_full),
        TEST(long_lines_are_logged),
        TEST(a_moved_file_is_opened_again),
        TEST(lines_are_added_to_a_file),
        TEST(what_cannot_be_opened_is_reported),
        TEST(a_full_disk_drops_lines),
        TEST(stdout_is_a_log),
        TEST(a_blocked_pipe_drops_lines),
        TEST(lines_to_a_reader_that_has_gone_are_dropped),
        TEST(lines_in_a_pipe_are_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
