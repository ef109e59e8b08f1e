/* The table of directives. To add one: its field in the layer that uses it, a row here, its use, a
 * test. */
#include "config/directives.h"

#include "config/loading.h"

#include "cache/store.h"
#include "http/method.h"

#define SCOPE_ALL (SCOPE_HTTP | SCOPE_SERVER | SCOPE_LOCATION)

#define MAIN_FIELD(f)     .field = offsetof(struct config, f)
#define SERVER_FIELD(f)   .field = offsetof(struct server_conf, f)
#define LOCATION_FIELD(f) .field = offsetof(struct location_conf, f)
#define LISTEN_FIELD(f)   .field = offsetof(struct listen_line, f)
#define UPSTREAM_FIELD(f) .field = offsetof(struct upstream_conf, f)
#define PEER_FIELD(f)     .field = offsetof(struct peer_conf, f)
#define POOL_FIELD(f)     .field = offsetof(struct mc_conf, f)
#define NODE_FIELD(f)     .field = offsetof(struct mc_server_conf, f)
#define CACHE_FIELD(f)    .field = offsetof(struct cache_store_conf, f)
#define COMPRESS_FIELD(f) .field = offsetof(struct cache_compress, f)
#define AUTH_FIELD(f)     .field = offsetof(struct mc_auth, f)
#define TLS_FIELD(f)      .field = offsetof(struct tls_block, f)

static const struct choice next_upstream_words[] = {
    {"error", NEXT_ERROR},
    {"timeout", NEXT_TIMEOUT},
    {"invalid_header", NEXT_INVALID_HEADER},
    {"http_500", NEXT_500},
    {"http_502", NEXT_502},
    {"http_503", NEXT_503},
    {"http_504", NEXT_504},
    {"http_403", NEXT_403},
    {"http_404", NEXT_404},
    {"http_429", NEXT_429},
    {"non_idempotent", NEXT_NON_IDEMPOTENT},
    {"off", 0},
    {NULL, 0},
};

static const struct choice memcached_next_words[] = {
    {"error", STORE_NEXT_ERROR},
    {"timeout", STORE_NEXT_TIMEOUT},
    {"invalid_response", STORE_NEXT_INVALID},
    {"not_found", STORE_NEXT_NOT_FOUND},
    {"off", 0},
    {NULL, 0},
};

static const struct choice use_stale_words[] = {
    {"error", NEXT_ERROR},
    {"timeout", NEXT_TIMEOUT},
    {"invalid_header", NEXT_INVALID_HEADER},
    {"updating", USE_STALE_UPDATING},
    {"http_500", NEXT_500},
    {"http_502", NEXT_502},
    {"http_503", NEXT_503},
    {"http_504", NEXT_504},
    {"http_403", NEXT_403},
    {"http_404", NEXT_404},
    {"http_429", NEXT_429},
    {"off", 0},
    {NULL, 0},
};

static const struct choice ignore_words[] = {
    {"X-Accel-Redirect", IGNORE_X_ACCEL_REDIRECT},
    {"X-Accel-Expires", IGNORE_X_ACCEL_EXPIRES},
    {"X-Accel-Limit-Rate", IGNORE_X_ACCEL_LIMIT_RATE},
    {"X-Accel-Buffering", IGNORE_X_ACCEL_BUFFERING},
    {"X-Accel-Charset", IGNORE_X_ACCEL_CHARSET},
    {"Expires", IGNORE_EXPIRES},
    {"Cache-Control", IGNORE_CACHE_CONTROL},
    {"Set-Cookie", IGNORE_SET_COOKIE},
    {"Vary", IGNORE_VARY},
    {"CDN-Cache-Control", IGNORE_CDN_CACHE_CONTROL},
    {"off", 0},
    {NULL, 0},
};

static const struct choice method_words[] = {
    {"GET", 1 << METHOD_GET},
    {"HEAD", 1 << METHOD_HEAD},
    {"POST", 1 << METHOD_POST},
    {NULL, 0},
};

static const struct choice lock_words[] = {
    {"off", CACHE_LOCK_OFF},
    {"host", CACHE_LOCK_HOST},
    {"fleet", CACHE_LOCK_FLEET},
    {"on", CACHE_LOCK_FLEET},
    {NULL, 0},
};

static const struct choice minor_words[] = {{"1.0", 0}, {"1.1", 1}, {NULL, 0}};

static const struct choice proxied_words[] = {
    {"off", 0},
    {"expired", PROXIED_EXPIRED},
    {"no-cache", PROXIED_NO_CACHE},
    {"no-store", PROXIED_NO_STORE},
    {"private", PROXIED_PRIVATE},
    {"no_last_modified", PROXIED_NO_LAST_MODIFIED},
    {"no_etag", PROXIED_NO_ETAG},
    {"auth", PROXIED_AUTH},
    {"any", PROXIED_ANY},
    {NULL, 0},
};

static const struct choice balance_words[] = {{"round_robin", BALANCE_ROUND_ROBIN}, {NULL, 0}};

static const struct choice distribution_words[] = {
    {"ketama", MC_KETAMA},
    {"nginx", MC_NGINX},
    {"modulo", MC_MODULO},
    {NULL, 0},
};

static const struct choice tls_protocol_words[] = {
    {"TLSv1.2", TLS_PROTOCOL_1_2},
    {"TLSv1.3", TLS_PROTOCOL_1_3},
    {NULL, 0},
};

static const struct choice protocol_words[] = {
    {"auto", MC_PROTOCOL_AUTO},
    {"meta", MC_PROTOCOL_META},
    {"classic", MC_PROTOCOL_CLASSIC},
    {NULL, 0},
};

