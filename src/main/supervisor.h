/* The parent process: keeps the pid file and the listening sockets, starts the serving process,
 * starts the next one when it crashes, and hands signals on. Serves nothing itself; one thread, no
 * loop. */
#pragma once

#include "config/config.h"

/* Runs in the foreground until it is told to stop. Takes `config`, which was loaded from `path`
 * (kept). Returns the exit status: 0 on a requested stop, 1 where serving could not start. Also
 * returns in the serving process, with that one's status. */
int supervisor_run(const char *path, struct config *config);
