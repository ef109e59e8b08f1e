#include "proxy/deliver_head.h"

#include "base/buf.h"
#include "base/parse.h"
#include "cache/freshness.h"
#include "http/date.h"
#include "proxy/coded.h"
#include "proxy/outcome.h"
#include "proxy/raw.h"

/* Text being written into one piece of arena memory of known size. */
struct lines {
    char *p;
    size_t n;
    size_t cap;
};

static struct lines lines_new(struct request *r, size_t cap)
{
    return (struct lines){arena_alloc(&r->arena, cap), 0, cap};
}

static void put(struct lines *l, struct slice s)
{
    size_t room = l->cap - l->n;
    size_t n = s.n < room ? s.n : room;
    memcpy(l->p + l->n, s.p, n);
    l->n += n;
}

static void put_number(struct lines *l, int64_t v)
{
    char digits[24];
    if (v < 0)
        put(l, SLICE("-"));
    put(l, slice_make(digits, format_u64(digits, (uint64_t)(v < 0 ? -v : v))));
}

static void put_field(struct lines *l, struct slice name, struct slice value)
{
    put(l, name);
    put(l, SLICE(": "));
    put(l, value);
    put(l, SLICE("\r\n"));
}

/* -- Cache-Status (RFC 9211) -- */

static void put_detail(struct lines *l, const char *detail)
{
    if (!detail)
        return;
    put(l, SLICE("; detail="));
    if (slice_is_token(slice_of(detail))) {
        put(l, slice_of(detail));
        return;
    }
    put(l, SLICE("\""));
    put(l, slice_of(detail));
    put(l, SLICE("\""));
}

static void put_hit_status(struct lines *l, struct request *r, int64_t ttl_s)
{
    put(l, SLICE("Cache-Status: mcproxy; hit; ttl="));
    put_number(l, ttl_s);
    put_detail(l, r->detail);
    put(l, SLICE("\r\n"));
}

/* What is given although, or because, the origin was asked. */
static void put_forward_status(struct lines *l, struct request *r, uint16_t fwd_status, bool stored,
                               const char *detail)
{
    put(l, SLICE("Cache-Status: mcproxy; fwd="));
    put(l, forward_reason_text(r->forward == FWD_NONE ? FWD_BYPASS : r->forward));
    if (fwd_status != 0) {
        put(l, SLICE("; fwd-status="));
        put_number(l, fwd_status);
    }
    if (stored)
        put(l, SLICE("; stored"));
    if (r->collapsed)
        put(l, SLICE("; collapsed"));
    put_detail(l, r->detail ? r->detail : detail);
    put(l, SLICE("\r\n"));
}

static void put_entry_status(struct lines *l, struct request *r, const struct stored_view *v,
                             int64_t age_s)
{
    if (!r->location->cache_status)
        return;
    if (r->outcome == OUTCOME_REVALIDATED) /* 200 where a HEAD renewed it */
        put_forward_status(l, r, r->tries_n > 0 ? r->tries[r->tries_n - 1].status : 304, true,
                           NULL);
    else if (r->outcome == OUTCOME_STALE && r->tier == TIER_NONE)
        put_forward_status(l, r, 0, false, "stale-if-error");
    else
        put_hit_status(l, r, v->meta.lifetime_s - age_s);
}

/* -- the location's rules on fields -- */

static bool named_in(const struct slice *names, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq_nocase(names[i], name))
            return true;
    }
    return false;
}

/* X-Accel-* are words between the app and its proxy (nginx hides them, too); so are tags. */
static bool is_hidden(const struct location_conf *l, struct slice name)
{
    if (named_in(l->hide, l->hide_n, name))
        return true;
    bool tags = l->cache_on && named_in(l->tag_fields, l->tag_fields_n, name);
    return (tags || slice_starts_nocase(name, SLICE("X-Accel-"))) &&
           !named_in(l->pass, l->pass_n, name);
}

