/* What may be stored, and how a 304 renews it. The form in which it is stored is in policy_head.c.
 */
#include "cache/policy.h"

#include "cache/freshness.h"
#include "cache/vary.h"
#include "http/date.h"

const char *store_verdict_text(enum store_verdict verdict)
{
    static const char *const texts[STORE_VERDICT_COUNT] = {
        [STORE_YES] = "stored",
        [STORE_NO_METHOD] = "method",
        [STORE_NO_STATUS] = "status",
        [STORE_NO_STORE] = "no-store",
        [STORE_NO_PRIVATE] = "private",
        [STORE_NO_AUTHORIZATION] = "authorization",
        [STORE_NO_SET_COOKIE] = "set-cookie",
        [STORE_NO_VARY] = "vary",
        [STORE_NO_FRESHNESS] = "no-freshness",
        [STORE_NO_SIZE] = "size",
        [STORE_NO_ACCEL] = "x-accel-expires",
        [STORE_NO_TAGS] = "too many tags",
        [STORE_NO_INCOMPLETE] = "incomplete",
        [STORE_NO_RAW] = "fields",
        [STORE_NO_RULE] = "proxy_no_cache",
        [STORE_NO_USES] = "min_uses",
        [STORE_NO_RANGE] = "range",
        [STORE_NO_LOCK_TIMEOUT] = "lock-timeout",
        [STORE_NO_LATE] = "late",
        [STORE_NO_INDEX] = "index",
        [STORE_NO_KEY] = "key",
        [STORE_NO_CACHE] = "no-cache",
    };
    return verdict < STORE_VERDICT_COUNT ? texts[verdict] : "unknown";
}

bool store_verdict_is_lasting(enum store_verdict verdict)
{
    return verdict > STORE_NO_METHOD && verdict < STORE_NO_RULE;
}

/* -- requests -- */

static bool has_content(const struct request_head *request)
{
    return request->framing == FRAMING_CHUNKED ||
           (request->framing == FRAMING_LENGTH && request->content_length > 0);
}

static bool method_configured(enum http_method method, const struct cache_conf *conf)
{
    return method != METHOD_OTHER && (conf->methods >> (unsigned)method & 1) != 0;
}

bool policy_request_may_lookup(const struct request_head *request, const struct cache_conf *conf)
{
    bool method_fits = request->method == METHOD_GET || request->method == METHOD_HEAD ||
                       method_configured(request->method, conf);
    return method_fits && !has_content(request) && slice_empty(request->upgrade);
}

/* -- a response -- */

/* All that the decision looks at. */
struct exchange {
    const struct request_head *request;
    const struct response_head *response;
    const struct cache_conf *conf;
    struct cache_control control; /* of the response; as if there were none where it is ignored */
    int64_t lifetime_s;
    enum freshness_source source;
};

void policy_control(const struct fields *response, const struct cache_conf *conf,
                    struct cache_control *out)
{
    static const struct fields nothing = {0};
    bool ignored = (conf->ignore & IGNORE_CACHE_CONTROL) != 0;
    if ((conf->ignore & IGNORE_CDN_CACHE_CONTROL) == 0 &&
        fields_has(response, FIELD_CDN_CACHE_CONTROL) &&
        cache_control_parse_targeted(response, out)) {
        return; /* RFC 9213 section 2.1 */
    }
    cache_control_parse(ignored ? &nothing : response, out);
}

static bool said_explicitly(const struct exchange *x)
{
    return x->source != FRESHNESS_NONE && x->source != FRESHNESS_HEURISTIC;
}

static void exchange_init(struct exchange *x, const struct request_head *request,
                          const struct response_head *response, const struct cache_conf *conf,
                          wall_ms now)
{
    *x = (struct exchange){.request = request, .response = response, .conf = conf};
    policy_control(&response->fields, conf, &x->control);
    x->lifetime_s = freshness_lifetime_by(response, &x->control, conf, now / 1000, &x->source);
    if (x->source == FRESHNESS_ACCEL) {
        /* Meant for this proxy alone, it decides instead of Cache-Control (nginx). */
        x->control.no_store = false;
        x->control.is_private = false;
        x->control.no_cache = false;
    }
}

static enum store_verdict check_method(const struct exchange *x)
{
    enum http_method method = x->request->method;
    bool fits =
        method == METHOD_GET || (method != METHOD_HEAD && method_configured(method, x->conf));
    if (!fits || has_content(x->request)) {
        return STORE_NO_METHOD;
    }
    /* RFC 9110 section 9.3.3: nothing is guessed of what a POST gave. */
    return method == METHOD_GET || said_explicitly(x) ? STORE_YES : STORE_NO_FRESHNESS;
}

/* Final and complete: 206, 304, 412 and 416 answer a request that was not for the whole. Parts are
 * not stored here (RFC 9111 sections 3.3 and 3.4). */
static enum store_verdict check_status(const struct exchange *x)
{
    unsigned status = x->response->status;
    bool is_partial = status == 206 || status == 304 || status == 412 || status == 416;
    return status < 200 || is_partial ? STORE_NO_STATUS : STORE_YES;
}

