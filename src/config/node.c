#include "config/node.h"

#include <stdio.h>

struct node *node_new(struct arena *arena, enum node_kind kind, const struct place *at)
{
    struct node *node = ARENA_NEW(arena, struct node);
    node->kind = kind;
    node->at = *at;
    return node;
}

struct node *node_scalar(struct arena *arena, struct slice text, const struct place *at)
{
    struct node *node = node_new(arena, NODE_SCALAR, at);
    node->text = text;
    return node;
}

void node_append(struct node *parent, struct node *child)
{
    child->next = NULL;
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
    parent->n++;
}

const struct node *node_find(const struct node *map, struct slice name)
{
    if (map == NULL || map->kind != NODE_MAP) {
        return NULL;
    }
    for (const struct node *m = map->first; m != NULL; m = m->next) {
        if (slice_eq(m->name, name)) {
            return m;
        }
    }
    return NULL;
}

bool node_is_null(const struct node *node)
{
    return node->kind == NODE_SCALAR && !node->quoted &&
           (node->text.n == 0 || slice_eq(node->text, SLICE("~")) ||
            slice_eq(node->text, SLICE("null")));
}

const char *node_kind_text(const struct node *node)
{
    switch (node->kind) {
    case NODE_SCALAR: return node_is_null(node) ? "nothing" : "a single value";
    case NODE_LIST: return "a list";
    case NODE_MAP: return "a map";
    }
    return "";
}

bool node_path(const struct node *node, char *out, size_t cap)
{
    struct slice file = node->at.file;
    size_t dir = file.n;
    while (dir > 0 && file.p[dir - 1] != '/') {
        dir--;
    }
    bool absolute = slice_starts(node->text, SLICE("/"));
    struct slice base = slice_take(file, absolute ? 0 : dir);
    int n = snprintf(out, cap, "%.*s%.*s", SLICE_ARG(base), SLICE_ARG(node->text));
    return n > 0 && (size_t)n < cap;
}