/* A field of the response in the answer: as the answer's coding changes it, where it does. */
static void put_passed(struct lines *l, struct request *r, struct field f)
{
    if (!coded_changes(r) || coded_field(&f, &r->arena))
        put_field(l, f.name, f.value);
}

/* A 304 and a range have no coding of their own, but vary as the whole does. */
static void put_coding(struct lines *l, struct request *r, bool whole)
{
    if (r->coded)
        put(l, coded_lines(whole && r->coded->changes ? r->coded->coding : CODING_IDENTITY,
                           r->coded->vary, &r->arena));
}

static void put_common(struct lines *l, struct request *r, bool has_date)
{
    if (!has_date)
        put_field(l, SLICE("Date"), worker_date(r->worker));
    put(l, SLICE("Via: 1.1 mcproxy\r\n"));
}

static void put_status_line(struct lines *l, unsigned status, struct slice reason)
{
    put(l, SLICE("HTTP/1.1 "));
    put_number(l, status);
    put(l, SLICE(" "));
    put(l, reason);
    put(l, SLICE("\r\n"));
}

/* -- stored responses -- */

#define VARYING_BYTES 512
#define CODING_BYTES  96 /* Content-Encoding, Vary, a tag that becomes weak */

struct slice deliver_trailers(struct request *r, struct slice trailers)
{
    struct lines l = lines_new(r, trailers.n);
    struct field f;
    while (stored_field_next(&trailers, &f)) {
        if (!is_hidden(r->location, f.name))
            put_field(&l, f.name, f.value);
    }
    return slice_make(l.p, l.n);
}

/* The stored text without the fields that this location hides, or with those of a coded answer, or
 * with trailers, which no answer with a length has. */
static struct slice filtered(struct request *r, const struct stored_view *v)
{
    struct lines l = lines_new(r, v->head.n + CODING_BYTES);
    put(&l, slice_take(v->head, slice_find(v->head, '\n') + 1));
    struct slice rest = v->head;
    struct field f;
    while (stored_field_next(&rest, &f)) {
        bool belongs = f.id != FIELD_CONTENT_LENGTH || r->trailers.n == 0;
        if (belongs && !is_hidden(r->location, f.name))
            put_passed(&l, r, f);
    }
    return slice_make(l.p, l.n);
}

/* What stale responses once said by Warning is said by Age and Cache-Status (RFC 9111 section 5.5).
 * Of a raw value nobody knows where and when it was made. */
static void put_varying(struct lines *l, struct request *r, const struct stored_view *v)
{
    if (UNLIKELY(r->raw)) {
        put_field(l, SLICE("Date"), worker_date(r->worker));
        if (r->location->cache_status)
            put(l, SLICE("Cache-Status: mcproxy; hit\r\n"));
        return;
    }
    int64_t age_s = freshness_age_s(&v->meta, loop_wall(r->worker->loop));
    put(l, SLICE("Age: "));
    put_number(l, age_s);
    put(l, SLICE("\r\n"));
    put_common(l, r, (v->meta.flags & STORED_HAS_DATE) != 0);
    put_entry_status(l, r, v, age_s);
}

void deliver_head_stored(struct request *r, const struct stored_view *v, struct response_text *t)
{
    struct lines l = lines_new(r, VARYING_BYTES + CODING_BYTES);
    bool chunked = coded_changes(r);
    if (UNLIKELY(v->trailers.n > 0) && !chunked && request_takes_trailers(r)) {
        r->trailers = deliver_trailers(r, v->trailers);
        chunked = r->trailers.n > 0;
    }
    bool plain = r->location->hide_n == 0 && !(v->meta.flags & STORED_HAS_ACCEL) && !chunked;
    t->stored = plain ? v->head : filtered(r, v);
    put_varying(&l, r, v);
    put_coding(&l, r, true);
    t->lines = slice_make(l.p, l.n);
    t->framing = chunked ? FRAMING_CHUNKED : FRAMING_LENGTH;
    t->content_length = v->meta.content_length;
    t->has_length = !chunked;
    t->length_in_stored = !chunked;
}

