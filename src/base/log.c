/* The error log. */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *const level_names[] = {
    [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",   [LOG_CRIT] = "crit", [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",   [LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

bool log_init(struct log *l, const char *path, enum log_level level)
{
    l->path[0] = '\0';
    atomic_init(&l->fd, STDERR_FILENO);
    atomic_init(&l->level, (int)level);
    if (path[0] == '\0' || strcmp(path, "stderr") == 0) {
        return true;
    }
    if (strlen(path) >= sizeof(l->path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = open_path(path);
    if (fd < 0) {
        return false;
    }
    memcpy(l->path, path, strlen(path) + 1);
    atomic_store(&l->fd, fd);
    return true;
}

void log_fini(struct log *l)
{
    int fd = atomic_exchange(&l->fd, STDERR_FILENO);
    if (fd != STDERR_FILENO) {
        close(fd);
    }
    l->path[0] = '\0';
}

bool log_reopen(struct log *l)
{
    if (l->path[0] == '\0') {
        return true;
    }
    int fresh = open_path(l->path);
    if (fresh < 0) {
        return false;
    }
    /* The number stays the same, so that another thread can be in the middle of a write. */
    bool ok = dup3(fresh, atomic_load(&l->fd), O_CLOEXEC) >= 0;
    close(fresh);
    return ok;
}

static size_t written_bytes(int n, size_t cap)
{
    if (n < 0) {
        return 0;
    }
    return (size_t)n < cap ? (size_t)n : cap - 1;
}

static size_t write_prefix(char *line, size_t cap, enum log_level level)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm t;
    localtime_r(&now, &t);
    int n = snprintf(line, cap, "%04d/%02d/%02d %02d:%02d:%02d [%s] %d#%d: ", t.tm_year + 1900,
                     t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, log_level_name(level),
                     (int)getpid(), (int)gettid());
    return written_bytes(n, cap);
}

/* Appends `text` to `line`, as much as fits into `cap`; control bytes cannot end a line or reach a
 * terminal. */
static size_t append_escaped(char *line, size_t len, size_t cap, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool control = c < 0x20 || c == 0x7f;
        if (len + (control ? 4 : 1) > cap) {
            break;
        }
        if (control) {
            line[len++] = '\\';
            line[len++] = 'x';
            line[len++] = "0123456789ABCDEF"[c >> 4];
            line[len++] = "0123456789ABCDEF"[c & 15];
        } else {
            line[len++] = (char)c;
        }
    }
    return len;
}

void log_write(struct log *l, enum log_level level, const char *fmt, ...)
{
    if (!log_enabled(l, level)) {
        return;
    }
    int saved_errno = errno; /* the caller's, which `%m` may print */
    char text[LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    size_t text_len = written_bytes(vsnprintf(text, sizeof(text), fmt, ap), sizeof(text));
    va_end(ap);

    char line[LINE_BYTES];
    size_t len = write_prefix(line, sizeof(line), level);
    len = append_escaped(line, len, sizeof(line) - 1, text, text_len);
    line[len++] = '\n';
    ssize_t written UNUSED
    = write(atomic_load(&l->fd), line, len); /* a log that fails has nowhere to say so */
    errno = saved_errno;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(struct slice name, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (slice_eq(name, slice_of(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}
