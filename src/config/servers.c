/* Servers and locations: what each inherits, and which requests it takes. */
#include "config/loading.h"

/* -- regular expressions -- */

struct regex *loading_regex(struct loading *l, const struct place *at, struct slice pattern,
                            bool caseless)
{
    char problem[256] = "";
    struct regex *regex = regex_new(pattern, caseless, problem);
    if (regex == NULL) {
        error_at(l->errors, at, "\"%.*s\" is not a regular expression: %s", SLICE_ARG(pattern),
                 problem);
        return NULL;
    }
    pointers_add(&l->regexes, l->arena, regex);
    return regex;
}

/* -- one location -- */

struct matcher {
    const char *prefix;
    enum location_match match;
    bool caseless;
};

/* The longer prefix first. */
static const struct matcher matchers[] = {
    {"=", MATCH_EXACT, false}, {"^~", MATCH_FIRM, false}, {"~*", MATCH_REGEX, true},
    {"~", MATCH_REGEX, false}, {"@", MATCH_NAMED, false}, {"", MATCH_PREFIX, false},
};

static const struct matcher *matcher_of(struct slice key)
{
    size_t i = 0;
    while (!slice_starts(key, slice_of(matchers[i].prefix))) {
        i++; /* the last one is empty */
    }
    return &matchers[i];
}

/* What nginx checks of a location inside another one. NULL, or what is wrong. */
static const char *nesting_problem(const struct location_conf *conf, const struct level *of)
{
    if (of->scope != SCOPE_LOCATION) {
        return NULL;
    }
    if (of->location->match == MATCH_EXACT) {
        return "nothing can be nested in an exact location";
    }
    if (conf->match == MATCH_REGEX) {
        return NULL;
    }
    bool inside =
        of->location->match != MATCH_REGEX && slice_starts(conf->pattern, of->location->pattern);
    return inside ? NULL : "it is outside of the location that it is nested in";
}

static bool set_match(struct loading *l, const struct node *member, const struct level *of,
                      struct location_conf *conf)
{
    const struct matcher *m = matcher_of(member->name);
    conf->match = m->match;
    conf->pattern = slice_trim(slice_skip(member->name, slice_of(m->prefix).n));
    if (m->match == MATCH_NAMED) {
        error_at(l->errors, &member->name_at, "named locations are not supported");
        return false;
    }
    const char *problem = nesting_problem(conf, of);
    if (problem != NULL) {
        error_at(l->errors, &member->name_at, "location \"%.*s\": %s", SLICE_ARG(member->name),
                 problem);
        return false;
    }
    if (m->match == MATCH_REGEX) {
        conf->regex = loading_regex(l, &member->name_at, conf->pattern, m->caseless);
        return conf->regex != NULL;
    }
    if (!slice_starts(conf->pattern, SLICE("/"))) {
        error_at(l->errors, &member->name_at,
                 "location \"%.*s\" has to begin with /, = /, ^~ /, ~ or ~*",
                 SLICE_ARG(member->name));
        return false;
    }
    return true;
}

/* Both take the same requests: `^~ /x` and `/x` are one to nginx too. */
static bool same_match(const struct location_conf *a, const struct location_conf *b)
{
    bool a_prefix = a->match == MATCH_PREFIX || a->match == MATCH_FIRM;
    bool b_prefix = b->match == MATCH_PREFIX || b->match == MATCH_FIRM;
    return (a->match == b->match || (a_prefix && b_prefix)) && a->match != MATCH_REGEX &&
           slice_eq(a->pattern, b->pattern);
}

static bool is_twice(struct loading *l, const struct node *member, const struct level *of,
                     const struct location_conf *conf)
{
    for (size_t i = 0; i < of->children.n; i++) {
        const struct level *other = of->children.items[i];
        if (same_match(conf, other->location)) {
            error_at(l->errors, &member->name_at,
                     "location \"%.*s\" is given twice; first in line %u", SLICE_ARG(member->name),
                     other->at.line);
            return true;
        }
    }
    return false;
}

static void load_location(struct loading *l, const struct node *member, struct level *of)
{
    struct location_conf *conf = ARENA_NEW(l->arena, struct location_conf);
    *conf = *of->location;
    conf->regex = NULL;
    conf->children = NULL;
    conf->children_n = 0;
    bool usable = set_match(l, member, of, conf) && !is_twice(l, member, of, conf);
    struct level *level = level_new(l, SCOPE_LOCATION, of, member->name, &member->name_at);
    level->location = conf;
    level_read(l, level, member);
    if (usable) {
        pointers_add(&of->children, l->arena, level);
    }
    load_locations(l, level, node_find(member, SLICE("locations")));
    finish_location(l, level);
}

