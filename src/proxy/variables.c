#include "proxy/variables.h"
#include "proxy/raw.h"

#include "base/hash.h"
#include "base/parse.h"
#include "proxy/client.h"

#include <unistd.h>

/* -- the request line -- */

static struct slice get_args(struct request *r, const struct variable_use *use UNUSED,
                             struct arena *arena UNUSED)
{
    return r->head.query;
}

static struct slice get_is_args(struct request *r, const struct variable_use *use UNUSED,
                                struct arena *arena UNUSED)
{
    return r->head.query.p ? SLICE("?") : SLICE(""); /* `/a?` is not `/a` */
}

static struct slice get_uri(struct request *r, const struct variable_use *use UNUSED,
                            struct arena *arena UNUSED)
{
    return r->head.path;
}

static struct slice get_request_uri(struct request *r, const struct variable_use *use UNUSED,
                                    struct arena *arena UNUSED)
{
    return r->head.target;
}

static struct slice get_request(struct request *r, const struct variable_use *use UNUSED,
                                struct arena *arena UNUSED)
{
    return r->raw_line;
}

static struct slice get_request_method(struct request *r, const struct variable_use *use UNUSED,
                                       struct arena *arena UNUSED)
{
    return r->head.method_token;
}

static struct slice get_server_protocol(struct request *r, const struct variable_use *use UNUSED,
                                        struct arena *arena UNUSED)
{
    return r->head.version_minor == 0 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1");
}

static struct slice get_scheme(struct request *r UNUSED, const struct variable_use *use UNUSED,
                               struct arena *arena UNUSED)
{
    return SLICE("http");
}

/* The first `name=` of the query, as it stands there. Names are compared without case, as in nginx.
 */
static struct slice get_arg(struct request *r, const struct variable_use *use,
                            struct arena *arena UNUSED)
{
    struct slice rest = r->head.query;
    while (rest.n > 0) {
        struct slice value;
        struct slice pair = slice_cut(rest, '&', &rest);
        struct slice name = slice_cut(pair, '=', &value);
        if (name.n < pair.n && slice_eq_nocase(name, use->name))
            return value;
    }
    return slice_none();
}

/* -- fields -- */

static char spelled(char c)
{
    return c == '-' ? '_' : ascii_lower(c);
}

bool variable_names_field(struct slice in_variable, struct slice field_name)
{
    if (in_variable.n != field_name.n)
        return false;
    for (size_t i = 0; i < field_name.n; i++)
        if (spelled(in_variable.p[i]) != spelled(field_name.p[i]))
            return false;
    return true;
}

static bool names_field(const struct variable_use *use, const struct field *f)
{
    return use->field == FIELD_OTHER ? variable_names_field(use->name, f->name)
                                     : f->id == use->field;
}

/* The values of all lines of the name. Cookie lines are joined as cookies are (RFC 6265
 * section 5.4). */
static struct slice get_http(struct request *r, const struct variable_use *use, struct arena *arena)
{
    const struct fields *fields = &r->head.fields;
    const char *with = use->field == FIELD_COOKIE ? "; " : ", ";
    struct slice joined = slice_none();
    if (use->field != FIELD_OTHER && !fields_has(fields, use->field))
        return joined;
    for (size_t i = 0; i < fields->n; i++) {
        const struct field *f = &fields->v[i];
        if (names_field(use, f))
            joined = joined.p ? arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(joined), with,
                                             SLICE_ARG(f->value))
                              : f->value;
    }
    return joined;
}

static struct slice get_content_type(struct request *r, const struct variable_use *use UNUSED,
                                     struct arena *arena UNUSED)
{
    return fields_get(&r->head.fields, FIELD_CONTENT_TYPE);
}

static struct slice get_content_length(struct request *r, const struct variable_use *use UNUSED,
                                       struct arena *arena UNUSED)
{
    return fields_get(&r->head.fields, FIELD_CONTENT_LENGTH);
}

/* Of one Cookie line; p NULL where the name is not there. */
static struct slice cookie_in(struct slice line, struct slice wanted)
{
    while (line.n > 0) {
        struct slice value;
        struct slice pair = slice_cut(line, ';', &line);
        struct slice name = slice_trim(slice_cut(pair, '=', &value));
        if (value.p && slice_eq_nocase(name, wanted))
            return slice_trim(value);
    }
    return slice_none();
}

