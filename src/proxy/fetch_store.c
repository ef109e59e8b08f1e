/* What becomes of a response: whether it is stored and shared, and the storing. */
#include "base/assert.h"
#include "base/parse.h"
#include "cache/freshness.h"
#include "cache/purge.h"
#include "cache/tags.h"
#include "cache/vary.h"
#include "proxy/fetch_internal.h"
#include "proxy/invalidate.h"
#include "proxy/lookup.h"
#include "proxy/parts.h"
#include "proxy/raw.h"
#include "proxy/stale.h"

/* -- the head -- */

/* The exchange's head goes on living in the flight: fields copied, their bytes held by the blob. */
static void copy_head(struct fetch *f, const struct response_head *head)
{
    struct arena *arena = flight_arena(f->writer);
    struct flight_response *resp = ARENA_NEW(arena, struct flight_response);
    resp->head = *head;
    resp->head.fields.v = ARENA_ARRAY(arena, struct field, head->fields.n + 1);
    if (head->fields.n > 0)
        memcpy(resp->head.fields.v, head->fields.v, head->fields.n * sizeof(struct field));
    resp->head.fields.cap = head->fields.n + 1;
    resp->head_blob = blob_ref(exchange_head_blob(f->exchange));
    resp->request_time = f->request_time;
    resp->response_time = loop_wall(f->worker->loop);
    resp->passed_age_s =
        freshness_passed_age_s(&resp->head, resp->response_time - resp->request_time);
    resp->peer = arena_dup(arena, peer_name(exchange_peer(f->exchange)));
    resp->conditional = f->r->cacheable && !f->r->pass_range;
    f->response = resp;
}

/* What the request and the location's rules say, whatever the response is. */
static enum store_verdict check_rules(struct fetch *f)
{
    struct request *r = f->r;
    const struct location_conf *l = r->location;
    if (r->no_store != STORE_YES)
        return r->no_store;
    if (!f->may_store && !r->pass_range)
        return STORE_NO_LOCK_TIMEOUT;
    const struct flight_response *before = r->response;
    bool refused = false;
    r->response = f->response; /* for $upstream_http_NAME */
    for (size_t i = 0; i < l->no_cache_n && !refused; i++)
        refused = template_is_true(l->no_cache[i], r);
    r->response = before;
    return refused ? STORE_NO_RULE : STORE_YES;
}

/* Where it varies: among the fields that the URL is known to vary by. Its key is the index's. */
static void choose_key(struct fetch *f)
{
    struct request *r = f->r;
    struct arena *arena = flight_arena(f->writer);
    struct slice spec = slice_none();
    f->store_key = r->key;
    switch (vary_spec(&f->response->head.fields, &r->location->rules, arena, &spec)) {
    case VARY_NONE: return;
    case VARY_NEVER: f->verdict = STORE_NO_VARY; return;
    case VARY_FIELDS: break;
    }
    f->response->vary = vary_union(r->vary, spec, arena);
}

static void judge(struct fetch *f)
{
    f->verdict = policy_storable(&f->asked, &f->response->head, &f->r->location->rules,
                                 f->request_time, f->response->response_time, &f->meta);
    if (f->verdict == STORE_YES && f->r->raw)
        f->verdict = raw_storable(f->r, &f->response->head, &f->meta);
    else if (f->verdict == STORE_YES)
        choose_key(f);
}

/* What it is purged by: host and target, then its tags. False: there are too many. */
static bool take_tags(struct fetch *f, const struct fields *fields, struct arena *arena,
                      struct slice *tags)
{
    const struct location_conf *l = f->r->location;
    struct slice url = lookup_url(&f->r->head, arena);
    return tags_collect(fields, l->tag_fields, l->tag_fields_n, url, arena, tags);
}

void fetch_take_head(struct fetch *f, const struct response_head *head)
{
    struct request *r = f->r;
    invalidate_after(r, head);
    raw_invalidate(r, head);
    copy_head(f, head);
    f->verdict = STORE_NO_CACHE;
    if (!r->cacheable && !fetch_fills_get(f))
        return;
    f->verdict = check_rules(f);
    f->response->purge_seq = f->purge_seq;
    if (!take_tags(f, &f->response->head.fields, flight_arena(f->writer), &f->response->tags) &&
        f->verdict == STORE_YES)
        f->verdict = STORE_NO_TAGS;
    if (f->verdict == STORE_YES && fetch_is_part(f))
        f->verdict = fetch_judge_part(f);
    else if (f->verdict == STORE_YES)
        judge(f);
    f->collecting = f->verdict == STORE_YES;
    f->meta.generation = f->collecting ? worker_new_generation(f->worker) : 0;
    f->response->stored = f->collecting;
    f->response->meta = f->meta;
    f->response->detail = f->collecting ? NULL : store_verdict_text(f->verdict);
}

