/* The tools beside the proxy: `mcproxy cache …` looks at the pools as the proxies use them,
 * `mcproxy explain` at what becomes of a URL. */
#pragma once

#include "config/config.h"

/* Is this the first word of a tool? */
bool tools_has(const char *word);
/* Loads a configuration and says on stderr what is wrong; `path` NULL: the default one. */
typedef struct config *tools_load_fn(const char *path);
/* `argv` begins with the tool's first word. The exit status: 0, 1 where what was asked for is not
 * there or broken, 2 for wrong use. */
int tools_run(int argc, char **argv, const char *config_path, tools_load_fn *);
/* A line for each tool. */
void tools_print(FILE *);