/* The first cookie of that name; names are compared without case, as in nginx. */
static struct slice get_cookie(struct request *r, const struct variable_use *use,
                               struct arena *arena UNUSED)
{
    const struct fields *fields = &r->head.fields;
    for (size_t i = 0; i < fields->n; i++) {
        const struct field *f = &fields->v[i];
        struct slice value = f->id == FIELD_COOKIE ? cookie_in(f->value, use->name) : slice_none();
        if (value.p)
            return value;
    }
    return slice_none();
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes up to the first byte that is no digit: padding, or an error. */
static struct slice base64_decode(struct slice s, struct arena *arena)
{
    char *out = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    unsigned bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < s.n && base64_digit(s.p[i]) >= 0; i++) {
        bits = (bits << 6 | (unsigned)base64_digit(s.p[i])) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (char)(bits >> held & 0xff);
        }
    }
    return slice_make(out, n);
}

/* The name of Basic credentials (RFC 7617 section 2). */
static struct slice get_remote_user(struct request *r, const struct variable_use *use UNUSED,
                                    struct arena *arena)
{
    struct slice credentials = fields_get(&r->head.fields, FIELD_AUTHORIZATION);
    if (!slice_starts_nocase(credentials, SLICE("Basic ")))
        return slice_none();
    struct slice pair = base64_decode(slice_trim(slice_skip(credentials, 6)), arena);
    size_t colon = slice_find(pair, ':');
    return colon < pair.n ? slice_take(pair, colon) : slice_none();
}

/* -- where the request came in and where it goes -- */

static struct slice get_server_name(struct request *r, const struct variable_use *use UNUSED,
                                    struct arena *arena UNUSED)
{
    return r->server->name;
}

static struct slice get_host(struct request *r, const struct variable_use *use, struct arena *arena)
{
    return r->head.host.n > 0 ? r->head.host : get_server_name(r, use, arena);
}

static struct slice get_proxy_host(struct request *r, const struct variable_use *use UNUSED,
                                   struct arena *arena UNUSED)
{
    return r->location->proxy_host;
}

static size_t write_proxy_port(struct request *r, char *out)
{
    return r->location->proxy_port ? format_u64(out, r->location->proxy_port) : 0;
}

static size_t write_ipv4(const struct sockaddr_in *in, char *out)
{
    const unsigned char *octets = (const unsigned char *)&in->sin_addr;
    size_t n = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            out[n++] = '.';
        n += format_u64(out + n, octets[i]);
    }
    return n;
}

/* Only the literal; a connection through a unix socket has `unix:`, as in nginx. */
static size_t write_host(const struct address *a, char *out)
{
    if (a->u.sa.sa_family == AF_INET)
        return write_ipv4(&a->u.in4, out);
    char text[ADDRESS_TEXT_MAX];
    struct slice s = slice_take(address_print_host(a, text), VARIABLE_WRITE_MAX);
    memcpy(out, s.p, s.n);
    return s.n;
}

static size_t write_remote_addr(struct request *r, char *out)
{
    return write_host(&r->client->peer, out);
}

static size_t write_server_addr(struct request *r, char *out)
{
    return write_host(&r->client->local, out);
}

static size_t write_port(const struct address *a, char *out)
{
    uint16_t port = address_port(a);
    return port ? format_u64(out, port) : 0;
}

static size_t write_remote_port(struct request *r, char *out)
{
    return write_port(&r->client->peer, out);
}

static size_t write_server_port(struct request *r, char *out)
{
    return write_port(&r->client->local, out);
}

static struct slice get_binary_remote_addr(struct request *r, const struct variable_use *use UNUSED,
                                           struct arena *arena UNUSED)
{
    const struct address *a = &r->client->peer;
    if (a->u.sa.sa_family == AF_INET)
        return slice_make((const char *)&a->u.in4.sin_addr, sizeof a->u.in4.sin_addr);
    if (a->u.sa.sa_family == AF_INET6)
        return slice_make((const char *)&a->u.in6.sin6_addr, sizeof a->u.in6.sin6_addr);
    return SLICE("unix:");
}

static struct slice get_proxy_add_x_forwarded_for(struct request *r,
                                                  const struct variable_use *use UNUSED,
                                                  struct arena *arena)
{
    char text[VARIABLE_WRITE_MAX];
    struct slice client = slice_make(text, write_remote_addr(r, text));
    struct slice came = fields_joined(&r->head.fields, SLICE("X-Forwarded-For"), arena);
    if (came.n == 0)
        return arena_dup(arena, client);
    return arena_printf(arena, "%.*s, %.*s", SLICE_ARG(came), SLICE_ARG(client));
}

static size_t write_connection(struct request *r, char *out)
{
    return format_u64(out, r->client->serial);
}

static size_t write_connection_requests(struct request *r, char *out)
{
    return format_u64(out, r->client->requests);
}

static struct slice get_hostname(struct request *r UNUSED, const struct variable_use *use UNUSED,
                                 struct arena *arena)
{
    char name[256] = "";
    (void)gethostname(name, sizeof name - 1);
    return arena_dup(arena, slice_of(name));
}

