/* State of one loading: what its steps hand to each other. Thrown away when the configuration is
 * complete. */
#pragma once

#include "config/config.h"
#include "config/directives.h"
#include "config/node.h"
#include "net/tls.h"

/* A growable array of pointers in the arena. */
struct pointers {
    void **items;
    size_t n;
    size_t cap;
};

/* Settings of one block of the file (a server, a location, a pool, …): where each came from, and
 * the structs they go to. */
struct level {
    unsigned scope;    /* bits; at the top level SCOPE_MAIN | SCOPE_HTTP */
    struct slice name; /* its key, or an address */
    struct place at;
    const struct level *parent;
    const struct node
        *set[DIRECTIVES_MAX];       /* value of each directive after inheritance, by its index */
    const struct node *handler;     /* proxy_pass or return of this very block, else NULL */
    const struct node *server_name; /* of a server */
    struct config *config;          /* for SCOPE_MAIN and what is SCOPE_HTTP alone */
    struct server_conf *server;     /* for SCOPE_SERVER without SCOPE_LOCATION */
    struct location_conf *location; /* for SCOPE_LOCATION */
    void *own;                      /* for every other scope */
    struct pointers
        children; /* struct level: locations of a server or location; servers of a group or pool */
    struct pointers listens; /* struct level, of a server or of admin */
};

/* What -T prints. */
struct config_source {
    const struct level *top;
    const struct node *log_formats; /* NULL: none */
    struct pointers upstreams;      /* struct level, as all of these */
    struct pointers pools;
    struct pointers caches;
    struct pointers servers;
    const struct level *admin; /* NULL: none */
};

/* `tls` of a pool while it is read. */
struct tls_block {
    struct mc_tls tls;
    struct tls_conf conf;
    struct slice ciphers;
};

/* One `listen`. */
struct listen_line {
    struct slice text;
    bool default_server;
    int backlog;
    int rcvbuf;
    int sndbuf;
};

struct log_format {
    struct log_format *next;
    struct slice name;
    const struct template *format;
};

struct loading {
    struct config *config;
    struct arena *arena; /* the configuration's */
    struct config_errors *errors;
    struct level *top;
    const struct node *defaults[DIRECTIVES_MAX]; /* parsed when first needed */
    struct slice *groups; /* named groups of all regular expressions of the file: variables */
    size_t groups_n;
    struct log_format *log_formats;
    struct pointers log_files;    /* struct slice */
    struct pointers upstreams;    /* struct level with own = struct upstream_conf */
    struct pointers pools;        /* the same of struct mc_conf */
    struct pointers caches;       /* the same of struct cache_store_conf */
    struct pointers raws;         /* struct raw_conf */
    struct pointers regexes;      /* struct regex */
    struct pointers tls_contexts; /* struct tls_context */
    struct pointers listens;      /* struct listen_build, see listen.c */
    struct pointers servers;      /* struct level */
    struct level *admin;
};

void pointers_add(struct pointers *, struct arena *, void *item);

/* -- helpers of the parsers -- */

/* `directive: text`, at the value. */
void value_error(struct loading *, const struct directive *, const struct node *, const char *fmt,
                 ...) PRINTF_LIKE(4, 5);
/* A scalar of one line without control bytes; an empty one only where `empty` allows. False: an
 * error was added. */
NODISCARD bool value_text(struct loading *, const struct directive *, const struct node *,
                          bool empty, struct slice *out);
/* The words of a scalar that are separated by spaces, or the items of a list, as slices in the
 * arena. False: an error was added. */
NODISCARD bool value_words(struct loading *, const struct directive *, const struct node *,
                           struct slice **words, size_t *n);
/* Cuts the next word off `rest`; empty when there is none. */
struct slice next_word(struct slice *rest);
/* NULL: an error was added. */
const struct template *value_template(struct loading *, const struct directive *,
                                      const struct node *, struct slice text, enum template_escape);
/* Each key of `map` is one of `allowed` (NULL at the end). */
NODISCARD bool value_keys(struct loading *, const struct directive *, const struct node *map,
                          const char *const *allowed);
