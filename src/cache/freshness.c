/* Freshness lifetime, current age, and what they allow. */
#include "cache/freshness.h"

#include "base/parse.h"
#include "http/date.h"

/* How far in the future a stored response may have been received, in this machine's time, before it
 * counts as stale: clocks of a fleet differ a little, and a clock may have been set back. */
#define CLOCK_SKEW_MAX_MS (60 * INT64_C(1000))

/* Section 4.2.2: "A typical setting of this fraction might be 10%." */
#define HEURISTIC_DIVISOR 10

static int64_t clamp_seconds(int64_t s)
{
    if (s < 0) {
        return 0;
    }
    return s < CACHE_SECONDS_MAX ? s : CACHE_SECONDS_MAX;
}

/* -- lifetime -- */

static bool date_of(const struct fields *fields, enum field_id id, wall_s now, wall_s *out)
{
    const struct field *field = fields_find(fields, id);
    return field != NULL && http_date_parse(field->value, now, out);
}

/* When the origin made it; the time of receipt where it does not say (RFC 9110 section 6.6.1). */
static wall_s origin_date(const struct fields *fields, wall_s now)
{
    wall_s date = now;
    return date_of(fields, FIELD_DATE, now, &date) ? date : now;
}

static int64_t expires_lifetime_s(const struct fields *fields, wall_s now)
{
    wall_s expires = 0;
    if (!date_of(fields, FIELD_EXPIRES, now, &expires)) {
        return 0; /* section 5.3: an invalid date, especially "0", is a time in the past */
    }
    return clamp_seconds(expires - origin_date(fields, now));
}

/* proxy_cache_valid: the status itself before `any`, whatever their order. */
static const struct cache_valid *valid_of(const struct cache_conf *conf, unsigned status)
{
    const struct cache_valid *any = NULL;
    for (size_t i = 0; i < conf->valid_n; i++) {
        if (conf->valid[i].status == status) {
            return &conf->valid[i];
        }
        if (conf->valid[i].status == 0 && any == NULL) {
            any = &conf->valid[i];
        }
    }
    return any;
}

bool freshness_heuristic_allowed(unsigned status, const struct cache_control *control)
{
    static const uint16_t statuses[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};
    if (control->is_public) { /* section 5.2.2.9 */
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (statuses[i] == status) {
            return true; /* RFC 9110 section 15.1, without 206, which is not stored */
        }
    }
    return false;
}

static int64_t heuristic_lifetime_s(const struct fields *fields, const struct cache_conf *conf,
                                    wall_s now)
{
    wall_s modified = 0;
    if (!date_of(fields, FIELD_LAST_MODIFIED, now, &modified)) {
        return 0;
    }
    int64_t lifetime_s = clamp_seconds(origin_date(fields, now) - modified) / HEURISTIC_DIVISOR;
    return lifetime_s < conf->heuristic_max_s ? lifetime_s : conf->heuristic_max_s;
}

int64_t freshness_lifetime_by(const struct response_head *response,
                              const struct cache_control *control, const struct cache_conf *conf,
                              wall_s now, enum freshness_source *source)
{
    const struct fields *fields = &response->fields;
    bool use_control = control->targeted || (conf->ignore & IGNORE_CACHE_CONTROL) == 0;
    bool use_expires = !control->targeted && (conf->ignore & IGNORE_EXPIRES) == 0;
    int64_t lifetime_s = 0;

    *source = FRESHNESS_ACCEL;
    if ((conf->ignore & IGNORE_X_ACCEL_EXPIRES) == 0 &&
        accel_expires_parse(fields, now, &lifetime_s)) {
        return lifetime_s;
    }
    *source = FRESHNESS_CACHE_CONTROL;
    if (use_control && control->s_maxage_s != CACHE_SECONDS_NONE) {
        return control->s_maxage_s; /* section 5.2.2.10 */
    }
    if (use_control && control->max_age_s != CACHE_SECONDS_NONE) {
        return control->max_age_s; /* section 5.2.2.1 */
    }
    *source = FRESHNESS_EXPIRES;
    if (use_expires && fields_has(fields, FIELD_EXPIRES)) {
        return expires_lifetime_s(fields, now);
    }
    *source = FRESHNESS_CONFIGURED;
    const struct cache_valid *valid = valid_of(conf, response->status);
    if (valid != NULL) {
        return clamp_seconds(valid->lifetime_s);
    }
    lifetime_s = freshness_heuristic_allowed(response->status, control)
                     ? heuristic_lifetime_s(fields, conf, now)
                     : 0;
    *source = lifetime_s > 0 ? FRESHNESS_HEURISTIC : FRESHNESS_NONE;
    return lifetime_s;
}

int64_t freshness_lifetime_s(const struct response_head *response,
                             const struct cache_control *control, const struct cache_conf *conf,
                             wall_s now, bool *is_explicit)
{
    enum freshness_source source;
    int64_t lifetime_s = freshness_lifetime_by(response, control, conf, now, &source);
    *is_explicit = source != FRESHNESS_NONE && source != FRESHNESS_HEURISTIC;
    return lifetime_s;
}

/* -- age -- */

static int64_t round_to_seconds(int64_t ms)
{
    return (ms + 500) / 1000;
}

/* Section 5.1: the first member of the first line; what is no number is ignored. */
static int64_t age_value_s(const struct fields *fields)
{
    struct slice rest = fields_get(fields, FIELD_AGE);
    struct slice first = slice_trim(slice_cut(rest, ',', &rest));
    uint64_t age_s = 0;
    return parse_u64_saturate(first, CACHE_SECONDS_MAX, &age_s) ? (int64_t)age_s : 0;
}

