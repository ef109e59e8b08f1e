/* The request as the origin gets it: written anew from parsed values, with the location's rules. */
#include "cache/conditional.h"
#include "proxy/client.h"
#include "proxy/fetch_internal.h"
#include "proxy/lookup.h"

static bool is_condition(enum field_id id)
{
    return id == FIELD_IF_MATCH || id == FIELD_IF_MODIFIED_SINCE || id == FIELD_IF_NONE_MATCH ||
           id == FIELD_IF_UNMODIFIED_SINCE;
}

static bool is_range(enum field_id id)
{
    return id == FIELD_RANGE || id == FIELD_IF_RANGE;
}

/* What the proxy says itself, or must not say. */
static bool is_ours(enum field_id id)
{
    return id == FIELD_HOST || id == FIELD_CONTENT_LENGTH || id == FIELD_EXPECT ||
           id == FIELD_VIA || id == FIELD_HTTP2_SETTINGS;
}

static bool is_set(const struct location_conf *l, struct slice name)
{
    for (size_t i = 0; i < l->set_headers_n; i++) {
        if (slice_eq_nocase(l->set_headers[i].name, name))
            return true;
    }
    return false;
}

/* Does a field of the client go to the origin? Who asks for the `whole` leaves out ranges, and
 * conditions unless they are to go on. */
static bool goes_on(const struct request *r, const struct field *field, bool whole, bool conditions)
{
    if (slice_starts_nocase(field->name, SLICE("X-Accel-")))
        return false; /* words between the app and its proxy, never a client's */
    if (is_ours(field->id) || field_is_hop_by_hop(field, &r->head.fields))
        return false;
    if (whole && (is_range(field->id) || (is_condition(field->id) && !conditions)))
        return false;
    return !is_set(r->location, field->name);
}

static void add_host(struct request *r, struct fields *out)
{
    if (!r->location->pass_host)
        return;
    struct slice host = r->head.authority.n > 0 ? r->head.authority : r->location->proxy_host;
    fields_add_id(out, &r->arena, FIELD_HOST, host);
}

static void add_set_headers(struct request *r, struct fields *out)
{
    for (size_t i = 0; i < r->location->set_headers_n; i++) {
        const struct set_header *h = &r->location->set_headers[i];
        struct slice value = template_render(h->value, r, &r->arena);
        if (value.n > 0)
            fields_push(out, &r->arena,
                        (struct field){.name = h->name, .value = value, .id = h->id});
    }
}

static void add_via(struct request *r, struct fields *out)
{
    struct slice version =
        r->head.version_minor == 0 ? SLICE("1.0 mcproxy ") : SLICE("1.1 mcproxy ");
    struct slice mine =
        arena_concat(&r->arena, version, slice_make(r->worker->via, sizeof r->worker->via));
    if (fields_has(&r->head.fields, FIELD_VIA)) {
        struct slice before = fields_joined(&r->head.fields, SLICE("Via"), &r->arena);
        mine = arena_printf(&r->arena, "%.*s, %.*s", SLICE_ARG(before), SLICE_ARG(mine));
    }
    fields_add_id(out, &r->arena, FIELD_VIA, mine);
}

/* Trailers are asked for where somebody has use for them (RFC 9110 section 6.5): the client, or
 * those who are given what is stored. */
static bool asks_for_trailers(const struct fetch *f)
{
    const struct location_conf *l = f->r->location;
    return l->pass_trailers && f->asked.method != METHOD_HEAD &&
           (f->may_store || request_takes_trailers(f->r));
}

/* The fields of this connection. */
static void add_hop(struct fetch *f, struct fields *out)
{
    struct request *r = f->r;
    if (f->out.framing == FRAMING_LENGTH)
        fields_add_id(out, &r->arena, FIELD_CONTENT_LENGTH,
                      arena_printf(&r->arena, "%llu", (unsigned long long)f->out.content_length));
    else if (f->out.framing == FRAMING_CHUNKED)
        fields_add_id(out, &r->arena, FIELD_TRANSFER_ENCODING, SLICE("chunked"));
    if (f->out.upgrade) {
        fields_add_id(out, &r->arena, FIELD_CONNECTION, SLICE("upgrade"));
        fields_add_id(out, &r->arena, FIELD_UPGRADE, r->head.upgrade);
    } else if (asks_for_trailers(f)) {
        fields_add_id(out, &r->arena, FIELD_TE, SLICE("trailers"));
        fields_add_id(out, &r->arena, FIELD_CONNECTION, SLICE("TE"));
    }
}