/* Raw values come before proxy_pass, and instead of its cache: one key has one format. */
static void finish_raw(struct loading *l, const struct level *level)
{
    struct location_conf *conf = level->location;
    if (conf->raw < 0 || (conf->handler != HANDLER_PROXY && conf->handler != HANDLER_NONE)) {
        return;
    }
    const struct raw_conf *raw = l->raws.items[conf->raw];
    conf->raw_origin = conf->handler == HANDLER_PROXY;
    conf->handler = HANDLER_MEMCACHED;
    conf->rules.max_object_bytes = (int64_t)raw->value_max_bytes;
    if (conf->memcached_key == NULL) {
        error_at(
            l->errors, &level->at,
            "memcached_pass needs memcached_key: how those who write the values make their keys, "
            "as in \"$uri$is_args$args\"");
    }
}

void finish_location(struct loading *l, struct level *level)
{
    struct location_conf *conf = level->location;
    finish_raw(l, level);
    conf->cache_on = conf->cache_on && conf->handler == HANDLER_PROXY;
    conf->codes = conf->gunzip;
    for (size_t i = 0; i < CODING_COUNT; i++) {
        conf->codes = conf->codes || conf->codings[i].on;
    }
    if (!conf->cache_on) {
        conf->cache = 0;
    } else {
        conf->cache = conf->cache == CACHE_DEFAULT ? cache_index(l, SLICE("default")) : conf->cache;
        const struct level *cache = l->caches.items[conf->cache];
        conf->rules.max_object_bytes =
            ((const struct cache_store_conf *)cache->own)->max_object_bytes;
    }
    bool answers = conf->handler != HANDLER_NONE || level->children.n > 0;
    if (answers || l->errors->errors > 0) { /* an error may be why */
        return;
    }
    if (level->scope == SCOPE_LOCATION) {
        warning_at(l->errors, &level->at,
                   "location \"%.*s\" has neither proxy_pass nor return: it answers 404",
                   SLICE_ARG(level->name));
    } else {
        warning_at(l->errors, &level->at,
                   "this server has neither proxy_pass nor return nor locations: it answers 404");
    }
}

/* -- many locations -- */

void load_locations(struct loading *l, struct level *of, const struct node *locations)
{
    if (locations == NULL || node_is_null(locations)) {
        return;
    }
    if (locations->kind != NODE_MAP) {
        error_at(l->errors, &locations->at,
                 "locations: a map from paths to settings is needed, not %s",
                 node_kind_text(locations));
        return;
    }
    for (const struct node *m = locations->first; m != NULL; m = m->next) {
        load_location(l, m, of);
    }
    const struct location_conf **list =
        ARENA_ARRAY(l->arena, const struct location_conf *, of->children.n);
    for (size_t i = 0; i < of->children.n; i++) {
        list[i] = ((struct level *)of->children.items[i])->location;
    }
    if (of->scope == SCOPE_LOCATION) {
        of->location->children = list;
        of->location->children_n = of->children.n;
    } else {
        of->server->locations = list;
        of->server->locations_n = of->children.n;
    }
}

/* -- servers -- */

/* Its own settings; `map` NULL: it is the implicit server, whose settings stand at the top level.
 */
static struct level *load_server(struct loading *l, const struct node *map, const struct place *at)
{
    struct level *level = level_new(l, SCOPE_SERVER, l->top, slice_none(), at);
    level->server = ARENA_NEW(l->arena, struct server_conf);
    level->location = ARENA_NEW(l->arena, struct location_conf);
    *level->server = *l->top->server;
    *level->location = *l->top->location;
    level_read(l, level, map);
    level->server->root = level->location;
    pointers_add(&l->servers, l->arena, level);
    return level;
}

static void load_server_parts(struct loading *l, struct level *level, const struct node *block)
{
    load_listens(l, level, node_find(block, SLICE("listen")),
                 node_find(block, SLICE("server_name")));
    load_locations(l, level, node_find(block, SLICE("locations")));
    finish_location(l, level);
}

/* The short form: the top level is the server. */
static void load_implicit_server(struct loading *l, const struct node *top)
{
    struct level *level = load_server(l, NULL, &top->at);
    level->handler = l->top->handler;
    load_server_parts(l, level, top);
}

/* With `servers` these have no place at the top level. */
static void report_short_form(struct loading *l, const struct node *top, const struct node *servers)
{
    static const char *const names[] = {"listen", "server_name", "locations", "proxy_pass",
                                        "return"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct node *m = node_find(top, slice_of(names[i]));
        if (m != NULL) {
            error_at(l->errors, &m->name_at,
                     "\"%s\" has to stand in a server, because there is \"servers\" in line %u",
                     names[i], servers->name_at.line);
        }
    }
}

void load_servers(struct loading *l, const struct node *top)
{
    const struct node *servers = node_find(top, SLICE("servers"));
    if (servers == NULL) {
        load_implicit_server(l, top);
        return;
    }
    report_short_form(l, top, servers);
    if (servers->kind != NODE_LIST || servers->n == 0) {
        error_at(l->errors, &servers->at, "servers: a list of servers is needed, not %s",
                 servers->kind == NODE_LIST ? "an empty one" : node_kind_text(servers));
        return;
    }
    for (const struct node *item = servers->first; item != NULL; item = item->next) {
        load_server_parts(l, load_server(l, item, &item->at), item);
    }
}
