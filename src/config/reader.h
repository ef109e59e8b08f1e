/* From files to one tree: YAML with limits, `${env:NAME}` replaced, `include` carried out. Only
 * here: libyaml. */
#pragma once

#include "config/config.h"
#include "config/node.h"

#define READER_FILE_BYTES_MAX (1024 * 1024)
#define READER_DEPTH_MAX      32    /* of lists and maps in each other */
#define READER_NODES_MAX      65536 /* of all files */
#define READER_MEMBERS_MAX    4096  /* of one map */
#define READER_FILES_MAX      256
#define READER_INCLUDE_DEPTH  8
#define READER_ENV_BYTES_MAX  (4 * 1024 * 1024) /* put in place of all `${env:…}` */

struct reader {
    struct arena *arena;
    struct config_errors *errors;
    size_t nodes;
    size_t env_bytes;
    uint32_t files;
};

/* The tree of one file without its includes. NULL: an error has been added. An empty file is an
 * empty map. */
struct node *reader_parse(struct reader *, struct slice file_name, struct slice text);
/* Replaces `${env:NAME}` and `${env:NAME:-default}`; other text, nginx's `${name}` too, stays. The
 * replacement is not looked at again. Unset without a default: an error, and the text stays. */
struct slice reader_expand_env(struct reader *, struct slice text, const struct place *at);
/* Carries out `include` at the top, in `servers` and their locations, and in the maps of upstreams,
 * pools, caches, at any place in them. */
void reader_include(struct reader *, struct node *root);
/* The whole file ("-" is the standard input) into the arena. False: an error was added, at `at` or
 * else at the file. */
bool reader_read_file(struct reader *, const char *path, const struct place *at, struct slice *out);