/* RFC 9111 section 5.2.2.3: whoever understands the status may ignore no-store beside
 * must-understand; whoever does not, must not store. */
static bool response_says_no_store(const struct exchange *x)
{
    if (x->control.must_understand && x->source != FRESHNESS_ACCEL) {
        return slice_empty(status_reason(x->response->status));
    }
    return x->control.no_store;
}

static enum store_verdict check_control(const struct exchange *x)
{
    if (x->source == FRESHNESS_ACCEL && x->lifetime_s == 0) {
        return STORE_NO_ACCEL;
    }
    struct cache_control asked;
    cache_control_parse(&x->request->fields, &asked);
    if (asked.no_store || response_says_no_store(x)) {
        return STORE_NO_STORE; /* RFC 9111 sections 5.2.1.5 and 5.2.2.5 */
    }
    return x->control.is_private ? STORE_NO_PRIVATE : STORE_YES; /* section 5.2.2.7 */
}

/* RFC 9111 section 3.5. */
static enum store_verdict check_authorization(const struct exchange *x)
{
    const struct cache_control *c = &x->control;
    bool allowed = c->is_public || c->must_revalidate || c->s_maxage_s != CACHE_SECONDS_NONE;
    return fields_has(&x->request->fields, FIELD_AUTHORIZATION) && !allowed ? STORE_NO_AUTHORIZATION
                                                                            : STORE_YES;
}

/* Set-Cookie is stored where that was asked for; left out where it is ignored, or where the
 * response itself withholds it by no-cache="set-cookie". */
static bool cookies_fit(const struct exchange *x)
{
    return x->conf->set_cookie || (x->conf->ignore & IGNORE_SET_COOKIE) != 0 ||
           (x->control.no_cache_fields &&
            cache_control_withholds(&x->response->fields, SLICE("Set-Cookie")));
}

static enum store_verdict check_fields(const struct exchange *x)
{
    const struct fields *fields = &x->response->fields;
    if (fields_has(fields, FIELD_SET_COOKIE) && !cookies_fit(x)) {
        return STORE_NO_SET_COOKIE;
    }
    if (vary_check(fields, x->conf) == VARY_NEVER) {
        return STORE_NO_VARY; /* RFC 9111 section 4.1 */
    }
    bool has_bound = x->conf->max_object_bytes > 0;
    if (has_bound && x->response->framing == FRAMING_LENGTH &&
        x->response->content_length > (uint64_t)x->conf->max_object_bytes) {
        return STORE_NO_SIZE;
    }
    return STORE_YES;
}

static wall_s last_modified(const struct fields *fields, wall_s now)
{
    const struct field *field = fields_find(fields, FIELD_LAST_MODIFIED);
    wall_s at = -1;
    return field != NULL && http_date_parse(field->value, now, &at) && at >= 0 ? at : -1;
}

/* It says itself that it may be served stale. */
static bool says_stale(const struct cache_control *c)
{
    return (c->stale_while_revalidate_s > 0 || c->stale_if_error_s > 0) && !c->must_revalidate &&
           !c->proxy_revalidate && c->s_maxage_s == CACHE_SECONDS_NONE;
}

/* Worth storing: it can be reused for a while, or validated. */
static enum store_verdict check_use(const struct exchange *x, wall_s modified)
{
    unsigned status = x->response->status;
    bool has_validator = modified >= 0 || fields_get(&x->response->fields, FIELD_ETAG).n > 0;
    if (!said_explicitly(x) && !freshness_heuristic_allowed(status, &x->control)) {
        return STORE_NO_STATUS;
    }
    bool lives = x->lifetime_s > 0 || (said_explicitly(x) && says_stale(&x->control));
    bool reusable = lives && !x->control.no_cache;
    bool validatable = has_validator && status < 500; /* a failure is not kept only for that */
    return reusable || validatable ? STORE_YES : STORE_NO_FRESHNESS;
}

static enum store_verdict check_all(const struct exchange *x, wall_s modified)
{
    enum store_verdict verdict = check_method(x);
    if (verdict == STORE_YES) {
        verdict = check_status(x);
    }
    if (verdict == STORE_YES) {
        verdict = check_control(x);
    }
    if (verdict == STORE_YES) {
        verdict = check_authorization(x);
    }
    if (verdict == STORE_YES) {
        verdict = check_fields(x);
    }
    return verdict == STORE_YES ? check_use(x, modified) : verdict;
}

static uint32_t flags_of(const struct cache_control *c)
{
    uint32_t flags = 0;
    /* RFC 9111 sections 5.2.2.2 and 5.2.2.8; s-maxage brings proxy-revalidate with it (section
     * 5.2.2.10). */
    if (c->must_revalidate || c->proxy_revalidate || c->s_maxage_s != CACHE_SECONDS_NONE) {
        flags |= STORED_MUST_REVALIDATE;
    }
    flags |= c->no_cache ? STORED_NO_CACHE : 0;
    flags |= c->immutable ? STORED_IMMUTABLE : 0;
    flags |= c->stale_while_revalidate_s != CACHE_SECONDS_NONE ? STORED_SAYS_WHILE_REVALIDATE : 0;
    flags |= c->stale_if_error_s != CACHE_SECONDS_NONE ? STORED_SAYS_IF_ERROR : 0;
    return flags;
}

