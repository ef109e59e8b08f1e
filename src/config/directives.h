/* The table of directives: name, where it may stand, type, default, bounds and documentation of
 * each. Parsing, error texts, conf/REFERENCE.md and -T all come from its rows. */
#pragma once

#include "base/slice.h"

#include <stddef.h>

struct loading;
struct node;

/* Blocks of the file that a directive may stand in. */
enum scope {
    SCOPE_MAIN = 1 << 0,      /* top level, for the whole process */
    SCOPE_HTTP = 1 << 1,      /* top level, inherited by servers and locations */
    SCOPE_SERVER = 1 << 2,    /* an item of `servers` */
    SCOPE_LOCATION = 1 << 3,  /* a member of `locations` */
    SCOPE_LISTEN = 1 << 4,    /* `listen` as a map */
    SCOPE_UPSTREAM = 1 << 5,  /* a member of `upstreams` */
    SCOPE_PEER = 1 << 6,      /* an item of an upstream's `servers` */
    SCOPE_POOL = 1 << 7,      /* a member of `memcached_pools` */
    SCOPE_NODE = 1 << 8,      /* an item of a pool's `servers` */
    SCOPE_CACHE = 1 << 9,     /* a member of `caches` */
    SCOPE_ADMIN = 1 << 10,    /* `admin` */
    SCOPE_COMPRESS = 1 << 11, /* `compress` of a cache as a map */
    SCOPE_AUTH = 1 << 12,     /* `auth` of a pool */
    SCOPE_TLS = 1 << 13,      /* `tls` of a pool */
};
#define SCOPE_COUNT 14

/* "servers", "locations", …; of one bit. */
const char *scope_text(unsigned scope);

enum directive_type {
    TYPE_BLOCK, /* read by the code that builds the block, not by a parser of its own */
    TYPE_FLAG,
    TYPE_NUMBER,         /* uint32_t */
    TYPE_NUMBER_OR_AUTO, /* uint32_t, 0 is auto */
    TYPE_COUNT,          /* size_t */
    TYPE_INT,
    TYPE_SIZE, /* size_t, or int64_t or uint64_t */
    TYPE_INT_SIZE,
    TYPE_DURATION,       /* int64_t milliseconds */
    TYPE_SECONDS_OR_OFF, /* int64_t, 0 is off */
    TYPE_CHOICE,         /* one of `choices`, into an int or enum */
    TYPE_BITS,           /* several of them, into an unsigned */
    TYPE_TEXT,           /* struct slice, one line */
    TYPE_PATH,           /* const char *, NULL is off */
    TYPE_TEMPLATE,
    TYPE_TEMPLATES,
    TYPE_FIELD_NAMES,
    TYPE_PURGE_FROM,
    TYPE_USER,
    TYPE_ERROR_LOG,
    TYPE_ACCESS_LOG,
    TYPE_RESOLVER,
    TYPE_BIND, /* struct address, len 0 is off */
    TYPE_HEAD_BUFFERS,
    TYPE_BUFFERS,
    TYPE_PROXY_PASS,
    TYPE_RETURN,
    TYPE_SET_HEADER,
    TYPE_CACHE_NAME,
    TYPE_CACHE_VALID,
    TYPE_KEY_ARGS,
    TYPE_STORE_PATH,
    TYPE_STORE_ACCESS,
    TYPE_POOL_NAME,
    TYPE_MEMCACHED_PASS,
    TYPE_COMPRESS,
    TYPE_MEDIA_TYPES,
    TYPE_AUTH,
    TYPE_PASSWORD_FILE,
    TYPE_TLS,
    TYPE_FILE, /* const char *, relative to the file that it stands in */
};

/* A word of TYPE_CHOICE and TYPE_BITS. Several may have the same value; the table ends with word
 * NULL. */
struct choice {
    const char *word;
    int value;
};

struct directive {
    const char *name;
    unsigned scope;
    enum directive_type type;
    size_t field; /* in the struct of the innermost block that it may stand in */
    const struct choice *choices;
    const char *dflt; /* YAML; NULL: none */
    const char *min;  /* in the directive's unit; NULL: none */
    const char *max;
    const char *doc;
    const char *source;  /* "nginx": as there; "mcproxy": ours */
    const char *section; /* of the reference: set in the first row of each */
};

#define DIRECTIVES_MAX 192

size_t directive_count(void);
const struct directive *directive_at(size_t index);
size_t directive_index(const struct directive *);
/* NULL: no such directive in any of these scopes. */
const struct directive *directive_find(struct slice name, unsigned scopes);
/* The name that resembles it most among those of the scopes; empty where none does. */
struct slice directive_nearest(struct slice name, unsigned scopes);
/* What mcproxy has instead of an nginx word that it does not have, or NULL. */
const char *directive_instead(struct slice name);

/* -- types -- */

/* Reads the value into `block`, the struct that directive.field is counted in. Errors go to the
 * list; false: there was one. */
typedef bool type_parse_fn(struct loading *, const struct directive *, const struct node *,
                           void *block);

struct type {
    const char *text;     /* for the reference: "duration" */
    type_parse_fn *parse; /* NULL: TYPE_BLOCK */
};
const struct type *type_of(const struct directive *);
