/* Values of the directives about the cache. */
#include "config/loading.h"

#include "base/parse.h"

/* -- names -- */

static bool is_off(struct slice text)
{
    bool on = true;
    return parse_bool(text, &on) && !on;
}

static bool is_on(struct slice text)
{
    bool on = false;
    return parse_bool(text, &on) && on;
}

bool parse_cache_name(struct loading *l, const struct directive *d, const struct node *node,
                      void *block)
{
    struct location_conf *conf = block;
    struct slice text;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    conf->cache_on = !is_off(text);
    conf->cache = CACHE_DEFAULT;
    if (is_off(text) || is_on(text) || slice_eq(text, SLICE("default"))) {
        return true;
    }
    conf->cache = cache_index(l, text);
    if (conf->cache == CACHE_NONE) {
        conf->cache_on = false;
        value_error(l, d, node, "there is no cache \"%.*s\" in caches", SLICE_ARG(text));
        return false;
    }
    return true;
}

bool parse_pool_name(struct loading *l, const struct directive *d, const struct node *node,
                     void *block)
{
    struct cache_store_conf *conf = block;
    struct slice text;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    conf->pool = is_off(text) ? -1 : pool_index(l, text);
    if (conf->pool < 0 && !is_off(text) && !slice_eq(text, SLICE("default"))) {
        value_error(l, d, node, "there is no pool \"%.*s\" in memcached_pools", SLICE_ARG(text));
        return false;
    }
    return true;
}

bool parse_memcached_pass(struct loading *l, const struct directive *d, const struct node *node,
                          void *block)
{
    struct location_conf *conf = block;
    struct slice text;
    conf->raw = -1;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    if (is_off(text)) {
        return true;
    }
    if (slice_find(text, '$') < text.n) {
        value_error(l, d, node, "variables are not supported here");
        return false;
    }
    return raw_index(l, node, text, &conf->raw);
}

/* -- proxy_cache_purge -- */

/* Of this machine. */
static const char *const own_addresses[] = {"127.0.0.0/8", "::1", "unix:"};

static bool add_range(struct loading *l, const struct directive *d, const struct node *node,
                      struct slice text, struct location_conf *conf, struct address_range *ranges)
{
    if (!address_range_parse(text, &ranges[conf->purge_from_n])) {
        value_error(l, d, node,
                    "\"%.*s\" is not an address such as 10.0.0.0/8, ::1 or unix:", SLICE_ARG(text));
        return false;
    }
    conf->purge_from_n++;
    return true;
}

bool parse_purge_from(struct loading *l, const struct directive *d, const struct node *node,
                      void *block)
{
    struct location_conf *conf = block;
    struct slice *words;
    size_t n;
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    struct address_range *ranges =
        ARENA_ARRAY(l->arena, struct address_range, n + ARRAY_LEN(own_addresses));
    bool off = n == 1 && is_off(words[0]);
    bool on = n == 1 && is_on(words[0]);
    bool ok = true;
    conf->purge_from = ranges;
    conf->purge_from_n = 0;
    for (size_t i = 0; i < ARRAY_LEN(own_addresses) && on; i++) {
        ok = add_range(l, d, node, slice_of(own_addresses[i]), conf, ranges);
    }
    for (size_t i = 0; i < n && !on && !off && ok; i++) {
        ok = add_range(l, d, node, words[i], conf, ranges);
    }
    return ok;
}

/* -- compress -- */

bool parse_compress(struct loading *l, const struct directive *d, const struct node *node,
                    void *block)
{
    struct cache_compress *conf = value_field(d, block);
    bool on = false;
    if (node->kind == NODE_MAP) {
        return settings_read(l, SCOPE_COMPRESS, node, conf);
    }
    if (node->kind != NODE_SCALAR || !parse_bool(node->text, &on)) {
        value_error(l, d, node, "on, off or a map is needed");
        return false;
    }
    bool ok = !on || settings_read(l, SCOPE_COMPRESS, NULL, conf);
    conf->on = on;
    return ok;
}