static bool belongs_in_304(enum field_id id)
{
    return id == FIELD_CACHE_CONTROL || id == FIELD_CONTENT_LOCATION || id == FIELD_DATE ||
           id == FIELD_ETAG || id == FIELD_EXPIRES || id == FIELD_VARY || id == FIELD_LAST_MODIFIED;
}

void deliver_head_not_modified(struct request *r, const struct stored_view *v,
                               struct response_text *t)
{
    struct lines l = lines_new(r, v->head.n + VARYING_BYTES + CODING_BYTES);
    put_status_line(&l, 304, status_reason(304));
    struct slice rest = v->head;
    struct field f;
    while (stored_field_next(&rest, &f)) {
        if (belongs_in_304(field_id_of(f.name)) && !is_hidden(r->location, f.name))
            put_passed(&l, r, f);
    }
    put_varying(&l, r, v);
    put_coding(&l, r, false);
    t->status = 304;
    t->lines = slice_make(l.p, l.n);
    t->framing = FRAMING_NONE;
    t->has_length = false;
}

/* Fields of the whole that are not those of a part, or of the refusal of one. */
static bool belongs_in_range(enum field_id id, unsigned status, bool multipart)
{
    if (status == 416)
        return id == FIELD_DATE;
    return id != FIELD_CONTENT_LENGTH && id != FIELD_CONTENT_RANGE && id != FIELD_TRAILER &&
           !(multipart && id == FIELD_CONTENT_TYPE);
}

void deliver_head_range(struct request *r, const struct stored_view *v, struct slice type,
                        struct slice content_range, struct response_text *t)
{
    struct lines l =
        lines_new(r, v->head.n + type.n + content_range.n + VARYING_BYTES + CODING_BYTES);
    put_status_line(&l, t->status, status_reason(t->status));
    struct slice rest = v->head;
    struct field f;
    while (stored_field_next(&rest, &f)) {
        if (belongs_in_range(field_id_of(f.name), t->status, type.n > 0) &&
            !is_hidden(r->location, f.name))
            put_field(&l, f.name, f.value);
    }
    if (type.n > 0)
        put_field(&l, SLICE("Content-Type"), type);
    else
        put_field(&l, SLICE("Content-Range"), content_range);
    put_varying(&l, r, v);
    put_coding(&l, r, false);
    t->lines = slice_make(l.p, l.n);
    t->framing = FRAMING_LENGTH;
    t->has_length = true;
}

/* -- responses as they arrive -- */

static size_t fields_bytes(const struct fields *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += f->v[i].name.n + f->v[i].value.n + 4;
    return n;
}

/* Age grows only by time really spent here; without one it is sent when the exchange took a second
 * or more. */
static void put_age(struct lines *l, struct request *r, const struct flight_response *resp)
{
    int64_t spent_ms = loop_wall(r->worker->loop) - resp->response_time;
    int64_t delay_ms = resp->response_time - resp->request_time;
    bool has_age = fields_has(&resp->head.fields, FIELD_AGE);
    if (!has_age && delay_ms < 1000)
        return;
    put(l, SLICE("Age: "));
    put_number(l, resp->passed_age_s + (spent_ms > 0 ? spent_ms / 1000 : 0));
    put(l, SLICE("\r\n"));
}

/* `made` is the status of an answer that is made of the response, 0 where it goes on as it is. */
static bool passes(struct request *r, const struct fields *all, const struct field *f,
                   unsigned made)
{
    if (field_is_hop_by_hop(f, all) || f->id == FIELD_CONTENT_LENGTH || f->id == FIELD_AGE)
        return false;
    if (made == 304 && !belongs_in_304(f->id))
        return false;
    if ((made == 206 || made == 416) && !belongs_in_range(f->id, made, false))
        return false;
    return !is_hidden(r->location, f->name);
}

