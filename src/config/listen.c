/* Listeners: which addresses there are, and which server of an address answers for which name. */
#include "config/loading.h"

#include "base/hash.h"
#include "base/map.h"

#include <stdlib.h>

struct name_entry {
    struct map_node node;
    struct server_name name;
    size_t order;
};

/* An address while servers are added to it. */
struct listen_build {
    struct listen_conf conf;
    struct place at;
    const struct level *last;      /* server that was added last */
    const struct level *marked_by; /* its default_server */
    struct place marked_at;
    struct pointers names; /* struct name_entry */
    struct map by_name;
};

/* -- addresses -- */

static struct listen_build *build_of(struct loading *l, const struct address *address,
                                     const struct place *at)
{
    for (size_t i = 0; i < l->listens.n; i++) {
        struct listen_build *b = l->listens.items[i];
        if (address_eq(&b->conf.address, address)) {
            return b;
        }
    }
    char text[ADDRESS_TEXT_MAX];
    struct listen_build *b = ARENA_NEW(l->arena, struct listen_build);
    b->conf.address = *address;
    b->conf.text = arena_dup(l->arena, address_print(address, text));
    b->at = *at;
    map_init(&b->by_name);
    pointers_add(&l->listens, l->arena, b);
    return b;
}

/* A port alone or `*` is every IPv4 address; without a port it is 80, as in nginx. */
static bool listen_address(struct loading *l, const struct node *at, struct slice text,
                           struct address *out)
{
    struct endpoint e;
    bool ok = endpoint_parse(text, &e) && address_from_endpoint(&e, out);
    if (!ok) {
        error_at(l->errors, &at->at,
                 "listen: \"%.*s\" is not a port, ip:port, [ipv6]:port or unix:/path",
                 SLICE_ARG(text));
        return false;
    }
    if (!e.is_unix && !e.has_port) {
        address_set_port(out, 80);
    }
    return true;
}

/* Options of one address may stand in any of the servers that listen on it, but they have to agree.
 */
static bool take_option(int *field, int value, int dflt)
{
    if (*field == dflt || *field == 0) {
        *field = value;
    }
    return value == dflt || *field == value;
}

static void take_options(struct loading *l, struct listen_build *b, const struct listen_line *line,
                         const struct place *at)
{
    bool ok = take_option(&b->conf.backlog, line->backlog, 511);
    ok = take_option(&b->conf.rcvbuf, line->rcvbuf, 0) && ok;
    ok = take_option(&b->conf.sndbuf, line->sndbuf, 0) && ok;
    if (!ok) {
        error_at(l->errors, at, "listen: other options for %.*s stand in line %u",
                 SLICE_ARG(b->conf.text), b->at.line);
    }
}

static void take_default(struct loading *l, struct listen_build *b, const struct listen_line *line,
                         const struct level *server, const struct place *at)
{
    if (b->conf.default_server == NULL) {
        b->conf.default_server = server->server;
    }
    if (!line->default_server) {
        return;
    }
    if (b->marked_by != NULL) {
        error_at(l->errors, at, "listen: a second default_server for %.*s; the first is in line %u",
                 SLICE_ARG(b->conf.text), b->marked_at.line);
        return;
    }
    b->marked_by = server;
    b->marked_at = *at;
    b->conf.default_server = server->server;
}

/* The level that a `listen` belongs to says whose it is. */
static void load_listen(struct loading *l, const struct node *item, struct level *of)
{
    bool admin = of->scope == SCOPE_ADMIN;
    struct address address;
    const struct node *map = options_map(l, item, "listen");
    if (map == NULL) {
        return;
    }
    struct listen_line *line = ARENA_NEW(l->arena, struct listen_line);
    struct level *level = level_new(l, SCOPE_LISTEN, NULL, slice_none(), &item->at);
    level->own = line;
    level_read(l, level, map);
    if (line->text.n == 0 || !listen_address(l, item, line->text, &address)) {
        return;
    }
    struct listen_build *b = build_of(l, &address, &item->at);
    if (b->last == of || (b->last != NULL && b->conf.admin != admin)) {
        error_at(l->errors, &item->at, "listen: %.*s is %s; first in line %u",
                 SLICE_ARG(b->conf.text), b->last == of ? "given twice" : "in use otherwise",
                 b->at.line);
        return;
    }
    b->last = of;
    b->conf.admin = admin;
    take_options(l, b, line, &item->at);
    take_default(l, b, line, of, &item->at);
    pointers_add(&of->listens, l->arena, level);
}