/* -- proxy_cache_valid -- */

struct valids {
    struct cache_valid *items;
    size_t n;
    size_t cap;
};

static void valid_add(struct loading *l, struct valids *to, uint16_t status, int64_t lifetime_s)
{
    if (to->n == to->cap) {
        struct cache_valid *old = to->items;
        to->cap = to->cap == 0 ? 8 : to->cap * 2;
        to->items = ARENA_ARRAY(l->arena, struct cache_valid, to->cap);
        if (to->n > 0) {
            memcpy(to->items, old, to->n * sizeof(*old));
        }
    }
    to->items[to->n++] = (struct cache_valid){.status = status, .lifetime_s = lifetime_s};
}

static bool valid_status(struct loading *l, const struct directive *d, const struct node *at,
                         struct slice word, int64_t lifetime_s, struct valids *to)
{
    uint64_t status = 0;
    if (!slice_eq(word, SLICE("any")) && (!parse_u64(word, 599, &status) || status < 100)) {
        value_error(l, d, at, "\"%.*s\" is not a status (100 to 599) or any", SLICE_ARG(word));
        return false;
    }
    valid_add(l, to, (uint16_t)status, lifetime_s);
    return true;
}

static bool valid_time(struct loading *l, const struct directive *d, const struct node *at,
                       struct slice word, int64_t *lifetime_s)
{
    int64_t ms;
    if (!parse_duration_ms(word, &ms)) {
        value_error(l, d, at, "\"%.*s\" is not a duration such as 10s", SLICE_ARG(word));
        return false;
    }
    *lifetime_s = ms / 1000;
    return true;
}

/* The statuses of `rest` (none: those that nginx takes then) get the lifetime. */
static bool valid_statuses(struct loading *l, const struct directive *d, const struct node *at,
                           struct slice rest, int64_t lifetime_s, struct valids *to)
{
    if (rest.n == 0) {
        rest = SLICE("200 301 302");
    }
    while (rest.n > 0) {
        struct slice word = next_word(&rest);
        if (!valid_status(l, d, at, word, lifetime_s, to)) {
            return false;
        }
    }
    return true;
}

/* nginx's line: `200 302 10m`, `any 1m`, `10m`. */
static bool valid_line(struct loading *l, const struct directive *d, const struct node *node,
                       struct valids *to)
{
    struct slice text;
    int64_t lifetime_s;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    text = slice_trim(text);
    size_t space = text.n;
    while (space > 0 && text.p[space - 1] != ' ') {
        space--;
    }
    return valid_time(l, d, node, slice_skip(text, space), &lifetime_s) &&
           valid_statuses(l, d, node, slice_trim(slice_take(text, space)), lifetime_s, to);
}

static bool valid_map(struct loading *l, const struct directive *d, const struct node *map,
                      struct valids *to)
{
    bool ok = true;
    for (const struct node *m = map->first; m != NULL; m = m->next) {
        struct slice text;
        int64_t lifetime_s;
        ok = value_text(l, d, m, false, &text) && valid_time(l, d, m, text, &lifetime_s) &&
             valid_statuses(l, d, m, m->name, lifetime_s, to) && ok;
    }
    return ok;
}

static bool valid_item(struct loading *l, const struct directive *d, const struct node *item,
                       struct valids *to)
{
    return item->kind == NODE_MAP ? valid_map(l, d, item, to) : valid_line(l, d, item, to);
}

bool parse_cache_valid(struct loading *l, const struct directive *d, const struct node *node,
                       void *block)
{
    struct location_conf *conf = block;
    struct valids list = {0};
    bool ok = true;
    bool off = node->kind == NODE_SCALAR && is_off(node->text);
    if (node->kind == NODE_LIST) {
        for (const struct node *item = node->first; item != NULL; item = item->next) {
            ok = valid_item(l, d, item, &list) && ok;
        }
    } else if (!off) {
        ok = valid_item(l, d, node, &list);
    }
    conf->rules.valid = list.items;
    conf->rules.valid_n = list.n;
    return ok;
}
