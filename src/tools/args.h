/* The command line of a tool: `mcproxy cache get URL --json`. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TOOL_FIELDS_MAX 64

/* Options, as bits: which of them a tool takes. */
enum tool_option {
    TOOL_CONFIG = 1 << 0, /* all of them take these three */
    TOOL_JSON = 1 << 1,
    TOOL_HELP = 1 << 2,
    TOOL_TIMEOUT = 1 << 3,
    TOOL_CACHE = 1 << 4,
    TOOL_POOL = 1 << 5,
    TOOL_FIELD = 1 << 6,
    TOOL_METHOD = 1 << 7,
    TOOL_CLIENT = 1 << 8,
    TOOL_CONTENT = 1 << 9,
    TOOL_FETCH = 1 << 10,
    TOOL_CONNECTIONS = 1 << 11,
    TOOL_VALUE_BYTES = 1 << 12,
    TOOL_SECONDS = 1 << 13,
    TOOL_GETS = 1 << 14,
    TOOL_ASK = 1 << 15,
};
#define TOOL_COMMON (TOOL_CONFIG | TOOL_JSON | TOOL_HELP | TOOL_TIMEOUT)
/* What makes a request out of a URL. */
#define TOOL_REQUEST (TOOL_FIELD | TOOL_METHOD | TOOL_CLIENT)

struct tool_args {
    const char *config_path; /* NULL: the default */
    bool json;
    bool help;
    bool content;
    bool fetch;
    bool ask;
    const char *url;   /* NULL where the tool takes none */
    const char *cache; /* NULL: not given */
    const char *pool;
    const char *method;
    const char *client; /* address */
    const char *fields[TOOL_FIELDS_MAX];
    size_t fields_n;
    int64_t timeout_ms; /* of each step with a memcached server */
    int64_t connections;
    int64_t value_bytes;
    int64_t seconds;
    int64_t gets_percent;
};

struct tool_args tool_args_default(void);
/* `argv` holds what stands behind the tool's name. Strings are those of `argv`. False: wrong use,
 * explained on `err`, where the tool calls itself `name`. */
NODISCARD bool tool_args_parse(int argc, char **argv, const char *name, unsigned options,
                               bool takes_url, struct tool_args *, FILE *err);
/* A line for each of the options. */
void tool_args_print(unsigned options, FILE *);
