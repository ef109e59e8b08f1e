/* What a YAML file says, as a tree whose every value knows its place. Lives in an arena. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_errors;

struct place {
    struct slice file;
    uint32_t file_order;
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1 */
};

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool quoted;       /* of a scalar: it was not plain */
    struct place at;   /* of the value */
    struct slice text; /* of a scalar */
    struct slice name; /* of a member of a map: its key */
    struct place name_at;
    struct node *next; /* in the list or map that it is in */
    struct node *first;
    struct node *last;
    size_t n; /* children */
};

struct node *node_new(struct arena *, enum node_kind, const struct place *);
/* A scalar that stands nowhere but at `at`. */
struct node *node_scalar(struct arena *, struct slice text, const struct place *at);
void node_append(struct node *parent, struct node *child);
/* Member of that name, or NULL; also where `map` is NULL or no map. */
const struct node *node_find(const struct node *map, struct slice name);
/* A plain scalar without text, `~` or `null`: a key without a value. */
bool node_is_null(const struct node *);
/* The text as a path that is relative to the file that it stands in, NUL-terminated. False: too
 * long. */
NODISCARD bool node_path(const struct node *, char *out, size_t cap);
/* "a list", "a map", "a value": for error texts. */
const char *node_kind_text(const struct node *);

/* -- adding to the list of errors -- */

void error_at(struct config_errors *, const struct place *, const char *fmt, ...) PRINTF_LIKE(3, 4);
void warning_at(struct config_errors *, const struct place *, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
