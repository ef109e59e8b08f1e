/* The error log: levels as nginx names them, one line an event, written with one write(2). Safe
 * from any thread. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>

enum log_level {
    LOG_EMERG,
    LOG_ALERT,
    LOG_CRIT,
    LOG_ERROR,
    LOG_WARN,
    LOG_NOTICE,
    LOG_INFO,
    LOG_DEBUG
};

/* One for the process; every object that logs keeps a pointer to it. */
struct log {
    _Atomic int fd;
    _Atomic int level; /* enum log_level: lines of a higher number are dropped */
    char path[256];    /* empty: stderr */
};

/* `path` empty or "stderr" means stderr. False: cannot be opened, errno says why; the log is then
 * stderr. */
NODISCARD bool log_init(struct log *, const char *path, enum log_level);
void log_fini(struct log *);
/* Opens `path` again (USR1). False: the old file stays in use. */
NODISCARD bool log_reopen(struct log *);
static inline bool log_enabled(const struct log *l, enum log_level level)
{
    return (int)level <= atomic_load_explicit(&l->level, memory_order_relaxed);
}
/* `2026/01/31 12:00:00 [error] 1234#1240: text`; control bytes in the text are escaped as \xNN,
 * lines over 2048 bytes are cut. */
void log_write(struct log *, enum log_level, const char *fmt, ...) PRINTF_LIKE(3, 4);
const char *log_level_name(enum log_level);
/* By nginx's name. False: no such level. */
NODISCARD bool log_level_parse(struct slice name, enum log_level *out);
