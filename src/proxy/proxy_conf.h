/* Settings of the HTTP side: listeners, servers, locations. Filled by the configuration, immutable
 * afterwards, shared by all workers; everything lives in the configuration's arena. */
#pragma once

#include "base/slice.h"
#include "cache/cache_conf.h"
#include "http/args.h"
#include "http/coding.h"
#include "http/fields.h"
#include "net/address_range.h"
#include "proxy/regex.h"
#include "proxy/template.h"
#include "upstream/upstream_conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct location_conf;
struct server_conf;

/* -- listeners -- */

struct listen_conf {
    struct address address;
    struct slice text; /* canonical, for the supervisor and for logs: "0.0.0.0:8080" */
    int backlog;       /* 511 */
    int rcvbuf;        /* 0: the kernel's */
    int sndbuf;
    const struct server_conf *default_server; /* the one marked default_server, else the first */
    /* Servers of this address by name; exact names first looked up in `names`, then the longest
     * `*.x`, then the longest `x.*`, then regular expressions in order. */
    const struct server_name *names;
    size_t names_n;
    bool admin; /* of the admin listener */
};

enum name_kind {
    NAME_EXACT,
    NAME_SUFFIX /* *.example.com and .example.com */,
    NAME_PREFIX /* www.example.* */,
    NAME_REGEX
};
struct server_name {
    enum name_kind kind;
    struct slice text; /* lower case; SUFFIX: ".example.com", PREFIX: "www.example." */
    struct regex *regex;
    const struct server_conf *server;
};

/* -- servers and locations -- */

struct server_conf {
    struct slice name; /* first server_name, or "" ; $server_name */
    const struct location_conf
        *root; /* the settings of the server itself, with the implicit location */
    const struct location_conf *const *locations;
    size_t locations_n;
    /* Read before a location is known: always those of the default server of the address. */
    size_t line_bytes;  /* large_client_header_buffers: size of one, 414 */
    size_t head_bytes;  /* number times size, 431 */
    size_t field_count; /* max_headers, 431 */
    bool merge_slashes;
    bool underscores_in_headers;
    int64_t client_header_timeout_ms;
};

enum location_match {
    MATCH_EXACT,  /* = /x */
    MATCH_FIRM,   /* ^~ /x: prefix, no regular expressions after it */
    MATCH_PREFIX, /* /x */
    MATCH_REGEX,  /* ~ and ~* */
    MATCH_NAMED,  /* @x */
};

enum location_handler {
    HANDLER_NONE, /* 404 */
    HANDLER_PROXY,
    HANDLER_MEMCACHED, /* raw values, and what is behind them */
    HANDLER_RETURN,
    HANDLER_ADMIN,
};

/* proxy_set_header: an empty value removes the field. */
struct set_header {
    struct slice name;
    enum field_id id; /* of `name` */
    const struct template *value;
};

/* Bits of proxy_next_upstream. */
enum next_upstream {
    NEXT_ERROR = 1 << 0,
    NEXT_TIMEOUT = 1 << 1,
    NEXT_INVALID_HEADER = 1 << 2,
    NEXT_500 = 1 << 3,
    NEXT_502 = 1 << 4,
    NEXT_503 = 1 << 5,
    NEXT_504 = 1 << 6,
    NEXT_403 = 1 << 7,
    NEXT_404 = 1 << 8,
    NEXT_429 = 1 << 9,
    NEXT_NON_IDEMPOTENT = 1 << 10,
};

/* proxy_cache_use_stale has the same bits, without NEXT_NON_IDEMPOTENT, and this one. */
#define USE_STALE_UPDATING (1u << 11)

/* Who waits for whose fetch: nobody, the workers of this process, all that share the pool (where
 * there is none: as host). */
enum cache_lock { CACHE_LOCK_OFF, CACHE_LOCK_HOST, CACHE_LOCK_FLEET };

/* Bits of gzip_proxied: which responses are coded for requests with Via. */
enum proxied {
    PROXIED_EXPIRED = 1 << 0,
    PROXIED_NO_CACHE = 1 << 1,
    PROXIED_NO_STORE = 1 << 2,
    PROXIED_PRIVATE = 1 << 3,
    PROXIED_NO_LAST_MODIFIED = 1 << 4,
    PROXIED_NO_ETAG = 1 << 5,
    PROXIED_AUTH = 1 << 6,
    PROXIED_ANY = 1 << 7,
};

/* One coding of responses to clients: gzip, brotli or zstd. */
struct coding_conf {
    bool on;
    uint32_t level;
    uint64_t min_length;       /* of content whose length is known, bytes */
    const struct slice *types; /* patterns of http/media_type.h, beside text/html */
    size_t types_n;
};

struct access_log_conf {
    struct slice path;             /* "stdout", "stderr" or a file */
    size_t file;                   /* index into proxy_conf.log_files */
    const struct template *format; /* escapes applied by the template itself */
};

struct location_conf {
    /* matching */
    enum location_match match;
    struct slice pattern;
    struct regex *regex;                         /* MATCH_REGEX */
    const struct location_conf *const *children; /* nested locations */
    size_t children_n;

    /* handler */
    enum location_handler handler;
    uint16_t return_status;
    const struct template *return_text;  /* content, or the Location of a redirect; NULL none */
    const struct template *default_type; /* of return's content and of raw values: text/plain */

