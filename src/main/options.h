/* The command line. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdio.h>

enum mode {
    MODE_RUN,
    MODE_CHECK,       /* -t */
    MODE_PRINT,       /* -T */
    MODE_VERSION,     /* -v */
    MODE_BUILD,       /* -V */
    MODE_HELP,        /* -h */
    MODE_SIGNAL,      /* -s */
    MODE_STATES,      /* --states */
    MODE_REFERENCE,   /* --reference */
    MODE_HEALTHCHECK, /* --healthcheck */
    MODE_TOOL,        /* cache …, explain … */
};

struct options {
    enum mode mode;
    const char *config_path;
    int signal;      /* MODE_SIGNAL */
    const char *url; /* MODE_HEALTHCHECK; NULL: the admin listener of the configuration */
    int tool_argc;   /* MODE_TOOL: from its first word on; config_path may be NULL */
    char **tool_argv;
};

/* Strings are those of `argv`. False: wrong use, which has been explained on `err`. */
NODISCARD bool options_parse(int argc, char **argv, struct options *out, FILE *err);
void options_print_usage(FILE *);
/* ./proxy.yaml where there is one, else this. */
const char *options_default_config(void);
#define OPTIONS_CONFIG_PATH "/etc/mcproxy/proxy.yaml"
