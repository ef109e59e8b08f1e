/* What the binary does besides serving: each returns the exit status. */
#pragma once

#include "config/config.h"

/* Errors and warnings go to stderr. NULL: it cannot be used. One reference. */
NODISCARD struct config *command_load(const char *path);
int command_check(const char *path);
int command_print(const char *path);
int command_version(bool with_build);
int command_states(void);
int command_reference(void);
/* Sends the signal to the process that the configuration's pid file names. */
int command_signal(const char *path, int signal);
/* `url` http://address[:port][/path] or unix:/path; NULL: the admin listener of the configuration.
 * 0 where the answer is 200. */
int command_healthcheck(const char *path, const char *url);
