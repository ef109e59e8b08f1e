#include "proxy/mirror.h"

#include "base/assert.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct mirror {
    struct log *log;
    int fd;
    uint64_t left_bytes;
    char path[PATH_MAX];
    char temp[PATH_MAX]; /* in the same folder: the name that it has before its own */
    bool is_named;       /* it has it already */
};

/* Absolute, no segment `.` or `..`, and no folder. */
static bool is_file_path(struct slice path)
{
    if (!slice_starts(path, SLICE("/")) || slice_ends(path, SLICE("/")) ||
        memchr(path.p, '\0', path.n) != NULL)
        return false;
    struct slice rest = path;
    while (rest.n > 0) {
        struct slice segment = slice_cut(rest, '/', &rest);
        if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE("..")))
            return false;
    }
    return true;
}

static void report(const struct mirror *m, const char *what)
{
    log_write(m->log, LOG_ERROR, "proxy_store: %s %s: %s", what, m->path, strerror(errno));
}

/* Who may read files may search folders. */
static mode_t mode_of_folders(mode_t mode)
{
    return mode | S_IRWXU | (mode & (S_IRGRP | S_IROTH)) >> 2;
}

static bool make_folders(struct mirror *m, mode_t mode)
{
    for (char *at = strchr(m->path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        bool made = mkdir(m->path, mode_of_folders(mode)) == 0 || errno == EEXIST;
        *at = '/';
        if (!made)
            return false;
    }
    return true;
}

#define OWN_FDS "/proc/self/fd"

/* A file without a name: nothing of it is left when the process dies. -1: not with this file
 * system, or without the path by which it can get a name. */
static int open_nameless(struct mirror *m)
{
    if (access(OWN_FDS, X_OK) != 0)
        return -1;
    char *slash = strrchr(m->path, '/');
    *slash = '\0';
    int fd =
        open(slash == m->path ? "/" : m->path, O_WRONLY | O_TMPFILE | O_CLOEXEC, S_IRUSR | S_IWUSR);
    *slash = '/';
    return fd;
}

static bool open_temp(struct mirror *m, mode_t mode)
{
    int n = snprintf(m->temp, sizeof m->temp, "%s.%016llx.tmp", m->path,
                     (unsigned long long)hash_seed_new());
    if (n < 0 || (size_t)n >= sizeof m->temp) {
        errno = ENAMETOOLONG;
        return false;
    }
    m->fd = open_nameless(m);
    if (m->fd < 0) {
        m->fd =
            open(m->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
        m->is_named = m->fd >= 0;
    }
    return m->fd >= 0 && fchmod(m->fd, mode) == 0;
}

/* A link never takes the place of a file: that is for rename. */
static bool name_temp(struct mirror *m)
{
    char own[sizeof OWN_FDS + 16];
    (void)snprintf(own, sizeof own, OWN_FDS "/%d", m->fd);
    m->is_named = m->is_named || linkat(AT_FDCWD, own, AT_FDCWD, m->temp, AT_SYMLINK_FOLLOW) == 0;
    return m->is_named;
}

struct mirror *mirror_open(struct log *log, struct slice path, mode_t mode, uint64_t max_bytes)
{
    if (!is_file_path(path) || path.n >= PATH_MAX)
        return NULL;
    struct mirror *m = malloc(sizeof *m);
    ASSERT(m);
    m->log = log;
    m->fd = -1;
    m->left_bytes = max_bytes;
    memcpy(m->path, path.p, path.n);
    m->path[path.n] = '\0';
    m->is_named = false;
    if (!make_folders(m, mode) || !open_temp(m, mode)) {
        report(m, "cannot create");
        mirror_abort(&m);
    }
    return m;
}

static bool write_all(struct mirror *m, struct slice bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(m->fd, bytes.p, bytes.n);
        if (n < 0 && errno != EINTR)
            return false;
        bytes = slice_skip(bytes, n > 0 ? (size_t)n : 0);
    }
    return true;
}

void mirror_write(struct mirror **mp, struct slice bytes)
{
    struct mirror *m = *mp;
    if (!m)
        return;
    if (bytes.n > m->left_bytes) {
        log_write(m->log, LOG_WARN, "proxy_store: %s is larger than proxy_store_max_size", m->path);
        mirror_abort(mp);
        return;
    }
    m->left_bytes -= bytes.n;
    if (!write_all(m, bytes)) {
        report(m, "cannot write");
        mirror_abort(mp);
    }
}

void mirror_commit(struct mirror **mp, int64_t modified_s)
{
    struct mirror *m = *mp;
    if (!m)
        return;
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = modified_s}};
    if ((modified_s >= 0 && futimens(m->fd, times) != 0) || !name_temp(m) ||
        rename(m->temp, m->path) != 0)
        report(m, "cannot finish");
    else
        m->is_named = false;
    mirror_abort(mp);
}

void mirror_abort(struct mirror **mp)
{
    struct mirror *m = *mp;
    *mp = NULL;
    if (!m)
        return;
    if (m->fd >= 0)
        close(m->fd);
    if (m->is_named)
        unlink(m->temp);
    free(m);
}
