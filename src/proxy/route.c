#include "proxy/route.h"

/* -- servers -- */

static bool name_matches(const struct server_name *name, struct slice host)
{
    switch (name->kind) {
    case NAME_EXACT: return slice_eq(host, name->text);
    case NAME_SUFFIX: return host.n > name->text.n && slice_ends(host, name->text);
    case NAME_PREFIX: return host.n > name->text.n && slice_starts(host, name->text);
    case NAME_REGEX: return false;
    }
    return false;
}

/* Exact names come before suffixes, suffixes before prefixes; of one kind the longest. */
static bool name_is_better(const struct server_name *name, const struct server_name *than)
{
    if (!than || name->kind != than->kind)
        return !than || name->kind < than->kind;
    return name->text.n > than->text.n;
}

static const struct server_name *find_name(const struct listen_conf *l, struct slice host)
{
    const struct server_name *best = NULL;
    for (size_t i = 0; i < l->names_n; i++) {
        const struct server_name *name = &l->names[i];
        if (name_matches(name, host) && name_is_better(name, best))
            best = name;
        if (best && best->kind == NAME_EXACT)
            break;
    }
    return best;
}

static const struct server_name *find_name_regex(const struct listen_conf *l, struct request *r)
{
    for (size_t i = 0; i < l->names_n; i++) {
        const struct server_name *name = &l->names[i];
        if (name->kind != NAME_REGEX || !regex_match(name->regex, r->head.host, r->name_captures))
            continue;
        r->name_captures_of = name->regex;
        r->captures_of = name->regex;
        memcpy(r->captures, r->name_captures, sizeof r->captures);
        return name;
    }
    return NULL;
}

const struct server_name *route_server_name(const struct listen_conf *l, struct request *r)
{
    const struct server_name *name = find_name(l, r->head.host);
    return name ? name : find_name_regex(l, r);
}

const struct server_conf *route_server(const struct listen_conf *l, struct request *r)
{
    const struct server_name *name = route_server_name(l, r);
    return name ? name->server : l->default_server;
}

/* -- locations -- */

struct level {
    const struct location_conf *const *v;
    size_t n;
};

enum found {
    FOUND_NONE,
    FOUND_PREFIX, /* regular expressions of the levels above may still win */
    FOUND_FINAL,
};

/* An exact location, or the longest prefix; NULL: neither. */
static const struct location_conf *find_static(struct level level, struct slice path)
{
    const struct location_conf *best = NULL;
    for (size_t i = 0; i < level.n; i++) {
        const struct location_conf *l = level.v[i];
        if (l->match == MATCH_EXACT && slice_eq(path, l->pattern))
            return l;
        bool is_prefix = l->match == MATCH_PREFIX || l->match == MATCH_FIRM;
        if (is_prefix && slice_starts(path, l->pattern) &&
            (!best || l->pattern.n > best->pattern.n))
            best = l;
    }
    return best;
}

static const struct location_conf *find_regex(struct level level, struct request *r)
{
    for (size_t i = 0; i < level.n; i++) {
        const struct location_conf *l = level.v[i];
        if (l->match == MATCH_REGEX && regex_match(l->regex, r->head.path, r->captures)) {
            r->captures_of = l->regex;
            return l;
        }
    }
    return NULL;
}

/* One level and what is nested in its match. `*at` is left alone where nothing matches; the depth
 * is that of the configuration. */
static enum found find(struct level level, struct request *r, const struct location_conf **at)
{
    enum found found = FOUND_NONE;
    const struct location_conf *l = find_static(level, r->head.path);
    if (l) {
        *at = l;
        if (l->match == MATCH_EXACT)
            return FOUND_FINAL;
        found = FOUND_PREFIX;
        if (find((struct level){l->children, l->children_n}, r, at) == FOUND_FINAL)
            return FOUND_FINAL;
    }
    if (l && l->match == MATCH_FIRM)
        return found;
    const struct location_conf *regex = find_regex(level, r);
    if (!regex)
        return found;
    *at = regex;
    (void)find((struct level){regex->children, regex->children_n}, r, at);
    return FOUND_FINAL;
}

const struct location_conf *route_location(const struct server_conf *server, struct request *r)
{
    const struct location_conf *at = server->root;
    (void)find((struct level){server->locations, server->locations_n}, r, &at);
    return at;
}
