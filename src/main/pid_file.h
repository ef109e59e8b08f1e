/* The file that names the supervisor. It is locked for as long as the supervisor lives, so that a
 * file left behind is known as such. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <sys/types.h>

struct pid_file {
    int fd;     /* -1: none */
    char *path; /* a copy: the configuration may be replaced */
};

/* Opens and locks it; the content stays until pid_file_write. `path` NULL: there is to be no
 * file. False: errno says why, EWOULDBLOCK where another process holds it. */
NODISCARD bool pid_file_lock(struct pid_file *, const char *path);
/* Writes our pid. False: errno says why. */
NODISCARD bool pid_file_write(struct pid_file *);
/* Removes and unlocks it. */
void pid_file_remove(struct pid_file *);
/* In a child process: gives up the descriptor; the lock stays with the parent. */
void pid_file_forget(struct pid_file *);

enum pid_file_state {
    PID_FILE_ALIVE, /* `*out` is set */
    PID_FILE_NONE,  /* cannot be opened: errno */
    PID_FILE_BAD,
    PID_FILE_STALE, /* whoever wrote it has ended */
};
enum pid_file_state pid_file_read(const char *path, pid_t *out);