/* -- records without content -- */

static void put_mark_record(struct fetch *f, int64_t ttl_s)
{
    struct slice key = f->r->key.bytes;
    struct stored_meta meta = {.kind = STORED_MARK,
                               .received_ms = loop_wall(f->worker->loop),
                               .lifetime_s = ttl_s,
                               .last_modified = -1};
    const struct stored_parts parts = {.key = key};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    if (!blob)
        return;
    (void)stored_encode(blob, &meta, &parts);
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, key, &why);
    ASSERT_STATE(e, stored_check_text(why));
    fetch_put(f, e, ttl_s);
    entry_unref(&e);
}

/* The key's responses are not shared: others need not wait for this one's next time. A stored
 * response is never displaced by a mark. */
static void put_mark(struct fetch *f)
{
    const struct request *r = f->r;
    int64_t ttl_s = (r->location->hit_for_miss_ms + 999) / 1000;
    bool by_response = store_verdict_is_lasting(f->verdict) && r->no_store == STORE_YES &&
                       !r->pass_conditions; /* a 304 says nothing of the next response */
    if (r->cacheable && by_response && !f->stale && !r->entry && !r->raw && !r->bypass && ttl_s > 0)
        put_mark_record(f, ttl_s);
}

void fetch_publish(struct fetch *f)
{
    const struct location_conf *l = f->r->location;
    bool is_part = fetch_is_part(f);
    bool shared = f->collecting && !is_part && stale_answers_others(f->r, &f->meta);
    if (shared && f->response->vary.n > 0)
        flight_list_variant(f->writer, &f->store_key);
    if (!f->collecting)
        put_mark(f);
    if (!f->collecting || is_part)
        fetch_release_lease(f);
    flight_publish_head(f->writer, f->response, shared, f->collecting,
                        l->buffers_n * l->buffer_bytes);
    fetch_begin_mirror(f);
    fetch_put_beginning(f);
    if (f->collecting && f->response->head.has_length)
        fetch_fill_if_large(f, f->response->head.content_length);
}

/* -- storing -- */

static struct slice with_length(struct fetch *f, struct slice text, uint64_t length)
{
    if (f->meta.status == 204)
        return text;
    char digits[24];
    const struct slice parts[] = {
        text,
        SLICE("Content-Length: "),
        slice_make(digits, format_u64(digits, length)),
        SLICE("\r\n"),
    };
    return arena_join(&f->r->arena, parts, ARRAY_LEN(parts));
}

/* A blob with everything but the content, and where that goes. NULL: no memory. */
static struct blob *begin_blob(struct fetch *f, struct slice text, struct slice etag,
                               struct slice tags, uint64_t length, char **content)
{
    const struct stored_parts parts = {
        .key = f->store_key.bytes,
        .vary = f->response ? f->response->vary : f->stale->view.vary,
        .etag = etag,
        .tags = tags,
        .head = with_length(f, text, length),
        .trailers = f->trailers,
    };
    f->meta.content_length = length;
    f->meta.purge_seq = f->purge_seq;
    struct blob *blob = blob_new(stored_size(&f->meta, &parts));
    if (blob)
        *content = stored_encode(blob, &f->meta, &parts);
    return blob;
}

static struct entry *end_blob(struct fetch *f, struct blob *blob)
{
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, f->store_key.bytes, &why);
    ASSERT_STATE(e, stored_check_text(why));
    return e;
}

/* Clients get no tags, unless proxy_pass_header names their field. Trailer speaks of trailers. */
static bool is_in_head(const struct fetch *f, const struct field *field)
{
    const struct location_conf *l = f->r->location;
    return field->id != FIELD_CONTENT_LENGTH && (field->id != FIELD_TRAILER || f->trailers.n > 0) &&
           (!tags_are_named(l->tag_fields, l->tag_fields_n, field->name) ||
            tags_are_named(l->pass, l->pass_n, field->name));
}

