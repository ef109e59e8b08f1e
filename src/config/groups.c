/* Named groups of all regular expressions of the file: they are variables in all texts, as in
 * nginx. */
#include "config/loading.h"

struct names {
    struct loading *l;
    size_t cap;
};

static void add_name(struct names *names, struct slice name)
{
    struct loading *l = names->l;
    for (size_t i = 0; i < l->groups_n; i++) {
        if (slice_eq(l->groups[i], name)) {
            return;
        }
    }
    if (l->groups_n == names->cap) {
        struct slice *old = l->groups;
        names->cap = names->cap == 0 ? 8 : names->cap * 2;
        l->groups = ARENA_ARRAY(l->arena, struct slice, names->cap);
        if (l->groups_n > 0) {
            memcpy(l->groups, old, l->groups_n * sizeof(*old));
        }
    }
    l->groups[l->groups_n++] = name;
}

/* What `(?<name>`, `(?P<name>` or `(?'name'` names at the front of `s` (behind `(?`); empty:
 * nothing. */
static struct slice group_name(struct slice s)
{
    s = slice_skip(s, slice_starts(s, SLICE("P<")) ? 1 : 0);
    if (s.n == 0 || (s.p[0] != '<' && s.p[0] != '\'')) {
        return slice_none();
    }
    char end = s.p[0] == '<' ? '>' : '\'';
    struct slice name = slice_skip(s, 1);
    size_t n = slice_find(name, end);
    bool lookbehind = name.n > 0 && (name.p[0] == '=' || name.p[0] == '!');
    return n == name.n || lookbehind ? slice_none() : slice_take(name, n);
}

static void add_groups(struct names *names, struct slice pattern)
{
    for (;;) {
        size_t at = slice_find_slice(pattern, SLICE("(?"));
        if (at == pattern.n) {
            return;
        }
        pattern = slice_skip(pattern, at + 2);
        struct slice name = group_name(pattern);
        if (name.n > 0) {
            add_name(names, name);
        }
    }
}

static void add_server_names(struct names *names, const struct node *value)
{
    const struct node *item = value->kind == NODE_LIST ? value->first : value;
    for (; item != NULL; item = value->kind == NODE_LIST ? item->next : NULL) {
        if (item->kind == NODE_SCALAR && slice_starts(item->text, SLICE("~"))) {
            add_groups(names, item->text);
        }
    }
}

/* The file's depth is bounded. */
static void add_locations(struct names *names, const struct node *block)
{
    const struct node *locations = node_find(block, SLICE("locations"));
    if (locations == NULL || locations->kind != NODE_MAP) {
        return;
    }
    for (const struct node *m = locations->first; m != NULL; m = m->next) {
        if (slice_starts(m->name, SLICE("~"))) {
            add_groups(names, m->name);
        }
        add_locations(names, m);
    }
}

static void add_server(struct names *names, const struct node *block)
{
    const struct node *server_name = node_find(block, SLICE("server_name"));
    if (server_name != NULL) {
        add_server_names(names, server_name);
    }
    add_locations(names, block);
}

void load_groups(struct loading *l, const struct node *top)
{
    struct names names = {.l = l};
    const struct node *servers = node_find(top, SLICE("servers"));
    add_server(&names, top);
    if (servers != NULL && servers->kind == NODE_LIST) {
        for (const struct node *item = servers->first; item != NULL; item = item->next) {
            add_server(&names, item);
        }
    }
}
