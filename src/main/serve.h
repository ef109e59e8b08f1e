/* The serving process: its control thread takes commands of the supervisor, loads configurations
 * and hands them to the workers. */
#pragma once

#include "config/config.h"

struct serve_args {
    const char *path;      /* of the configuration */
    struct config *config; /* to begin with; borrowed */
    struct log *log;
    int channel; /* to the supervisor; taken */
    bool first;  /* of this supervisor: what keeps it from starting is told on stderr too */
};

/* Returns the exit status once it has been told to end, or the supervisor is gone: 0, or 1 where it
 * could not start. */
int serve_run(const struct serve_args *);