/* A list of its own: those who join the flight read the response's, on other threads too. */
static struct fields fields_for_head(const struct fetch *f, const struct fields *from)
{
    struct arena *arena = &f->r->arena;
    struct fields out = {0};
    fields_reserve(&out, arena, from->n);
    for (size_t i = 0; i < from->n; i++) {
        if (is_in_head(f, &from->v[i]))
            fields_push(&out, arena, from->v[i]);
    }
    return out;
}

/* Nothing is put in the place of what others have stored since a purge that this response came
 * before. */
static bool was_purged(struct fetch *f, struct slice tags)
{
    const struct purge_subject subject = {f->r->key.bytes, tags};
    struct purge_book *book = f->r->store ? f->r->store->purges : NULL;
    return !purge_is_current(book, &subject, f->purge_seq);
}

static void store_raw(struct fetch *f)
{
    size_t length = (size_t)flight_length(f->writer);
    struct blob *content = blob_new(length);
    if (!content)
        return;
    flight_collected(f->writer, content->data, length);
    content->len = length;
    raw_put(f->r, &f->response->head, &f->meta, content);
    blob_unref(&content);
}

/* A change on another thread may come in between: it forgets what it finds, or is found here. */
static void store_entry(struct fetch *f, struct entry *e)
{
    fetch_put(f, e, freshness_store_ttl_s(&e->view.meta));
    counter_add(&f->worker->counters, COUNTER_CACHE_STORED, 1);
    if (f->meta.status != 206)
        parts_replaced(f->r);
    if (flight_is_outdated(f->writer))
        store_del(f->r->store, &f->store_key);
}

/* Without those that Connection names. */
static struct slice passed_trailers(struct fetch *f, const struct fields *came)
{
    struct arena *arena = flight_arena(f->writer);
    struct fields passed = {0};
    for (size_t i = 0; i < came->n; i++) {
        if (!field_is_hop_by_hop(&came->v[i], &f->response->head.fields))
            fields_push(&passed, arena, came->v[i]);
    }
    return h1_write_fields(arena, &passed);
}

void fetch_take_trailers(struct fetch *f)
{
    const struct fields *came = exchange_trailers(f->exchange);
    if (came->n == 0 || !f->r->location->pass_trailers)
        return;
    flight_put_trailers(f->writer, passed_trailers(f, came));
    if (f->collecting)
        f->trailers = policy_trailers_text(came, &f->response->head.fields, &f->r->location->rules,
                                           &f->r->arena);
}

void fetch_store_response(struct fetch *f)
{
    if (f->r->raw)
        store_raw(f);
    else
        fetch_store_as(f, &f->response->head);
}

void fetch_store_as(struct fetch *f, const struct response_head *as)
{
    struct response_head head = *as;
    struct arena *arena = &f->r->arena;
    uint64_t length = flight_length(f->writer);
    if (was_purged(f, f->response->tags)) {
        fetch_release_lease(f);
        return;
    }
    head.fields = fields_for_head(f, &head.fields);
    f->meta.chunk_bytes = f->fill ? f->fill->chunk_bytes : 0;
    struct slice text = policy_head_text(&head, &f->r->location->rules, arena, &f->meta);
    char *content = NULL;
    struct blob *blob = begin_blob(f, text, fields_get(&head.fields, FIELD_ETAG), f->response->tags,
                                   length, &content);
    if (!blob)
        return;
    if (f->fill) {
        fetch_fill_end(f, end_blob(f, blob));
        return;
    }
    flight_collected(f->writer, content, length);
    struct entry *e = end_blob(f, blob);
    store_entry(f, e);
    entry_unref(&e);
}

static bool agrees(const struct fields *head, enum field_id id, struct slice stored)
{
    return !fields_has(head, id) || slice_eq(fields_get(head, id), stored);
}

bool fetch_head_agrees(const struct fetch *f, const struct response_head *head)
{
    if (f->asked.method != METHOD_HEAD || head->status != 200 || !f->stale)
        return false;
    const struct stored_view *old = &f->stale->view;
    return old->meta.status == 200 && agrees(&head->fields, FIELD_ETAG, old->etag) &&
           agrees(&head->fields, FIELD_LAST_MODIFIED, stored_field(old, SLICE("Last-Modified"))) &&
           (!head->has_length || head->content_length == old->meta.content_length);
}

