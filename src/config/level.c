/* One block of the file: which directives it has, where they go, what it inherits. */
#include "config/loading.h"
#include "config/reader.h"

#include "base/assert.h"

void pointers_add(struct pointers *p, struct arena *arena, void *item)
{
    if (p->n == p->cap) {
        void **old = p->items;
        p->cap = p->cap == 0 ? 8 : p->cap * 2;
        p->items = ARENA_ARRAY(arena, void *, p->cap);
        if (p->n > 0) {
            memcpy(p->items, old, p->n * sizeof(*old));
        }
    }
    p->items[p->n++] = item;
}

struct level *level_new(struct loading *l, unsigned scope, const struct level *parent,
                        struct slice name, const struct place *at)
{
    struct level *level = ARENA_NEW(l->arena, struct level);
    if (parent != NULL) {
        memcpy(level->set, parent->set, sizeof(level->set));
        level->config = parent->config;
    }
    level->scope = scope;
    level->parent = parent;
    level->name = name;
    level->at = *at;
    return level;
}

/* The struct that a row's field is in. */
static void *block_of(const struct level *level, const struct directive *d)
{
    if ((d->scope & SCOPE_LOCATION) != 0) {
        return level->location;
    }
    if ((d->scope & SCOPE_SERVER) != 0) {
        return level->server;
    }
    return (d->scope & (SCOPE_MAIN | SCOPE_HTTP)) != 0 ? level->config : level->own;
}

/* -- what is not a directive here -- */

/* `"weight" does not belong here but in servers of an upstream`; false: no directive has that name.
 */
static bool report_elsewhere(struct loading *l, const struct node *member)
{
    struct slice places = slice_none();
    bool main = directive_find(member->name, SCOPE_MAIN) != NULL;
    for (unsigned i = 0; i < SCOPE_COUNT; i++) {
        unsigned scope = 1U << i;
        bool named = scope == SCOPE_HTTP && main; /* both are the top level */
        if (directive_find(member->name, scope) != NULL && !named) {
            places = arena_printf(&l->errors->arena, "%.*s%s%s", SLICE_ARG(places),
                                  places.n == 0 ? "" : ", ", scope_text(scope));
        }
    }
    if (places.n > 0) {
        error_at(l->errors, &member->name_at, "\"%.*s\" does not belong here; it belongs to: %.*s",
                 SLICE_ARG(member->name), SLICE_ARG(places));
    }
    return places.n > 0;
}

static void report_unknown(struct loading *l, const struct level *level, const struct node *member)
{
    struct slice name = member->name;
    const char *instead = directive_instead(name);
    if (instead != NULL) {
        error_at(l->errors, &member->name_at, "unknown directive \"%.*s\": %s", SLICE_ARG(name),
                 instead);
        return;
    }
    if (report_elsewhere(l, member)) {
        return;
    }
    struct slice near = directive_nearest(name, level->scope);
    if (near.n == 0) {
        near = directive_nearest(name, ~0U);
    }
    if (near.n > 0) {
        error_at(l->errors, &member->name_at, "unknown directive \"%.*s\", did you mean \"%.*s\"?",
                 SLICE_ARG(name), SLICE_ARG(near));
    } else {
        error_at(l->errors, &member->name_at, "unknown directive \"%.*s\"", SLICE_ARG(name));
    }
}

/* -- reading -- */

static void read_member(struct loading *l, struct level *level, const struct node *member)
{
    const struct directive *d = directive_find(member->name, level->scope);
    if (d == NULL) {
        report_unknown(l, level, member);
        return;
    }
    type_parse_fn *parse = type_of(d)->parse;
    if (parse == NULL) {
        return;
    }
    bool handler = d->type == TYPE_PROXY_PASS || d->type == TYPE_RETURN;
    if (handler && level->handler != NULL) {
        error_at(l->errors, &member->name_at,
                 "proxy_pass and return exclude each other; the first is in line %u",
                 level->handler->name_at.line);
        return;
    }
    if (parse(l, d, member, block_of(level, d))) {
        level->set[directive_index(d)] = member;
    }
    if (handler) {
        level->handler = member;
    }
}