static size_t write_pid(struct request *r UNUSED, char *out)
{
    return format_u64(out, (uint64_t)getpid());
}

/* -- time and identity -- */

/* Seconds with three decimals. */
static size_t write_seconds(int64_t ms, char *out)
{
    size_t n = format_u64(out, (uint64_t)(ms / 1000));
    unsigned rest = (unsigned)(ms % 1000);
    out[n] = '.';
    out[n + 1] = (char)('0' + rest / 100);
    out[n + 2] = (char)('0' + rest / 10 % 10);
    out[n + 3] = (char)('0' + rest % 10);
    return n + 4;
}

static size_t write_request_time(struct request *r, char *out)
{
    int64_t took_us = loop_now_us(r->worker->loop) - r->start_us;
    return write_seconds(took_us > 0 ? took_us / 1000 : 0, out);
}

static size_t write_msec(struct request *r, char *out)
{
    return write_seconds(loop_wall(r->worker->loop), out);
}

static size_t write_slice(struct slice s, char *out)
{
    memcpy(out, s.p, s.n);
    return s.n;
}

static size_t write_time_local(struct request *r, char *out)
{
    return write_slice(time_cache_local(&r->worker->times, loop_wall(r->worker->loop)), out);
}

static size_t write_time_iso8601(struct request *r, char *out)
{
    return write_slice(time_cache_iso8601(&r->worker->times, loop_wall(r->worker->loop)), out);
}

/* 128 bits that nobody outside can foresee: the worker's serial number, hashed with two secret
 * seeds. */
static void make_id(struct request *r)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t serial = ++r->worker->request_serial;
    struct slice bytes = slice_make((const char *)&serial, sizeof serial);
    for (int half = 0; half < 2; half++) {
        uint64_t bits = hash_seeded(bytes, r->worker->id_seed[half]);
        for (int i = 0; i < 16; i++, bits >>= 4)
            r->id[half * 16 + i] = digits[bits & 15];
    }
    r->id_made = true;
}

struct slice variable_request_id(struct request *r)
{
    if (!r->id_made)
        make_id(r);
    return slice_make(r->id, sizeof r->id);
}

static struct slice get_request_id(struct request *r, const struct variable_use *use UNUSED,
                                   struct arena *arena UNUSED)
{
    return variable_request_id(r);
}

/* -- the answer -- */

static size_t write_status(struct request *r, char *out)
{
    return r->status ? format_u64(out, r->status) : write_slice(SLICE("000"), out);
}

static size_t write_body_bytes_sent(struct request *r, char *out)
{
    return format_u64(out, r->content_sent);
}

static size_t write_bytes_sent(struct request *r, char *out)
{
    return format_u64(out, r->bytes_sent);
}

static size_t write_request_length(struct request *r, char *out)
{
    return format_u64(out, r->head_bytes + r->upload.received);
}

static struct slice get_memcached_key(struct request *r, const struct variable_use *use UNUSED,
                                      struct arena *arena UNUSED)
{
    return r->raw ? r->raw->key : slice_none();
}

static struct slice get_cache_status(struct request *r, const struct variable_use *use UNUSED,
                                     struct arena *arena UNUSED)
{
    return cache_outcome_text(r->outcome);
}

/* -- the table -- */

