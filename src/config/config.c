/* Loading as a whole: file, tree, blocks in the order in which they need each other. */
#include "config/config.h"

#include "config/loading.h"
#include "config/reader.h"

#include "base/assert.h"

#include <stdlib.h>

static struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof(*config));
    ASSERT(config != NULL);
    atomic_init(&config->refs, 1);
    arena_init(&config->arena, NULL);
    return config;
}

struct config *config_ref(struct config *config)
{
    atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    return config;
}

void config_unref(struct config **pointer)
{
    struct config *config = *pointer;
    *pointer = NULL;
    if (config == NULL || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < config->regexes_n; i++) {
        regex_free(&config->regexes[i]);
    }
    for (size_t i = 0; i < config->tls_contexts_n; i++) {
        tls_context_free(&config->tls_contexts[i]);
    }
    arena_fini(&config->arena);
    free(config);
}

static void load_top(struct loading *l, const struct node *top)
{
    l->top = level_new(l, SCOPE_MAIN | SCOPE_HTTP, NULL, slice_none(), &top->at);
    l->top->config = l->config;
    l->top->server = ARENA_NEW(l->arena, struct server_conf);
    l->top->location = ARENA_NEW(l->arena, struct location_conf);
    l->top->location->match = MATCH_PREFIX;
    l->top->location->pattern = SLICE("/");
    level_read(l, l->top, top);
}

static void load_all(struct loading *l, const struct node *top)
{
    load_groups(l, top);
    load_log_formats(l, top);
    load_pools(l, top);
    load_caches(l, top);
    load_upstreams(l, top);
    load_top(l, top);
    load_servers(l, top);
    load_admin(l, top);
    finish_listens(l);
    finish_backends(l);
}

static void keep_source(struct loading *l, const struct node *top)
{
    struct config_source *source = ARENA_NEW(l->arena, struct config_source);
    *source = (struct config_source){
        .top = l->top,
        .log_formats = node_find(top, SLICE("log_format")),
        .upstreams = l->upstreams,
        .pools = l->pools,
        .caches = l->caches,
        .servers = l->servers,
        .admin = l->admin,
    };
    l->config->source = source;
    l->config->regexes = (struct regex **)(void *)l->regexes.items;
    l->config->regexes_n = l->regexes.n;
    l->config->tls_contexts = (struct tls_context **)(void *)l->tls_contexts.items;
    l->config->tls_contexts_n = l->tls_contexts.n;
}

static void load_tree(struct config *config, struct config_errors *errors, const struct node *top)
{
    struct loading *l = ARENA_NEW(&config->arena, struct loading);
    l->config = config;
    l->arena = &config->arena;
    l->errors = errors;
    load_all(l, top);
    keep_source(l, top);
}

static const struct node *read_tree(struct reader *r, const char *name, struct slice text)
{
    struct node *top = reader_parse(r, arena_dup(r->arena, slice_of(name)), text);
    if (top != NULL && node_is_null(top)) {
        top = node_new(r->arena, NODE_MAP, &top->at);
    }
    if (top != NULL && top->kind != NODE_MAP) {
        error_at(r->errors, &top->at, "a map of directives (name: value) is needed, not %s",
                 node_kind_text(top));
        return NULL;
    }
    if (top != NULL) {
        reader_include(r, top);
    }
    return top;
}

/* Takes `config`. */
static struct config *load(struct config *config, const char *name, struct slice text,
                           struct config_errors *errors)
{
    struct reader r = {.arena = &config->arena, .errors = errors};
    const struct node *top = read_tree(&r, name, text);
    if (top != NULL) {
        load_tree(config, errors, top);
    }
    if (errors->errors > 0) {
        config_unref(&config);
    }
    return config;
}

struct config *config_load_text(const char *name, struct slice text, struct config_errors *errors)
{
    return load(config_new(), name, text, errors);
}

struct config *config_load(const char *path, struct config_errors *errors)
{
    struct config *config = config_new();
    struct reader r = {.arena = &config->arena, .errors = errors};
    struct slice text;
    if (!reader_read_file(&r, path, NULL, &text)) {
        config_unref(&config);
        return NULL;
    }
    bool standard_input = slice_eq(slice_of(path), SLICE("-"));
    return load(config, standard_input ? "stdin" : path, text, errors);
}
