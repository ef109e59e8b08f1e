/* Which coding a response is given in: what its status and fields allow, what the location says,
 * and what the client takes. */
#include "http/date.h"
#include "http/media_type.h"
#include "proxy/coded.h"

/* What matters of a response. */
struct facts {
    unsigned status;
    bool has_length;
    uint64_t length;
    struct slice type;     /* without parameters */
    struct slice encoding; /* p NULL: none */
    bool varies;           /* Vary says so already */
    bool no_transform;
    unsigned proxied; /* enum proxied: what is true of it */
    struct slice date;
    struct slice expires;
};

static unsigned proxied_of_control(struct slice member)
{
    if (slice_starts_nocase(member, SLICE("no-cache")))
        return PROXIED_NO_CACHE;
    if (slice_starts_nocase(member, SLICE("no-store")))
        return PROXIED_NO_STORE;
    return slice_starts_nocase(member, SLICE("private")) ? PROXIED_PRIVATE : 0;
}

static void note_control(struct facts *x, struct slice list)
{
    struct slice member;
    while (list_member_next(&list, &member)) {
        x->no_transform = x->no_transform || slice_eq_nocase(member, SLICE("no-transform"));
        x->proxied |= proxied_of_control(member);
    }
}

static void note_vary(struct facts *x, struct slice list)
{
    struct slice member;
    while (list_member_next(&list, &member)) {
        x->varies = x->varies || slice_eq(member, SLICE("*")) ||
                    slice_eq_nocase(member, SLICE("Accept-Encoding"));
    }
}

static void note_field(struct facts *x, const struct field *f)
{
    if (f->id == FIELD_CONTENT_TYPE)
        x->type = media_type_of(f->value);
    else if (f->id == FIELD_CONTENT_ENCODING)
        x->encoding = x->encoding.p ? SLICE("several") : f->value;
    else if (f->id == FIELD_CACHE_CONTROL)
        note_control(x, f->value);
    else if (f->id == FIELD_VARY)
        note_vary(x, f->value);
    else if (f->id == FIELD_ETAG)
        x->proxied &= ~(unsigned)PROXIED_NO_ETAG;
    else if (f->id == FIELD_LAST_MODIFIED)
        x->proxied &= ~(unsigned)PROXIED_NO_LAST_MODIFIED;
    else if (f->id == FIELD_DATE)
        x->date = f->value;
    else if (f->id == FIELD_EXPIRES)
        x->expires = f->value;
}

static struct facts facts_new(unsigned status, bool has_length, uint64_t length)
{
    return (struct facts){.status = status,
                          .has_length = has_length,
                          .length = length,
                          .proxied = PROXIED_NO_ETAG | PROXIED_NO_LAST_MODIFIED};
}

/* -- what the location says -- */

static bool type_is_listed(const struct coding_conf *conf, struct slice type)
{
    if (slice_eq_nocase(type, SLICE("text/html")))
        return true;
    for (size_t i = 0; i < conf->types_n; i++) {
        if (media_type_matches(conf->types[i], type))
            return true;
    }
    return false;
}

/* Bits 1 << enum coding. */
static unsigned offered(const struct location_conf *l, const struct facts *x)
{
    unsigned codings = 0;
    if (x->has_length && x->length == 0)
        return codings;
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        const struct coding_conf *conf = &l->codings[i];
        if (conf->on && (!x->has_length || x->length >= conf->min_length) &&
            type_is_listed(conf, x->type))
            codings |= 1u << i;
    }
    return codings;
}

/* Expires not behind Date, or no date at all (as nginx has it). */
static bool is_expired(const struct facts *x, wall_s now)
{
    wall_s expires = 0;
    wall_s date = now;
    if (!x->expires.p)
        return false;
    if (x->date.p && !http_date_parse(x->date, now, &date))
        date = now;
    return !http_date_parse(x->expires, now, &expires) || expires <= date;
}

/* gzip_proxied */
static bool proxied_is_coded(const struct request *r, const struct facts *x)
{
    unsigned wanted = r->location->coding_proxied;
    if (!fields_has(&r->head.fields, FIELD_VIA) || (wanted & (PROXIED_ANY | x->proxied)) != 0)
        return true;
    if ((wanted & PROXIED_AUTH) != 0 && fields_has(&r->head.fields, FIELD_AUTHORIZATION))
        return true;
    return (wanted & PROXIED_EXPIRED) != 0 && is_expired(x, loop_wall(r->worker->loop) / 1000);
}

/* RFC 9111 section 5.2.1.6. */
static bool request_forbids(const struct request *r)
{
    return fields_list_has(&r->head.fields, FIELD_CACHE_CONTROL, SLICE("no-transform"));
}

/* A range is one of the response as it is. */
static bool request_is_coded(const struct request *r, const struct facts *x)
{
    return r->head.version_minor >= r->location->coding_minor &&
           !fields_has(&r->head.fields, FIELD_RANGE) && !request_forbids(r) &&
           proxied_is_coded(r, x);
}

/* -- the choice -- */

/* nginx's statuses. */
static bool status_is_coded(unsigned status)
{
    return status == 200 || status == 403 || status == 404;
}

static bool choose_encoding(const struct request *r, const struct facts *x, struct coded *c)
{
    unsigned codings = status_is_coded(x->status) ? offered(r->location, x) : 0;
    if (codings == 0)
        return false;
    if (request_is_coded(r, x))
        c->coding = coding_choose(&r->head.fields, codings);
    c->changes = c->coding != CODING_IDENTITY;
    return true;
}

/* Whatever the client asked for, a range too: it could make nothing of a range of the coded form.
 */
static bool choose_decoding(const struct request *r, const struct facts *x, struct coded *c)
{
    bool has_content = x->status >= 200 && x->status != 204 && x->status != 206 &&
                       x->status != 304 && !(x->has_length && x->length == 0);
    if (!r->location->gunzip || !has_content || coding_of(x->encoding) != CODING_GZIP)
        return false;
    c->decodes = !coding_is_accepted(&r->head.fields, CODING_GZIP) && !request_forbids(r);
    c->changes = c->decodes;
    return true;
}

static void choose(struct request *r, const struct facts *x)
{
    struct coded c = {.coding = CODING_IDENTITY};
    if (x->no_transform) /* RFC 9111 section 5.2.2.6 */
        return;
    if (!(x->encoding.p ? choose_decoding(r, x, &c) : choose_encoding(r, x, &c)))
        return;
    c.vary = r->location->coding_vary && !x->varies;
    r->coded = ARENA_NEW(&r->arena, struct coded);
    *r->coded = c;
    r->coded->request = r;
    list_init(&r->coded->waiting);
}

void coded_choose_entry(struct request *r)
{
    const struct stored_view *v = &r->entry->view;
    if (r->coded)
        return;
    struct facts x = facts_new(v->meta.status, true, v->meta.content_length);
    struct slice rest = v->head;
    struct field f;
    while (stored_field_next(&rest, &f))
        note_field(&x, &f);
    choose(r, &x);
}

void coded_choose_response(struct request *r, bool has_length, uint64_t length)
{
    const struct response_head *head = &r->response->head;
    coded_end(r); /* of an entry that could not be delivered */
    struct facts x = facts_new(head->status, has_length, length);
    for (size_t i = 0; i < head->fields.n; i++)
        note_field(&x, &head->fields.v[i]);
    choose(r, &x);
}
