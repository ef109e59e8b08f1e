/* Storing a part of a response (RFC 9111 section 3.3), answering with it, and completing one
 * (section 3.4). */
#include "cache/conditional.h"
#include "cache/purge.h"
#include "cache/vary.h"
#include "proxy/fetch_internal.h"
#include "proxy/mirror.h"
#include "proxy/parts.h"

#define PART_LEASE_S 10 /* what takes longer is not stored in the pool */

static bool is_strong(struct slice etag)
{
    return slice_starts(etag, SLICE("\""));
}

static void use_part_key(struct fetch *f)
{
    f->meta.status = 206;
    f->store_key = parts_key(f->r, &f->r->key);
}

/* -- a part in the pool -- */

struct part_look {
    struct store_get get;
    bool due;
};

static void fetch_on_part(struct store_get *g, enum store_result result UNUSED)
{
    struct fetch *f = g->owner;
    f->part_look->due = false;
    fetch_run(f);
}

/* The lease keeps away what was asked for before another process forgot the part; nobody waits for
 * it. */
void fetch_ask_part(struct fetch *f)
{
    struct request *r = f->r;
    if (f->part_look || !r->pass_range || !parts_may_answer(r))
        return;
    f->part_look = ARENA_NEW(&r->arena, struct part_look);
    struct store_get *get = &f->part_look->get;
    *get = (struct store_get){.key = parts_key(r, &r->key),
                              .next = (uint8_t)r->location->memcached_next,
                              .want = {.lease_s = PART_LEASE_S},
                              .fn = fetch_on_part,
                              .owner = f};
    f->part_look->due = store_get(r->store, get) == STORE_PENDING;
}

bool fetch_part_known(const struct fetch *f)
{
    return !f->part_look || !f->part_look->due;
}

struct entry *fetch_part_found(struct fetch *f)
{
    struct request *r = f->r;
    if (!f->part_look || !f->part_look->get.entry || f->part_look->get.stale || r->vary.n > 0)
        return NULL;
    struct entry **e = &f->part_look->get.entry;
    (void)purge_check(r->store->purges, e, loop_wall(f->worker->loop));
    return *e && parts_is_answer(r, *e) ? *e : NULL;
}

bool fetch_put_part(struct fetch *f, struct entry *e, int64_t ttl_s)
{
    struct part_look *p = f->part_look;
    if (!p || !slice_eq(p->get.key.bytes, e->view.key))
        return false;
    struct store_lease over = {.key = p->get.key.bytes, .version = p->get.version};
    store_put_leased(f->r->store, e, ttl_s,
                     store_lease_held(&p->get.lease) ? &p->get.lease : &over);
    return true;
}

void fetch_leave_part(struct fetch *f)
{
    struct part_look *p = f->part_look;
    if (!p)
        return;
    if (p->due)
        store_cancel(f->r->store, &p->get);
    else if (store_lease_held(&p->get.lease))
        store_release(f->r->store, &p->get.lease);
    entry_unref(&p->get.entry);
}

/* -- a 206 that passes by -- */

bool fetch_is_part(const struct fetch *f)
{
    const struct request *r = f->r;
    bool unasked = f->response->head.status == 206 && f->asked.method == METHOD_GET &&
                   fields_has(&r->head.fields, FIELD_RANGE);
    return r->pass_range || (r->cacheable && unasked);
}

enum store_verdict fetch_judge_part(struct fetch *f)
{
    const struct response_head *head = &f->response->head;
    const struct cache_conf *rules = &f->r->location->rules;
    struct response_head whole = *head;
    struct byte_range place;
    uint64_t length;
    whole.status = 200;
    if (head->status != 206 || !head->has_length ||
        !content_range_parse(fields_get(&head->fields, FIELD_CONTENT_RANGE), &place, &length) ||
        place.n != head->content_length || fields_count(&head->fields, FIELD_CONTENT_RANGE) != 1)
        return STORE_NO_RANGE;
    if (vary_check(&head->fields, rules) != VARY_NONE)
        return STORE_NO_VARY;
    enum store_verdict verdict = policy_storable(&f->asked, &whole, rules, f->request_time,
                                                 f->response->response_time, &f->meta);
    use_part_key(f);
    return verdict;
}

/* -- a fill that broke off -- */