/* Formatted by hand: a row is two or three lines. */
/* clang-format off */
static const struct directive directives[] = {
    { .section = "Process", .name = "workers", .scope = SCOPE_MAIN, .type = TYPE_NUMBER_OR_AUTO, MAIN_FIELD(main.workers),
      .dflt = "auto", .min = "1", .max = "256", .source = "mcproxy",
      .doc = "Worker threads; auto is one per core (nginx: worker_processes)." },
    { .name = "user", .scope = SCOPE_MAIN, .type = TYPE_USER, MAIN_FIELD(main.user), .source = "nginx",
      .doc = "User, and group behind a space, that the process changes to when it is started by root." },
    { .name = "pid", .scope = SCOPE_MAIN, .type = TYPE_PATH, MAIN_FIELD(main.pid_path), .dflt = "off", .source = "nginx",
      .doc = "File that the process id is written to; `-s` needs it." },
    { .name = "error_log", .scope = SCOPE_MAIN, .type = TYPE_ERROR_LOG, MAIN_FIELD(main.error_log), .dflt = "stderr notice",
      .source = "nginx",
      .doc = "File or stderr, and the level: debug, info, notice, warn, error, crit, alert, emerg. Also {path, level}. nginx's level is error, which does not show that it started." },
    { .name = "worker_connections", .scope = SCOPE_MAIN, .type = TYPE_NUMBER, MAIN_FIELD(proxy.worker_connections),
      .dflt = "16384", .min = "16", .max = "1000000", .source = "nginx",
      .doc = "Connections that a worker holds at once, those to origins among them." },
    { .name = "worker_shutdown_timeout", .scope = SCOPE_MAIN, .type = TYPE_DURATION, MAIN_FIELD(proxy.shutdown_timeout_ms),
      .dflt = "30s", .min = "0s", .max = "1d", .source = "nginx",
      .doc = "How long requests under way may take to finish after QUIT." },
    { .name = "include", .scope = SCOPE_MAIN | SCOPE_SERVER | SCOPE_LOCATION, .type = TYPE_BLOCK, .source = "nginx",
      .doc = "Files to read here, a path or a list of them; `*` matches names; relative to the file it stands in. Also in `locations`, "
             "`upstreams`, `caches`, `memcached_pools`, and as `- include: …` in `servers`." },
    { .name = "resolver", .scope = SCOPE_MAIN, .type = TYPE_RESOLVER, MAIN_FIELD(proxy.resolvers), .source = "nginx",
      .doc = "Name servers, ip or ip:port; without it those of /etc/resolv.conf." },
    { .name = "resolver_timeout", .scope = SCOPE_MAIN, .type = TYPE_DURATION, MAIN_FIELD(proxy.resolver_timeout_ms),
      .dflt = "5s", .min = "100ms", .max = "1m", .source = "nginx", .doc = "How long a name is waited for (nginx: 30s)." },
    { .name = "admin", .scope = SCOPE_MAIN, .type = TYPE_BLOCK, .source = "mcproxy",
      .doc = "{listen: address} of /status, /metrics, /healthz and /purge, or just the address. Not for the public. It is asked by IP "
             "address or as localhost, so that no page in a browser can; server_name beside listen adds names, such as that by which "
             "Prometheus knows it." },

    { .section = "Servers", .name = "servers", .scope = SCOPE_MAIN, .type = TYPE_BLOCK, .source = "nginx",
      .doc = "List of servers (nginx: server blocks). Without it the top level is one server: the short form." },
    { .name = "listen", .scope = SCOPE_HTTP | SCOPE_SERVER | SCOPE_ADMIN, .type = TYPE_BLOCK, .source = "nginx",
      .doc = "Port, ip:port, [ipv6]:port or unix:/path; a list of them; a map {address, default_server, backlog, rcvbuf, sndbuf}; or "
             "nginx's one line." },
    { .name = "address", .scope = SCOPE_LISTEN, .type = TYPE_TEXT, LISTEN_FIELD(text), .source = "mcproxy",
      .doc = "What is listened on." },
    { .name = "default_server", .scope = SCOPE_LISTEN, .type = TYPE_FLAG, LISTEN_FIELD(default_server), .dflt = "off", .source = "nginx",
      .doc = "This server answers for names that no server of the address has; else the first one does." },
    { .name = "backlog", .scope = SCOPE_LISTEN, .type = TYPE_INT, LISTEN_FIELD(backlog), .dflt = "511", .min = "1",
      .max = "65535", .source = "nginx", .doc = "Length of the kernel's queue of connections that wait to be accepted." },
    { .name = "rcvbuf", .scope = SCOPE_LISTEN, .type = TYPE_INT_SIZE, LISTEN_FIELD(rcvbuf), .dflt = "0", .min = "0",
      .max = "64m", .source = "nginx", .doc = "SO_RCVBUF of client connections; 0 is the kernel's." },
    { .name = "sndbuf", .scope = SCOPE_LISTEN, .type = TYPE_INT_SIZE, LISTEN_FIELD(sndbuf), .dflt = "0", .min = "0",
      .max = "64m", .source = "nginx", .doc = "SO_SNDBUF of client connections; 0 is the kernel's." },
    { .name = "server_name", .scope = SCOPE_HTTP | SCOPE_SERVER | SCOPE_ADMIN, .type = TYPE_BLOCK, .source = "nginx",
      .doc = "Names: exact, `*.example.com`, `.example.com`, `www.example.*`, `~regex` (named groups become variables); several as a "
             "list." },
    { .name = "locations", .scope = SCOPE_HTTP | SCOPE_SERVER | SCOPE_LOCATION, .type = TYPE_BLOCK, .source = "nginx",
      .doc = "Map from `/prefix`, `= /exact`, `^~ /prefix`, `~ regex`, `~* regex` to settings; chosen as by nginx; may nest." },
    { .name = "return", .scope = SCOPE_ALL, .type = TYPE_RETURN, LOCATION_FIELD(handler), .source = "nginx",
      .doc = "An answer made here: `404`, `200 text`, `301 https://…`, a URL (302), or {status, text} or {status, location}. In a "
             "server it answers where no location matches." },
    { .name = "default_type", .scope = SCOPE_ALL, .type = TYPE_TEMPLATE, LOCATION_FIELD(default_type), .dflt = "text/plain",
      .source = "nginx", .doc = "Content-Type of the text of `return` and of the values of memcached_pass." },
    { .name = "merge_slashes", .scope = SCOPE_HTTP | SCOPE_SERVER, .type = TYPE_FLAG, SERVER_FIELD(merge_slashes), .dflt = "off",
      .source = "nginx", .doc = "Make one of several slashes in a row (nginx: on)." },

    { .section = "Clients", .name = "client_header_timeout", .scope = SCOPE_HTTP | SCOPE_SERVER, .type = TYPE_DURATION,
      SERVER_FIELD(client_header_timeout_ms), .dflt = "10s", .min = "1ms", .max = "1h", .source = "nginx",
      .doc = "From the first byte of a request to the end of its head; else 408 (nginx: 60s)." },
    { .name = "large_client_header_buffers", .scope = SCOPE_HTTP | SCOPE_SERVER, .type = TYPE_HEAD_BUFFERS,
      SERVER_FIELD(line_bytes), .dflt = "4 8k", .min = "512", .max = "1m", .source = "nginx",
      .doc = "Number and size: a request line may be as long as one (else 414), the head as long as all (else 431)." },
    { .name = "max_headers", .scope = SCOPE_HTTP | SCOPE_SERVER, .type = TYPE_COUNT, SERVER_FIELD(field_count), .dflt = "100",
      .min = "1", .max = "10000", .source = "nginx", .doc = "Fields in the head of a request; more get 431." },
    { .name = "underscores_in_headers", .scope = SCOPE_HTTP | SCOPE_SERVER, .type = TYPE_FLAG,
      SERVER_FIELD(underscores_in_headers), .dflt = "off", .source = "nginx",
      .doc = "Pass on fields whose name has an underscore; off drops them." },
    { .name = "client_max_body_size", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(client_max_body_bytes), .dflt = "1m",
      .min = "0", .source = "nginx", .doc = "Longest request content, 413 beyond it; 0 is any." },
    { .name = "client_body_buffer_size", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(client_body_buffer_bytes),
      .dflt = "16k", .min = "1k", .max = "16m", .source = "nginx",
      .doc = "Request content held in memory on its way to the origin; the client waits while it is full." },
    { .name = "client_body_timeout", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(client_body_timeout_ms),
      .dflt = "30s", .min = "1ms", .max = "1d", .source = "nginx", .doc = "Between two reads of request content; else 408 (nginx: 60s)." },
    { .name = "client_body_min_rate", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(client_body_min_rate),
      .dflt = "100", .min = "0", .max = "1g", .source = "mcproxy",
      .doc = "Bytes a second that request content has to come with on average, once client_body_timeout has passed; 0 is any." },
    { .name = "send_timeout", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(client_send_timeout_ms), .dflt = "30s",
      .min = "1ms", .max = "1d", .source = "nginx", .doc = "Between two writes to a client (nginx: 60s)." },
    { .name = "keepalive_timeout", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(keepalive_timeout_ms),
      .dflt = "60s", .min = "0s", .max = "1d", .source = "nginx",
      .doc = "How long a client's connection may be idle; 0 closes after each response (nginx: 75s)." },
    { .name = "keepalive_requests", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(keepalive_requests),
      .dflt = "10000", .min = "1", .max = "1000000000", .source = "nginx", .doc = "Requests on one client connection (nginx: 1000)." },

    { .section = "Origins", .name = "proxy_pass", .scope = SCOPE_ALL, .type = TYPE_PROXY_PASS, LOCATION_FIELD(upstream),
      .source = "nginx",
      .doc = "The origin: http://host:port, http://group of upstreams, http://unix:/path; a URI behind it replaces the matched prefix. "
             "In a server it is used where no location matches and by locations without a proxy_pass or return of their own. Any method is "
             "passed but TRACE and CONNECT, which are answered with 405." },
    { .name = "proxy_set_header", .scope = SCOPE_ALL, .type = TYPE_SET_HEADER, LOCATION_FIELD(set_headers),
      .dflt = "{X-Forwarded-For: $proxy_add_x_forwarded_for, X-Forwarded-Proto: $scheme, X-Forwarded-Host: $http_host}",
      .source = "nginx",
      .doc = "Fields of the request to the origin: a map, or a list of `Name value`; an empty value removes the field. Host is the client's "
             "unless it is set here." },
    { .name = "proxy_hide_header", .scope = SCOPE_ALL, .type = TYPE_FIELD_NAMES, LOCATION_FIELD(hide), .dflt = "[]",
      .source = "nginx", .doc = "Fields of the origin's response that the client does not get." },
    { .name = "proxy_pass_header", .scope = SCOPE_ALL, .type = TYPE_FIELD_NAMES, LOCATION_FIELD(pass), .dflt = "[]",
      .source = "nginx", .doc = "Fields that are passed although they are hidden by default (X-Accel-…)." },
    { .name = "proxy_pass_trailers", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(pass_trailers), .dflt = "off",
      .source = "nginx",
      .doc = "Pass the trailers of chunked responses of the origin to every client of HTTP/1.1 that gets the response as it arrives, and keep "
             "them with the stored response: clients that say TE: trailers get that in chunks and with them, all others with Content-Length "
             "and without. None go with answers to HEAD, ranges, or where gzip and its kind change the content. The origin is asked for "
             "them (TE: trailers) when the client does so or the response may be stored. Fields that may not be trailers (RFC 9110 section "
             "6.5.1: of framing, routing, authentication, caching, content) and those in proxy_hide_header are dropped; more than 100 lines or 8k "
             "break the response. off, as in nginx: few clients use trailers, and what the origin is asked stays as it is. Trailers of "
             "requests are checked and dropped." },
    { .name = "proxy_ignore_headers", .scope = SCOPE_ALL, .type = TYPE_BITS, LOCATION_FIELD(rules.ignore), .choices = ignore_words,
      .dflt = "off", .source = "nginx", .doc = "Fields of the origin's response that are not obeyed." },
    { .name = "proxy_connect_timeout", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(connect_timeout_ms),
      .dflt = "5s", .min = "1ms", .max = "10m", .source = "nginx", .doc = "For the connection to the origin (nginx: 60s)." },
    { .name = "proxy_send_timeout", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(send_timeout_ms), .dflt = "60s",
      .min = "1ms", .max = "1w", .source = "nginx", .doc = "Between two writes to the origin." },
    { .name = "proxy_read_timeout", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(read_timeout_ms), .dflt = "60s",
      .min = "1ms", .max = "1w", .source = "nginx", .doc = "Between two reads from the origin." },
    { .name = "proxy_next_upstream", .scope = SCOPE_ALL, .type = TYPE_BITS, LOCATION_FIELD(next_upstream),
      .choices = next_upstream_words, .dflt = "error timeout", .source = "nginx",
      .doc = "When a request that has got no byte of a response yet is tried with the next peer." },
    { .name = "proxy_next_upstream_tries", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(next_upstream_tries),
      .dflt = "0", .min = "0", .max = "1000", .source = "nginx", .doc = "Peers that are tried; 0 is all." },
    { .name = "proxy_next_upstream_timeout", .scope = SCOPE_ALL, .type = TYPE_DURATION,
      LOCATION_FIELD(next_upstream_timeout_ms), .dflt = "0s", .min = "0s", .max = "1h", .source = "nginx",
      .doc = "No further peer is tried after this time; 0 is no limit." },
    { .name = "proxy_buffers", .scope = SCOPE_ALL, .type = TYPE_BUFFERS, LOCATION_FIELD(buffers_n), .dflt = "16 16k",
      .min = "1k", .max = "1m", .source = "nginx",
      .doc = "Number and size of what a response may hold in memory between the origin and a slow client." },
    { .name = "proxy_buffer_size", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(upstream_head_bytes), .dflt = "64k",
      .min = "1k", .max = "1m", .source = "nginx", .doc = "Longest head of a response; 502 beyond it (nginx: 4k)." },

    { .section = "Groups of origins", .name = "upstreams", .scope = SCOPE_MAIN, .type = TYPE_BLOCK, .source = "nginx",
      .doc = "Map from a name, for proxy_pass, to a group of origins (nginx: upstream blocks)." },
    { .name = "servers", .scope = SCOPE_UPSTREAM, .type = TYPE_BLOCK, .source = "nginx",
      .doc = "Origins: host:port, unix:/path, a map {address, weight, …}, or nginx's one line." },
    { .name = "balance", .scope = SCOPE_UPSTREAM, .type = TYPE_CHOICE, UPSTREAM_FIELD(balance), .choices = balance_words,
      .dflt = "round_robin", .source = "mcproxy", .doc = "How the next peer is chosen." },
    { .name = "keepalive", .scope = SCOPE_UPSTREAM, .type = TYPE_NUMBER, UPSTREAM_FIELD(keepalive), .dflt = "64", .min = "0",
      .max = "65535", .source = "nginx", .doc = "Idle connections that each worker keeps (nginx: 32)." },
    { .name = "keepalive_requests", .scope = SCOPE_UPSTREAM, .type = TYPE_NUMBER, UPSTREAM_FIELD(keepalive_requests),
      .dflt = "1000", .min = "1", .max = "1000000000", .source = "nginx", .doc = "Requests on one connection to an origin." },
    { .name = "keepalive_timeout", .scope = SCOPE_UPSTREAM, .type = TYPE_DURATION, UPSTREAM_FIELD(keepalive_timeout_ms),
      .dflt = "60s", .min = "1ms", .max = "1d", .source = "nginx", .doc = "How long a connection may be idle." },
    { .name = "keepalive_time", .scope = SCOPE_UPSTREAM, .type = TYPE_DURATION, UPSTREAM_FIELD(keepalive_time_ms), .dflt = "1h",
      .min = "1ms", .max = "1w", .source = "nginx", .doc = "How old a connection may become." },
    { .name = "address", .scope = SCOPE_PEER, .type = TYPE_TEXT, PEER_FIELD(text), .source = "mcproxy",
      .doc = "host:port or unix:/path of the origin; the port is 80 where none is given." },
    { .name = "weight", .scope = SCOPE_PEER, .type = TYPE_NUMBER, PEER_FIELD(weight), .dflt = "1", .min = "1", .max = "65535",
      .source = "nginx", .doc = "Share of the requests." },
    { .name = "max_fails", .scope = SCOPE_PEER, .type = TYPE_NUMBER, PEER_FIELD(max_fails), .dflt = "1", .min = "0",
      .max = "1000000", .source = "nginx", .doc = "Failures within fail_timeout that take the peer out of use; 0 never does." },
    { .name = "fail_timeout", .scope = SCOPE_PEER, .type = TYPE_DURATION, PEER_FIELD(fail_timeout_ms), .dflt = "10s",
      .min = "1ms", .max = "1d", .source = "nginx", .doc = "For counting failures, and how long the peer is then out of use." },
    { .name = "max_conns", .scope = SCOPE_PEER, .type = TYPE_NUMBER, PEER_FIELD(max_conns), .dflt = "0", .min = "0",
      .max = "1000000", .source = "nginx", .doc = "Connections under way; 0 is no limit." },
    { .name = "backup", .scope = SCOPE_PEER, .type = TYPE_FLAG, PEER_FIELD(backup), .dflt = "off", .source = "nginx",
      .doc = "Used only while all others are out of use." },
    { .name = "down", .scope = SCOPE_PEER, .type = TYPE_FLAG, PEER_FIELD(down), .dflt = "off", .source = "nginx",
      .doc = "Never used." },

    { .section = "Cache", .name = "proxy_cache", .scope = SCOPE_ALL, .type = TYPE_CACHE_NAME, LOCATION_FIELD(cache),
      .dflt = "default", .source = "nginx",
      .doc = "Name of a cache, or off. The cache \"default\" needs no entry in `caches` (nginx: off)." },
    { .name = "proxy_cache_key", .scope = SCOPE_ALL, .type = TYPE_TEMPLATE, LOCATION_FIELD(cache_key),
      .dflt = "$scheme$host$uri$is_args$args", .source = "nginx",
      .doc = "What makes two requests the same; values cannot run into each other. A request for which nothing comes of it is neither looked up nor stored (nginx: $scheme$proxy_host$request_uri)." },
    { .name = "proxy_store", .scope = SCOPE_ALL, .type = TYPE_STORE_PATH, LOCATION_FIELD(store_path), .dflt = "off",
      .source = "nginx",
      .doc = "Writes each whole 200 to a GET that an origin sends to the file of this path as well, such as /var/mirror/$host$uri (percent-encoding is decoded), with its Last-Modified as the file's time. The file appears when it is complete; until then it has no name, and is gone with a process that dies, but on file systems without O_TMPFILE (NFS), where it is NAME.….tmp. There is no root directive, so on is an error." },
    { .name = "proxy_store_access", .scope = SCOPE_ALL, .type = TYPE_STORE_ACCESS, LOCATION_FIELD(store_mode), .dflt = "user:rw",
      .source = "nginx", .doc = "Who may read and write the files of proxy_store, and search the folders made for them." },
    { .name = "proxy_store_max_size", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(store_max_bytes), .dflt = "1g",
      .min = "1", .max = "1024g", .source = "mcproxy", .doc = "Longer content is not written by proxy_store." },
    { .name = "proxy_cache_key_args", .scope = SCOPE_ALL, .type = TYPE_KEY_ARGS, LOCATION_FIELD(key_args), .dflt = "off",
      .source = "mcproxy",
      .doc = "Which arguments of the query are part of the cache key: {only: [a, b]} or {except: [utm_*, fbclid]}, with a * at the end of a name for any rest; sort: on makes their order not count. Holds for $args, $is_args, $arg_NAME and $request_uri in proxy_cache_key; the origin gets the query as it came." },
    { .name = "proxy_cache_valid", .scope = SCOPE_ALL, .type = TYPE_CACHE_VALID, LOCATION_FIELD(rules.valid), .dflt = "off",
      .source = "nginx",
      .doc = "Lifetime by status where the response itself says nothing: {200: 1d, \"301 302\": 1h, any: 1m}, `200 302 10m`, a list "
             "of such, or only a time for 200, 301 and 302." },
    { .name = "proxy_cache_bypass", .scope = SCOPE_ALL, .type = TYPE_TEMPLATES, LOCATION_FIELD(cache_bypass), .dflt = "[]",
      .source = "nginx", .doc = "Do not answer from the cache where one of these is neither empty nor 0." },
    { .name = "proxy_no_cache", .scope = SCOPE_ALL, .type = TYPE_TEMPLATES, LOCATION_FIELD(no_cache), .dflt = "[]",
      .source = "nginx", .doc = "Do not store the response where one of these is neither empty nor 0." },
    { .name = "proxy_cache_methods", .scope = SCOPE_ALL, .type = TYPE_BITS, LOCATION_FIELD(rules.methods),
      .choices = method_words, .dflt = "GET HEAD", .source = "nginx", .doc = "Methods that use the cache; GET and HEAD always do, a request with content never." },
    { .name = "proxy_cache_min_uses", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(min_uses), .dflt = "1",
      .min = "1", .max = "1000", .source = "nginx", .doc = "Requests of a key before its response is stored." },
    { .name = "proxy_cache_lock", .scope = SCOPE_ALL, .type = TYPE_CHOICE, LOCATION_FIELD(lock), .choices = lock_words,
      .dflt = "fleet", .source = "nginx",
      .doc = "One fetch per key: fleet (or on) for all processes that share the memcached pool, host for all workers of this process, off "
             "each request on its own. Without a pool, or where its servers lack the meta protocol, fleet is host. What the origin must be asked "
             "about each time (no-cache, max-age=0, or no lifetime) is fetched or validated for each request (nginx: off)." },
    { .name = "proxy_cache_lock_timeout", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(lock_timeout_ms),
      .dflt = "5s", .min = "0s", .max = "10m", .source = "nginx",
      .doc = "How long a request waits for another request's fetch of the same cache key." },
    { .name = "proxy_cache_lock_age", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(lock_age_ms), .dflt = "5s",
      .min = "0s", .max = "10m", .source = "nginx", .doc = "A fetch that is older without a response lets one more request fetch; so long a process of the fleet that died in the "
             "middle is waited for (at least 1s). Longer than the origin needs: what comes later may have been overtaken and is not stored." },
    { .name = "proxy_cache_hit_for_miss", .scope = SCOPE_ALL, .type = TYPE_DURATION, LOCATION_FIELD(hit_for_miss_ms),
      .dflt = "10s", .min = "0s", .max = "1h", .source = "mcproxy",
      .doc = "How long requests do not wait for each other after a response that could not be shared." },
    { .name = "proxy_cache_set_cookie", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(rules.set_cookie), .dflt = "off",
      .source = "mcproxy", .doc = "Store responses that set a cookie." },
    { .name = "proxy_cache_heuristic", .scope = SCOPE_ALL, .type = TYPE_SECONDS_OR_OFF, LOCATION_FIELD(rules.heuristic_max_s),
      .dflt = "1d", .min = "0s", .max = "1y", .source = "mcproxy",
      .doc = "A response that has Last-Modified and no lifetime is fresh for a tenth of its age, at most this long; or off." },
    { .name = "proxy_cache_use_stale", .scope = SCOPE_ALL, .type = TYPE_BITS, LOCATION_FIELD(use_stale),
      .choices = use_stale_words, .dflt = "error timeout updating", .source = "nginx",
      .doc = "What a stale response stands in for, within proxy_cache_stale_if_error; for updating, within "
             "proxy_cache_stale_while_revalidate. What a response allows or forbids itself comes first: must-revalidate, "
             "proxy-revalidate, s-maxage and no-cache forbid it (nginx: off)." },
    { .name = "proxy_cache_background_update", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(background_update),
      .dflt = "on", .source = "nginx",
      .doc = "A stale response that may be served while it is validated goes out at once; off: to all but the request that "
             "validates (nginx: off)." },
    { .name = "proxy_cache_revalidate", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(revalidate), .dflt = "on",
      .source = "nginx", .doc = "Ask the origin about a stale response with If-None-Match and If-Modified-Since (nginx: off)." },
    { .name = "proxy_cache_stale_while_revalidate", .scope = SCOPE_ALL, .type = TYPE_SECONDS_OR_OFF,
      LOCATION_FIELD(rules.stale_while_revalidate_s), .dflt = "off", .min = "0s", .max = "1y", .source = "mcproxy",
      .doc = "How long a stale response is served while it is validated, where the response says nothing and proxy_cache_use_stale has updating (RFC 5861)." },
    { .name = "proxy_cache_stale_if_error", .scope = SCOPE_ALL, .type = TYPE_SECONDS_OR_OFF, LOCATION_FIELD(rules.stale_if_error_s),
      .dflt = "10m", .min = "0s", .max = "1y", .source = "mcproxy",
      .doc = "How long a stale response stands in for what proxy_cache_use_stale names, where the response says nothing (RFC 5861)." },
    { .name = "proxy_cache_max_vary", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(rules.vary_fields_max), .dflt = "8",
      .min = "1", .max = "64", .source = "mcproxy", .doc = "Fields in Vary; a response with more is not stored." },
    { .name = "proxy_cache_max_variants", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(rules.max_variants),
      .dflt = "64", .min = "1", .max = "1000", .source = "mcproxy",
      .doc = "Variants (Vary) of one URL that are kept; one more takes the place of the one used least recently." },
    { .name = "proxy_cache_convert_head", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(convert_head), .dflt = "on",
      .source = "nginx",
      .doc = "Ask the origin with GET where a HEAD finds nothing stored, and store the response; off passes the HEAD and stores "
             "nothing. A HEAD that finds a stale response always goes as HEAD and renews it." },
    { .name = "max_ranges", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(max_ranges), .dflt = "16", .min = "0",
      .max = "64", .source = "nginx",
      .doc = "Ranges that one request may ask of a stored response; for more, and for overlapping ones, it gets the whole. "
             "0 ignores Range (nginx: no limit)." },
    { .name = "proxy_force_ranges", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(force_ranges), .dflt = "on",
      .source = "nginx",
      .doc = "Give ranges of stored responses that do not say Accept-Ranges: bytes, too: they are whole here (nginx: off)." },
    { .name = "proxy_cache_max_range_offset", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(max_range_offset),
      .dflt = "1m", .min = "0", .max = "1024g", .source = "nginx",
      .doc = "A range of what is not stored is cut out of the whole, which is fetched and stored, where it begins below this; any "
             "other goes to the origin as it is, and the 206 that comes answers ranges within it; with a strong ETag the next GET asks for "
             "the rest alone, where the process still has it in memory. 1m, because a client waits until the bytes before its range "
             "have come; 0 passes all (nginx: no limit)." },
    { .name = "proxy_cache_sort_languages", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(rules.sort_languages),
      .dflt = "off", .source = "mcproxy",
      .doc = "For responses with Vary: Accept-Language the order of its members does not count; for origins that heed weights only. "
             "White space and case never do, and no language is chosen here: what is stored for one preference is not given for another." },
    { .name = "proxy_cache_purge", .scope = SCOPE_ALL, .type = TYPE_PURGE_FROM, LOCATION_FIELD(purge_from), .dflt = "off",
      .source = "mcproxy", .doc = "Clients whose method PURGE purges: addresses and ranges (10.0.0.0/8, ::1), unix: for those of a unix socket; on for those of "
             "this machine; 403 for all others. off: PURGE is a method as any other. What is purged counts at once in this process and within "
             "memory_revalidate and one memcached timeout in all proxies that share the pool (nginx Plus has a condition here)." },
    { .name = "proxy_cache_tags", .scope = SCOPE_ALL, .type = TYPE_FIELD_NAMES, LOCATION_FIELD(tag_fields), .dflt = "[Surrogate-Key, Cache-Tag]",
      .source = "mcproxy", .doc = "Response fields whose words (separated by spaces or commas) are tags to purge by, at most 1024 of a response. "
             "Where the location has a cache, clients do not get these fields, unless proxy_pass_header names them." },
    { .name = "proxy_cache_status", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(cache_status), .dflt = "on",
      .source = "mcproxy", .doc = "Send Cache-Status (RFC 9211). Its detail says why a response was not stored: method, status, no-store, private, "
             "authorization, set-cookie, vary, no-freshness, size, x-accel-expires, proxy_no_cache, min_uses, range, lock-timeout, late, key, index; or what "
             "else happened: hit-for-miss, released, stale-if-error. `mcproxy explain URL` names the directive that would change it." },
    { .name = "caches", .scope = SCOPE_MAIN, .type = TYPE_BLOCK, .source = "mcproxy",
      .doc = "Map from a name, for proxy_cache, to a cache (nginx: proxy_cache_path)." },
    { .name = "memory", .scope = SCOPE_CACHE, .type = TYPE_SIZE, CACHE_FIELD(memory_bytes), .dflt = "64m", .min = "0",
      .source = "mcproxy", .doc = "Size of the memory tier, shared by all workers; 0 is none. Responses on their way into all caches may take as much again." },
    { .name = "memory_revalidate", .scope = SCOPE_CACHE, .type = TYPE_DURATION, CACHE_FIELD(memory_revalidate_ms), .dflt = "1s",
      .min = "0s", .max = "1h", .source = "mcproxy",
      .doc = "How far a proxy may be behind the others that share the pool: what one of them purged, refreshed or stored is seen by all within "
             "this time and one memcached timeout. A hit in memory is checked behind its answer in the second half of it; one that comes later "
             "waits until the pool has said that it is still the same. How often the log of purges is read, too. 0: hits are never "
             "checked, and purges are known after 1s." },
    { .name = "memory_max_object", .scope = SCOPE_CACHE, .type = TYPE_SIZE, CACHE_FIELD(memory_max_object_bytes), .dflt = "1m", .min = "1k",
      .source = "mcproxy",
      .doc = "Longer content, or what is longer than half of memory, goes into the memcached pool in chunks while it arrives, and is read from "
             "there chunk by chunk: it is never in memory as a whole. Without a pool only max_object counts." },
    { .name = "memcached", .scope = SCOPE_CACHE, .type = TYPE_POOL_NAME, CACHE_FIELD(pool), .dflt = "default",
      .source = "mcproxy", .doc = "Name of a pool, or off. The pool \"default\" is the one of `memcached`, if there is one." },
    { .name = "key_prefix", .scope = SCOPE_CACHE, .type = TYPE_TEXT, CACHE_FIELD(key_prefix), .max = "100", .source = "mcproxy",
      .doc = "Stands before every key in memcached; at most 100 printable bytes." },
    { .name = "max_object", .scope = SCOPE_CACHE, .type = TYPE_SIZE, CACHE_FIELD(max_object_bytes), .dflt = "8m", .min = "1",
      .source = "mcproxy", .doc = "Longer content is not stored." },
    { .name = "compress", .scope = SCOPE_CACHE, .type = TYPE_COMPRESS, CACHE_FIELD(compress), .dflt = "off", .source = "mcproxy",
      .doc = "Whether memcached holds responses compressed: on, off, or a map. The memory tier and clients have them as the origin sent "
             "them; what has a Content-Encoding, or does not get smaller by an eighth, is stored as it is. Every process of a fleet "
             "reads both forms, whatever it writes." },
    { .name = "zstd", .scope = SCOPE_COMPRESS, .type = TYPE_FLAG, COMPRESS_FIELD(on), .dflt = "on", .source = "mcproxy",
      .doc = "The format; there is no other one." },
    { .name = "min_length", .scope = SCOPE_COMPRESS, .type = TYPE_SIZE, COMPRESS_FIELD(min_bytes), .dflt = "1k", .min = "0",
      .source = "mcproxy", .doc = "Shorter content is stored as it is (nginx: gzip_min_length). So is a response of more than 1 MB." },
    { .name = "level", .scope = SCOPE_COMPRESS, .type = TYPE_INT, COMPRESS_FIELD(level), .dflt = "3", .min = "1", .max = "9",
      .source = "mcproxy", .doc = "Of zstd: higher is smaller and slower (nginx: gzip_comp_level)." },
    { .name = "types", .scope = SCOPE_COMPRESS, .type = TYPE_MEDIA_TYPES, COMPRESS_FIELD(types),
      .dflt = "[text/*, application/json, application/*+json, application/javascript, application/xml, application/*+xml, image/svg+xml, "
              "application/wasm]",
      .source = "mcproxy", .doc = "Media types that are compressed; a `*` stands for any text (nginx: gzip_types)." },

    { .section = "Compression", .name = "gzip", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(codings[CODING_GZIP].on),
      .dflt = "off", .source = "nginx",
      .doc = "Give responses (200, 403, 404) in gzip to clients that take it (RFC 9110 section 12.5.3: weights, `*`). Never coded: what has "
             "a Content-Encoding or Cache-Control: no-transform, requests with Range or no-transform, answers made here. ETag becomes weak, Accept-Ranges "
             "and digests are dropped. The cache stores what the origin sent, and beside it each coded form once. The origin gets the "
             "client's Accept-Encoding, as from nginx; where it codes by itself, `proxy_set_header: {Accept-Encoding: \"\"}` makes it leave that "
             "to the proxy, which then stores one response for all, unless the origin says Vary: Accept-Encoding nevertheless." },
    { .name = "gzip_comp_level", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(codings[CODING_GZIP].level), .dflt = "1",
      .min = "1", .max = "9", .source = "nginx", .doc = "Larger is smaller and slower." },
    { .name = "gzip_min_length", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(codings[CODING_GZIP].min_length),
      .dflt = "20", .min = "0", .source = "nginx",
      .doc = "Shorter content is not coded, where the length is known when the response begins." },
    { .name = "gzip_types", .scope = SCOPE_ALL, .type = TYPE_MEDIA_TYPES, LOCATION_FIELD(codings[CODING_GZIP].types),
      .dflt = "text/html", .source = "nginx", .doc = "Media types that are coded; text/html always is. A `*` stands for any text: `text/*`, or `*` alone." },
    { .name = "gzip_http_version", .scope = SCOPE_ALL, .type = TYPE_CHOICE, LOCATION_FIELD(coding_minor), .choices = minor_words,
      .dflt = "1.1", .source = "nginx", .doc = "Least version of requests that get a coded response, in any coding." },
    { .name = "gzip_proxied", .scope = SCOPE_ALL, .type = TYPE_BITS, LOCATION_FIELD(coding_proxied), .choices = proxied_words,
      .dflt = "any", .source = "nginx",
      .doc = "What is coded, in any coding, for requests that came through another proxy (with Via): responses that have one of these, or auth: to requests "
             "with Authorization. any: a CDN in front gets what its clients take (nginx: off)." },
    { .name = "gzip_vary", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(coding_vary), .dflt = "on", .source = "nginx",
      .doc = "Add Vary: Accept-Encoding to what is coded for some clients. Caches behind the proxy need it (nginx: off)." },
    { .name = "gzip_max_length", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(coding_max_length), .dflt = "4m", .min = "0",
      .max = "64m", .source = "mcproxy",
      .doc = "The coded form of a stored response up to this length (with gunzip, a decoded one up to it) is made once, for all who want it, and "
             "stored; longer content is coded for each client anew, as it is sent. Both in slices of 2ms, so that other clients don't wait. "
             "For every coding." },
    { .name = "gunzip", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(gunzip), .dflt = "off", .source = "nginx",
      .doc = "Decode responses with Content-Encoding: gzip for clients that don't take it." },
    { .name = "brotli", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(codings[CODING_BR].on), .dflt = "off", .source = "nginx",
      .doc = "As gzip, with Brotli (br); the directives are those of ngx_brotli. A client that likes several codings equally gets br, else zstd, else gzip." },
    { .name = "brotli_comp_level", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(codings[CODING_BR].level), .dflt = "6",
      .min = "0", .max = "11", .source = "nginx", .doc = "Larger is smaller and slower; 10 and 11 take seconds for a megabyte, and the other clients of the worker wait for each block of it." },
    { .name = "brotli_min_length", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(codings[CODING_BR].min_length), .dflt = "20",
      .min = "0", .source = "nginx", .doc = "As gzip_min_length." },
    { .name = "brotli_types", .scope = SCOPE_ALL, .type = TYPE_MEDIA_TYPES, LOCATION_FIELD(codings[CODING_BR].types),
      .dflt = "text/html", .source = "nginx", .doc = "As gzip_types." },
    { .name = "brotli_window", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(brotli_window_bytes), .dflt = "512k",
      .min = "1k", .max = "16m", .source = "nginx",
      .doc = "How far back repetitions are found; a power of two, else the next one above. Memory of each response being coded grows with it." },
    { .name = "zstd", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(codings[CODING_ZSTD].on), .dflt = "off",
      .source = "nginx", .doc = "As gzip, with Zstandard (zstd); the directives are those of zstd-nginx-module." },
    { .name = "zstd_comp_level", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(codings[CODING_ZSTD].level), .dflt = "1",
      .min = "1", .max = "19", .source = "nginx", .doc = "Larger is smaller and slower." },
    { .name = "zstd_min_length", .scope = SCOPE_ALL, .type = TYPE_SIZE, LOCATION_FIELD(codings[CODING_ZSTD].min_length),
      .dflt = "20", .min = "0", .source = "nginx", .doc = "As gzip_min_length." },
    { .name = "zstd_types", .scope = SCOPE_ALL, .type = TYPE_MEDIA_TYPES, LOCATION_FIELD(codings[CODING_ZSTD].types),
      .dflt = "text/html", .source = "nginx", .doc = "As gzip_types." },
    { .section = "Raw values in memcached", .name = "memcached_pass", .scope = SCOPE_ALL, .type = TYPE_MEMCACHED_PASS,
      LOCATION_FIELD(raw), .dflt = "off", .source = "nginx",
      .doc = "Answer GET and HEAD with values that an app or nginx wrote: from a pool of memcached_pools, or from the one server host:port or "
             "unix:/path; or off. What is not found, or cannot be asked for, goes to proxy_pass where the location has one (nginx needs "
             "error_page for that), and so do other methods; else it is 404, 502 or 504. Such a location has no proxy_cache." },
    { .name = "memcached_key", .scope = SCOPE_ALL, .type = TYPE_TEMPLATE, LOCATION_FIELD(memcached_key), .source = "nginx",
      .doc = "The key, as the writers of the values make it: nginx's $memcached_key, which is a variable here, too. As in nginx it is the "
             "text with $uri decoded, in which bytes up to 0x20 and % become %XX; longer than 250 bytes then, or empty, it is a miss. "
             "There is no default: memcached_pass needs it. `$uri$is_args$args` is usual; add $host where several hosts share a pool." },
    { .name = "memcached_gzip_flag", .scope = SCOPE_ALL, .type = TYPE_NUMBER, LOCATION_FIELD(memcached_gzip_flag), .dflt = "0",
      .min = "0", .max = "4294967295", .source = "nginx",
      .doc = "Values whose flags have one of these bits are sent with Content-Encoding: gzip, to every client as by nginx; 0: none are." },
    { .name = "memcached_store", .scope = SCOPE_ALL, .type = TYPE_FLAG, LOCATION_FIELD(memcached_store), .dflt = "off",
      .source = "mcproxy",
      .doc = "Write what proxy_pass answers to a GET as a raw value, for its freshness lifetime, for nginx or an app to read: the content "
             "alone. Only a 200 that a shared cache may store and that a reader gives back as it was: of the type that default_type has, "
             "not coded (or gzip, with memcached_gzip_flag), without a Vary that the key does not hold. One request of all fetches. A "
             "method that changes something deletes the value of its URI. All other fields are lost. What is on its way may take 64 times the "
             "pool's max_item." },

    { .section = "memcached", .name = "memcached", .scope = SCOPE_MAIN, .type = TYPE_BLOCK, .source = "mcproxy",
      .doc = "Short for `memcached_pools: {default: {servers: …}}`: the servers of the pool of every cache that names none." },
    { .name = "memcached_pools", .scope = SCOPE_MAIN, .type = TYPE_BLOCK, .source = "mcproxy",
      .doc = "Map from a name to a pool of memcached servers." },
    { .name = "servers", .scope = SCOPE_POOL, .type = TYPE_BLOCK, .source = "mcproxy",
      .doc = "host:port (11211 where none is given), unix:/path, or a map {address, weight}. A server's place on the ring comes from this "
             "text." },
    { .name = "distribution", .scope = SCOPE_POOL, .type = TYPE_CHOICE, POOL_FIELD(distribution), .choices = distribution_words,
      .dflt = "ketama", .source = "mcproxy",
      .doc = "How keys are spread: ketama as libmemcached, nginx as its `hash … consistent`, modulo." },
    { .name = "protocol", .scope = SCOPE_POOL, .type = TYPE_CHOICE, POOL_FIELD(protocol), .choices = protocol_words,
      .dflt = "auto", .source = "mcproxy", .doc = "meta needs memcached 1.6.10; classic is for others; auto finds out." },
    { .name = "replicas", .scope = SCOPE_POOL, .type = TYPE_NUMBER, POOL_FIELD(replicas), .dflt = "1", .min = "1", .max = "2",
      .source = "mcproxy",
      .doc = "2 stores each value at the key's server and, when that one has taken it, at the next other server on the ring too, which is "
             "read as memcached_next_upstream says. Leases are the first server's alone." },
    { .name = "replica_ttl", .scope = SCOPE_POOL, .type = TYPE_DURATION, POOL_FIELD(replica_ttl_ms), .dflt = "10m", .min = "1s",
      .max = "30d", .source = "mcproxy",
      .doc = "Longest life of the second copy. A deletion that the second server did not hear of is undone for at most this long, when the "
             "first one fails." },
    { .name = "old_places", .scope = SCOPE_POOL, .type = TYPE_DURATION, POOL_FIELD(old_places_ms), .dflt = "10m", .min = "0s",
      .max = "30d", .source = "mcproxy",
      .doc = "How long after a reload that changed the servers, their weights or the distribution a key that is not found at its server is "
             "looked for where it was before; what is found there is served, and stored at the new place for the rest of its time. What is "
             "stored or deleted meanwhile is deleted at the old place. The old servers stay connected for so long; another such reload ends "
             "it for the places before. 0s never looks; it is right where the servers are the same and only reached in another way, "
             "by other names or through a router: what is stored at one would be deleted there by the other name." },
    { .name = "bind", .scope = SCOPE_POOL, .type = TYPE_BIND, POOL_FIELD(bind), .dflt = "off", .source = "mcproxy",
      .doc = "IP address, with or without a port, that connections to the servers come from, as nginx's memcached_bind; or off." },
    { .name = "memcached_next_upstream", .scope = SCOPE_ALL, .type = TYPE_BITS, LOCATION_FIELD(memcached_next),
      .choices = memcached_next_words, .dflt = "error timeout", .source = "nginx",
      .doc = "When another server of the pool is asked for a key: error (no connection, or it was lost), timeout, invalid_response "
             "(SERVER_ERROR, or what no memcached says), not_found, or off. memcached_pass goes on to all servers, one after the other, as "
             "nginx; proxy_cache to the second one of a pool with `replicas: 2`, else what fails is a miss. Each server is given the pool's "
             "read_timeout." },
    { .name = "connect_timeout", .scope = SCOPE_POOL, .type = TYPE_DURATION, POOL_FIELD(connect_timeout_ms), .dflt = "50ms",
      .min = "1ms", .max = "1m", .source = "mcproxy", .doc = "A server that takes longer counts as failed." },
    { .name = "send_timeout", .scope = SCOPE_POOL, .type = TYPE_DURATION, POOL_FIELD(send_timeout_ms), .dflt = "50ms",
      .min = "1ms", .max = "1m", .source = "mcproxy", .doc = "Between two writes." },
    { .name = "read_timeout", .scope = SCOPE_POOL, .type = TYPE_DURATION, POOL_FIELD(read_timeout_ms), .dflt = "50ms",
      .min = "1ms", .max = "1m", .source = "mcproxy", .doc = "From a command to the whole reply; a lookup that takes longer is a miss." },
    { .name = "max_fails", .scope = SCOPE_POOL, .type = TYPE_NUMBER, POOL_FIELD(breaker_fails), .dflt = "3", .min = "1",
      .max = "1000", .source = "mcproxy", .doc = "Failures in a row that take a server out of use." },
    { .name = "fail_timeout", .scope = SCOPE_POOL, .type = TYPE_DURATION, POOL_FIELD(breaker_probe_ms), .dflt = "1s",
      .min = "10ms", .max = "1h", .source = "mcproxy", .doc = "Between two attempts to reach a server that is out of use." },
    { .name = "max_pending", .scope = SCOPE_POOL, .type = TYPE_NUMBER, POOL_FIELD(pending_max), .dflt = "8192", .min = "1",
      .max = "65536", .source = "mcproxy", .doc = "Commands without a reply per server and worker; more lookups are misses." },
    { .name = "read_buffer", .scope = SCOPE_POOL, .type = TYPE_SIZE, POOL_FIELD(read_buffer_bytes), .dflt = "128k", .min = "4k",
      .max = "16m", .source = "mcproxy", .doc = "For replies, per server and worker." },
    { .name = "send_buffer", .scope = SCOPE_POOL, .type = TYPE_SIZE, POOL_FIELD(send_buffer_bytes), .dflt = "8m", .min = "64k",
      .max = "1g", .source = "mcproxy", .doc = "What may wait to be sent to one server; stores beyond it are dropped." },
    { .name = "max_item", .scope = SCOPE_POOL, .type = TYPE_SIZE, POOL_FIELD(item_max_bytes), .dflt = "1m", .min = "1k",
      .max = "1g", .source = "mcproxy", .doc = "Longest value that the servers take (memcached's -I)." },
    { .name = "auth", .scope = SCOPE_POOL, .type = TYPE_AUTH, POOL_FIELD(auth), .dflt = "off", .source = "mcproxy",
      .doc = "User and password for servers that ask for them (memcached's -Y): {user, password_file}. They cross the network as they are: "
             "use `tls` where others can listen." },
    { .name = "user", .scope = SCOPE_AUTH, .type = TYPE_TEXT, AUTH_FIELD(user), .max = "250", .source = "mcproxy",
      .doc = "At most 250 printable bytes without spaces." },
    { .name = "password_file", .scope = SCOPE_AUTH, .type = TYPE_PASSWORD_FILE, AUTH_FIELD(password), .source = "mcproxy",
      .doc = "File whose only line is the password: at most 250 printable bytes without spaces. A relative path starts at the file that it "
             "stands in. Read at the start and at each reload, then by `user` of the process; it should be readable by nobody else." },
    { .name = "tls", .scope = SCOPE_POOL, .type = TYPE_TLS, POOL_FIELD(tls), .dflt = "off", .source = "mcproxy",
      .doc = "TLS to the servers (memcached's -Z): on, off, or a map. A connection goes into use when its handshake has ended, within "
             "connect_timeout; sessions are resumed. Files are read at the start and at each reload, then by `user` of the process." },
    { .name = "trusted_certificate", .scope = SCOPE_TLS, .type = TYPE_FILE, TLS_FIELD(conf.trusted_certificate), .source = "mcproxy",
      .doc = "CA certificates (PEM) that the servers' certificates are checked against; without it, those of the system (nginx: "
             "proxy_ssl_trusted_certificate)." },
    { .name = "verify", .scope = SCOPE_TLS, .type = TYPE_FLAG, TLS_FIELD(conf.verify), .dflt = "on", .source = "mcproxy",
      .doc = "Whether a server's certificate has to come from one of these and to have the server's name (nginx: proxy_ssl_verify, off)." },
    { .name = "verify_depth", .scope = SCOPE_TLS, .type = TYPE_NUMBER, TLS_FIELD(conf.verify_depth), .dflt = "1", .min = "0", .max = "100",
      .source = "mcproxy", .doc = "Certificates between the server's and a trusted one (nginx: proxy_ssl_verify_depth)." },
    { .name = "server_name", .scope = SCOPE_TLS, .type = TYPE_FLAG, TLS_FIELD(tls.server_name), .dflt = "on", .source = "mcproxy",
      .doc = "Whether a server is told its name (SNI; nginx: proxy_ssl_server_name, off)." },
    { .name = "name", .scope = SCOPE_TLS, .type = TYPE_TEXT, TLS_FIELD(tls.name), .max = "253", .source = "mcproxy",
      .doc = "Name of every server of the pool, in its certificate and for SNI; without it, the host or IP address that `servers` has "
             "(nginx: proxy_ssl_name)." },
    { .name = "certificate", .scope = SCOPE_TLS, .type = TYPE_FILE, TLS_FIELD(conf.certificate), .source = "mcproxy",
      .doc = "Certificate (PEM) for servers that want one, the intermediate ones behind it (nginx: proxy_ssl_certificate)." },
    { .name = "certificate_key", .scope = SCOPE_TLS, .type = TYPE_FILE, TLS_FIELD(conf.certificate_key), .source = "mcproxy",
      .doc = "Its key (PEM), without a passphrase (nginx: proxy_ssl_certificate_key)." },
    { .name = "protocols", .scope = SCOPE_TLS, .type = TYPE_BITS, TLS_FIELD(conf.protocols), .choices = tls_protocol_words,
      .dflt = "TLSv1.2 TLSv1.3", .source = "mcproxy", .doc = "Versions that may be spoken (nginx: proxy_ssl_protocols)." },
    { .name = "ciphers", .scope = SCOPE_TLS, .type = TYPE_TEXT, TLS_FIELD(ciphers), .dflt = "DEFAULT", .source = "mcproxy",
      .doc = "Ciphers of TLS 1.2, in OpenSSL's words (nginx: proxy_ssl_ciphers)." },
    { .name = "address", .scope = SCOPE_NODE, .type = TYPE_TEXT, NODE_FIELD(text), .source = "mcproxy",
      .doc = "host:port or unix:/path of the memcached server." },
    { .name = "service", .scope = SCOPE_NODE, .type = TYPE_TEXT, NODE_FIELD(service), .max = "200", .source = "nginx",
      .doc = "The servers are those that SRV records name, and follow them: memcached with the address cache.example.com asks for "
             "_memcached._tcp.cache.example.com; a text with a dot stands before the address as it is. Of the records those of the "
             "lowest priority count, with their weights; a server's place on the ring comes from target and port. While the name "
             "cannot be found the servers stay." },
    { .name = "weight", .scope = SCOPE_NODE, .type = TYPE_NUMBER, NODE_FIELD(weight), .dflt = "1", .min = "1", .max = "65535",
      .source = "mcproxy", .doc = "Share of the keys; with distribution nginx at most 16384 for all of a pool together." },

    { .section = "Logs", .name = "access_log", .scope = SCOPE_ALL, .type = TYPE_ACCESS_LOG, LOCATION_FIELD(logs),
      .dflt = "stdout combined", .source = "nginx",
      .doc = "File, stdout or stderr, and a format (`path format` or {path, format}); a list of such; or off." },
    { .name = "log_format", .scope = SCOPE_MAIN, .type = TYPE_BLOCK, .source = "nginx",
      .doc = "Map from a name to a text with variables; `escape=json ` or `escape=none ` may stand before it. There are combined and "
             "json." },
};
/* clang-format on */

