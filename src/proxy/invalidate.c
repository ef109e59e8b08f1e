#include "proxy/invalidate.h"

#include "cache/store.h"
#include "http/uri.h"
#include "proxy/flight.h"
#include "proxy/lookup.h"
#include "proxy/parts.h"

/* Safe methods change nothing; what the operator lets use the cache only reads, too. */
static bool may_change(const struct request *r)
{
    const struct location_conf *l = r->location;
    bool reads =
        r->head.method != METHOD_OTHER && (l->rules.methods >> (unsigned)r->head.method & 1) != 0;
    return l->cache_on && !reads && !http_method_is_safe(r->head.method);
}

struct cache_key invalidate_key(struct request *r, struct slice path, struct slice query)
{
    struct request_head asked = r->head;
    r->head.method = METHOD_GET;
    r->head.method_token = SLICE("GET");
    r->head.path = path;
    r->head.query = query;
    if (!slice_eq(path, asked.path) || !slice_eq(query, asked.query))
        r->head.target =
            query.p ? arena_printf(&r->arena, "%.*s?%.*s", SLICE_ARG(path), SLICE_ARG(query))
                    : path;
    struct cache_key key = lookup_key(r);
    r->head = asked;
    return key;
}

/* Forgets what a GET for this path and query finds: the response, or the index of its variants,
 * without which none of them is found. */
static void forget(struct request *r, struct slice path, struct slice query)
{
    struct cache_key key = invalidate_key(r, path, query);
    struct store *store = r->wconf->stores[r->location->cache];
    flight_table_changed(r->worker->flights, key.hash);
    store_del(store, &key);
    parts_forget(r, store, &key);
}

/* -- references (RFC 3986 section 5) -- */

/* The scheme of an absolute reference ends at the first ':', before any '/', '?' and '#'. */
static bool has_scheme(struct slice s)
{
    size_t colon = slice_find(s, ':');
    return colon > 0 && colon < slice_find(s, '/') && colon < slice_find(s, '?');
}

static uint16_t port_of(uint16_t port)
{
    return port != 0 ? port : 80;
}

static bool is_our_authority(struct request *r, struct slice authority)
{
    struct slice host;
    uint16_t port = 0;
    return authority_parse(authority, &r->arena, &host, &port) && slice_eq(host, r->head.host) &&
           port_of(port) == port_of(r->head.port);
}

/* Path and query of a reference, not yet normalised. False: of another origin. */
static bool resolve(struct request *r, struct slice reference, struct slice *target)
{
    struct slice s = slice_take(reference, slice_find(reference, '#'));
    if (has_scheme(s)) {
        struct slice rest;
        if (!slice_eq_nocase(slice_cut(s, ':', &rest), SLICE("http")))
            return false;
        s = rest;
    }
    if (slice_starts(s, SLICE("//"))) {
        s = slice_skip(s, 2);
        size_t slash = slice_find(s, '/');
        size_t mark = slice_find(s, '?');
        size_t end = slash < mark ? slash : mark;
        if (!is_our_authority(r, slice_take(s, end)))
            return false;
        s = slice_skip(s, end);
        *target = slice_starts(s, SLICE("/")) ? s : arena_concat(&r->arena, SLICE("/"), s);
        return true;
    }
    struct slice base = r->head.path;
    if (s.n > 0 && s.p[0] == '/')
        base = slice_none();
    else if (s.n > 0 && s.p[0] != '?')
        while (base.n > 0 && base.p[base.n - 1] != '/')
            base.n--;
    *target = arena_concat(&r->arena, base, s);
    return true;
}

/* False: none, of another origin, or no URI. */
static bool path_of(struct request *r, struct slice reference, struct slice *path,
                    struct slice *query)
{
    struct slice target;
    bool merge_slashes = r->listen->default_server->merge_slashes;
    return reference.n > 0 && resolve(r, reference, &target) &&
           uri_normalise(target, merge_slashes, &r->arena, path, query);
}

static void forget_reference(struct request *r, struct slice reference)
{
    struct slice path;
    struct slice query;
    if (path_of(r, reference, &path, &query))
        forget(r, path, query);
}

bool invalidate_is_own(struct request *r, struct slice reference)
{
    struct slice path;
    struct slice query;
    return path_of(r, reference, &path, &query) && slice_eq(path, r->head.path) &&
           slice_eq(query, r->head.query) && (query.p != NULL) == (r->head.query.p != NULL);
}

void invalidate_after(struct request *r, const struct response_head *head)
{
    if (!may_change(r) || head->status < 200 || head->status >= 400)
        return;
    forget(r, r->head.path, r->head.query);
    forget_reference(r, fields_get(&head->fields, FIELD_LOCATION));
    forget_reference(r, fields_get(&head->fields, FIELD_CONTENT_LOCATION));
}