int64_t freshness_passed_age_s(const struct response_head *response, int64_t response_delay_ms)
{
    int64_t delay_s = response_delay_ms > 0 ? round_to_seconds(response_delay_ms) : 0;
    return clamp_seconds(age_value_s(&response->fields) + delay_s);
}

int64_t freshness_initial_age_s(const struct response_head *response, wall_s response_time,
                                int64_t response_delay_ms)
{
    int64_t apparent_s = response_time - origin_date(&response->fields, response_time);
    int64_t corrected_s = freshness_passed_age_s(response, response_delay_ms);
    return clamp_seconds(apparent_s > corrected_s ? apparent_s : corrected_s);
}

static int64_t age_ms(const struct stored_meta *meta, wall_ms now)
{
    int64_t resident_ms = now > meta->received_ms ? now - meta->received_ms : 0;
    return meta->initial_age_s * 1000 + resident_ms;
}

int64_t freshness_age_s(const struct stored_meta *meta, wall_ms now)
{
    return round_to_seconds(age_ms(meta, now));
}

/* -- reuse -- */

/* Time of freshness that is left; negative: how long it has been stale. */
static int64_t left_ms(const struct stored_meta *meta, wall_ms now)
{
    return meta->lifetime_s * 1000 - age_ms(meta, now);
}

bool freshness_is_fresh(const struct stored_meta *meta, wall_ms now)
{
    return left_ms(meta, now) > 0;
}

static bool stale_forbidden(const struct stored_meta *meta)
{
    return (meta->flags & (STORED_MUST_REVALIDATE | STORED_NO_CACHE)) != 0;
}

static bool received_in_future(const struct stored_meta *meta, wall_ms now)
{
    return meta->received_ms - now > CLOCK_SKEW_MAX_MS;
}

/* RFC 8246 section 2.1: to ask again would tell nothing, and who wants it all the same says
 * no-cache. */
static bool is_settled(const struct stored_meta *meta, wall_ms now)
{
    return (meta->flags & STORED_IMMUTABLE) != 0 && freshness_is_fresh(meta, now);
}

/* Section 5.2.1: may the client be given something of this age? No by no-cache (section 5.2.1.4),
 * max-age (section 5.2.1.1) or min-fresh (section 5.2.1.3). A limit of 0 is never met: a request
 * with max-age=0 wants to be answered by the origin. */
static bool request_refuses(const struct stored_meta *meta, const struct cache_control *request,
                            wall_ms now)
{
    if (request->no_cache) {
        return true;
    }
    if (request->max_age_s != CACHE_SECONDS_NONE &&
        age_ms(meta, now) >= request->max_age_s * 1000 && !is_settled(meta, now)) {
        return true;
    }
    return request->min_fresh_s != CACHE_SECONDS_NONE &&
           left_ms(meta, now) < request->min_fresh_s * 1000;
}

/* Section 5.2.1.2. */
static bool request_takes_stale(const struct cache_control *request, int64_t stale_ms)
{
    return request->max_stale_any ||
           (request->max_stale_s != CACHE_SECONDS_NONE && stale_ms <= request->max_stale_s * 1000);
}

enum reuse freshness_reuse(const struct stored_meta *meta, const struct cache_control *request,
                           wall_ms now)
{
    int64_t fresh_ms = left_ms(meta, now);
    bool usable = (meta->flags & STORED_NO_CACHE) == 0 && !received_in_future(meta, now) &&
                  !request_refuses(meta, request, now);
    if (usable && freshness_is_fresh(meta, now)) {
        return REUSE_FRESH;
    }
    if (usable && !stale_forbidden(meta)) { /* section 4.2.4 */
        if (request_takes_stale(request, -fresh_ms)) {
            return REUSE_FRESH;
        }
        /* RFC 5861 section 3; what a request with no-store would bring could not be kept. */
        if (-fresh_ms < meta->swr_s * 1000 && !request->no_store) {
            return REUSE_STALE_REVALIDATE;
        }
    }
    return request->only_if_cached ? REUSE_ONLY_IF_CACHED : REUSE_VALIDATE;
}

bool freshness_is_for_one(const struct stored_meta *meta)
{
    return (meta->flags & STORED_NO_CACHE) != 0 || (meta->lifetime_s == 0 && meta->swr_s == 0);
}

bool freshness_stale_on_error(const struct stored_meta *meta, bool listed, wall_ms now)
{
    int64_t window_s = 0;
    if (listed || (meta->flags & STORED_SAYS_IF_ERROR) != 0) {
        window_s = meta->sie_s;
    }
    if ((listed || (meta->flags & STORED_SAYS_WHILE_REVALIDATE) != 0) && meta->swr_s > window_s) {
        window_s = meta->swr_s;
    }
    return !stale_forbidden(meta) && !received_in_future(meta, now) &&
           -left_ms(meta, now) < window_s * 1000; /* RFC 5861 section 4 */
}

int64_t freshness_store_ttl_s(const struct stored_meta *meta)
{
    int64_t window_s = meta->sie_s > meta->swr_s ? meta->sie_s : meta->swr_s;
    int64_t ttl_s = meta->lifetime_s + window_s + meta->keep_s - meta->initial_age_s;
    return ttl_s > 1 ? ttl_s : 1;
}