    /* origin */
    size_t upstream;         /* index into proxy_conf.upstreams */
    struct slice proxy_host; /* $proxy_host: name and non-default port as written in proxy_pass */
    uint16_t proxy_port;
    bool pass_uri; /* proxy_pass had a URI part: it replaces the matched prefix */
    struct slice pass_path;
    size_t pass_prefix_n; /* bytes of the path that pass_path replaces: of the location that
                             proxy_pass stands in, which may be an outer one */
    const struct set_header *set_headers; /* complete list: the defaults too, unless replaced */
    size_t set_headers_n;
    bool pass_host;           /* no proxy_set_header Host: the client's Host goes on */
    const struct slice *hide; /* proxy_hide_header, lower case */
    size_t hide_n;
    const struct slice *pass; /* proxy_pass_header, lower case */
    size_t pass_n;
    bool pass_trailers; /* of chunked responses */
    int64_t connect_timeout_ms;
    int64_t send_timeout_ms; /* to the origin: proxy_send_timeout */
    int64_t read_timeout_ms;
    unsigned next_upstream;           /* enum next_upstream */
    uint32_t next_upstream_tries;     /* 0: all */
    int64_t next_upstream_timeout_ms; /* 0: none */
    unsigned memcached_next;          /* enum store_next */
    size_t buffers_n;                 /* proxy_buffers: number and size */
    size_t buffer_bytes;
    size_t upstream_head_bytes; /* proxy_buffer_size: limit of a response head */

    /* raw values (HANDLER_MEMCACHED) */
    int raw;         /* memcached_pass: index into proxy_conf.raws, -1 none */
    bool raw_origin; /* there is a proxy_pass, too: misses and failures go to the origin */
    const struct template *memcached_key;
    uint32_t memcached_gzip_flag; /* bits of the item flags that say gzip; 0: none do */
    bool memcached_store;

    /* client */
    uint64_t client_max_body_bytes; /* 0: any */
    size_t client_body_buffer_bytes;
    int64_t client_body_timeout_ms;
    uint64_t client_body_min_rate;  /* bytes a second, 0 none */
    int64_t client_send_timeout_ms; /* send_timeout */
    int64_t keepalive_timeout_ms;   /* 0: no keep-alive */
    uint32_t keepalive_requests;

    /* cache */
    bool cache_on;
    size_t cache; /* index into proxy_conf.caches */
    struct cache_conf rules;
    const struct template *cache_key;
    struct args_conf key_args; /* proxy_cache_key_args */
    const struct template *const *cache_bypass;
    size_t cache_bypass_n;
    const struct template *const *no_cache;
    size_t no_cache_n;
    uint32_t min_uses;
    enum cache_lock lock;
    int64_t lock_timeout_ms;
    int64_t lock_age_ms;
    bool convert_head;         /* proxy_cache_convert_head */
    uint64_t max_range_offset; /* proxy_cache_max_range_offset, bytes */
    uint32_t max_ranges;       /* 0: Range is ignored */
    bool force_ranges;         /* proxy_force_ranges: of responses without Accept-Ranges too */
    unsigned use_stale;        /* enum next_upstream, USE_STALE_UPDATING */
    bool background_update;    /* a stale response goes out before it is validated, not after */
    bool revalidate;           /* proxy_cache_revalidate: conditional requests */
    const struct address_range *purge_from; /* proxy_cache_purge: who may; none: it is off */
    size_t purge_from_n;
    const struct slice *tag_fields; /* proxy_cache_tags, lower case */
    size_t tag_fields_n;
    bool cache_status;       /* proxy_cache_status: send Cache-Status */
    int64_t hit_for_miss_ms; /* how long a key whose response may not be shared is not queued for */

    /* content codings of responses */
    bool codes;                               /* any of what follows is on */
    struct coding_conf codings[CODING_COUNT]; /* by enum coding; none of identity */
    size_t brotli_window_bytes;
    unsigned coding_minor;      /* gzip_http_version: least minor version of HTTP/1 */
    unsigned coding_proxied;    /* enum proxied */
    bool coding_vary;           /* gzip_vary: Vary: Accept-Encoding */
    uint64_t coding_max_length; /* gzip_max_length: coded at once and stored up to this, bytes */
    bool gunzip;                /* for clients that don't take gzip */

    /* files */
    const struct template *store_path; /* proxy_store; NULL: off */
    uint32_t store_mode;               /* proxy_store_access, permission bits */
    uint64_t store_max_bytes;

    /* log */
    const struct access_log_conf *logs;
    size_t logs_n;
};

/* -- the whole -- */

struct cache_store_conf {
    struct slice name;
    size_t memory_bytes;             /* 0: no memory tier */
    int64_t memory_revalidate_ms;    /* between two checks of an entry in memory; 0: never */
    int64_t memory_max_object_bytes; /* longer content is not kept whole where the pool can have it
                                        in chunks */
    int64_t max_object_bytes;
    struct slice key_prefix;
    struct cache_compress compress; /* in the pool */
    int pool;                       /* index into the configuration's memcached pools, -1 none */
};

/* A pool that raw values lie in. */
struct raw_conf {
    struct slice name;
    size_t pool; /* index into the configuration's memcached pools */
    size_t value_max_bytes;
};

struct proxy_conf {
    const struct listen_conf *listens;
    size_t listens_n;
    const struct server_conf *const *servers;
    size_t servers_n;
    const struct upstream_conf *upstreams;
    size_t upstreams_n;
    const struct cache_store_conf *caches;
    size_t caches_n;
    const struct raw_conf *raws; /* those that a memcached_pass names */
    size_t raws_n;
    const struct slice *log_files; /* distinct paths of access logs */
    size_t log_files_n;
    uint32_t worker_connections;
    int64_t shutdown_timeout_ms;
    const char *resolvers; /* NULL: /etc/resolv.conf */
    int64_t resolver_timeout_ms;
};
