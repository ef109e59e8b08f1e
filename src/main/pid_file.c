#include "main/pid_file.h"

#include "base/assert.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

bool pid_file_lock(struct pid_file *f, const char *path)
{
    *f = (struct pid_file){.fd = -1};
    if (!path)
        return true;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return false;
    }
    f->fd = fd;
    f->path = strdup(path);
    ASSERT(f->path);
    return true;
}

bool pid_file_write(struct pid_file *f)
{
    if (f->fd < 0)
        return true;
    char text[24];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    return ftruncate(f->fd, 0) == 0 && pwrite(f->fd, text, (size_t)n, 0) == n;
}

void pid_file_remove(struct pid_file *f)
{
    if (f->fd < 0)
        return;
    (void)unlink(f->path);
    pid_file_forget(f);
}

void pid_file_forget(struct pid_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    free(f->path);
    *f = (struct pid_file){.fd = -1};
}

static enum pid_file_state read_open(int fd, pid_t *out)
{
    char text[32];
    uint64_t pid;
    ssize_t n = pread(fd, text, sizeof text, 0);
    bool alive = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    struct slice line = slice_make(text, n > 0 ? (size_t)n : 0);
    line = slice_take(line, slice_find(line, '\n'));
    if (!parse_u64(line, INT_MAX, &pid) || pid == 0)
        return PID_FILE_BAD;
    *out = (pid_t)pid;
    return alive ? PID_FILE_ALIVE : PID_FILE_STALE;
}

enum pid_file_state pid_file_read(const char *path, pid_t *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PID_FILE_NONE;
    enum pid_file_state state = read_open(fd, out);
    (void)close(fd);
    return state;
}
