/* Heads of requests (RFC 9112 sections 2, 3 and 6): what the line, the target, Host and the framing
 * fields say, or why the request is refused. */
#include "http/h1_parse.h"

#include "http/uri.h"

/* What the steps of one parse work on. */
struct request_parse {
    const struct h1_limits *limits;
    struct arena *arena;
    struct request_head *out;
    struct h1_error *err;
    struct slice absolute_authority; /* of an absolute-form target; else p is NULL */
};

static bool refuse(const struct request_parse *r, enum h1_result code, const char *what)
{
    *r->err = (struct h1_error){code, what};
    return false;
}

/* -- the request line -- */

/* Visible ASCII only, and no fragment. */
static bool target_bytes_are_good(struct slice target)
{
    unsigned bad = target.n == 0;
    for (size_t i = 0; i < target.n; i++) {
        unsigned char c = (unsigned char)target.p[i];
        bad |= (unsigned)(c - 0x21U > 0x7eU - 0x21U) | (c == '#');
    }
    return bad == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 9112 section 2.3. */
static bool is_http_version(struct slice s)
{
    return s.n == 8 && slice_starts(s, SLICE("HTTP/")) && is_digit(s.p[5]) && s.p[6] == '.' &&
           is_digit(s.p[7]);
}

/* `method SP target SP version`, to the byte (RFC 9112 section 3). */
static bool read_request_line(const struct request_parse *r, struct slice line)
{
    struct request_head *out = r->out;
    struct slice rest;
    struct slice version;
    out->method_token = slice_cut(line, ' ', &rest);
    out->target = slice_cut(rest, ' ', &version);
    int minor = h1_version_minor(version);
    if (!slice_is_token(out->method_token)) {
        return refuse(r, H1_BAD, "malformed method");
    }
    if (!target_bytes_are_good(out->target)) {
        return refuse(r, H1_BAD, "malformed target");
    }
    if (minor < 0) {
        return refuse(r, is_http_version(version) ? H1_BAD_VERSION : H1_BAD, "unknown version");
    }
    out->version_minor = (uint8_t)minor;
    out->method = http_method_of(out->method_token);
    if (out->method == METHOD_CONNECT || out->method == METHOD_TRACE) {
        return refuse(r, H1_METHOD_REFUSED, "method refused");
    }
    return true;
}

/* -- the target -- */

/* Cuts `http://authority/rest` (RFC 9112 section 3.2.2); the rest may be missing. */
static bool split_absolute_form(struct request_parse *r, struct slice *origin_form)
{
    struct slice target = r->out->target;
    struct slice schemes[] = {SLICE("http://"), SLICE("https://")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (slice_starts_nocase(target, schemes[i])) {
            struct slice rest = slice_skip(target, schemes[i].n);
            size_t n = 0;
            while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?') {
                n++;
            }
            r->absolute_authority = slice_take(rest, n);
            *origin_form = slice_skip(rest, n);
            return true;
        }
    }
    return refuse(r, H1_BAD, "target is neither a path nor an http URI");
}

static bool read_target(struct request_parse *r)
{
    struct request_head *out = r->out;
    struct slice form = out->target;
    if (form.p[0] == '/') {
        /* origin form: as it stands */
    } else if (slice_eq(form, SLICE("*")) && out->method == METHOD_OPTIONS) {
        out->path = form;
        return true;
    } else if (!split_absolute_form(r, &form)) {
        return false;
    } else if (form.n == 0) { /* RFC 9112 section 3.2.4 */
        out->path = out->method == METHOD_OPTIONS ? SLICE("*") : SLICE("/");
        return true;
    } else if (form.p[0] == '?') {
        form = arena_concat(r->arena, SLICE("/"), form);
    }
    if (!uri_normalise(form, r->limits->merge_slashes, r->arena, &out->path, &out->query)) {
        return refuse(r, H1_BAD, "malformed path or query");
    }
    return true;
}

/* -- Host (RFC 9112 section 3.2) -- */

static void set_host_field(const struct request_parse *r, struct slice value)
{
    struct fields *fields = &r->out->fields;
    if (!fields_has(fields, FIELD_HOST)) {
        fields_add_id(fields, r->arena, FIELD_HOST, value);
        return;
    }
    for (size_t i = 0; i < fields->n; i++) {
        if (fields->v[i].id == FIELD_HOST) {
            fields->v[i].value = value;
        }
    }
}

static bool read_host(const struct request_parse *r)
{
    struct request_head *out = r->out;
    const struct field *host = fields_find(&out->fields, FIELD_HOST);
    if (host == NULL && out->version_minor >= 1) {
        return refuse(r, H1_BAD, "no Host field");
    }
    if (host != NULL) {
        out->authority = host->value;
        if (!authority_parse(host->value, r->arena, &out->host, &out->port)) {
            return refuse(r, H1_BAD, "malformed Host");
        }
    }
    if (r->absolute_authority.p != NULL) { /* takes the place of Host, whatever that says */
        out->authority = r->absolute_authority;
        if (!authority_parse(out->authority, r->arena, &out->host, &out->port)) {
            return refuse(r, H1_BAD, "malformed authority in the target");
        }
        set_host_field(r, out->authority);
    }
    return true;
}

/* -- framing (RFC 9112 section 6.3) -- */

