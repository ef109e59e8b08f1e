/* What all tools have: arguments, the configuration, a loop with the project's own clients on it, a
 * report. Everything is asked in turn: a call comes back with the answer. */
#pragma once

#include "config/config.h"
#include "memcached/pool.h"
#include "proxy/worker.h"
#include "tools/args.h"
#include "tools/report.h"

struct tool {
    struct tool_args args;
    FILE *out;
    FILE *err;
    struct config *config;
    struct log log; /* says nothing: the report does */
    struct uses *uses;
    struct worker *worker;  /* its loop, arenas and clocks */
    struct mc_conf *confs;  /* of the configuration's pools, more patient */
    struct mc_pool **pools; /* NULL until asked for */
    struct arena arena;
    struct report report;
    enum mc_result answer; /* to the question under way */
};

/* Takes `config`. False: `err` says why. */
NODISCARD bool tool_init(struct tool *, struct config *);
void tool_fini(struct tool *);
/* `mcproxy: text` on `err`; the exit status of a failure. */
int tool_fail(const struct tool *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints the report; `status` unless it cannot be written. */
int tool_print(const struct tool *, int status);

/* -- pools -- */

/* By index in the configuration; connecting since its first use. */
struct mc_pool *tool_pool(struct tool *, size_t index);
/* Is the pool among those that --pool and --cache leave? */
bool tool_wants_pool(const struct tool *, size_t index);
/* False: there is no pool, or none of the name; `err` says so. */
NODISCARD bool tool_check_pools(const struct tool *);
/* A pool of its own: tool_pool's without sharing its connections. NULL: no digest. */
NODISCARD struct mc_pool *tool_pool_new(struct tool *, size_t index);

/* -- questions; what fails has MC_FAILED -- */

enum mc_result tool_get(struct tool *, struct mc_pool *, struct mc_get *);
/* The answer, in the arena; p NULL: there was none. */
struct slice tool_ask(struct tool *, struct mc_pool *, size_t server, struct slice line);
/* The next line of an answer, without CRLF. False: no more. */
NODISCARD bool tool_line_next(struct slice *rest, struct slice *line);

/* The tools; each returns the exit status. */
typedef int tool_fn(struct tool *);
tool_fn tool_cache_ping, tool_cache_stat, tool_cache_key, tool_cache_get, tool_cache_purge,
    tool_cache_bench, tool_explain;

#define TOOL_OK     0
#define TOOL_FAILED 1 /* what was asked for is not there, or is broken */
#define TOOL_MISUSE 2
