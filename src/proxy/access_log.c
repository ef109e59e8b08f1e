#include "proxy/access_log.h"

#include "base/assert.h"
#include "proxy/request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (64 * 1024)
#define FLUSH_MS     1000
#define LINE_ROOM    4096 /* with less room the buffer is written first; longer lines are tried */

enum file_kind {
    FILE_PLAIN,
    FILE_PIPE,
    FILE_SHARED_PIPE, /* O_NONBLOCK would reach others: asked before each write whether it would
                         block */
    FILE_SOCKET,
};

struct access_log {
    struct worker *worker;
    int fd;
    enum file_kind kind;
    bool failing; /* said so; until a write succeeds */
    bool blocked; /* a pipe is full: `watch` tells when it takes bytes again */
    struct fd_watch watch;
    struct timer timer;
    size_t start; /* bytes before it are written */
    size_t end;
    char *buffer; /* BUFFER_BYTES, with the first line */
    struct slice path;
    char path_text[];
};

static fd_watch_fn log_on_writable;
static timer_fn log_on_timer;

/* -- opening -- */

/* A pipe or terminal is opened anew, so that O_NONBLOCK does not reach others that write to it;
 * where that is not possible (a pipe of another user), and for a file, whose offset all writers
 * must share, a copy. */
static int open_standard(int fd)
{
    struct stat st;
    const char *path = fd == STDOUT_FILENO ? "/proc/self/fd/1" : "/proc/self/fd/2";
    bool anew = fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
    int own = anew ? open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : -1;
    return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int open_path(struct slice path)
{
    char text[PATH_MAX];
    if (slice_eq(path, SLICE("stdout")))
        return open_standard(STDOUT_FILENO);
    if (slice_eq(path, SLICE("stderr")))
        return open_standard(STDERR_FILENO);
    if (!slice_to_cstr(path, text, sizeof text)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    /* O_NONBLOCK: a FIFO without a reader fails here with ENXIO instead of waiting for one. */
    return open(text, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0644);
}

static enum file_kind kind_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return FILE_PLAIN;
    if (S_ISSOCK(st.st_mode))
        return FILE_SOCKET;
    if (!S_ISFIFO(st.st_mode))
        return FILE_PLAIN;
    return fcntl(fd, F_GETFL) & O_NONBLOCK ? FILE_PIPE : FILE_SHARED_PIPE;
}

struct access_log *access_log_open(struct worker *worker, struct slice path)
{
    int fd = open_path(path);
    if (fd < 0)
        return NULL;
    struct access_log *l = calloc(1, sizeof *l + path.n);
    ASSERT(l);
    l->worker = worker;
    l->fd = fd;
    l->kind = kind_of(fd);
    timer_init(&l->timer, log_on_timer, l);
    memcpy(l->path_text, path.p, path.n);
    l->path = slice_make(l->path_text, path.n);
    return l;
}

/* -- writing -- */

static void count_dropped(struct access_log *l, uint64_t lines)
{
    counter_add(&l->worker->counters, COUNTER_LOG_DROPPED, lines);
}

static uint64_t count_lines(struct slice s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

/* Several workers may write to one pipe: only up to PIPE_BUF bytes are written as one, so a piece
 * ends behind the last whole line before that. */
static struct slice next_piece(const struct access_log *l)
{
    struct slice all = slice_make(l->buffer + l->start, l->end - l->start);
    if ((l->kind != FILE_PIPE && l->kind != FILE_SHARED_PIPE) || all.n <= PIPE_BUF)
        return all;
    for (size_t n = PIPE_BUF; n > 0; n--)
        if (all.p[n - 1] == '\n')
            return slice_take(all, n);
    return slice_take(all, PIPE_BUF);
}

static bool would_block(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 0;
}

static ssize_t write_piece(const struct access_log *l, struct slice s)
{
    if (l->kind == FILE_SHARED_PIPE && would_block(l->fd)) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t n;
    do {
        n = l->kind == FILE_SOCKET ? send(l->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL)
                                   : write(l->fd, s.p, s.n);
    } while (n < 0 && errno == EINTR);
    return n;
}

static void buffer_empty(struct access_log *l)
{
    l->start = 0;
    l->end = 0;
    timer_cancel(&l->timer);
}

static void wait_until_writable(struct access_log *l)
{
    l->blocked = true;
    fd_watch_start(l->worker->loop, &l->watch, l->fd, false, true, log_on_writable, l);
}

static void stop_waiting(struct access_log *l)
{
    if (l->blocked)
        fd_watch_stop(&l->watch);
    l->blocked = false;
}

/* Once, not for each buffer. */
static void say_failing(struct access_log *l)
{
    if (!l->failing)
        log_write(l->worker->log, LOG_ALERT, "access_log \"%.*s\": %m; lines are dropped",
                  SLICE_ARG(l->path));
    l->failing = true;
}

static void write_out(struct access_log *l)
{
    while (l->start < l->end) {
        ssize_t n = write_piece(l, next_piece(l));
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            wait_until_writable(l);
            return;
        }
        if (n <= 0) { /* a full disk, a reader that has gone: the lines are lost, as with nginx */
            say_failing(l);
            count_dropped(l, count_lines(slice_make(l->buffer + l->start, l->end - l->start)));
            break;
        }
        l->failing = false;
        l->start += (size_t)n;
    }
    buffer_empty(l);
}

void access_log_flush(struct access_log *l)
{
    if (!l->blocked)
        write_out(l);
}

static void log_on_writable(struct fd_watch *w, bool readable UNUSED, bool writable UNUSED)
{
    struct access_log *l = w->owner;
    stop_waiting(l);
    write_out(l);
}

static void log_on_timer(struct timer *t)
{
    access_log_flush(t->owner);
}

/* -- lines -- */

/* Room at the end of the buffer, after what was written has been moved out of the way. */
static size_t room(struct access_log *l)
{
    if (l->start > 0) {
        memmove(l->buffer, l->buffer + l->start, l->end - l->start);
        l->end -= l->start;
        l->start = 0;
    }
    return BUFFER_BYTES - l->end;
}

/* False: the line may have been cut for lack of room. */
static bool append_line(struct access_log *l, const struct template *format, struct request *r)
{
    size_t cap = BUFFER_BYTES - l->end - 1;
    size_t n = template_render_into(format, r, l->buffer + l->end, cap);
    if (n == cap && l->end > 0)
        return false;
    l->end += n;
    l->buffer[l->end++] = '\n';
    return true;
}

static void log_line(struct access_log *l, const struct template *format, struct request *r)
{
    if (!l->buffer) {
        l->buffer = malloc(BUFFER_BYTES);
        ASSERT(l->buffer);
    }
    if (BUFFER_BYTES - l->end < LINE_ROOM) {
        access_log_flush(l);
        if (room(l) < LINE_ROOM) {
            count_dropped(l, 1);
            return;
        }
    }
    if (!append_line(l, format, r)) {
        access_log_flush(l);
        (void)room(l);
        if (!append_line(l, format, r))
            count_dropped(l, 1);
    }
    if (!l->blocked && !timer_is_set(&l->timer))
        timer_set(l->worker->loop, &l->timer, FLUSH_MS);
}

void access_log_request(struct request *r)
{
    for (size_t i = 0; i < r->location->logs_n; i++) {
        const struct access_log_conf *conf = &r->location->logs[i];
        struct access_log *l = r->wconf->logs[conf->file];
        if (l)
            log_line(l, conf->format, r);
        else
            counter_add(&r->worker->counters, COUNTER_LOG_DROPPED, 1);
    }
}

/* -- reopening and closing -- */

/* What is left for a reader that does not keep up is lost. */
static void finish(struct access_log *l)
{
    stop_waiting(l);
    write_out(l);
    if (l->blocked)
        count_dropped(l, count_lines(slice_make(l->buffer + l->start, l->end - l->start)));
    stop_waiting(l);
    buffer_empty(l);
    (void)close(l->fd);
    l->fd = -1;
}

void access_log_reopen(struct access_log *l)
{
    int fd = open_path(l->path);
    if (fd < 0) {
        log_write(l->worker->log, LOG_ERROR, "access_log \"%.*s\": cannot be opened again: %m",
                  SLICE_ARG(l->path));
        return;
    }
    finish(l);
    l->fd = fd;
    l->kind = kind_of(fd);
}

void access_log_close(struct access_log **lp)
{
    struct access_log *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    finish(l);
    free(l->buffer);
    free(l);
}
