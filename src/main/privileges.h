/* Giving up root. */
#pragma once

#include "base/log.h"
#include "config/config.h"

/* Becomes `user` and `group` of the configuration, with the groups of that user, where we are root;
 * else says that it cannot. Never to be undone, and no program that is executed gets more
 * (PR_SET_NO_NEW_PRIVS). Before any thread is started. False: told in the log. */
NODISCARD bool privileges_drop(const struct main_conf *, struct log *);
/* The log's file, as opened by root, becomes one that the user can open again. */
void privileges_give_log(const struct main_conf *, struct log *);
/* The same for a file by name. */
void privileges_give_file(const struct main_conf *, const char *path);