/* A 304 with tags has new ones, one without leaves those that were stored. */
static struct slice renewed_tags(struct fetch *f, const struct stored_view *old,
                                 const struct fields *fields)
{
    struct slice tags = slice_none();
    struct slice url = lookup_url(&f->r->head, &f->r->arena);
    return take_tags(f, fields, &f->r->arena, &tags) && tags.n > url.n ? tags : old->tags;
}

/* RFC 9111 section 4.1: does it vary by something now that it is not found by? */
static bool varies_by_more(const struct fetch *f, const struct fields *fields)
{
    struct arena *arena = &f->r->arena;
    struct slice known = f->stale->view.vary;
    struct slice spec = slice_none();
    (void)vary_spec(fields, &f->r->location->rules, arena, &spec);
    return !slice_eq(vary_union(known, spec, arena), known);
}

/* The stored response as this head renews it, and whether it may be stored. NULL: no memory. */
static struct entry *renewed(struct fetch *f, const struct response_head *head,
                             enum store_verdict *verdict)
{
    const struct stored_view *old = &f->stale->view;
    struct request *r = f->r;
    struct fields fields = {0};
    struct request_head asked = f->asked;
    if (asked.method == METHOD_HEAD)
        asked.method = METHOD_GET; /* whose response it is that is stored */
    *verdict = policy_freshen(old, &asked, head, &r->location->rules, f->request_time,
                              loop_wall(f->worker->loop), &r->arena, &f->meta, &fields);
    if (*verdict == STORE_YES && varies_by_more(f, &fields))
        *verdict = STORE_NO_VARY;
    struct slice tags = renewed_tags(f, old, &fields);
    f->trailers = old->trailers; /* of the same content */
    fields = fields_for_head(f, &fields);
    f->store_key = r->variant; /* which another variant may turn out to be, too */
    struct slice text =
        policy_head_text_of_fields(f->meta.status, status_reason(f->meta.status), &fields,
                                   &r->location->rules, &r->arena, &f->meta);
    f->meta.generation = old->meta.generation;   /* the content is the same, */
    f->meta.chunk_bytes = old->meta.chunk_bytes; /* and stays where it is */
    char *content = NULL;
    struct blob *blob = begin_blob(f, text, fields_get(&fields, FIELD_ETAG), tags,
                                   old->meta.content_length, &content);
    if (!blob)
        return NULL;
    memcpy(content, old->content.p, old->content.n);
    return end_blob(f, blob);
}

static void store_renewed(struct fetch *f, struct entry *e)
{
    if (!f->may_store || flight_is_outdated(f->writer) || was_purged(f, e->view.tags))
        return;
    if (f->stale->view.vary.n == 0 || fetch_extend_index(f, e))
        store_entry(f, e);
}

/* What says of itself only now that it is not for all who find it is forgotten, with all that is
 * found by the same fields. */
static void store_or_forget(struct fetch *f, struct entry *e, enum store_verdict verdict)
{
    if (verdict == STORE_YES)
        store_renewed(f, e);
    else if (verdict == STORE_NO_VARY)
        store_del(f->r->store, &f->r->key);
}

/* The cookie is for who asked; for all others the response is renewed without it. */
static void store_without_cookie(struct fetch *f, const struct response_head *head)
{
    struct response_head without = *head;
    enum store_verdict verdict;
    without.fields = (struct fields){0};
    for (size_t i = 0; i < head->fields.n; i++) {
        if (head->fields.v[i].id != FIELD_SET_COOKIE)
            fields_push(&without.fields, &f->r->arena, head->fields.v[i]);
    }
    struct entry *e = renewed(f, &without, &verdict);
    if (e)
        store_or_forget(f, e, verdict);
    entry_unref(&e);
}

struct entry *fetch_freshen(struct fetch *f, const struct response_head *head,
                            enum flight_entry_from *from)
{
    enum store_verdict verdict;
    struct entry *e = renewed(f, head, &verdict);
    *from = verdict == STORE_YES ? ENTRY_VALIDATED : ENTRY_FOR_LEADER;
    if (e && verdict == STORE_NO_SET_COOKIE)
        store_without_cookie(f, head);
    else if (e)
        store_or_forget(f, e, verdict);
    return e;
}
