/* The configuration file: read, checked as a whole, and made into the settings of all layers. */
#pragma once

#include "base/arena.h"
#include "base/log.h"
#include "base/slice.h"
#include "memcached/conf.h"
#include "proxy/proxy_conf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct config_source; /* what the file said, for config_print_effective */

/* Settings of the process. Strings live in the configuration's arena. */
struct main_conf {
    uint32_t workers;      /* 0: as many as there are cores */
    const char *user;      /* NULL: stay who we are */
    const char *group;     /* NULL: the user's own */
    const char *pid_path;  /* NULL: none is written */
    const char *error_log; /* "stderr" or a file */
    enum log_level error_log_level;
};

/* Immutable once loaded, shared by all workers. Everything that it points to lives as long as it
 * does. */
struct config {
    atomic_uint refs;
    struct main_conf main;
    struct proxy_conf proxy;     /* listens include those of the admin listener (listen_conf.admin);
                                    their server's     root location has HANDLER_ADMIN */
    const struct mc_conf *pools; /* cache_store_conf.pool is an index here */
    size_t pools_n;
    struct arena arena;
    struct regex **regexes; /* released with the configuration */
    size_t regexes_n;
    struct tls_context **tls_contexts; /* the same */
    size_t tls_contexts_n;
    const struct config_source *source;
};

/* -- what is wrong with a file -- */

struct config_error {
    struct slice file; /* as the user named it */
    uint32_t line;     /* from 1 */
    uint32_t column;   /* from 1 */
    bool warning;      /* does not keep the configuration from being used */
    struct slice text;
    uint32_t file_order; /* in which the files were read */
};

/* In order of place once loading has returned. Owned by whoever has initialised it. */
struct config_errors {
    struct arena arena;
    struct config_error *items;
    size_t n;
    size_t cap;
    size_t errors; /* those that are not warnings */
};

void config_errors_init(struct config_errors *);
void config_errors_fini(struct config_errors *);
/* A line each: `proxy.yaml:14:9: text`, for warnings `proxy.yaml:14:9: warning: text`. */
void config_errors_print(const struct config_errors *, FILE *);
/* The same line of one of them, into `buf`, cut where it does not fit; for the log. */
struct slice config_error_format(const struct config_error *, char *buf, size_t cap);

/* -- loading -- */

/* `path` "-" is the standard input. NULL: there are errors, all of them in the list, which may hold
 * warnings in any case. Checks everything that can be checked without opening sockets or asking for
 * names. One reference. */
struct config *config_load(const char *path, struct config_errors *);
/* The same from memory; `name` stands in the errors, included files are looked for beside it. */
struct config *config_load_text(const char *name, struct slice text, struct config_errors *);
struct config *config_ref(struct config *);
/* From any thread; clears the pointer, the last one frees. */
void config_unref(struct config **);

/* -- printing -- */

/* The configuration with every setting of each server and location spelled out after inheritance,
 * as YAML that loads to the same configuration again (-T). */
void config_print_effective(FILE *, const struct config *);
/* conf/REFERENCE.md, from the table of directives (--reference). */
void config_print_reference(FILE *);
