/* The table of variables that templates may name, with how each gets its value from a request. Used
 * by template.c alone. */
#pragma once

#include "base/arena.h"
#include "http/fields.h"
#include "proxy/request.h"

#include <stdbool.h>

/* One use of a variable in a template. `name` is what stands behind the prefix of a family
 * ("user_agent" of $http_user_agent), or the name of a group; `field` the number of the field that
 * a family's name stands for, FIELD_OTHER where it has none. */
struct variable_use {
    const struct variable *variable; /* NULL: a capture */
    struct slice name;
    enum field_id field;
    int group; /* $1 … $9; 0: a named group */
};

/* The value, in the arena or borrowed from the request; p NULL where there is none. */
typedef struct slice variable_get_fn(struct request *, const struct variable_use *, struct arena *);
/* Formats the value, which needs no escaping, into `out` (VARIABLE_WRITE_MAX bytes or more);
 * returns the bytes written. */
typedef size_t variable_write_fn(struct request *, char *out);
#define VARIABLE_WRITE_MAX 64

struct variable {
    const char *name;         /* of a family: with the '_' at its end */
    variable_get_fn *get;     /* NULL: `write` gives the value */
    variable_write_fn *write; /* NULL: `get` gives the value */
    const char *doc;
};

/* The row of `name`; for a family `*rest` is what stands behind its prefix. NULL: no such variable.
 */
const struct variable *variable_find(struct slice name, struct slice *rest);
/* One of many: `http_` and the like. */
bool variable_is_family(const struct variable *);
/* By number, NULL behind the last one. */
const struct variable *variable_row(size_t index);
struct slice variable_value(const struct variable_use *, struct request *, struct arena *);
/* nginx's spelling of a field's name in a variable: letters in any case, '-' and '_' alike. */
bool variable_names_field(struct slice in_variable, struct slice field_name);

/* $request_id; made when first asked for. */
struct slice variable_request_id(struct request *);

/* Rows of variables_upstream.c. */
variable_get_fn variable_upstream_addr, variable_upstream_status, variable_upstream_connect_time,
    variable_upstream_header_time, variable_upstream_response_time, variable_upstream_bytes_sent,
    variable_upstream_bytes_received, variable_upstream_response_length, variable_upstream_http,
    variable_upstream_cookie, variable_sent_http, variable_gzip_ratio;