_Static_assert(ARRAY_LEN(directives) <= DIRECTIVES_MAX, "level.set has no room for all directives");

static const struct type types[] = {
    [TYPE_BLOCK] = {"", NULL},
    [TYPE_FLAG] = {"on, off", parse_flag_value},
    [TYPE_NUMBER] = {"number", parse_number},
    [TYPE_NUMBER_OR_AUTO] = {"number, auto", parse_number_or_auto},
    [TYPE_COUNT] = {"number", parse_count},
    [TYPE_INT] = {"number", parse_int},
    [TYPE_SIZE] = {"size", parse_size},
    [TYPE_INT_SIZE] = {"size", parse_int_size},
    [TYPE_DURATION] = {"duration", parse_duration},
    [TYPE_SECONDS_OR_OFF] = {"duration, off", parse_seconds_or_off},
    [TYPE_CHOICE] = {"", parse_choice},
    [TYPE_BITS] = {"", parse_bits},
    [TYPE_TEXT] = {"text", parse_text},
    [TYPE_PATH] = {"path, off", parse_path},
    [TYPE_TEMPLATE] = {"text with variables", parse_template},
    [TYPE_TEMPLATES] = {"texts with variables", parse_templates},
    [TYPE_FIELD_NAMES] = {"field names", parse_field_names},
    [TYPE_PURGE_FROM] = {"off, on, addresses", parse_purge_from},
    [TYPE_USER] = {"user [group]", parse_user},
    [TYPE_ERROR_LOG] = {"path [level]", parse_error_log},
    [TYPE_ACCESS_LOG] = {"path [format]", parse_access_log},
    [TYPE_RESOLVER] = {"addresses", parse_resolver},
    [TYPE_BIND] = {"address, off", parse_bind},
    [TYPE_HEAD_BUFFERS] = {"number size", parse_head_buffers},
    [TYPE_BUFFERS] = {"number size", parse_buffers},
    [TYPE_PROXY_PASS] = {"URL", parse_proxy_pass},
    [TYPE_RETURN] = {"status [text]", parse_return},
    [TYPE_SET_HEADER] = {"map", parse_set_header},
    [TYPE_CACHE_NAME] = {"name, off", parse_cache_name},
    [TYPE_CACHE_VALID] = {"durations by status", parse_cache_valid},
    [TYPE_KEY_ARGS] = {"map, off", parse_key_args},
    [TYPE_STORE_PATH] = {"text with variables, off", parse_store_path},
    [TYPE_STORE_ACCESS] = {"user:rw group:r all:r", parse_store_access},
    [TYPE_POOL_NAME] = {"name, off", parse_pool_name},
    [TYPE_MEMCACHED_PASS] = {"name, address, off", parse_memcached_pass},
    [TYPE_COMPRESS] = {"on, off, map", parse_compress},
    [TYPE_MEDIA_TYPES] = {"media types", parse_media_types},
    [TYPE_AUTH] = {"off, map", parse_auth},
    [TYPE_PASSWORD_FILE] = {"path", parse_password_file},
    [TYPE_TLS] = {"on, off, map", parse_tls},
    [TYPE_FILE] = {"path", parse_file},
};