void deliver_head_response(struct request *r, struct response_text *t)
{
    const struct flight_response *resp = r->response;
    const struct fields *all = &resp->head.fields;
    size_t cap = fields_bytes(all) + resp->head.reason.n + VARYING_BYTES + CODING_BYTES;
    struct lines l = lines_new(r, cap);
    unsigned made = t->status != resp->head.status ? t->status : 0;
    put_status_line(&l, t->status, made ? status_reason(made) : resp->head.reason);
    for (size_t i = 0; i < all->n; i++) {
        if (passes(r, all, &all->v[i], made))
            put_passed(&l, r, all->v[i]);
    }
    if (t->content_range.n > 0)
        put_field(&l, SLICE("Content-Range"), t->content_range);
    if (t->status != 101) {
        put_age(&l, r, resp);
        put_common(&l, r, fields_has(all, FIELD_DATE));
        if (r->location->cache_status && (r->location->cache_on || r->raw))
            put_forward_status(&l, r, made ? resp->head.status : 0, resp->stored, resp->detail);
        put_coding(&l, r, made == 0);
    }
    t->lines = slice_make(l.p, l.n);
}

/* -- raw values -- */

void deliver_head_value(struct request *r, struct stored_view *v)
{
    struct slice type = template_render(r->location->default_type, r, &r->arena);
    struct lines l = lines_new(r, VARYING_BYTES + type.n);
    struct slice content = blob_slice(r->raw->value);
    put_status_line(&l, 200, status_reason(200));
    if (type.n > 0)
        put_field(&l, SLICE("Content-Type"), type);
    if (r->raw->gzip)
        put_field(&l, SLICE("Content-Encoding"), SLICE("gzip"));
    put(&l, SLICE("Accept-Ranges: bytes\r\nContent-Length: "));
    put_number(&l, (int64_t)content.n);
    put(&l, SLICE("\r\n"));
    *v = (struct stored_view){
        .meta = {.status = 200, .last_modified = -1, .content_length = content.n},
        .head = slice_make(l.p, l.n),
        .content = content};
}

/* -- answers made here -- */

/* A condition that fails is answered by the response that it fails for. */
static void put_local_status(struct lines *l, struct request *r)
{
    if (!r->cacheable || !r->location->cache_status)
        return;
    const struct stored_view *v = r->entry ? &r->entry->view : NULL;
    if (v && r->reply == REPLY_PRECONDITION_FAILED)
        put_entry_status(l, r, v, freshness_age_s(&v->meta, loop_wall(r->worker->loop)));
    else
        put_forward_status(l, r, 0, false, NULL);
}

void deliver_head_local(struct request *r, struct response_text *t, struct slice type,
                        struct slice location, const struct reply_row *row)
{
    struct lines l = lines_new(r, VARYING_BYTES + type.n + location.n);
    put_status_line(&l, t->status, status_reason(t->status));
    put_field(&l, SLICE("Date"), worker_date(r->worker));
    if (t->status != 204)
        put_field(&l, SLICE("Content-Type"), type);
    if (location.n > 0)
        put_field(&l, SLICE("Location"), location);
    bool admin = r->location->handler == HANDLER_ADMIN;
    bool reads = admin || r->location->handler == HANDLER_MEMCACHED;
    if (t->status == 405)
        put_field(&l, SLICE("Allow"),
                  admin && slice_eq(r->head.path, SLICE("/purge")) ? SLICE("POST")
                  : reads                                          ? SLICE("GET, HEAD")
                          : SLICE("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"));
    if (admin)
        put_field(&l, SLICE("Cache-Control"), SLICE("no-store"));
    if (row && row->error_type[0]) {
        put(&l, SLICE("Proxy-Status: mcproxy; error="));
        put(&l, slice_of(row->error_type));
        put(&l, SLICE("\r\n"));
    }
    put_local_status(&l, r);
    t->lines = slice_make(l.p, l.n);
}