const struct node *node_of_text(struct arena *arena, const char *yaml)
{
    struct config_errors errors;
    config_errors_init(&errors);
    struct reader reader = {.arena = arena, .errors = &errors};
    struct slice text = arena_printf(arena, "- %s\n", yaml);
    const struct node *list = reader_parse(&reader, SLICE("default"), text);
    ASSERT(list != NULL && list->kind == NODE_LIST && list->n == 1);
    config_errors_fini(&errors);
    return list->first;
}

static void read_defaults(struct loading *l, struct level *level)
{
    for (size_t i = 0; i < directive_count(); i++) {
        const struct directive *d = directive_at(i);
        type_parse_fn *parse = type_of(d)->parse;
        if ((d->scope & level->scope) == 0 || level->set[i] != NULL || d->dflt == NULL ||
            parse == NULL) {
            continue;
        }
        if (l->defaults[i] == NULL) {
            l->defaults[i] = node_of_text(l->arena, d->dflt);
        }
        if (parse(l, d, l->defaults[i], block_of(level, d))) {
            level->set[i] = l->defaults[i];
        }
    }
}

void level_read(struct loading *l, struct level *level, const struct node *map)
{
    if (map != NULL && map->kind != NODE_MAP && !node_is_null(map)) {
        error_at(l->errors, &map->at, "a map of directives is needed here, not %s",
                 node_kind_text(map));
        map = NULL;
    }
    for (const struct node *m = map == NULL ? NULL : map->first; m != NULL; m = m->next) {
        read_member(l, level, m);
    }
    read_defaults(l, level);
}

bool settings_read(struct loading *l, unsigned scope, const struct node *map, void *own)
{
    struct place nowhere = {.file = SLICE("default")};
    size_t errors = l->errors->errors;
    struct level *level =
        level_new(l, scope, NULL, slice_none(), map == NULL ? &nowhere : &map->at);
    level->own = own;
    level_read(l, level, map);
    return l->errors->errors == errors;
}

/* -- values in several forms -- */

void each_item(struct loading *l, const struct node *value, struct level *of, each_fn *item)
{
    if (value->kind != NODE_LIST) {
        item(l, value, of);
        return;
    }
    for (const struct node *i = value->first; i != NULL; i = i->next) {
        item(l, i, of);
    }
}

static void option_add(struct loading *l, struct node *map, struct slice name, struct slice text)
{
    struct node *member = node_scalar(l->arena, text, &map->at);
    member->name = name;
    member->name_at = map->at;
    if (node_find(map, name) != NULL) {
        error_at(l->errors, &map->at, "\"%.*s\" is given twice", SLICE_ARG(name));
        return;
    }
    node_append(map, member);
}

const struct node *options_map(struct loading *l, const struct node *value, const char *what)
{
    if (value->kind == NODE_MAP) {
        if (node_find(value, SLICE("address")) != NULL) {
            return value;
        }
        error_at(l->errors, &value->at, "%s: an address is needed", what);
        return NULL;
    }
    if (value->kind != NODE_SCALAR || node_is_null(value) || value->text.n == 0) {
        error_at(l->errors, &value->at, "%s: an address or a map is needed, not %s", what,
                 node_kind_text(value));
        return NULL;
    }
    struct node *map = node_new(l->arena, NODE_MAP, &value->at);
    struct slice rest = value->text;
    option_add(l, map, SLICE("address"), next_word(&rest));
    while (rest.n > 0) {
        struct slice text;
        struct slice word = next_word(&rest);
        struct slice name = slice_cut(word, '=', &text);
        option_add(l, map, name, name.n < word.n ? text : SLICE("on"));
    }
    return map;
}
