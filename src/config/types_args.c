/* proxy_cache_key_args */
#include "config/loading.h"

#include "base/parse.h"

static bool names_of(struct loading *l, const struct directive *d, const struct node *node,
                     enum args_which which, struct args_conf *conf)
{
    struct slice *names = NULL;
    if (node == NULL) {
        return true;
    }
    conf->which = which;
    if (!value_words(l, d, node, &names, &conf->names_n)) {
        return false;
    }
    conf->names = names;
    return true;
}

static bool sort_of(struct loading *l, const struct directive *d, const struct node *node,
                    bool *sort)
{
    if (node == NULL) {
        return true;
    }
    if (node->kind != NODE_SCALAR || !parse_bool(node->text, sort)) {
        value_error(l, d, node, "sort is on or off");
        return false;
    }
    return true;
}

bool parse_key_args(struct loading *l, const struct directive *d, const struct node *node,
                    void *block)
{
    static const char *const keys[] = {"only", "except", "sort", NULL};
    struct args_conf *conf = value_field(d, block);
    const struct node *only = node_find(node, SLICE("only"));
    const struct node *except = node_find(node, SLICE("except"));
    bool on = true;
    *conf = (struct args_conf){0};
    if (node->kind == NODE_SCALAR && parse_bool(node->text, &on) && !on) {
        return true;
    }
    if (node->kind != NODE_MAP || (only != NULL && except != NULL)) {
        value_error(l, d, node, "off, or a map with only or except, and sort");
        return false;
    }
    return value_keys(l, d, node, keys) && names_of(l, d, only, ARGS_ONLY, conf) &&
           names_of(l, d, except, ARGS_EXCEPT, conf) &&
           sort_of(l, d, node_find(node, SLICE("sort")), &conf->sort);
}