/* proxy_pass with a URI part: it replaces what the location matched. */
static struct slice target_of(struct request *r)
{
    const struct location_conf *l = r->location;
    struct slice path = r->head.path;
    if (l->pass_uri)
        path = arena_concat(&r->arena, l->pass_path, slice_skip(path, l->pass_prefix_n));
    if (!r->head.query.p)
        return path;
    struct slice with_mark = arena_concat(&r->arena, path, SLICE("?"));
    return arena_concat(&r->arena, with_mark, r->head.query);
}

static void set_limits(struct request *r, struct exchange_request *out)
{
    const struct location_conf *l = r->location;
    struct h1_limits *limits = ARENA_NEW(&r->arena, struct h1_limits);
    limits->head_bytes = l->upstream_head_bytes;
    limits->line_bytes = l->upstream_head_bytes;
    limits->field_count = 1000;
    limits->underscores_in_headers = true;
    out->limits = limits;
    out->buffer_bytes = l->buffer_bytes;
    out->send_buffer_bytes = l->client_body_buffer_bytes;
    out->connect_timeout_ms = l->connect_timeout_ms;
    out->send_timeout_ms = l->send_timeout_ms;
    out->read_timeout_ms = l->read_timeout_ms;
}

/* The client's fields that go on, behind what the location sets. */
static void add_fields(struct request *r, struct fields *out, bool whole, bool conditions)
{
    add_host(r, out);
    add_set_headers(r, out);
    for (size_t i = 0; i < r->head.fields.n; i++) {
        const struct field *field = &r->head.fields.v[i];
        if (goes_on(r, field, whole, conditions))
            fields_push(out, &r->arena, *field);
    }
}

/* One that renews what the pool has goes by itself, as one that renews what is in memory does;
 * where others wait already, a GET serves them, too. */
static bool stays_head(struct fetch *f)
{
    if (f->background)
        return false;
    if (lookup_head_alone(f->r))
        return true;
    if (!f->stale || flight_readers(f->writer) > 1)
        return false;
    flight_release_others(f->writer);
    return true;
}

/* A fetch that fills the cache asks for the whole; the client's conditions are evaluated on what
 * comes, or go on where nothing is stored and nobody else waits. */
void fetch_make_request(struct fetch *f)
{
    struct request *r = f->r;
    struct fields out = {0};
    f->out = (struct exchange_request){0};
    f->asked = r->head;
    if (r->head.method == METHOD_HEAD && f->may_store && !stays_head(f)) {
        f->asked.method = METHOD_GET;
        f->asked.method_token = SLICE("GET");
    }
    f->out.method = f->asked.method;
    f->out.framing = r->head.framing;
    f->out.content_length = r->head.content_length;
    f->out.upgrade = r->head.upgrade.n > 0;
    add_fields(r, &out, r->cacheable && !r->pass_range, r->pass_conditions && !f->stale);
    f->validating =
        f->stale && r->location->revalidate && conditional_add(&f->stale->view, &out, &r->arena);
    fetch_ask_rest(f, &out);
    if (!f->validating)
        f->validating = fetch_ask_variants(f, &out);
    add_via(r, &out);
    add_hop(f, &out);
    f->head_text = h1_write_request(&r->arena, f->asked.method_token, target_of(r), &out);
    f->out.head = f->head_text;
    set_limits(r, &f->out);
}

void fetch_make_range_request(struct request *r, uint64_t first, uint64_t n, struct slice if_range,
                              struct exchange_request *out)
{
    struct fields fields = {0};
    *out = (struct exchange_request){.method = METHOD_GET, .framing = FRAMING_NONE};
    add_fields(r, &fields, true, false);
    fields_remove(&fields, FIELD_RANGE); /* of proxy_set_header */
    fields_remove(&fields, FIELD_IF_RANGE);
    fields_add_id(&fields, &r->arena, FIELD_RANGE,
                  arena_printf(&r->arena, "bytes=%llu-%llu", (unsigned long long)first,
                               (unsigned long long)(first + n - 1)));
    fields_add_id(&fields, &r->arena, FIELD_IF_RANGE, if_range);
    add_via(r, &fields);
    out->head = h1_write_request(&r->arena, SLICE("GET"), target_of(r), &fields);
    set_limits(r, out);
}
