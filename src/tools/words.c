#include "tools/words.h"

/* clang-format off */
static const struct reason reasons[] = {
    {"stored", "it is stored", ""},
    {"method", "responses to this method are not stored",
     "proxy_cache_methods names further methods; a response to POST also needs an explicit lifetime"},
    {"status", "this status is not stored, or only with an explicit lifetime",
     "proxy_cache_valid gives a status a lifetime; 206, 304, 412 and 416 are never stored"},
    {"no-store", "Cache-Control: no-store forbids it",
     "proxy_ignore_headers: [Cache-Control], with proxy_cache_valid for the lifetime (not where the request says no-store)"},
    {"private", "Cache-Control: private keeps it to one client",
     "proxy_ignore_headers: [Cache-Control], with proxy_cache_valid for the lifetime; it would be shared"},
    {"authorization", "the request has Authorization, and the response does not say that it may be shared",
     "the origin has to say public, s-maxage or must-revalidate (RFC 9111 section 3.5); no directive does"},
    {"set-cookie", "the response sets a cookie",
     "proxy_ignore_headers: [Set-Cookie] stores it without the cookie, proxy_cache_set_cookie: on with it"},
    {"vary", "it varies by `*`, or by too many fields",
     "proxy_cache_max_vary for more fields, proxy_ignore_headers: [Vary] for one variant only"},
    {"no-freshness", "nobody says how long it may be reused, and it has no validator",
     "proxy_cache_valid gives it a lifetime, as `Cache-Control: max-age` from the origin does"},
    {"size", "its content is longer than the cache takes", "max_object of the cache"},
    {"x-accel-expires", "X-Accel-Expires: 0 forbids it", "proxy_ignore_headers: [X-Accel-Expires]"},
    {"incomplete", "it ended early", "nothing: half a response is not stored"},
    {"proxy_no_cache", "a condition of proxy_no_cache holds", "proxy_no_cache"},
    {"min_uses", "the key was not asked for often enough yet", "proxy_cache_min_uses"},
    {"range", "only a range was asked for, and it went to the origin as it was", "proxy_cache_max_range_offset"},
    {"key", "proxy_cache_key gives nothing for it, and nothing is kept without a key", "proxy_cache_key"},
    {"lock-timeout", "it waited for another request's fetch in vain, which stores what comes", "proxy_cache_lock_timeout"},
    {"late", "another request is storing it, whose beginning is gone from memory already", "memory_max_object"},
    {"fields", "a raw value is its content alone: this response has a type, a coding or variants that would be lost", "memcached_store"},
    {"too many tags", "it has more tags to be purged by than are kept", "proxy_cache_tags"},
    {"index", "the index of its variants was changed by others meanwhile, or has no room for its values", "proxy_cache_max_variants"},
    {"no-cache", "the cache has no part in this request", "proxy_cache"},
    {"hit-for-miss", "a response of this key was not stored a moment ago, and requests do not wait for each other", "proxy_cache_hit_for_miss"},
};
/* clang-format on */

const struct reason *reason_of(const char *detail)
{
    for (size_t i = 0; detail && i < ARRAY_LEN(reasons); i++) {
        if (slice_eq(slice_of(detail), slice_of(reasons[i].detail)))
            return &reasons[i];
    }
    return NULL;
}

const struct reason *reason_row(size_t index)
{
    return index < ARRAY_LEN(reasons) ? &reasons[index] : NULL;
}

static struct slice control_words(const struct cache_control *c, struct arena *arena)
{
    const char *field = c->targeted ? "CDN-Cache-Control" : "Cache-Control";
    bool shared = c->s_maxage_s != CACHE_SECONDS_NONE;
    return arena_printf(arena, "%s=%lld of %s", shared ? "s-maxage" : "max-age",
                        (long long)(shared ? c->s_maxage_s : c->max_age_s), field);
}

struct slice freshness_source_words(const struct response_head *head,
                                    const struct cache_control *control,
                                    enum freshness_source source, struct arena *arena)
{
    const struct fields *f = &head->fields;
    switch (source) {
    case FRESHNESS_NONE: return SLICE("nobody");
    case FRESHNESS_ACCEL:
        return arena_printf(arena, "X-Accel-Expires: %.*s",
                            SLICE_ARG(fields_get(f, FIELD_X_ACCEL_EXPIRES)));
    case FRESHNESS_CACHE_CONTROL: return control_words(control, arena);
    case FRESHNESS_EXPIRES:
        return arena_printf(arena, "Expires (%.*s) minus Date",
                            SLICE_ARG(fields_get(f, FIELD_EXPIRES)));
    case FRESHNESS_CONFIGURED:
        return arena_printf(arena, "proxy_cache_valid for the status %u", head->status);
    case FRESHNESS_HEURISTIC:
        return arena_printf(arena,
                            "proxy_cache_heuristic: a tenth of the time since Last-Modified (%.*s)",
                            SLICE_ARG(fields_get(f, FIELD_LAST_MODIFIED)));
    }
    return slice_none();
}