/* -- names -- */

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
        if (!letter && (c == '\0' || strchr("-_.:[]", c) == NULL)) {
            return false;
        }
    }
    return s.n > 0;
}

static struct slice lower(struct arena *arena, struct slice s)
{
    char *p = arena_alloc(arena, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        p[i] = ascii_lower(s.p[i]);
    }
    return slice_make(p, s.n);
}

/* One name as it is written. False: an error was added. `*also_exact`: `.example.com`. */
static bool name_parse(struct loading *l, const struct node *at, struct slice text,
                       struct server_name *out, bool *also_exact)
{
    *also_exact = slice_starts(text, SLICE("."));
    if (slice_starts(text, SLICE("~"))) {
        out->kind = NAME_REGEX;
        out->text = text;
        out->regex = loading_regex(l, &at->at, slice_skip(text, 1), true);
        return out->regex != NULL;
    }
    struct slice name = lower(l->arena, text);
    out->kind = NAME_EXACT;
    if (*also_exact || slice_starts(name, SLICE("*."))) {
        out->kind = NAME_SUFFIX;
        name = slice_skip(name, *also_exact ? 0 : 1);
    } else if (slice_ends(name, SLICE(".*"))) {
        out->kind = NAME_PREFIX;
        name = slice_take(name, name.n - 1);
    }
    out->text = name;
    if (!is_name(name) || slice_eq(name, SLICE("."))) {
        error_at(l->errors, &at->at,
                 "server_name: \"%.*s\" is not a name, *.name, .name, name.* or ~regex",
                 SLICE_ARG(text));
        return false;
    }
    return true;
}

/* Bytes that are the same for names that match the same hosts. */
static struct slice name_key(struct arena *arena, const struct server_name *name)
{
    return arena_printf(arena, "%d%.*s", (int)name->kind, SLICE_ARG(name->text));
}

static void add_name(struct loading *l, struct listen_build *b, const struct server_name *name,
                     const struct place *at)
{
    struct slice key = name_key(l->arena, name);
    uint64_t hash = hash_seeded(key, 0);
    const struct map_node *found = map_find(&b->by_name, key, hash);
    if (found != NULL) { /* the first one counts, as in nginx */
        const struct name_entry *first = container_of(found, struct name_entry, node);
        if (first->name.server != name->server) {
            warning_at(l->errors, at,
                       "server_name \"%.*s\" is on %.*s already, in another server: ignored here",
                       SLICE_ARG(name->text), SLICE_ARG(b->conf.text));
        }
        return;
    }
    struct name_entry *entry = ARENA_NEW(l->arena, struct name_entry);
    entry->name = *name;
    entry->order = b->names.n;
    map_insert(&b->by_name, &entry->node, key, hash);
    pointers_add(&b->names, l->arena, entry);
}

/* To all addresses of the server. */
static void add_name_everywhere(struct loading *l, const struct level *server,
                                const struct server_name *name, const struct place *at)
{
    for (size_t i = 0; i < l->listens.n; i++) {
        struct listen_build *b = l->listens.items[i];
        if (b->last == server) {
            add_name(l, b, name, at);
        }
    }
}

static void load_name(struct loading *l, const struct node *at, struct slice text,
                      struct level *server)
{
    struct server_name name = {.server = server->server};
    bool also_exact;
    if (!name_parse(l, at, text, &name, &also_exact)) {
        return;
    }
    add_name_everywhere(l, server, &name, &at->at);
    if (also_exact) {
        name.kind = NAME_EXACT;
        name.text = slice_skip(name.text, 1);
        add_name_everywhere(l, server, &name, &at->at);
    }
}