const struct type *type_of(const struct directive *d)
{
    return &types[d->type];
}

size_t directive_count(void)
{
    return ARRAY_LEN(directives);
}

const struct directive *directive_at(size_t index)
{
    return &directives[index];
}

size_t directive_index(const struct directive *d)
{
    return (size_t)(d - directives);
}

const struct directive *directive_find(struct slice name, unsigned scopes)
{
    for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
        if ((directives[i].scope & scopes) != 0 && slice_eq(slice_of(directives[i].name), name)) {
            return &directives[i];
        }
    }
    return NULL;
}

const char *scope_text(unsigned scope)
{
    switch ((enum scope)scope) {
    case SCOPE_MAIN: return "top level";
    case SCOPE_HTTP: return "top level";
    case SCOPE_SERVER: return "servers";
    case SCOPE_LOCATION: return "locations";
    case SCOPE_LISTEN: return "listen";
    case SCOPE_UPSTREAM: return "upstreams";
    case SCOPE_PEER: return "servers of an upstream";
    case SCOPE_POOL: return "memcached_pools";
    case SCOPE_NODE: return "servers of a pool";
    case SCOPE_CACHE: return "caches";
    case SCOPE_ADMIN: return "admin";
    case SCOPE_COMPRESS: return "compress";
    case SCOPE_AUTH: return "auth";
    case SCOPE_TLS: return "tls";
    }
    return "";
}