/* A stale window: what the response says, else what the configuration does; none where stale is
 * forbidden. */
static int64_t window_s(uint32_t flags, int64_t said_s, int64_t configured_s)
{
    if ((flags & (STORED_MUST_REVALIDATE | STORED_NO_CACHE)) != 0) {
        return 0;
    }
    int64_t seconds = said_s != CACHE_SECONDS_NONE ? said_s : configured_s;
    return seconds < CACHE_SECONDS_MAX ? seconds : CACHE_SECONDS_MAX;
}

static void meta_fill(const struct exchange *x, wall_ms request_time, wall_ms now, wall_s modified,
                      struct stored_meta *meta)
{
    const struct cache_control *c = &x->control;
    uint32_t flags = flags_of(c);
    int64_t age_s = freshness_initial_age_s(x->response, now / 1000, now - request_time);
    bool from_receipt = x->source == FRESHNESS_ACCEL || x->source == FRESHNESS_CONFIGURED;
    *meta = (struct stored_meta){
        .kind = STORED_RESPONSE,
        .status = x->response->status,
        .flags = flags,
        .received_ms = now,
        .initial_age_s = age_s,
        .lifetime_s = x->lifetime_s + (from_receipt && x->lifetime_s > 0 ? age_s : 0),
        .swr_s = window_s(flags, c->stale_while_revalidate_s, x->conf->stale_while_revalidate_s),
        .sie_s = window_s(flags, c->stale_if_error_s, x->conf->stale_if_error_s),
        .keep_s = POLICY_KEEP_S,
        .last_modified = modified,
    };
}

enum store_verdict policy_storable(const struct request_head *request,
                                   const struct response_head *response,
                                   const struct cache_conf *conf, wall_ms request_time, wall_ms now,
                                   struct stored_meta *meta)
{
    struct exchange x;
    exchange_init(&x, request, response, conf, now);
    wall_s modified = last_modified(&response->fields, now / 1000);
    enum store_verdict verdict = check_all(&x, modified);
    if (verdict == STORE_YES) {
        meta_fill(&x, request_time, now, modified, meta);
    }
    return verdict;
}

/* -- a 304 -- */

/* RFC 9111 section 3.2: all fields of the 304 replace the stored ones, but for those of the
 * connection and those that describe the 304's own framing. Age goes into the numbers. */
static bool field_updates(const struct field *field, const struct fields *of)
{
    return field->id != FIELD_CONTENT_LENGTH && field->id != FIELD_AGE &&
           field->id != FIELD_TRAILER && !field_is_hop_by_hop(field, of);
}

static bool is_updated(const struct field *stored, const struct fields *by)
{
    const struct field *field = fields_next(by, stored->id, stored->name, NULL);
    return field != NULL && field_updates(field, by);
}

static void merge_fields(const struct stored_view *view, const struct fields *by, wall_ms now,
                         struct arena *arena, struct fields *out)
{
    bool dated = fields_has(by, FIELD_DATE);
    struct slice rest = view->head;
    struct field stored;
    *out = (struct fields){0};
    while (stored_field_next(&rest, &stored)) {
        bool old_date = stored.id == FIELD_DATE && !dated;
        if (!old_date && !is_updated(&stored, by)) {
            fields_add(out, arena, stored.name, stored.value);
        }
    }
    for (size_t i = 0; i < by->n; i++) {
        if (field_updates(&by->v[i], by)) {
            fields_add(out, arena, by->v[i].name, by->v[i].value);
        }
    }
    if (!dated) { /* RFC 9110 section 6.6.1: the time of receipt */
        char *date = arena_alloc(arena, HTTP_DATE_BYTES);
        http_date_format(now / 1000, date);
        fields_add_id(out, arena, FIELD_DATE, slice_make(date, HTTP_DATE_BYTES));
    }
}

/* NOLINTNEXTLINE(readability-function-size): two messages, two times and two results */
enum store_verdict policy_freshen(const struct stored_view *view,
                                  const struct request_head *request,
                                  const struct response_head *not_modified,
                                  const struct cache_conf *conf, wall_ms request_time, wall_ms now,
                                  struct arena *arena, struct stored_meta *meta,
                                  struct fields *fields)
{
    merge_fields(view, &not_modified->fields, now, arena, fields);
    struct response_head renewed = {
        .status = view->meta.status,
        .framing = FRAMING_LENGTH,
        .content_length = view->meta.content_length,
        .fields = *fields,
    };
    struct slice age = fields_get(&not_modified->fields, FIELD_AGE);
    if (age.p != NULL) {
        fields_add_id(&renewed.fields, arena, FIELD_AGE, age);
    }
    struct exchange x;
    exchange_init(&x, request, &renewed, conf, now);
    wall_s modified = last_modified(&renewed.fields, now / 1000);
    enum store_verdict verdict = check_all(&x, modified);
    meta_fill(&x, request_time, now, modified, meta);
    meta->content_length = view->meta.content_length;
    return verdict;
}