static void load_names(struct loading *l, struct level *server, const struct node *node)
{
    const struct directive *d = directive_find(SLICE("server_name"), SCOPE_SERVER);
    struct slice *words;
    size_t n;
    if (!value_words(l, d, node, &words, &n) || n == 0) {
        return;
    }
    server->server_name = node;
    server->server->name = words[0];
    const struct node *at = node->kind == NODE_LIST ? node->first : node;
    for (size_t i = 0; i < n; i++) {
        load_name(l, at, words[i], server);
        at = node->kind == NODE_LIST ? at->next : node;
    }
}

void load_listens(struct loading *l, struct level *server, const struct node *listen,
                  const struct node *names)
{
    if (listen == NULL) {
        error_at(l->errors, &server->at, "listen is missing, for example listen: 8080");
    } else {
        each_item(l, listen, server, load_listen);
    }
    if (names != NULL && !node_is_null(names)) {
        load_names(l, server, names);
    }
}

/* -- admin -- */

void load_admin(struct loading *l, const struct node *top)
{
    const struct node *admin = node_find(top, SLICE("admin"));
    bool off = admin == NULL || node_is_null(admin) ||
               (admin->kind == NODE_SCALAR && slice_eq(admin->text, SLICE("off")));
    if (off) {
        return;
    }
    struct level *level = level_new(l, SCOPE_ADMIN, l->top, slice_none(), &admin->at);
    level->server = ARENA_NEW(l->arena, struct server_conf);
    level->location = ARENA_NEW(l->arena, struct location_conf);
    *level->server = *l->top->server;
    *level->location = *l->top->location;
    level->server->root = level->location;
    level->location->handler = HANDLER_ADMIN;
    level->location->cache_on = false;
    level->location->cache = 0;
    level->location->logs_n = 0;
    if (admin->kind == NODE_MAP) {
        level_read(l, level, admin);
    }
    const struct node *listen = admin->kind == NODE_MAP ? node_find(admin, SLICE("listen")) : admin;
    const struct node *names =
        admin->kind == NODE_MAP ? node_find(admin, SLICE("server_name")) : NULL;
    load_listens(l, level, listen, names);
    l->admin = level;
}

/* -- into the configuration -- */

static int compare_names(const void *a, const void *b)
{
    const struct name_entry *x = *(struct name_entry *const *)a;
    const struct name_entry *y = *(struct name_entry *const *)b;
    if (x->name.kind != y->name.kind) {
        return x->name.kind < y->name.kind ? -1 : 1;
    }
    bool by_length = x->name.kind == NAME_SUFFIX || x->name.kind == NAME_PREFIX;
    if (by_length && x->name.text.n != y->name.text.n) {
        return x->name.text.n > y->name.text.n ? -1 : 1;
    }
    return x->order < y->order ? -1 : 1;
}

static void finish_names(struct loading *l, struct listen_build *b)
{
    struct server_name *names = ARENA_ARRAY(l->arena, struct server_name, b->names.n);
    if (b->names.n > 0) {
        qsort(b->names.items, b->names.n, sizeof(*b->names.items), compare_names);
    }
    for (size_t i = 0; i < b->names.n; i++) {
        names[i] = ((struct name_entry *)b->names.items[i])->name;
    }
    b->conf.names = names;
    b->conf.names_n = b->names.n;
    map_fini(&b->by_name);
}

void finish_listens(struct loading *l)
{
    struct proxy_conf *proxy = &l->config->proxy;
    struct listen_conf *listens = ARENA_ARRAY(l->arena, struct listen_conf, l->listens.n);
    for (size_t i = 0; i < l->listens.n; i++) {
        struct listen_build *b = l->listens.items[i];
        finish_names(l, b);
        listens[i] = b->conf;
    }
    proxy->listens = listens;
    proxy->listens_n = l->listens.n;
    const struct server_conf **servers =
        ARENA_ARRAY(l->arena, const struct server_conf *, l->servers.n);
    for (size_t i = 0; i < l->servers.n; i++) {
        servers[i] = ((struct level *)l->servers.items[i])->server;
    }
    proxy->servers = servers;
    proxy->servers_n = l->servers.n;
}
