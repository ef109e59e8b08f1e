/* Strings with variables, `$name` and `${name}`, compiled once and rendered per request. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"
#include "cache/key.h"

#include <stdbool.h>

struct request;
struct template;

/* How values are put into the text: as they are, escaped for nginx's default log escaping (`"`,
 * `\`, control and 8-bit bytes as \xNN; empty as `-`), or for JSON strings. */
enum template_escape { TEMPLATE_PLAIN, TEMPLATE_LOG, TEMPLATE_JSON };

/* Lives in `arena`. NULL: `error` (256 bytes) says which name is unknown and names the nearest one,
 * `*error_at` is its offset in `text`. Names of capture groups that `known_groups` (n of them)
 * lists are accepted besides the variables. */
const struct template *template_compile(struct slice text, enum template_escape,
                                        const struct slice *known_groups, size_t known_groups_n,
                                        struct arena *, char *error, size_t *error_at);
/* The value for this request, in its arena or borrowed from it. */
struct slice template_render(const struct template *, struct request *, struct arena *);
/* The same into the key builder: literals and values told apart. False: not a byte. */
bool template_render_key(const struct template *, struct request *, struct cache_key_builder *);
/* Appends to `out` (cap bytes), cut at the end of it; returns the bytes written. For the access
 * log: no allocation but what a value itself needs. */
size_t template_render_into(const struct template *, struct request *, char *out, size_t cap);
/* nginx's condition of proxy_cache_bypass and the like: neither empty nor "0". */
bool template_is_true(const struct template *, struct request *);
/* Without variables; then `*text` is the whole. */
bool template_is_constant(const struct template *, struct slice *text);
/* Is the request field `name` one of its variables ($http_NAME)? */
bool template_has_field(const struct template *, struct slice name);
/* As written, for -T. */
struct slice template_source(const struct template *);

/* Names of all variables, for the reference; prefix families end in '_' (`http_`, `arg_`, …). NULL
 * at the end. */
const char *template_variable_name(size_t index);
const char *template_variable_doc(size_t index);