/* The field of `block` that a row is about. */
void *value_field(const struct directive *, void *block);
/* In the configuration's arena; NULL: an error was added. */
struct regex *loading_regex(struct loading *, const struct place *, struct slice pattern,
                            bool caseless);
/* `upstream` of a location: a group of that name, else one made of the address (shared by all who
 * name it). */
NODISCARD bool upstream_index(struct loading *, const struct node *, struct slice authority,
                              struct endpoint *, size_t *out);
/* Index of a cache by name, or CACHE_NONE; "default" is made when it is first asked for, which
 * finish_location does only for locations that have a use for it. */
#define CACHE_NONE    SIZE_MAX
#define CACHE_DEFAULT (SIZE_MAX - 1) /* location_conf.cache until then */
size_t cache_index(struct loading *, struct slice name);
/* Index of a pool by name, -1: none. */
int pool_index(const struct loading *, struct slice name);
/* The pool of that name, else one made of the address (shared by all who name it), for raw values:
 * index into proxy_conf.raws. */
NODISCARD bool raw_index(struct loading *, const struct node *, struct slice text, int *out);
const struct template *log_format_find(const struct loading *, struct slice name);
/* Index of the path among the access logs. */
size_t log_file_index(struct loading *, struct slice path);

/* -- parsers of types_*.c -- */

type_parse_fn parse_flag_value, parse_number, parse_number_or_auto, parse_count, parse_int,
    parse_size, parse_int_size, parse_duration, parse_seconds_or_off, parse_choice, parse_bits,
    parse_text, parse_path;
type_parse_fn parse_template, parse_templates, parse_field_names, parse_purge_from,
    parse_head_buffers, parse_buffers, parse_proxy_pass, parse_return, parse_set_header;
type_parse_fn parse_cache_name, parse_cache_valid, parse_key_args, parse_pool_name,
    parse_memcached_pass, parse_compress, parse_media_types, parse_store_path, parse_store_access;
type_parse_fn parse_auth, parse_password_file, parse_tls, parse_file;
type_parse_fn parse_user, parse_error_log, parse_access_log, parse_resolver, parse_bind;

/* -- steps of loading -- */

struct level *level_new(struct loading *, unsigned scope, const struct level *parent,
                        struct slice name, const struct place *);
/* Reads all members of `map` (NULL or null: none) that are directives of the level's scope, reports
 * the others; then gives what is set neither here nor above its default. */
void level_read(struct loading *, struct level *, const struct node *map);
/* A directive whose value is a map of others, those of `scope`: reads it into `own`. A map or NULL
 * (all are at their defaults); False: an error was added. */
NODISCARD bool settings_read(struct loading *, unsigned scope, const struct node *map, void *own);
/* `10.0.0.1:3000 weight=2 backup` as the map {address: …, weight: …, backup: on}; a map stays.
 * NULL: an error was added. */
const struct node *options_map(struct loading *, const struct node *value, const char *what);
/* The items of a list, or the one value: calls `item` for each. */
typedef void each_fn(struct loading *, const struct node *item, struct level *of);
void each_item(struct loading *, const struct node *value, struct level *of, each_fn *item);

/* Before all others: names of the groups of all regular expressions are variables everywhere. */
void load_groups(struct loading *, const struct node *top);
void load_log_formats(struct loading *, const struct node *top);
void load_pools(struct loading *, const struct node *top);
void load_caches(struct loading *, const struct node *top);
void load_upstreams(struct loading *, const struct node *top);
/* After the top level has been read. */
void load_servers(struct loading *, const struct node *top);
void load_admin(struct loading *, const struct node *top);
/* `listen` and `server_name` of one server (NULL: it has none). */
void load_listens(struct loading *, struct level *server, const struct node *listen,
                  const struct node *names);
void load_locations(struct loading *, struct level *of, const struct node *locations);
/* Resolves what needs the whole block. */
void finish_location(struct loading *, struct level *);
void finish_listens(struct loading *);
void finish_backends(struct loading *);
/* A default or another YAML text of ours. */
const struct node *node_of_text(struct arena *, const char *yaml);