void fetch_store_beginning(struct fetch *f)
{
    const struct response_head *got = &f->response->head;
    uint64_t n = flight_length(f->writer);
    if (f->fill || got->status != 200 || !got->has_length || n == 0 || n >= got->content_length ||
        f->response->vary.n > 0 || !is_strong(fields_get(&got->fields, FIELD_ETAG)))
        return;
    struct arena *arena = &f->r->arena;
    struct response_head head = *got;
    head.status = 206;
    head.reason = status_reason(206);
    head.fields = (struct fields){0};
    for (size_t i = 0; i < got->fields.n; i++) {
        if (got->fields.v[i].id != FIELD_CONTENT_RANGE)
            fields_push(&head.fields, arena, got->fields.v[i]);
    }
    fields_add_id(&head.fields, arena, FIELD_CONTENT_RANGE,
                  arena_printf(arena, "bytes 0-%llu/%llu", (unsigned long long)n - 1,
                               (unsigned long long)got->content_length));
    use_part_key(f);
    fetch_store_as(f, &head);
}

/* -- completing -- */

/* No range of the client's own: the whole is asked for. */
void fetch_ask_rest(struct fetch *f, struct fields *out)
{
    struct request *r = f->r;
    struct arena *arena = &r->arena;
    if (!f->may_store || !r->store || f->stale || f->part_tried || r->bypass || r->pass_conditions)
        return;
    f->part_tried = true;
    f->part = parts_beginning(r);
    if (!f->part)
        return;
    fields_add_id(out, arena, FIELD_RANGE,
                  arena_printf(arena, "bytes=%zu-", f->part->view.content.n));
    fields_add_id(out, arena, FIELD_IF_RANGE, arena_dup(arena, f->part->view.etag));
}

static bool is_the_rest(const struct fetch *f, const struct response_head *head)
{
    const struct stored_view *v = &f->part->view;
    struct byte_range have;
    struct byte_range rest;
    uint64_t length;
    uint64_t of;
    return head->status == 206 && parts_place(v, &have, &length) &&
           content_range_parse(fields_get(&head->fields, FIELD_CONTENT_RANGE), &rest, &of) &&
           of == length && rest.first == have.n && rest.first + rest.n == length &&
           head->has_length && head->content_length == rest.n &&
           etag_matches_strong(fields_get(&head->fields, FIELD_ETAG), v->etag);
}

/* The stored fields, updated by those that came (RFC 9111 section 3.2). */
static void combine_fields(const struct stored_view *v, const struct fields *came,
                           struct arena *arena, struct fields *out)
{
    struct slice rest = v->head;
    struct field stored;
    while (stored_field_next(&rest, &stored)) {
        if (stored.id != FIELD_CONTENT_LENGTH && stored.id != FIELD_CONTENT_RANGE &&
            !fields_next(came, stored.id, stored.name, NULL))
            fields_add(out, arena, arena_dup(arena, stored.name), arena_dup(arena, stored.value));
    }
    for (size_t i = 0; i < came->n; i++) {
        if (came->v[i].id != FIELD_CONTENT_LENGTH && came->v[i].id != FIELD_CONTENT_RANGE)
            fields_push(out, arena, came->v[i]);
    }
}

static const struct response_head *combined(struct fetch *f, const struct response_head *rest)
{
    struct arena *arena = flight_arena(f->writer); /* where its readers look */
    const struct stored_view *v = &f->part->view;
    struct response_head *head = ARENA_NEW(arena, struct response_head);
    *head = *rest;
    head->status = 200;
    head->reason = status_reason(200);
    head->content_length = v->content.n + rest->content_length;
    head->fields = (struct fields){0};
    combine_fields(v, &rest->fields, arena, &head->fields);
    fields_add_id(&head->fields, arena, FIELD_CONTENT_LENGTH,
                  arena_printf(arena, "%llu", (unsigned long long)head->content_length));
    return head;
}

bool fetch_take_rest(struct fetch *f)
{
    if (!f->part)
        return true;
    if (is_the_rest(f, f->head)) {
        f->head = combined(f, f->head);
        return true;
    }
    entry_unref(&f->part);
    return f->head->status != 206 && f->head->status != 416;
}

void fetch_put_beginning(struct fetch *f)
{
    if (f->part) {
        (void)!flight_append(f->writer, f->part->blob, f->part->view.content);
        mirror_write(&f->mirror, f->part->view.content);
    }
    entry_unref(&f->part);
}