static bool read_coding(const struct request_parse *r)
{
    if (r->out->version_minor == 0) { /* RFC 9112 section 6.1 */
        return refuse(r, H1_BAD, "Transfer-Encoding in HTTP/1.0");
    }
    if (fields_has(&r->out->fields, FIELD_CONTENT_LENGTH)) {
        return refuse(r, H1_BAD, "Transfer-Encoding and Content-Length");
    }
    switch (h1_coding_of(&r->out->fields)) {
    case H1_CODING_CHUNKED: r->out->framing = FRAMING_CHUNKED; return true;
    case H1_CODING_UNKNOWN:
    case H1_CODING_UNKNOWN_CHUNKED: return refuse(r, H1_UNKNOWN_CODING, "unknown transfer coding");
    case H1_CODING_NONE:
    case H1_CODING_BAD: break;
    }
    return refuse(r, H1_BAD, "malformed Transfer-Encoding");
}

static bool read_framing(const struct request_parse *r)
{
    struct request_head *out = r->out;
    if (fields_has(&out->fields, FIELD_TRANSFER_ENCODING)) {
        return read_coding(r);
    }
    out->framing = FRAMING_NONE;
    if (fields_has(&out->fields, FIELD_CONTENT_LENGTH)) {
        if (!h1_content_length(&out->fields, &out->content_length)) {
            return refuse(r, H1_BAD, "malformed Content-Length");
        }
        out->framing = FRAMING_LENGTH;
    }
    return true;
}

/* -- Expect, Connection, Upgrade -- */

static bool read_expect(const struct request_parse *r)
{
    struct request_head *out = r->out;
    if (out->version_minor == 0 || !fields_has(&out->fields, FIELD_EXPECT)) {
        return true; /* RFC 9110 section 10.1.1: ignored in HTTP/1.0 */
    }
    if (!slice_eq_nocase(fields_get(&out->fields, FIELD_EXPECT), SLICE("100-continue"))) {
        return refuse(r, H1_BAD_EXPECTATION, "unknown expectation");
    }
    out->expect_continue = true;
    return true;
}

/* The protocols of a list without h2c: HTTP/2 is not spoken here, and a tunnel of it would pass by
 * every check of this proxy. */
static struct slice without_h2c(struct slice list, struct arena *arena)
{
    char *kept = arena_alloc(
        arena, 2 * list.n + 2); /* each member takes one byte or more, and then a ", " */
    size_t n = 0;
    struct slice member;
    while (list_member_next(&list, &member)) {
        if (slice_eq_nocase(member, SLICE("h2c"))) {
            continue;
        }
        if (n > 0) {
            kept[n++] = ',';
            kept[n++] = ' ';
        }
        memcpy(kept + n, member.p, member.n);
        n += member.n;
    }
    return slice_make(kept, n);
}

static void read_upgrade(const struct request_parse *r, unsigned connection_options)
{
    struct request_head *out = r->out;
    fields_remove(&out->fields, FIELD_HTTP2_SETTINGS);
    if (!fields_has(&out->fields, FIELD_UPGRADE)) {
        return;
    }
    struct slice list =
        without_h2c(fields_joined(&out->fields, SLICE("Upgrade"), r->arena), r->arena);
    fields_remove(&out->fields, FIELD_UPGRADE);
    if (list.n > 0) {
        fields_add_id(&out->fields, r->arena, FIELD_UPGRADE, list);
    }
    if (out->version_minor >= 1 && (connection_options & H1_UPGRADE) != 0) {
        out->upgrade = list;
    }
}

static void read_connection(const struct request_parse *r)
{
    unsigned options = h1_connection_options(&r->out->fields);
    r->out->keep_alive = h1_keeps_alive(r->out->version_minor, options);
    read_upgrade(r, options);
}

/* -- all of it -- */

static bool read_fields(const struct request_parse *r, const struct h1_raw_head *raw)
{
    fields_reserve(&r->out->fields, r->arena, raw->field_lines + 1); /* one more for Host */
    struct h1_parse to = {
        .kind = H1_REQUEST,
        .drop_underscores = !r->limits->underscores_in_headers,
        .fields = &r->out->fields,
        .arena = r->arena,
    };
    return h1_parse_head(&to, slice_skip(raw->all, r->out->method_token.n + 1), r->err);
}

static bool read_head(struct request_parse *r, struct slice head)
{
    struct h1_raw_head raw;
    if (!h1_raw_head_scan(head, H1_EMPTY_LINES_MAX, &raw, r->err)) {
        return false;
    }
    if (raw.start_line.n > r->limits->line_bytes) {
        return refuse(r, H1_TARGET_TOO_LONG, "request line too long");
    }
    if (!h1_raw_head_fits(&raw, head.n, r->limits, r->err) ||
        !read_request_line(r, raw.start_line) || !read_fields(r, &raw) || !read_target(r) ||
        !read_host(r) || !read_framing(r) || !read_expect(r)) {
        return false;
    }
    read_connection(r);
    return true;
}

enum h1_result h1_parse_request(struct slice head, const struct h1_limits *limits,
                                struct arena *arena, struct request_head *out, struct h1_error *err)
{
    struct request_parse r = {.limits = limits, .arena = arena, .out = out, .err = err};
    *out = (struct request_head){.method = METHOD_OTHER};
    *err = (struct h1_error){H1_OK, NULL};
    return read_head(&r, head) ? H1_OK : err->code;
}