const char *directive_instead(struct slice name)
{
    static const struct {
        const char *nginx;
        const char *ours;
    } words[] = {
        {"worker_processes", "mcproxy calls it \"workers\""},
        {"http", "what stands in it goes to the top level"},
        {"events", "what stands in it goes to the top level"},
        {"server", "mcproxy has a list \"servers\""},
        {"location", "mcproxy has a map \"locations\""},
        {"upstream", "mcproxy has a map \"upstreams\""},
        {"proxy_cache_path", "mcproxy has a map \"caches\""},
        {"gzip_disable", "leave it out: what a client takes is in its Accept-Encoding"},
        {"gzip_buffers", "leave it out: output goes through fixed buffers"},
        {"gunzip_buffers", "leave it out: output goes through fixed buffers"},
        {"brotli_buffers", "leave it out: output goes through fixed buffers"},
        {"zstd_buffers", "leave it out: output goes through fixed buffers"},
        {"gzip_static", "mcproxy serves no files: coded forms are stored in the cache"},
        {"brotli_static", "mcproxy serves no files: coded forms are stored in the cache"},
        {"zstd_static", "mcproxy serves no files: coded forms are stored in the cache"},
        {"memcached_bind", "it is \"bind\" of a pool in memcached_pools"},
        {"memcached_connect_timeout", "it is \"connect_timeout\" of a pool in memcached_pools"},
        {"memcached_send_timeout", "it is \"send_timeout\" of a pool in memcached_pools"},
        {"memcached_read_timeout", "it is \"read_timeout\" of a pool in memcached_pools"},
        {"memcached_buffer_size", "it is \"read_buffer\" of a pool in memcached_pools"},
        {"memcached_next_upstream_tries", "each server of the pool is asked once at most"},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq(name, slice_of(words[i].nginx))) {
            return words[i].ours;
        }
    }
    return NULL;
}