static const struct variable table[] = {
    {"arg_", get_arg, NULL, "argument NAME of the query, as the client wrote it"},
    {"args", get_args, NULL, "the query, without the question mark"},
    {"binary_remote_addr", get_binary_remote_addr, NULL, "address of the client as 4 or 16 bytes"},
    {"body_bytes_sent", NULL, write_body_bytes_sent, "content bytes sent to the client"},
    {"bytes_sent", NULL, write_bytes_sent, "all bytes sent to the client, the head too"},
    {"connection", NULL, write_connection, "serial number of the client's connection"},
    {"connection_requests", NULL, write_connection_requests,
     "requests read on the client's connection so far"},
    {"content_length", get_content_length, NULL, "the request's Content-Length"},
    {"content_type", get_content_type, NULL, "the request's Content-Type"},
    {"cookie_", get_cookie, NULL, "cookie NAME of the request"},
    {"document_uri", get_uri, NULL, "same as $uri"},
    {"gzip_ratio", variable_gzip_ratio, NULL,
     "length of the content before its coding for the client to that behind it"},
    {"host", get_host, NULL,
     "host of the request in lower case, without port; without one, the server's name"},
    {"hostname", get_hostname, NULL, "name of this machine"},
    {"http_", get_http, NULL, "field NAME of the request, in lower case with '_' for '-'"},
    {"is_args", get_is_args, NULL, "\"?\" where the request has a query, else empty"},
    {"memcached_key", get_memcached_key, NULL,
     "key of memcached_pass, not escaped; empty until it has been asked for"},
    {"msec", NULL, write_msec, "time in seconds since 1970 with milliseconds"},
    {"pid", NULL, write_pid, "process id of the worker"},
    {"proxy_add_x_forwarded_for", get_proxy_add_x_forwarded_for, NULL,
     "X-Forwarded-For of the request with $remote_addr added at its end"},
    {"proxy_host", get_proxy_host, NULL, "host of proxy_pass"},
    {"proxy_port", NULL, write_proxy_port, "port of proxy_pass"},
    {"query_string", get_args, NULL, "same as $args"},
    {"remote_addr", NULL, write_remote_addr, "address of the client"},
    {"remote_port", NULL, write_remote_port, "port of the client"},
    {"remote_user", get_remote_user, NULL, "user name of Basic credentials"},
    {"request", get_request, NULL, "the request line as it came"},
    {"request_id", get_request_id, NULL, "32 random hex digits of this request"},
    {"request_length", NULL, write_request_length, "bytes of the request: head and content"},
    {"request_method", get_request_method, NULL, "the request's method"},
    {"request_time", NULL, write_request_time,
     "seconds since the first byte of the request, with milliseconds"},
    {"request_uri", get_request_uri, NULL, "the request's target as it came"},
    {"scheme", get_scheme, NULL, "\"http\""},
    {"sent_http_", variable_sent_http, NULL, "field NAME of the response as sent"},
    {"server_addr", NULL, write_server_addr, "address that the client connected to"},
    {"server_name", get_server_name, NULL, "first name of the server that took the request"},
    {"server_port", NULL, write_server_port, "port that the client connected to"},
    {"server_protocol", get_server_protocol, NULL, "protocol of the request"},
    {"status", NULL, write_status, "status of the response"},
    {"time_iso8601", NULL, write_time_iso8601, "local time in ISO 8601"},
    {"time_local", NULL, write_time_local, "local time in the common log format"},
    {"upstream_addr", variable_upstream_addr, NULL,
     "peers that were asked; several tries are separated by commas"},
    {"upstream_bytes_received", variable_upstream_bytes_received, NULL, "bytes received from each"},
    {"upstream_bytes_sent", variable_upstream_bytes_sent, NULL, "bytes sent to each"},
    {"upstream_cache_status", get_cache_status, NULL,
     "MISS, BYPASS, EXPIRED, STALE, UPDATING, REVALIDATED or HIT"},
    {"upstream_connect_time", variable_upstream_connect_time, NULL, "seconds to connect to each"},
    {"upstream_cookie_", variable_upstream_cookie, NULL, "cookie NAME that the response sets"},
    {"upstream_header_time", variable_upstream_header_time, NULL,
     "seconds until the response head of each"},
    {"upstream_http_", variable_upstream_http, NULL,
     "field NAME of the origin's or the stored response"},
    {"upstream_response_length", variable_upstream_response_length, NULL,
     "content bytes received from each"},
    {"upstream_response_time", variable_upstream_response_time, NULL,
     "seconds until the end of the response of each"},
    {"upstream_status", variable_upstream_status, NULL, "status of the response of each"},
    {"uri", get_uri, NULL, "path of the request, normalised"},
};

const struct variable *variable_row(size_t index)
{
    return index < ARRAY_LEN(table) ? &table[index] : NULL;
}

bool variable_is_family(const struct variable *v)
{
    return slice_ends(slice_of(v->name), SLICE("_"));
}

const struct variable *variable_find(struct slice name, struct slice *rest)
{
    *rest = slice_none();
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct slice row = slice_of(table[i].name);
        bool family = variable_is_family(&table[i]);
        if (!family && slice_eq(row, name))
            return &table[i];
        if (family && name.n > row.n && slice_starts(name, row)) {
            *rest = slice_skip(name, row.n);
            return &table[i];
        }
    }
    return NULL;
}

/* A group of the location's expression hides one of the same name of the server name's. */
static struct slice capture_value(const struct variable_use *use, const struct request *r)
{
    if (use->group > 0)
        return r->captures_of ? r->captures[use->group] : slice_none();
    int group = r->captures_of ? regex_group(r->captures_of, use->name) : -1;
    if (group >= 0)
        return r->captures[group];
    group = r->name_captures_of ? regex_group(r->name_captures_of, use->name) : -1;
    return group >= 0 ? r->name_captures[group] : slice_none();
}

struct slice variable_value(const struct variable_use *use, struct request *r, struct arena *arena)
{
    const struct variable *v = use->variable;
    if (!v)
        return capture_value(use, r);
    if (v->get)
        return v->get(r, use, arena);
    char *text = arena_alloc(arena, VARIABLE_WRITE_MAX);
    return slice_make(text, v->write(r, text));
}
